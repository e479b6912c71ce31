#pragma once
#include <string>
#include <vector>

#include "mfld/config/experiment.hpp"
#include "mfld/core/error.hpp"
#include "support/file_text.hpp"

/// Experiments of a few particles, by settings on top of one.
namespace mfld::small_experiment {

/// A small experiment, with settings "path=value" on top.
inline Value config(const std::vector<std::string>& settings = {}) {
  Value root = parse_toml(
      "seed = 1\n"
      "task = { kind = \"teacher-student\", num_train = 50, num_test = 20 }\n"
      "network.width = 10\n"
      "[[phase]]\nmethod = \"mfld\"\nsteps = 30\nstep_size = 0.1\nlambda1 = 0.01\nlambda2 = 0.001\n",
      "test.toml");
  for (const std::string& setting : settings) {
    const std::size_t equals = setting.find('=');
    assign(root, setting.substr(0, equals), parse_toml_value(setting.substr(equals + 1)));
  }
  return root;
}

inline Experiment build(const std::vector<std::string>& settings = {}) {
  return build_experiment(config(settings), ".");
}

inline std::string error_of(const std::vector<std::string>& settings) {
  return test::message_of<InvalidInput>([&] { build(settings); });
}

inline std::vector<std::string> plus(std::vector<std::string> settings, const std::vector<std::string>& more) {
  settings.insert(settings.end(), more.begin(), more.end());
  return settings;
}

inline const std::vector<std::string> gld = {"phase.0={method = \"gld\", steps = 5, step_size = 0.1, beta = 1e3}"};
inline const std::vector<std::string> gd = {"phase.0={method = \"gd\", steps = 5, step_size = 0.1}"};
inline const std::vector<std::string> svrg = {
    "phase.0={method = \"svrg-mfld\", steps = 20, step_size = 0.1, lambda2 = 1e-3, lambda1 = 0.1}"};
inline const std::vector<std::string> parity = {
    "task={kind = \"sparse-parity\", input_dim = 5, num_train = 30, num_test = 9}"};

inline const std::vector<std::string> averaged_sgd = {
    "phase.0={method = \"averaged-sgd\", steps = 50, step_size = 0.1, lambda1 = 0.01}"};
inline const std::vector<std::string> natural_gradient = {
    "phase.0={method = \"natural-gradient\", steps = 5, step_size = 0.5, damping = 1e-6}"};
inline const std::vector<std::string> p_sdca = {
    "network.neuron=bounded-r",
    "phase.0={method = \"p-sdca\", steps = 50, step_size = 0.1, inner_steps = 10, "
    "lambda1 = 0.1, lambda2 = 0.1}"};

}  // namespace mfld::small_experiment

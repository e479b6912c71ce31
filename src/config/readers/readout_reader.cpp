#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "config/memory.hpp"
#include "config/readers/readers.hpp"
#include "mfld/ntk/ridge_readout.hpp"

namespace mfld::readers {

namespace {

constexpr std::array<Named<Readout>, 2> readouts = {{{"trained", Readout::trained}, {"ridge", Readout::ridge}}};

/// Estimators that take their coefficients from the present outputs, or from none.
bool takes_solved_readout(const Method& method) {
  return method.estimator == Estimator::full || method.estimator == Estimator::minibatch ||
         method.estimator == Estimator::svrg;
}

bool has_network(const PhaseSetting& setting) { return setting.network != nullptr && setting.objective == nullptr; }

bool rests(const Phase& phase) { return phase.method->estimator == Estimator::at_rest; }

/// What the keys that ask for the solution are: the method of its own, or the choice in others.
std::string_view asking_key(const Phase& phase) { return rests(phase) ? "method" : "readout"; }

struct Block {
  std::string_view name;
  Index column;  // its first; below 0: there is none
};

std::array<Block, 3> blocks_of(const ParameterLayout& layout) {
  return {{{"input", layout.input}, {"bias", layout.bias}, {"output", layout.output}}};
}

/// `train`: which columns move.
void read_train(Section& section, const PhaseSetting& setting, Phase& phase) {
  if (!section.reads("train", has_network(setting) && !rests(phase), with_network)) {
    return;
  }
  std::vector<std::string> existing;
  if (has_network(setting)) {
    for (const Block& block : blocks_of(setting.network->layout())) {
      if (setting.network->trains(block.column) && !(phase.solves_readout() && block.name == "output")) {
        existing.emplace_back(block.name);
      }
    }
  }
  section.check(
      !existing.empty(), "readout",
      "leaves nothing that moves, for network.train is output alone; method = \"ridge-readout\" solves for it");
  const auto names = section.names("train", "blocks of parameters that move in the phase, of those in network.train",
                                   {existing, "all of them; output not where it is solved for"});
  section.check(!names.empty(), "train", "must name at least one block");
  for (const std::string& name : names) {
    section.check(std::count(existing.begin(), existing.end(), name) > 0, "train",
                  fmt::format("\"{}\" is none of the blocks that can move in this phase: {}", name,
                              boost::algorithm::join(existing, ", ")));
  }
  if (!has_network(setting) || section.is_describing()) {
    return;
  }
  std::vector<unsigned char> moved(setting.network->trained().size());
  const ParameterLayout& layout = setting.network->layout();
  for (const Block& block : blocks_of(layout)) {
    if (std::count(names.begin(), names.end(), block.name) > 0) {
      std::fill_n(moved.begin() + block.column, block.name == "input" ? layout.input_dim : 1,
                  static_cast<unsigned char>(1));
    }
  }
  if (moved != setting.network->trained()) {
    phase.moved = std::move(moved);
  }
}

/// Whether there is a problem that is linear in r.
void check_is_ridge_problem(const Section& section, const PhaseSetting& setting, const Phase& phase) {
  const std::string_view key = asking_key(phase);
  section.check(has_network(setting), key, "solves for the output weights of a network, and there is none (objective)");
  if (!has_network(setting)) {
    return;  // describing
  }
  const Network& network = *setting.network;
  const auto has_readout = [](const NeuronInfo& row) { return row.linear_in_output && row.odd_in_output; };
  section.check(has_readout(info(network.neuron().kind)) && info(network.neuron().kind).output_trainable, key,
                fmt::format("needs a neuron with a linear output weight, r times the rest ({}), and network.neuron is "
                            "\"{}\"",
                            names_where(neurons, has_readout), info(network.neuron().kind).name));
  section.check(network.trains(network.layout().output), key,
                "solves for the output weights, which network.train keeps as they are; let it name output");
  section.check(!setting.linearised, key, "needs the network itself, and network.linearised is true");
  section.check(
      setting.loss.is_squared(), key,
      fmt::format("is a ridge problem for the squared loss, and loss.kind is \"{}\"", setting.loss.info().name));
}

}  // namespace

void read_readout(Section& section, const PhaseSetting& setting, Phase& phase) {
  const std::string with_ridge =
      "readout = \"ridge\", or method = \"ridge-readout\" or \"" + std::string(KernelMethod::method_name) + "\"";
  if (rests(phase)) {
    phase.readout = Readout::ridge;
    section.reads("readout", false, "a method that takes steps");
  } else if (section.reads("readout", has_network(setting), with_network)) {
    phase.readout = pick(section, "readout",
                         "how r moves: as the method does, or to the solution of its ridge problem in every step",
                         "trained", readouts);
  }
  if (phase.solves_readout()) {
    check_is_ridge_problem(section, setting, phase);
  }
  if (section.reads("ridge", phase.solves_readout(), with_ridge)) {
    phase.ridge = section.number("ridge", "of (ridge / 2) penalty_factor sum_j r_j^2, whatever the penalty_mode",
                                 required, NumberRule::positive);
  }
  read_train(section, setting, phase);
}

void check_readout(const Section& section, const PhaseSetting& setting, const Phase& phase) {
  const std::string_view method = phase.method->name;
  const Estimator estimator = phase.method->estimator;
  section.check(phase.moved.empty() || (estimator != Estimator::natural && estimator != Estimator::dual_ascent),
                "train",
                fmt::format("must be all of network.train with {}, whose {} is that of all of them", method,
                            estimator == Estimator::natural ? "metric" : "law"));
  if (!phase.solves_readout()) {
    return;
  }
  section.check(rests(phase) || takes_solved_readout(*phase.method), "readout",
                fmt::format("needs a method whose drift is that of the present outputs ({}), not {}",
                            names_where(methods, takes_solved_readout), method));
  section.check(!phase.averaging, "averaging",
                "must be false with readout = \"ridge\": the average of solutions is none for the average of w and b");
  const Index num_samples = phase.takes_all_samples() ? setting.num_samples : phase.num_samples();
  const Index num_parameters = !has_network(setting) ? 1 : setting.network->layout().size;
  check_memory(section, asking_key(phase), num_doubles_of_ridge_readout(num_samples, setting.width, num_parameters),
               "two matrices of min(samples, neurons)^2 numbers, and the particles once more");
}

}  // namespace mfld::readers

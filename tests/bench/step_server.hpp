#pragma once
#include <CLI/CLI.hpp>
#include <chrono>
#include <cstdint>
#include <fstream>
#include <iostream>
#include <iterator>
#include <sstream>
#include <stdexcept>
#include <string>
#include <vector>

/// What the timed programs have in common: the problem on the command line, and the requests on standard input. The
/// same requests are answered by comparison/peers.py.
///
///   time STEPS WARM_UP THREADS   makes WARM_UP + STEPS steps with noise, answers the seconds per step of the latter
///   batch                        answers the samples of step 0, or nothing where a step uses all
///   check FILE [SAMPLE...]       starts over, makes one step without noise on those samples (none: all), writes the
///                                particles to FILE as doubles, one column after the other; answers "ok"
///   memory                       answers the most memory the process has had, in kilobytes
namespace mfld::bench {

/// Constants of the timed step, the same in every program.
inline constexpr double step_size = 0.1;
inline constexpr double penalty = 1e-3;
inline constexpr double temperature = 1e-4;

/// h = r tanh(w.x + b), squared loss 1/2 (f - y)^2, all of r, w, b trained, in the mean-field scaling.
struct Problem {
  std::ptrdiff_t num_particles = 2000;
  std::ptrdiff_t num_samples = 1000;
  std::ptrdiff_t input_dim = 20;
  std::ptrdiff_t batch_size = 0;  // 0: all samples
  std::string precision = "double";
  std::string data;  // folder with inputs.bin [n][d], targets.bin [n], particles.bin [r, w_1..w_d, b][N], as doubles
  std::string neuron = "tanh";
  std::string method;

  std::ptrdiff_t num_columns() const { return input_dim + 2; }
};

inline void add_options(CLI::App& app, Problem& problem) {
  app.add_option("--particles", problem.num_particles)->check(CLI::PositiveNumber);
  app.add_option("--samples", problem.num_samples)->check(CLI::PositiveNumber);
  app.add_option("--dim", problem.input_dim)->check(CLI::PositiveNumber);
  app.add_option("--batch", problem.batch_size)->check(CLI::NonNegativeNumber);
  app.add_option("--precision", problem.precision)->check(CLI::IsMember({"double", "single"}));
  app.add_option("--data", problem.data)->required()->check(CLI::ExistingDirectory);
}

inline void read_doubles(const Problem& problem, const std::string& name, double* values, std::ptrdiff_t count) {
  std::ifstream file(problem.data + "/" + name, std::ios::binary);
  if (!file.read(reinterpret_cast<char*>(values), static_cast<std::streamsize>(sizeof(double)) * count)) {
    throw std::runtime_error(problem.data + "/" + name + " is too short");
  }
}

inline void write_doubles(const std::string& path, const double* values, std::ptrdiff_t count) {
  std::ofstream file(path, std::ios::binary);
  file.write(reinterpret_cast<const char*>(values), static_cast<std::streamsize>(sizeof(double)) * count);
  if (!file.flush()) {
    throw std::runtime_error("cannot write " + path);
  }
}

inline std::string peak_kilobytes() {
  std::ifstream status("/proc/self/status");
  for (std::string word; status >> word;) {
    if (word == "VmHWM:") {
      status >> word;
      return word;
    }
  }
  return "0";
}

/// Engine: with_threads(threads, body), step(), batch() and check(path, samples).
template <class Engine>
std::string answer(Engine& engine, std::istream& request) {
  std::string command;
  request >> command;
  if (command == "time") {
    int steps = 0;
    int warm_up = 0;
    int threads = 0;
    request >> steps >> warm_up >> threads;
    double seconds = 0;
    engine.with_threads(threads, [&] {
      for (int i = 0; i < warm_up; ++i) {
        engine.step();
      }
      const auto start = std::chrono::steady_clock::now();
      for (int i = 0; i < steps; ++i) {
        engine.step();
      }
      seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    });
    std::ostringstream text;
    text.precision(9);
    text << seconds / steps;
    return text.str();
  }
  if (command == "batch") {
    std::ostringstream text;
    for (const auto sample : engine.batch()) {
      text << sample << ' ';
    }
    return text.str();
  }
  if (command == "check") {
    std::string path;
    request >> path;
    engine.check(path, {std::istream_iterator<std::ptrdiff_t>(request), {}});
    return "ok";
  }
  if (command == "memory") {
    return peak_kilobytes();
  }
  throw std::runtime_error("unknown request '" + command + "'");
}

template <class Engine>
void serve(Engine& engine) {
  for (std::string line; std::getline(std::cin, line);) {
    std::istringstream request(line);
    std::cout << answer(engine, request) << std::endl;
  }
}

}  // namespace mfld::bench

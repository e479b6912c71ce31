// Whole steps: settings, precisions, threads, neurons, methods, and growth in N, n and d.
#include <benchmark/benchmark.h>

#include <string_view>

#include "bench/settings.hpp"

namespace {

using namespace mfld::bench;
using mfld::Index;
using mfld::NoiseLaw;
using mfld::NormalPrecision;

template <class Scalar>
void steps(benchmark::State& state, const Setting& setting, const char* neuron, const char* method, int threads) {
  auto made = make_steps<Scalar>(setting, neuron, method);
  mfld::with_threads(threads, [&] {
    made.step();  // sizes the buffers; takes the snapshot of SVRG
    for (auto _ : state) {
      made.step();
    }
  });
  const Index samples = setting.batch_size > 0 ? setting.batch_size : setting.num_samples;
  state.counters["pairs/s"] = benchmark::Counter(static_cast<double>(setting.num_particles * samples),
                                                 benchmark::Counter::kIsIterationInvariantRate);
}

template <class Scalar>
void add(const std::string& name, const Setting& setting, const char* neuron, const char* method, int threads) {
  const std::string full = name + (sizeof(Scalar) == 8 ? "/double" : "/single") + "/threads:" + std::to_string(threads);
  benchmark::RegisterBenchmark(full.c_str(),
                               [=](benchmark::State& state) { steps<Scalar>(state, setting, neuron, method, threads); })
      ->UseRealTime()
      ->Unit(benchmark::kMillisecond);
}

void add(const std::string& name, const Setting& setting, const char* neuron = "tanh", const char* method = nullptr,
         int most_threads = 2) {
  for (int threads = 1; threads <= most_threads; ++threads) {
    add<double>(name, setting, neuron, method, threads);
    add<float>(name, setting, neuron, method, threads);
  }
}

/// What the noise takes of a mini-batch step: the step with and without it, and with the normals of single precision.
template <class Scalar>
void noise_of_step(benchmark::State& state, const char* noise) {
  auto made = make_steps<Scalar>(settings[3], "tanh", nullptr);
  const bool has_noise = std::string_view(noise) != "none";
  made.set_noise({.precision = std::string_view(noise) == "single" ? NormalPrecision::in_single : NormalPrecision::own,
                  .law = std::string_view(noise) == "three-point" ? NoiseLaw::three_point : NoiseLaw::gaussian});
  mfld::with_threads(1, [&] {
    for (auto _ : state) {
      has_noise ? made.step() : made.step_without_noise();
    }
  });
}

void add_noise() {
  for (const char* noise : {"none", "own", "single", "three-point"}) {
    for (const bool in_double : {true, false}) {
      const std::string name = std::string("D/noise:") + noise + (in_double ? "/double" : "/single");
      benchmark::RegisterBenchmark(name.c_str(), [=](benchmark::State& state) {
        in_double ? noise_of_step<double>(state, noise) : noise_of_step<float>(state, noise);
      })->Unit(benchmark::kMicrosecond);
    }
  }
}

void add_all() {
  add_noise();
  for (const Setting& setting : settings) {
    for (const char* neuron : {"tanh", "relu", "parity"}) {
      add(std::string(setting.name) + "/" + neuron, setting, neuron);
    }
  }
  for (const Index batch_size : {32, 256}) {
    Setting setting = settings[3];
    setting.batch_size = batch_size;
    const std::string suffix = "/B:" + std::to_string(batch_size);
    add("sgd" + suffix, setting, "tanh", "sgd-mfld");
    add("svrg" + suffix, setting, "tanh", "svrg-mfld");
  }
  const Setting base = {"growth", 4000, 500, 32};
  for (const Index factor : {1, 2, 4, 8}) {
    Setting wider = base;
    wider.num_particles *= factor;
    add("growth/N:" + std::to_string(wider.num_particles), wider, "tanh", nullptr, 1);
    Setting longer = base;
    longer.num_samples *= factor;
    add("growth/n:" + std::to_string(longer.num_samples), longer, "tanh", nullptr, 1);
    Setting deeper = base;
    deeper.input_dim *= factor;
    add("growth/d:" + std::to_string(deeper.input_dim), deeper, "tanh", nullptr, 1);
  }
}

}  // namespace

int main(int argc, char** argv) {
  add_all();
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) {
    return 2;
  }
  benchmark::RunSpecifiedBenchmarks();
  benchmark::Shutdown();
}

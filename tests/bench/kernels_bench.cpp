// The kernels by themselves, on one thread and from data in the caches: vector functions, normals, the two passes.
#include <benchmark/benchmark.h>

#include <algorithm>
#include <boost/align/aligned_allocator.hpp>
#include <numeric>

#include "bench/settings.hpp"
#include "kernels/kernels.hpp"

namespace {

using namespace mfld;
using bench::Setting;

template <class Scalar>
using Aligned = std::vector<Scalar, boost::alignment::aligned_allocator<Scalar, 256>>;

template <class Scalar>
const char* precision() {
  return sizeof(Scalar) == 8 ? "double" : "single";
}

void count_values(benchmark::State& state, Index values) {
  state.counters["values/s"] =
      benchmark::Counter(static_cast<double>(values), benchmark::Counter::kIsIterationInvariantRate);
}

// --- sigma and sigma'

template <class Scalar>
void activation(benchmark::State& state, Activation kind) {
  constexpr Index count = 1024;
  Aligned<Scalar> z(count);
  Aligned<Scalar> values(count);
  Aligned<Scalar> slopes(count);
  for (Index i = 0; i < count; ++i) {
    z[static_cast<std::size_t>(i)] = static_cast<Scalar>(static_cast<double>(i) / count * 8 - 4);
  }
  const auto evaluate = kernels::table<Scalar>().evaluate;
  for (auto _ : state) {
    evaluate(kind, count, z.data(), values.data(), slopes.data());
    benchmark::ClobberMemory();
  }
  count_values(state, count);
}

// --- normals

template <class Scalar, std::size_t num>
void normals(benchmark::State& state) {
  constexpr Index count = 512;
  Aligned<Scalar> values(num * count);
  Scalar* xi[num];
  for (std::size_t k = 0; k < num; ++k) {
    xi[k] = values.data() + k * count;
  }
  std::uint64_t step = 0;
  for (auto _ : state) {
    kernels::normals({1, 2}, step++, 0, 0, count, xi);
    benchmark::ClobberMemory();
  }
  count_values(state, num * count);
}

// --- the update: drift, penalty and noise

template <class Scalar>
void update(benchmark::State& state, bool noise) {
  constexpr Index num_particles = 256;
  constexpr Index num_columns = 22;
  Particles<Scalar> particles = Particles<Scalar>::Zero(num_particles, num_columns);
  const Drift drift = Drift::Constant(num_particles, num_columns, 1e-9);
  const std::vector<unsigned char> trained(num_columns, 1);
  kernels::StepTask task{};
  task.last = num_particles;
  task.num_particles = num_particles;
  task.num_columns = num_columns;
  task.trained = trained.data();
  task.drift = drift.data();
  task.step_size = 0.1;
  task.penalty = 1e-3;
  task.noise_amplitude = noise ? 1e-9 : 0.0;
  task.noise_key = {1, 2};
  task.noise_substeps = 1;
  task.noise_kind =
      std::is_same_v<Scalar, double> ? kernels::NoiseKind::normal_double : kernels::NoiseKind::normal_single;
  for (auto _ : state) {
    ++task.step;
    benchmark::DoNotOptimize(kernels::table<Scalar>().step(task, nullptr, particles.data(), nullptr));
  }
  count_values(state, num_particles * num_columns);
}

// --- the two passes, one task of eight groups and 256 samples

template <class Scalar>
class PassFixture {
 public:
  static constexpr Index num_groups = 8;
  static constexpr Index num_samples = 256;

  PassFixture(const Neuron& neuron, Index input_dim)
      : table_(kernels::table<Scalar>()),
        setting_{"pass", num_groups * table_.group_size, num_samples, input_dim},
        inputs_(bench::make_data(setting_).train_inputs),
        particles_(bench::make_particles(setting_, neuron).template cast<Scalar>()),
        drift_(particles_.rows(), particles_.cols()),
        values_(static_cast<std::size_t>(pairs())),
        slopes_(values_.size()),
        scratch_(static_cast<std::size_t>(table_.scratch_size(input_dim, num_samples))),
        coefficients_(num_samples, Scalar{1}),
        partial_(num_samples),
        ensemble_{particles_.data(), particles_.rows(), neuron, parameter_layout(neuron, input_dim)} {}

  Index pairs() const { return setting_.num_particles * num_samples; }

  void reduce() {
    kernels::ReduceTask<Scalar> task{};
    place(task);
    task.partial = partial_.data();
    table_.reduce(task);
  }

  void map() {
    kernels::MapTask<Scalar> task{};
    place(task);
    task.coefficients = coefficients_.data();
    task.coefficient_sum = static_cast<double>(num_samples);
    task.weight = 1;
    task.assign = true;
    task.train_input = task.train_bias = task.train_output = true;
    task.drift = drift_.data();
    table_.map(task);
  }

 private:
  template <class Task>
  void place(Task& task) {
    task.ensemble = ensemble_;
    task.block = {&inputs_, 0, num_samples};
    task.last_group = num_groups;
    task.values = values_.data();
    task.slopes = kernels::needs_slopes(ensemble_.neuron.activation) ? slopes_.data() : nullptr;
    task.scratch = scratch_.data();
  }

  const kernels::Table<Scalar>& table_;
  Setting setting_;
  PackedInputs<Scalar> inputs_;
  Particles<Scalar> particles_;
  Drift drift_;
  Aligned<Scalar> values_;
  Aligned<Scalar> slopes_;
  Aligned<Scalar> scratch_;
  Aligned<Scalar> coefficients_;
  std::vector<double> partial_;
  kernels::Ensemble<Scalar> ensemble_;
};

enum class Which { reduce, map };

template <class Scalar>
void pass(benchmark::State& state, Which which, const char* neuron, Index input_dim) {
  PassFixture<Scalar> fixture(bench::neuron_of(neuron), input_dim);
  fixture.reduce();
  for (auto _ : state) {
    which == Which::reduce ? fixture.reduce() : fixture.map();
    benchmark::ClobberMemory();
  }
  count_values(state, fixture.pairs());
  state.counters["flop/s"] = benchmark::Counter(static_cast<double>(2 * fixture.pairs() * input_dim),
                                                benchmark::Counter::kIsIterationInvariantRate);
}

template <class Scalar>
void add_all() {
  const std::string suffix = std::string("/") + precision<Scalar>();
  for (const ActivationInfo& row : activations) {
    benchmark::RegisterBenchmark(("activation/" + std::string(row.name) + suffix).c_str(),
                                 [kind = row.kind](benchmark::State& state) { activation<Scalar>(state, kind); });
  }
  for (const bool noise : {false, true}) {
    benchmark::RegisterBenchmark(((noise ? "update/noise" : "update/plain") + suffix).c_str(),
                                 [noise](benchmark::State& state) { update<Scalar>(state, noise); });
  }
  for (const char* neuron : {"tanh", "relu", "parity"}) {
    for (const Index input_dim : {10, 20, 32, 40, 784}) {
      const std::string end = std::string("/") + neuron + "/d:" + std::to_string(input_dim) + suffix;
      benchmark::RegisterBenchmark(("reduce" + end).c_str(), [=](benchmark::State& state) {
        pass<Scalar>(state, Which::reduce, neuron, input_dim);
      });
      benchmark::RegisterBenchmark(
          ("map" + end).c_str(), [=](benchmark::State& state) { pass<Scalar>(state, Which::map, neuron, input_dim); });
    }
  }
}

}  // namespace

int main(int argc, char** argv) {
  benchmark::RegisterBenchmark("normals/double", normals<double, 2>);
  benchmark::RegisterBenchmark("normals/single", normals<float, 4>);
  add_all<double>();
  add_all<float>();
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) {
    return 2;
  }
  benchmark::AddCustomContext("instruction_set", instruction_set());
  benchmark::RunSpecifiedBenchmarks();
  benchmark::Shutdown();
}

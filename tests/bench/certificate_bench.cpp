// What a certificate costs, in gradient steps: bounded neurons on 2-sparse parity, N = 2000, n = 1000, log loss.
#include <benchmark/benchmark.h>
#include <fmt/format.h>

#include <cmath>

#include "mfld/core/parallel.hpp"
#include "mfld/core/stopwatch.hpp"
#include "mfld/objective/empirical_risk.hpp"
#include "mfld/trust/certificate.hpp"
#include "support/oracles/mean_field_world.hpp"

namespace {

using namespace mfld;

constexpr Index num_particles = 2000;
constexpr Index num_samples = 1000;

/// Inputs on the corners of a cube of side 2 / sqrt(d), labels the product of the first two signs.
MeanFieldWorld parity(Index input_dim) {
  const Matrix normals = random_normals(num_samples, input_dim, 1);
  const Inputs signs = normals.unaryExpr([](double z) { return z < 0 ? -1.0 : 1.0; });
  const Vector targets = signs.col(0).cwiseProduct(signs.col(1));
  return {{NeuronKind::parity, Activation::tanh, true, 5},
          signs / std::sqrt(static_cast<double>(input_dim)),
          targets,
          {.kind = LossKind::logistic}};
}

/// Outputs and drift: the passes of a step over the data, without its noise.
template <class Scalar>
struct Gradient {
  explicit Gradient(const MeanFieldWorld& world)
      : objective(world.network, world.risk, world.data),
        particles(random_normals(num_particles, world.network.layout().size, 2).cast<Scalar>()),
        drift(num_particles, particles.cols()) {}
  void operator()() { objective.drift(particles, drift); }

  EmpiricalRisk<Scalar> objective;
  Particles<Scalar> particles;
  Drift drift;
};

template <class Scalar>
double seconds_of(Gradient<Scalar>& gradient) {
  const Clock::time_point start = Clock::now();
  for (int k = 0; k < 10; ++k) {
    gradient();
  }
  return seconds_since(start) / 10;
}

/// `steps` and `single_steps`: its time in gradient steps of a run in double and in single precision, measured in the
/// same run; the certificate is the same in both, for observers see particles in double. And the error bar of log int q
/// beside its value.
void certificates(benchmark::State& state, Index input_dim, double temperature, Integration method) {
  const MeanFieldWorld world = parity(input_dim);
  Gradient<double> gradient(world);
  Gradient<float> single_gradient(world);
  const MeanFieldProblem problem = world.problem(0.1 * temperature, temperature);
  std::vector<double> outputs(num_samples);
  KernelWorkspace<double> workspace;
  world.network.outputs(gradient.particles, PackedInputs<double>(world.data.train_inputs), outputs, workspace);
  with_threads(2, [&] {
    gradient();
    single_gradient();
    Certificate found;
    double seconds_of_gradients = 0;
    double seconds_of_single = 0;
    double seconds = 0;
    for (auto _ : state) {
      seconds_of_gradients += seconds_of(gradient);
      seconds_of_single += seconds_of(single_gradient);
      const Clock::time_point start = Clock::now();
      found = certificate(problem, gradient.particles, outputs, {.method = method});
      const double taken = seconds_since(start);
      seconds += taken;
      state.SetIterationTime(taken);
    }
    if (!found.gibbs.reason.empty()) {
      state.SkipWithError(found.gibbs.reason.c_str());
      return;
    }
    state.counters["steps"] = seconds / seconds_of_gradients;
    state.counters["single_steps"] = seconds / seconds_of_single;
    state.counters["error"] = found.gibbs.standard_error / std::abs(found.gibbs.log_integral);
  });
}

void add(const char* name, Index input_dim, double temperature, Integration method) {
  benchmark::RegisterBenchmark(name,
                               [=](benchmark::State& state) { certificates(state, input_dim, temperature, method); })
      ->UseManualTime()
      ->Unit(benchmark::kMillisecond);
}

}  // namespace

int main(int argc, char** argv) {
  add("monte_carlo/d:5", 5, 0.5, Integration::monte_carlo);
  add("annealed/d:5", 5, 0.2, Integration::annealed);
  add("monte_carlo/d:10", 10, 0.5, Integration::monte_carlo);
  add("annealed/d:10", 10, 0.2, Integration::annealed);
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) {
    return 2;
  }
  benchmark::RunSpecifiedBenchmarks();
  benchmark::Shutdown();
}

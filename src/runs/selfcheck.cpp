#include "mfld/runs/selfcheck.hpp"

#include <fmt/format.h>

#include <Eigen/Eigenvalues>
#include <array>
#include <cmath>

#include "mfld/core/parallel.hpp"
#include "mfld/core/random.hpp"
#include "mfld/dynamics/euler_maruyama.hpp"
#include "mfld/dynamics/simulation.hpp"
#include "mfld/model/initialisation.hpp"
#include "mfld/objective/empirical_risk.hpp"
#include "mfld/task/teacher_student.hpp"

namespace mfld {

namespace {

/// How far a statistic may be from its mean, in standard errors: a false alarm has probability 6e-5.
constexpr double max_standard_errors = 4;

SelfcheckResult deviation(std::string name, double found, double limit) {
  return {std::move(name), fmt::format("{:.2g}", found), fmt::format("<= {:.0e}", limit), found <= limit};
}

SelfcheckResult statistic(std::string name, double found, double expected, double standard_error) {
  const double z = (found - expected) / standard_error;
  return {std::move(name), fmt::format("{:.6g} (z = {:+.2f})", found, z),
          fmt::format("{:.6g} (|z| <= {})", expected, max_standard_errors), std::abs(z) <= max_standard_errors};
}

/// The known answer of Salmon et al. (SC 2011) for the digits of pi.
SelfcheckResult check_philox() {
  const PhiloxBlock words = philox4x32({0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}, {0xa4093822, 0x299f31d0});
  const PhiloxBlock expected = {0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1};
  const auto hex = [](const PhiloxBlock& block) {
    return fmt::format("{:08x} {:08x} {:08x} {:08x}", block[0], block[1], block[2], block[3]);
  };
  return {"Philox4x32-10 known answer", hex(words), hex(expected), words == expected};
}

/// A network of a few neurons on three samples, with its particle gradients computed in 30 digits:
///   v_j = 1/3 sum_i l'(f(x_i), y_i) grad h(theta_j; x_i) + 2 lambda1 theta_j,  lambda1 = 0.01
struct TinyNetwork {
  std::string_view name;
  Neuron neuron;
  LossKind loss;
  Matrix particles;
  Matrix gradients;
};

Matrix rows(Index num_columns, const std::vector<double>& numbers) {
  return Eigen::Map<const Inputs>(numbers.data(), std::ssize(numbers) / num_columns, num_columns);
}

std::vector<TinyNetwork> tiny_networks() {
  const Matrix three = rows(3, {0.5, 1, -0.3, -1.2, 0.4, 0.9, 0.8, -0.7, 0.25});
  return {
      {"r relu(w.x), squared loss",
       {NeuronKind::r_sigma, Activation::relu, false},
       LossKind::squared,
       three,
       rows(3, {-0.1468, -0.036, 0.0686666666666666667, -0.6364, 0.43472, 0.64488, 0.13432, -0.29848, -0.41292})},
      {"r tanh(w.x), logistic loss",
       {NeuronKind::r_sigma, Activation::tanh, false},
       LossKind::logistic,
       three,
       rows(3, {-0.222371173805031647, -0.0613561695683542291, -0.0747121611409143022, -0.107563816583349646,
                0.320250445469974887, -0.116981167004335281, 0.198184961827848939, -0.184572786354482719,
                -0.073509216116072032})},
      {"tanh(r) tanh(w.x), squared loss",
       {NeuronKind::bounded_r, Activation::tanh, false},
       LossKind::squared,
       three,
       rows(3, {-0.163671518334091298, -0.0907560339668039363, -0.200181433955807143, -0.107011814874318936,
                0.234383452967941244, -0.00994417540851199249, 0.106547320761563822, -0.204869467987172984,
                -0.245484652429303922})},
      {"parity neuron, logistic loss",
       {NeuronKind::parity, Activation::tanh, true, 15},
       LossKind::logistic,
       rows(4, {0.2, 0.4, -0.3, 0.1, -0.1, -0.2, 0.5, -0.6}),
       rows(4, {-2.48424653505482585, -1.02743201615964238, -0.259913952372235143, -1.10677935677613934,
                -2.56539108795364034, -0.905823535261192409, -0.504025540146081908, -0.709924380819940999})},
  };
}

SelfcheckResult check_gradients(const TinyNetwork& tiny) {
  constexpr double lambda1 = 0.01;
  const Inputs inputs = rows(2, {0.6, -0.8, -1, 0.5, 0.3, 1.2});
  const std::array<double, 3> values = {0.7, -0.4, 1.1};
  const std::array<double, 3> classes = {1, -1, 1};
  const Network network(tiny.neuron, 2, {});
  const Risk risk({tiny.loss}, Reduction::mean);
  const CurrentField field(risk.loss(), tiny.loss == LossKind::logistic ? classes : values);
  const Particles<double> particles = tiny.particles;
  Drift drift(particles.rows(), particles.cols());
  KernelWorkspace<double> workspace;
  network.drift(particles, PackedInputs<double>(inputs), field, risk.drift_weight(network, particles.rows(), 3, 3),
                Accumulate::assign, drift, {}, workspace);
  drift += 2 * lambda1 * particles;
  return deviation(fmt::format("gradient of {}: largest error", tiny.name),
                   (drift - tiny.gradients).cwiseAbs().maxCoeff(), 1e-12);
}

/// Without data a step is an Ornstein-Uhlenbeck process in discrete time:
///   theta <- (1 - 2 eta lambda1) theta + sqrt(2 eta T) xi, stationary variance T / (2 lambda1 (1 - eta lambda1)).
SelfcheckResult check_stationary_variance() {
  constexpr double lambda1 = 0.5;
  constexpr double temperature = 1;
  constexpr double step_size = 0.1;
  const double expected = temperature / (2 * lambda1 * (1 - step_size * lambda1));
  Particles<double> particles = Particles<double>::Zero(20000, 4);
  const Drift drift = Drift::Zero(particles.rows(), particles.cols());
  const auto trained = Network({NeuronKind::linear, Activation::linear, false}, particles.cols(), {}).trained();
  for (std::int64_t step = 0; step < 200; ++step) {
    euler_maruyama_step({step_size, lambda1, temperature, 1, step}, drift, trained, particles);
  }
  const double num_draws = static_cast<double>(particles.size());
  return statistic("Ornstein-Uhlenbeck stationary variance", particles.squaredNorm() / num_draws, expected,
                   expected * std::sqrt(2 / num_draws));
}

class Silent : public Listener<double> {
 public:
  void hear(const State<double>&, Ending /*ending*/) override {}
};

Particles<double> run_mfld(const Network& network, const Dataset& data, const Phase& phase, Index width) {
  const Seeds seeds = {1, 2, 3, 4};
  State<double> state;
  state.particles = initial_particles({}, network.neuron(), data.input_dim(), width, seeds.initialisation);
  const Risk risk({}, Reduction::mean);
  Simulation<double> simulation(std::make_unique<EmpiricalRisk<double>>(network, risk, data), {phase}, seeds,
                                std::move(state));
  Silent silent;
  simulation.run(silent, std::atomic<bool>(false));
  return simulation.state().particles;
}

Phase mfld_phase(std::int64_t num_steps) {
  Phase phase;
  phase.method = find_method("mfld");
  phase.num_steps = num_steps;
  phase.step_size.value = 0.2;
  phase.temperature.value = 0.01;
  phase.lambda1.value = 0.05;
  return phase;
}

SelfcheckResult check_threads() {
  TeacherStudentOptions task;
  task.num_train = 333;
  const Dataset data = make_teacher_student(task, 1);
  const Network network({}, data.input_dim(), {});
  const auto run_on = [&](int num_threads) {
    return with_threads(num_threads, [&] { return run_mfld(network, data, mfld_phase(20), 5001); });
  };
  const auto differing = (run_on(1).array() != run_on(8).array()).count();
  return {"numbers that differ between 1 and 8 threads", fmt::format("{}", differing), "0", differing == 0};
}

/// Linear neurons and squared loss: with A = X'X/n, b = X'y/n and S = A + 2 lambda1 I the mean of the particles ends at
/// S^-1 b, with variance lambda2 / (N s (1 - eta s / 2)) along an eigenvector of S with eigenvalue s; a particle's
/// distance from it has variance (1 - 1/N) lambda2 / (2 lambda1 (1 - eta lambda1)).
std::vector<SelfcheckResult> check_linear_run() {
  constexpr Index width = 5000;
  TeacherStudentOptions task;
  task.activation = Activation::linear;
  const Dataset data = make_teacher_student(task, 1);
  const Network network({NeuronKind::linear, Activation::linear, false}, data.input_dim(), {});
  const Phase phase = mfld_phase(500);
  const double eta = phase.step_size.value;
  const double lambda1 = phase.lambda1.value;
  const double lambda2 = phase.temperature.value;
  const Particles<double> particles = run_mfld(network, data, phase, width);

  const auto n = static_cast<double>(data.num_train());
  const Matrix curvature = data.train_inputs.transpose() * data.train_inputs / n + 2 * lambda1 * Matrix::Identity(2, 2);
  const Eigen::SelfAdjointEigenSolver<Matrix> eigen(curvature);
  const Vector& s = eigen.eigenvalues();
  const Vector force = eigen.eigenvectors().transpose() * (data.train_inputs.transpose() * data.train_targets) / n;
  const Vector mean = eigen.eigenvectors().transpose() * particles.colwise().mean().transpose();
  std::vector<SelfcheckResult> results;
  for (Index c = 0; c < 2; ++c) {
    results.push_back(statistic(fmt::format("mfld of linear neurons, mean along axis {}", c + 1), mean[c],
                                force[c] / s[c], std::sqrt(lambda2 / (width * s[c] * (1 - eta * s[c] / 2)))));
  }
  const double variance = (particles.rowwise() - particles.colwise().mean()).squaredNorm() / (2 * width);
  const double expected = (1 - 1.0 / width) * lambda2 / (2 * lambda1 * (1 - eta * lambda1));
  results.push_back(statistic("mfld of linear neurons, variance about the mean", variance, expected,
                              expected * std::sqrt(2.0 / (2 * width))));
  return results;
}

}  // namespace

bool selfcheck(const std::function<void(const SelfcheckResult&)>& report) {
  bool all_passed = true;
  const auto take = [&](const SelfcheckResult& result) {
    report(result);
    all_passed = all_passed && result.passed;
  };
  take(check_philox());
  for (const TinyNetwork& tiny : tiny_networks()) {
    take(check_gradients(tiny));
  }
  take(check_stationary_variance());
  take(check_threads());
  for (const SelfcheckResult& result : check_linear_run()) {
    take(result);
  }
  return all_passed;
}

}  // namespace mfld

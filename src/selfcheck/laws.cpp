#include "selfcheck/laws.hpp"

#include <Eigen/Eigenvalues>
#include <cmath>
#include <variant>

#include "selfcheck/run.hpp"

namespace mfld::theorems {

namespace {

constexpr Index dimension = 2;
constexpr std::int64_t steps_apart = 10;
constexpr std::int64_t burn_in = 60;

Dataset three_samples() {
  Dataset data;
  data.train_inputs = (Inputs(3, dimension) << 1, 0.5, -0.5, 1, 0.25, -1.5).finished();
  data.train_targets = (Vector(3) << 1, -0.5, 2).finished();
  return data;
}

/// S by its eigenvalues and eigenvectors, and S^-1 b along these.
struct Quadratic {
  Vector s;
  Matrix axes;
  Vector optimum;

  explicit Quadratic(double lambda1) {
    const Dataset data = three_samples();
    const auto n = static_cast<double>(data.num_train());
    const Matrix curvature =
        data.train_inputs.transpose() * data.train_inputs / n + 2 * lambda1 * Matrix::Identity(dimension, dimension);
    const Eigen::SelfAdjointEigenSolver<Matrix> eigen(curvature);
    s = eigen.eigenvalues();
    axes = eigen.eigenvectors();
    optimum = (axes.transpose() * (data.train_inputs.transpose() * data.train_targets) / n).cwiseQuotient(s);
  }
};

/// What an Euler-Maruyama step divides a variance by for a force a theta; the others do not.
double step_bias(const LinearQuadratic& law, double a) {
  return law.step == StepKind::euler_maruyama ? 1 - law.step_size * a / 2 : 1;
}

/// The variance of a Gaussian from `num_draws` independent numbers.
Statistic variance_statistic(double found, double expected, double num_draws) {
  return {found, expected, expected * std::sqrt(2 / num_draws)};
}

double looks(const LinearQuadratic& law) { return static_cast<double>(law.num_looks); }

/// Independent deviations from the mean of the particles, over all looks and coordinates.
double num_deviations(const LinearQuadratic& law) {
  return looks(law) * static_cast<double>(dimension * (law.width - 1));
}

Vector variance_of_mean(const LinearQuadratic& law) {
  return Quadratic(law.lambda1).s.unaryExpr([&](double s) {
    return law.lambda2 / (static_cast<double>(law.width) * s * step_bias(law, s));
  });
}

}  // namespace

StationarySample stationary_sample(const LinearQuadratic& problem) {
  const Dataset data = three_samples();
  const Network network({NeuronKind::linear, Activation::linear, false}, dimension, {});
  Phase phase = selfcheck_phase("mfld", burn_in + steps_apart * problem.num_looks, problem.step_size, problem.lambda1,
                                problem.lambda2);
  phase.step_rule = problem.step;
  phase.friction = problem.friction;
  const Quadratic quadratic(problem.lambda1);
  State<double> start;
  start.particles = (quadratic.axes * quadratic.optimum).transpose().replicate(problem.width, 1);
  StationarySample sample;
  const double share = 1 / looks(problem);
  SelfcheckRun{network, data, {phase}}.from(std::move(start), phase.num_steps, [&](const State<double>& state) {
    if (state.step <= burn_in || (state.step - burn_in) % steps_apart != 0) {
      return;
    }
    const Vector mean = quadratic.axes.transpose() * state.particles.colwise().mean().transpose();
    const Matrix deviations = state.particles.rowwise() - state.particles.colwise().mean();
    const double weight = share / static_cast<double>(dimension * (problem.width - 1));
    sample.mean += share * mean;
    sample.mean_square += share * (mean - quadratic.optimum).cwiseAbs2();
    sample.variance += weight * deviations.squaredNorm();
    if (const auto* kinetic = std::get_if<Kinetic<double>>(&state.rule); kinetic && kinetic->velocities().size() > 0) {
      const Matrix& velocities = kinetic->velocities();
      sample.velocity_variance += share * velocities.squaredNorm() / static_cast<double>(velocities.size());
      sample.covariance += weight * deviations.cwiseProduct(velocities).sum();
    }
  });
  return sample;
}

Finding judge_mean(const StationarySample& sample, const LinearQuadratic& law) {
  const Vector optimum = Quadratic(law.lambda1).optimum;
  const Vector error = (variance_of_mean(law) / looks(law)).cwiseSqrt();
  return within_errors({{sample.mean[0], optimum[0], error[0]}, {sample.mean[1], optimum[1], error[1]}});
}

Finding judge_variance_of_mean(const StationarySample& sample, const LinearQuadratic& law) {
  const Vector expected = variance_of_mean(law);
  return within_errors({variance_statistic(sample.mean_square[0], expected[0], looks(law)),
                        variance_statistic(sample.mean_square[1], expected[1], looks(law))});
}

Finding judge_variance_about_mean(const StationarySample& sample, const LinearQuadratic& law) {
  const double expected = law.lambda2 / (2 * law.lambda1 * step_bias(law, 2 * law.lambda1));
  return within_errors({variance_statistic(sample.variance, expected, num_deviations(law))});
}

Finding judge_velocities(const StationarySample& sample, const LinearQuadratic& law) {
  const double covariance = law.step_size * law.lambda2 / 2;
  const double variance = law.lambda2 / (2 * law.lambda1);
  // Var x u of a Gaussian pair: Var x Var u + Cov(x, u)^2.
  const double error = std::sqrt((variance * law.lambda2 + covariance * covariance) / num_deviations(law));
  return within_errors({variance_statistic(sample.velocity_variance, law.lambda2,
                                           looks(law) * static_cast<double>(dimension * law.width)),
                        {sample.covariance, covariance, error}});
}

}  // namespace mfld::theorems

// Langevin dynamics of the linearised network is a Gaussian process in discrete time: its law is known at every step.
#include <gtest/gtest.h>

#include <algorithm>
#include <string>

#include "mfld/ntk/closed_forms.hpp"
#include "support/kernel_problem.hpp"

namespace mfld {
namespace {

constexpr Index num_train = 5;
constexpr Index num_all = 8;  // three test inputs
constexpr std::int64_t num_steps = 25;
constexpr int num_replicas = 10000;

struct Setting {
  std::string_view method;
  ScalingKind scaling;
  double ridge;
};

/// Outputs at all inputs after the last step, one replica of the noise a row.
Matrix replicas(const KernelProblem& problem, const Phase& phase, const Inputs& everywhere) {
  Matrix result(num_replicas, num_all);
  for (int replica = 0; replica < num_replicas; ++replica) {
    const State<double> last = problem.run(problem.linear, {phase}, {}, static_cast<std::uint64_t>(replica) + 1);
    result.row(replica) = outputs_at(problem.linear, last.particles, everywhere).transpose();
  }
  return result;
}

/// Largest |estimate - expected| in standard errors, over all means and over all covariances of a Gaussian sample.
double largest_z_of_means(const Matrix& sample, const Vector& mean, const Matrix& covariance) {
  const Vector error = covariance.diagonal().cwiseSqrt() / std::sqrt(static_cast<double>(sample.rows()));
  return ((sample.colwise().mean().transpose() - mean).cwiseAbs().cwiseQuotient(error)).maxCoeff();
}

double largest_z_of_covariances(const Matrix& sample, const Vector& mean, const Matrix& covariance) {
  const Matrix centred = sample.rowwise() - mean.transpose();
  const Matrix estimate = centred.transpose() * centred / static_cast<double>(sample.rows());
  double largest = 0;
  for (Index a = 0; a < covariance.rows(); ++a) {
    for (Index b = 0; b <= a; ++b) {
      // Var of x_a x_b of a Gaussian: C_aa C_bb + C_ab^2 (Isserlis).
      const double error = std::sqrt((covariance(a, a) * covariance(b, b) + covariance(a, b) * covariance(a, b)) /
                                     static_cast<double>(sample.rows()));
      largest = std::max(largest, std::abs(estimate(a, b) - covariance(a, b)) / error);
    }
  }
  return largest;
}

class LinearisedLangevinLaw : public testing::TestWithParam<Setting> {};

TEST_P(LinearisedLangevinLaw, HasTheMeanAndCovarianceOfTheClosedFormOnTrainingAndTestInputs) {
  // 8 means and 36 covariances in 4 standard errors: a false alarm has probability at most 44 * 6.4e-5 = 0.3 % a
  // setting, and the seeds are fixed. A factor 2 in the noise shifts each variance by 70 standard errors, which the
  // last check confirms: it would be seen.
  const Setting& setting = GetParam();
  const KernelProblem problem({NeuronKind::r_sigma, Activation::tanh, true, 1}, {.kind = setting.scaling}, num_train,
                              num_all - num_train, 16);
  Inputs everywhere(num_all, 3);
  everywhere << problem.data.train_inputs, problem.data.test_inputs;
  const Matrix kernel = problem.train_kernel();
  const Matrix test_kernel = problem.kernel(problem.data.test_inputs, problem.data.train_inputs);
  const Matrix test_test_kernel = problem.kernel(problem.data.test_inputs, problem.data.test_inputs);
  const LinearisedTraining training(kernel, setting.ridge);
  const double step_size = 0.4 * training.largest_stable_step();
  const double temperature = 0.2;
  Phase phase = phase_of(setting.method, num_steps, step_size);
  phase.temperature = constant(temperature);
  phase.anchor = Anchor::start;
  phase.lambda1 = constant(setting.ridge / 2);

  const SpectralFilter filter = training.descent(step_size, num_steps);
  const Vector rho = problem.residual(problem.linear, problem.initial);
  Vector mean = outputs_at(problem.linear, problem.initial, everywhere);
  mean.head(num_train) += kernel * training.coefficients(filter, rho);
  mean.tail(num_all - num_train) += test_kernel * training.coefficients(filter, rho);
  const auto covariance_at = [&](double t) {
    const LinearisedLangevin langevin(training, step_size, t * problem.network.scaling().penalty_factor(16));
    Matrix covariance(num_all, num_all);
    const Matrix cross = langevin.cross_covariance(num_steps, test_kernel);
    covariance << langevin.train_covariance(num_steps), cross.transpose(), cross,
        langevin.test_covariance(num_steps, test_kernel, test_test_kernel);
    return covariance;
  };
  const Matrix sample = replicas(problem, phase, everywhere);
  EXPECT_LE(largest_z_of_means(sample, mean, covariance_at(temperature)), 4);
  EXPECT_LE(largest_z_of_covariances(sample, mean, covariance_at(temperature)), 4);
  EXPECT_GT(largest_z_of_covariances(sample, mean, covariance_at(2 * temperature)), 30);
  EXPECT_GT(largest_z_of_covariances(sample, mean, covariance_at(temperature / 2)), 30);
}

INSTANTIATE_TEST_SUITE_P(Settings, LinearisedLangevinLaw,
                         testing::Values(Setting{"gld", ScalingKind::ntk, 0}, Setting{"gld", ScalingKind::ntk, 0.3},
                                         Setting{"mfld", ScalingKind::mean_field, 0.3}),
                         [](const auto& each) {
                           return std::string(each.param.method) + (each.param.ridge > 0 ? "_with_ridge" : "");
                         });

}  // namespace
}  // namespace mfld

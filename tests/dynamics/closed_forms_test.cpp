// Whole runs against laws that are known in closed form. Statistical tests have a fixed seed; z is the number of
// standard errors allowed, two-sided: z = 5 is a false alarm of 6e-7 over the choice of seed. What a test can miss is
// stated beside it.
#include <gtest/gtest.h>

#include <Eigen/LU>
#include <cmath>
#include <vector>

#include "support/oracles/chain.hpp"
#include "support/oracles/line_chain.hpp"
#include "support/oracles/reference_values.hpp"
#include "support/sample_problem.hpp"
#include "support/statistics.hpp"

namespace mfld {
namespace {

// ---- No data: an Ornstein-Uhlenbeck process, stepped by Euler
//
// theta <- (1 - 2 eta lambda1) theta + sqrt(2 eta lambda2) xi is an autoregression of order one, so its variance is
//   v_k = v + (1 - 2 eta lambda1)^2k (v_0 - v),   v = lambda2 / (2 lambda1 (1 - eta lambda1)).

class OrnsteinUhlenbeck : public testing::TestWithParam<reference::OrnsteinUhlenbeck> {
 protected:
  static constexpr Index particles = 20000;
  static constexpr Index parameters = 10;
  static constexpr double count = 200000;  // independent coordinates: the standard error of a variance is 0.32 %

  static Particles<double> after(std::int64_t steps, const Particles<double>& start) {
    ChainOptions options;
    options.inputs = Inputs::Zero(1, parameters);
    options.targets = Vector::Zero(1);
    options.step_size = GetParam().step_size;
    options.lambda1 = GetParam().lambda1;
    options.lambda2 = GetParam().lambda2;
    return run_chain(options, start, steps);
  }
  static void expect_variance(const Particles<double>& sample, double expected) {
    EXPECT_LE(std::abs(variance_z(sample.squaredNorm() / count, expected, count)), 5) << sample.squaredNorm() / count;
    EXPECT_LE(std::abs(sample.sum()) / std::sqrt(count * expected), 5) << "mean";
    // Gaussian: E x^4 = 3 v^2, variance 96 v^4.
    EXPECT_LE(std::abs(sample.array().pow(4).mean() - 3 * expected * expected) / std::sqrt(96 / count) /
                  (expected * expected),
              5);
  }
};

TEST_P(OrnsteinUhlenbeck, VarianceAfterTenSteps) {
  const Particles<double> start = random_normals(particles, parameters, 1);
  expect_variance(after(10, start), GetParam().variance_after_ten);
}

TEST_P(OrnsteinUhlenbeck, StationaryVarianceStays) {
  const Particles<double> start = std::sqrt(GetParam().stationary_variance) * random_normals(particles, parameters, 2);
  expect_variance(after(20, start), GetParam().stationary_variance);
}

INSTANTIATE_TEST_SUITE_P(Table, OrnsteinUhlenbeck, testing::ValuesIn(reference::ornstein_uhlenbeck),
                         [](const auto& each) { return std::to_string(each.index); });

TEST(OrnsteinUhlenbeckFromRest, ReachesTheStationaryVarianceOfItsStepSize) {
  // From 0, until (1 - 2 eta lambda1)^2k < 1e-4. Two step sizes: 5 % and 100 % above lambda2 / (2 lambda1), which is z
  // = 16 and z = 300 with these 2e5 coordinates, so a wrong discretisation cannot pass.
  for (const auto& [step_size, steps, variance] :
       {std::tuple{0.1, 50, 1.0526315789473684211}, std::tuple{1.0, 3, 2.0}}) {
    ChainOptions options;
    options.inputs = Inputs::Zero(1, 10);
    options.targets = Vector::Zero(1);
    options.step_size = step_size;
    options.lambda1 = 0.5;
    options.lambda2 = 1;
    const Particles<double> sample = run_chain(options, Particles<double>::Zero(20000, 10), steps);
    const double remaining = std::pow(1 - step_size, 2.0 * steps);
    const double seen = sample.squaredNorm() / 2e5;
    EXPECT_LE(std::abs(variance_z(seen, variance * (1 - remaining), 2e5)), 5);
    EXPECT_GT(std::abs(variance_z(seen, 1.0, 2e5)), 10) << "the test has no power";
  }
}

TEST(OrnsteinUhlenbeckFromRest, AutocorrelationDecaysByTheContraction) {
  // Cov(theta_{k+m}, theta_k) = (1 - 2 eta lambda1)^m v: noise recycled between steps would change it. z = 5.
  ChainOptions options;
  options.inputs = Inputs::Zero(1, 10);
  options.targets = Vector::Zero(1);
  options.step_size = 0.1;
  options.lambda1 = 0.5;
  options.lambda2 = 1;
  const double variance = 1.0526315789473684211;
  const Particles<double> start = std::sqrt(variance) * random_normals(20000, 10, 3);
  run_chain(options, start, 20, [&](const Particles<double>& now, std::int64_t k) {
    const double correlation = std::pow(0.9, static_cast<double>(k));
    const double seen = now.cwiseProduct(start).sum() / (2e5 * variance);
    // Var(x y) = 1 + rho^2 for a standard normal pair.
    EXPECT_LE(std::abs(seen - correlation) / std::sqrt((1 + correlation * correlation) / 2e5), 5) << k;
  });
}

// ---- Linear neurons and squared loss: the mean obeys a closed linear equation
//
// v_j = A mean - b, so mean <- (I - eta S) mean + eta b + sqrt(2 eta lambda2 / N) xi with S = A + 2 lambda1 I, for
// every N, and theta_j - mean contracts by 1 - 2 eta lambda1 (a linear-quadratic mean-field game; Gaussian if the start
// is).

ChainOptions quadratic() {
  ChainOptions options;
  options.inputs = Eigen::Map<const Eigen::Matrix<double, 3, 2, Eigen::RowMajor>>(&reference::quadratic_inputs[0][0]);
  options.targets = Eigen::Map<const Vector>(reference::quadratic_targets, 3);
  options.step_size = reference::quadratic_step_size;
  options.lambda1 = reference::quadratic_lambda1;
  options.lambda2 = reference::quadratic_lambda2;
  return options;
}

const Eigen::RowVector2d quadratic_start(reference::quadratic_start[0], reference::quadratic_start[1]);
const Eigen::RowVector2d quadratic_optimum(reference::quadratic_optimum[0], reference::quadratic_optimum[1]);

Matrix symmetric(const double (&entries)[3]) {
  Matrix matrix(2, 2);
  matrix << entries[0], entries[1], entries[1], entries[2];
  return matrix;
}

TEST(LinearQuadratic, MeanAfterKStepsForEveryNumberOfParticles) {
  for (const char* method : {"gd", "mfld", "svrg-mfld"}) {
    ChainOptions options = quadratic();
    options.method = method;
    options.lambda2 = 0;
    options.batch_size = 3;
    for (const Index width : {1, 2, 4, 7, 100}) {
      // Duplicates of one particle, and a cloud with the same mean: the mean does not see the difference.
      const Matrix cloud = random_normals(width, 2, 4);
      for (const double spread : {0.0, 1.0}) {
        const Matrix centred = spread * (cloud.rowwise() - cloud.colwise().mean());
        for (const auto& [steps, mean] : reference::quadratic_means) {
          const Particles<double> end = run_chain(options, centred.rowwise() + quadratic_start, steps);
          const double contraction = std::pow(1 - 2 * options.step_size * options.lambda1, steps);
          EXPECT_LE((end.colwise().mean() - Eigen::RowVector2d(mean[0], mean[1])).cwiseAbs().maxCoeff(), 1e-13)
              << method << ", N = " << width << ", k = " << steps;
          EXPECT_LE(((end.rowwise() - end.colwise().mean()) - contraction * centred).cwiseAbs().maxCoeff(), 1e-13);
        }
      }
    }
  }
}

TEST(LinearQuadratic, MeanConvergesToTheOptimum) {
  ChainOptions options = quadratic();
  options.method = "gd";
  options.lambda2 = 0;
  const Particles<double> end = run_chain(options, quadratic_start.replicate(3, 1), 1000);
  EXPECT_LE((end.rowwise() - quadratic_optimum).cwiseAbs().maxCoeff(), 1e-14);
}

TEST(LinearQuadratic, MeanOverNoiseAfterTenSteps) {
  // E mean_k obeys the noiseless equation exactly (the noise is additive): 4000 replicas with seeds of their own, z
  // = 5.
  ChainOptions options = quadratic();
  MeanTest mean[2];
  for (std::uint64_t seed = 0; seed < 4000; ++seed) {
    options.seed = seed;
    const Particles<double> end = run_chain(options, quadratic_start.replicate(4, 1), 10);
    for (Index k = 0; k < 2; ++k) {
      mean[k].add(end.col(k).mean());
    }
  }
  EXPECT_LE(std::abs(mean[0].z(reference::quadratic_means[1].mean[0])), 5);
  EXPECT_LE(std::abs(mean[1].z(reference::quadratic_means[1].mean[1])), 5);
}

TEST(LinearQuadratic, StationaryLawForThisStepSizeAndWidth) {
  // 20000 looks at a chain of N = 4, 60 steps apart. The slowest mode contracts by 0.96 a step, so second moments of
  // neighbours correlate by 0.96^120 = 0.7 %. z = 5. The standard error of a covariance is 1 %: the step-size part of
  // the covariance of the mean (16 % in the stiff direction) and the factor 1/N are far outside; exchanging N and N - 1
  // is z = 25.
  const ChainOptions options = quadratic();
  const Risk risk({.kind = LossKind::squared}, Reduction::mean);
  const Network network(options.neuron, 2, {.kind = ScalingKind::mean_field});
  MeanTest mean[2];
  MeanTest mean_covariance[3];
  MeanTest particle_covariance[3];
  MeanTest objective;
  run_chain(options, quadratic_optimum.replicate(reference::quadratic_width, 1), 60 * 20000 + 200,
            [&](const Particles<double>& particles, std::int64_t k) {
              if (k < 200 || k % 60 != 0) {
                return;
              }
              const Eigen::RowVector2d m = particles.colwise().mean() - quadratic_optimum;
              const Matrix deviations = particles.rowwise() - quadratic_optimum;
              const Matrix covariance = deviations.transpose() * deviations / static_cast<double>(particles.rows());
              mean[0].add(m[0]);
              mean[1].add(m[1]);
              for (int e = 0; e < 3; ++e) {
                const Index row = e / 2;
                const Index column = (e + 1) / 2;
                mean_covariance[e].add(m[row] * m[column]);
                particle_covariance[e].add(covariance(row, column));
              }
              const Vector outputs = options.inputs * particles.colwise().mean().transpose();
              objective.add(risk.value(span_of(outputs), span_of(options.targets)) +
                            penalty_value(network, particles, options.lambda1));
            });
  EXPECT_LE(std::abs(mean[0].z(0)), 5);
  EXPECT_LE(std::abs(mean[1].z(0)), 5);
  for (int e = 0; e < 3; ++e) {
    EXPECT_LE(std::abs(mean_covariance[e].z(reference::quadratic_mean_covariance[e])), 5) << "entry " << e;
    EXPECT_LE(std::abs(particle_covariance[e].z(reference::quadratic_particle_covariance[e])), 5) << "entry " << e;
  }
  EXPECT_LE(std::abs(objective.z(reference::quadratic_objective)), 5);
}

// ---- Mini-batches on the same problem

TEST(LinearQuadraticBatches, GradientCovarianceAtTheOptimumIsSharedByAllParticles) {
  // One step from the optimum at temperature 0: the displacement is -eta (v_I - v), the same for every particle
  // (correlation one, not reduced by N), with covariance eta^2 (n - B) / (B (n - 1)) Sigma. The three batches of each
  // size, found among 100 seeds.
  const Matrix population = symmetric(reference::quadratic_gradient_covariance);
  for (const Index batch_size : {1, 2}) {
    ChainOptions options = quadratic();
    options.method = "sgd-mfld";
    options.lambda2 = 0;
    options.batch_size = batch_size;
    std::vector<Eigen::RowVector2d> displacements;
    for (options.seed = 0; options.seed < 100; ++options.seed) {
      const Particles<double> end = run_chain(options, quadratic_optimum.replicate(5, 1), 1);
      EXPECT_LE((end.rowwise() - end.row(0)).cwiseAbs().maxCoeff(), 1e-15) << "the batch is not shared";
      const Eigen::RowVector2d displacement = end.row(0) - quadratic_optimum;
      const bool known = std::any_of(displacements.begin(), displacements.end(),
                                     [&](const auto& seen) { return (seen - displacement).norm() < 1e-12; });
      if (!known) {
        displacements.push_back(displacement);
      }
    }
    ASSERT_EQ(displacements.size(), 3U);
    Matrix covariance = Matrix::Zero(2, 2);
    for (const auto& displacement : displacements) {
      covariance += displacement.transpose() * displacement / 3;
    }
    const double size = static_cast<double>(batch_size);
    const double factor = (3 - size) / (size * 2);
    const double eta_squared = options.step_size * options.step_size;
    EXPECT_LE((covariance / eta_squared - factor * population).cwiseAbs().maxCoeff(), 1e-14) << "B = " << batch_size;
  }
}

/// Stationary covariance of the mean under mini-batches of one sample and Langevin noise, exactly: with
/// e = mean - optimum,
///   e <- (I - eta S_i) e - eta g_i + noise,
///   S_i = x_i x_i' + 2 lambda1 I,   g_i = S_i optimum - y_i x_i,   sum_i g_i = 0,
/// so C = E_i (I - eta S_i) C (I - eta S_i)' + eta^2 E g_i g_i' + 2 eta lambda2 / N, iterated to its fixed point.
Matrix batch_covariance(const ChainOptions& options, double width) {
  Matrix covariance = Matrix::Zero(2, 2);
  for (int iteration = 0; iteration < 20000; ++iteration) {
    Matrix next = 2 * options.step_size * options.lambda2 / width * Matrix::Identity(2, 2);
    for (Index i = 0; i < 3; ++i) {
      const Eigen::Vector2d x = options.inputs.row(i).transpose();
      const Matrix s = x * x.transpose() + 2 * options.lambda1 * Matrix::Identity(2, 2);
      const Eigen::Vector2d g = s * quadratic_optimum.transpose() - options.targets[i] * x;
      const Matrix step = Matrix::Identity(2, 2) - options.step_size * s;
      next += (step * covariance * step.transpose() + options.step_size * options.step_size * g * g.transpose()) / 3;
    }
    covariance = next;
  }
  return covariance;
}

TEST(LinearQuadraticBatches, StationaryCovarianceOfTheMeanIsNotAveragedOutByTheWidth) {
  // sgd-mfld, B = 1, eta = 0.2, N = 1 and N = 32: 20000 looks, 30 steps apart (the mean's slowest mode contracts by
  // 0.877, second moments of neighbours correlate by 4e-4). z = 5, standard error about 1 %. For N = 32 the Langevin
  // part is a few per cent.
  for (const Index width : {1, 32}) {
    ChainOptions options = quadratic();
    options.method = "sgd-mfld";
    MeanTest covariance[3];
    run_chain(options, quadratic_optimum.replicate(width, 1), 30 * 20000,
              [&](const Particles<double>& particles, std::int64_t k) {
                if (k % 30 == 0) {
                  const Eigen::RowVector2d m = particles.colwise().mean() - quadratic_optimum;
                  covariance[0].add(m[0] * m[0]);
                  covariance[1].add(m[0] * m[1]);
                  covariance[2].add(m[1] * m[1]);
                }
              });
    const Matrix expected = batch_covariance(options, static_cast<double>(width));
    EXPECT_LE(std::abs(covariance[0].z(expected(0, 0))), 5) << "N = " << width;
    EXPECT_LE(std::abs(covariance[1].z(expected(0, 1))), 5) << "N = " << width;
    EXPECT_LE(std::abs(covariance[2].z(expected(1, 1))), 5) << "N = " << width;
    if (width == 32) {
      EXPECT_GT(std::abs(covariance[2].z(expected(1, 1) / 32)), 50) << "the test has no power";
    }
  }
}

// ---- One parameter, tanh: the stationary law of the stepped chain by quadrature
//
// h = tanh(w x) on two samples. Given outputs f, a particle is a Markov chain on the line with the Gaussian transition
//   w' ~ N(w - eta (g(w; f) + 2 lambda1 w), 2 eta lambda2),
//   g(w; f) = (1/2) sum_i (f_i - y_i) x_i (1 - tanh^2(w x_i)),
// whose stationary law is found here on a grid. At N = 1, f = (tanh(w x_i)); at N = infinity, f is the mean over that
// law.

class Line {
 public:
  explicit Line(double step_size) : step_size_(step_size) {
    for (Index a = 0; a < size; ++a) {
      grid_[a] = -6 + 12 * (static_cast<double>(a) + 0.5) / static_cast<double>(size);
    }
  }

  /// E f_1, E f_2, E w^2 of one particle that feels its own outputs.
  Eigen::Vector3d alone() const {
    return moments(stationary([](double w) { return Eigen::Vector2d(output(w, 0), output(w, 1)); }));
  }

  /// The same of infinitely many particles: f = E f is a fixed point, found by damped iteration.
  Eigen::Vector3d mean_field() const {
    Eigen::Vector3d m(0.3, -0.2, 0.5);
    for (int iteration = 0; iteration < 60; ++iteration) {
      const Eigen::Vector2d f = m.head<2>();
      m = 0.5 * m + 0.5 * moments(stationary([&f](double) { return f; }));
    }
    return m;
  }

 private:
  static constexpr Index size = 300;

  static double output(double w, int i) { return std::tanh(w * reference::line_inputs[i]); }

  template <class Outputs>
  Vector stationary(const Outputs& outputs) const {
    Matrix transition(size, size);  // column: from
    for (Index a = 0; a < size; ++a) {
      const Eigen::Vector2d f = outputs(grid_[a]);
      double drift = 2 * reference::line_lambda * grid_[a];
      for (int i = 0; i < 2; ++i) {
        const double t = output(grid_[a], i);
        drift += 0.5 * (f[i] - reference::line_targets[i]) * reference::line_inputs[i] * (1 - t * t);
      }
      const auto distance = grid_.array() - (grid_[a] - step_size_ * drift);
      transition.col(a) = (-distance.square() / (4 * step_size_ * reference::line_lambda)).exp();
      transition.col(a) /= transition.col(a).sum();
    }
    // The null vector of P - 1, normalised: one equation is replaced by sum = 1.
    transition.diagonal().array() -= 1;
    transition.row(0).setOnes();
    return transition.partialPivLu().solve(Vector::Unit(size, 0));
  }

  Eigen::Vector3d moments(const Vector& law) const {
    Eigen::Vector3d m = Eigen::Vector3d::Zero();
    for (Index a = 0; a < size; ++a) {
      m += law[a] * Eigen::Vector3d(output(grid_[a], 0), output(grid_[a], 1), grid_[a] * grid_[a]);
    }
    return m;
  }

  double step_size_;
  Vector grid_{size};
};

TEST(Line, SteppedLawsTendToTheReferenceLinearlyInTheStepSize) {
  // The quadrature itself, against the continuous-time numbers: 2 m(eta / 2) - m(eta) cancels the bias of order eta,
  // and what is left is of order eta^2. The largest bias is that of E w^2, 4 % at eta = 0.2.
  const auto& one = reference::line_stationary[0];
  const Eigen::Vector3d one_exact(one.outputs[0], one.outputs[1], one.second_moment);
  EXPECT_LE((2 * Line(0.1).alone() - Line(0.2).alone() - one_exact).cwiseAbs().maxCoeff(), 6e-4);
  EXPECT_GT((Line(0.2).alone() - one_exact).cwiseAbs().maxCoeff(), 1e-2);
  const Eigen::Vector3d optimum(reference::line_optimum[0], reference::line_optimum[1], reference::line_second_moment);
  EXPECT_LE((2 * Line(0.1).mean_field() - Line(0.2).mean_field() - optimum).cwiseAbs().maxCoeff(), 6e-4);
  EXPECT_GT((Line(0.2).mean_field() - optimum).cwiseAbs().maxCoeff(), 1e-2);
}

TEST(Line, OneParticleHasItsStationaryLaw) {
  // eta = 0.2: the slowest mode, 1 - 2 eta lambda1 = 0.96, forgets in 25 steps; 400 batches of 2000 steps. z = 5.
  const Eigen::Vector3d expected = Line(0.2).alone();
  const auto means = time_means(line_chain(0.2), Particles<double>::Zero(1, 1), 1000, 2000, 400);
  for (std::size_t m = 0; m < 3; ++m) {
    EXPECT_LE(std::abs(means[m].z(expected[static_cast<Index>(m)])), 5) << m << ": " << means[m].mean();
  }
  // Power: the law of infinitely many particles is elsewhere.
  EXPECT_GT(std::abs(means[0].z(Line(0.2).mean_field()[0])), 10);
}

TEST(Line, ManyParticlesHaveTheLawOfTheMeanField) {
  // N = 1000 at eta = 0.2, 50 batches of 200 steps. The bias in 1/N, (0.3129 - 0.2876) 2 / N = 5e-5 by the N = 2
  // reference, is a tenth of the standard error of about 4e-4. z = 5. A particle that feels its own outputs alone would
  // be at z of a hundred.
  const Eigen::Vector3d expected = Line(0.2).mean_field();
  const auto means = time_means(line_chain(0.2), 0.5 * random_normals(1000, 1, 5), 300, 200, 50);
  for (std::size_t m = 0; m < 3; ++m) {
    EXPECT_LE(std::abs(means[m].z(expected[static_cast<Index>(m)])), 5) << m << ": " << means[m].mean();
  }
  EXPECT_GT(std::abs(means[0].z(Line(0.2).alone()[0])), 50);
}

TEST(Line, TwoAndSixteenParticlesHaveTheirFiniteWidthLaws) {
  // exp(-N F / lambda2) in continuous time; at eta = 0.1 the quadrature above gives the bias at N = 1 and N = infinity,
  // and one and a half times the larger is allowed for the N between. z = 5 beyond it. N = 2 and N = 16 lie 0.02 apart
  // in f_1, many standard errors.
  const auto& one = reference::line_stationary[0];
  const Eigen::Vector3d one_exact(one.outputs[0], one.outputs[1], one.second_moment);
  const Eigen::Vector3d optimum(reference::line_optimum[0], reference::line_optimum[1], reference::line_second_moment);
  const Eigen::Vector3d bias =
      1.5 * (Line(0.1).alone() - one_exact).cwiseAbs().cwiseMax((Line(0.1).mean_field() - optimum).cwiseAbs());
  EXPECT_LT(bias[0], 2e-3);
  for (const auto& expected : {reference::line_stationary[1], reference::line_stationary[2]}) {
    const auto means = time_means(line_chain(0.1), 0.5 * random_normals(expected.width, 1, 6), 1000, 5000, 300);
    const double values[] = {expected.outputs[0], expected.outputs[1], expected.second_moment};
    for (std::size_t m = 0; m < 3; ++m) {
      EXPECT_LE(std::abs(means[m].mean() - values[m]), bias[static_cast<Index>(m)] + 5 * means[m].standard_error())
          << "N = " << expected.width << ", " << m << ": " << means[m].mean();
    }
    EXPECT_LT(means[0].standard_error(), 2e-3) << "the test has no power";
  }
}

}  // namespace
}  // namespace mfld

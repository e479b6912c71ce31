// An objective of one's own, without samples, network or coefficients: the squared distance of the mean of the
// particles to n points,
//   R = (1/n) sum_i |m - y_i|^2 / 2,  m = (1/N) sum_j theta_j,  v_j = N dR / dtheta_j = m - (1/|I|) sum_I y_i,
// so that all particles move alike and the mean follows a linear recursion.
#include <gtest/gtest.h>

#include <cmath>
#include <memory>
#include <utility>

#include "support/kernel_problem.hpp"

namespace mfld {
namespace {

constexpr Index num_points = 12;
constexpr Index num_particles = 9;
constexpr Index dimension = 3;

template <class Scalar>
class DistanceToPoints : public Objective<Scalar> {
 public:
  explicit DistanceToPoints(Matrix points)
      : points_(std::move(points)), trained_(static_cast<std::size_t>(points_.cols()), 1) {}

  Index num_terms() const override { return points_.rows(); }
  const std::vector<unsigned char>& trained() const override { return trained_; }
  std::string describe(Index /*num_particles*/) const override { return "R = (1/n) sum_i |m - y_i|^2 / 2"; }

  double value(const Particles<Scalar>& particles) override {
    return (points_.rowwise() - mean_of(particles)).rowwise().squaredNorm().mean() / 2;
  }
  void drift(const Particles<Scalar>& particles, Drift& drift, SampleSpan<double> coefficients,
             const Finish& finish) override {
    EXPECT_TRUE(coefficients.empty());
    drift.rowwise() = mean_of(particles) - points_.colwise().mean();
    end(drift, finish);
  }
  void drift_of(std::span<const Index> terms, const Particles<Scalar>& particles, Drift& drift,
                const Finish& finish) override {
    drift.rowwise() = mean_of(particles) - mean_of(terms);
    end(drift, finish);
  }
  void subtract(std::span<const Index> terms, SampleSpan<const double> coefficients, const Particles<Scalar>& particles,
                Drift& drift, const Finish& finish) override {
    EXPECT_TRUE(coefficients.empty());
    drift.rowwise() -= mean_of(particles) - mean_of(terms);
    end(drift, finish);
  }

 private:
  static Eigen::RowVectorXd mean_of(const Particles<Scalar>& particles) {
    return particles.template cast<double>().colwise().mean();
  }
  Eigen::RowVectorXd mean_of(std::span<const Index> terms) const {
    Eigen::RowVectorXd sum = Eigen::RowVectorXd::Zero(points_.cols());
    for (const Index i : terms) {
      sum += points_.row(i);
    }
    return sum / static_cast<double>(terms.size());
  }
  static void end(const Drift& drift, const Finish& finish) {
    if (finish) {
      finish(0, drift.rows());
    }
  }

  Matrix points_;
  std::vector<unsigned char> trained_;
};

Matrix points() { return random_normals(num_points, dimension, 1); }
Particles<double> first_particles() { return random_normals(num_particles, dimension, 2); }

Phase phase_of(std::string_view method, std::int64_t num_steps) {
  Phase phase = mfld::phase_of(method, num_steps, 0.2);
  phase.batch_size = 3;
  phase.snapshot_every = 4;
  return phase;
}

template <class Scalar>
class Silent : public Listener<Scalar> {
 public:
  void hear(const State<Scalar>& /*state*/, Ending /*ending*/) override {}
};

template <class Scalar>
std::pair<Particles<double>, Outcome> run(const Phase& phase) {
  State<Scalar> state;
  state.particles = first_particles().cast<Scalar>();
  Simulation<Scalar> simulation(std::make_unique<DistanceToPoints<Scalar>>(points()), {phase}, {1, 2, 3, 4},
                                std::move(state));
  Silent<Scalar> silent;
  const Outcome outcome = simulation.run(silent, std::atomic<bool>(false));
  return {simulation.state().particles.template cast<double>(), outcome};
}

/// m_k = mean y + (1 - eta)^k (m_0 - mean y), and every particle keeps its distance to the mean.
Particles<double> descended(std::int64_t num_steps) {
  const Particles<double> start = first_particles();
  const Eigen::RowVectorXd gap = start.colwise().mean() - points().colwise().mean();
  return start.rowwise() + (std::pow(0.8, static_cast<double>(num_steps)) - 1) * gap;
}

TEST(OwnObjective, DescendsByItsClosedForm) {
  EXPECT_LE((run<double>(phase_of("gd", 11)).first - descended(11)).cwiseAbs().maxCoeff(), 1e-14);
  EXPECT_LE((run<float>(phase_of("gd", 11)).first - descended(11)).cwiseAbs().maxCoeff(), 1e-5);
}

// The terms differ by constants: what a snapshot corrects is the whole noise of the batches.
TEST(OwnObjective, IsDescendedExactlyBySvrgAndNotByBatchesAlone) {
  EXPECT_LE((run<double>(phase_of("svrg-mfld", 11)).first - descended(11)).cwiseAbs().maxCoeff(), 1e-14);
  EXPECT_GT((run<double>(phase_of("sgd", 11)).first - descended(11)).cwiseAbs().maxCoeff(), 1e-3);
}

// What it carries from step to step has the shapes that its sizes say, without coefficients too.
TEST(OwnObjective, ListsWhatItsSnapshotHolds) {
  State<double> state;
  state.particles = first_particles();
  Simulation<double> simulation(std::make_unique<DistanceToPoints<double>>(points()), {phase_of("svrg-mfld", 11)},
                                {1, 2, 3, 4}, std::move(state));
  Silent<double> silent;
  simulation.run(silent, std::atomic<bool>(false), 6);
  int num_matrices = 0;
  const auto check = [&](std::string_view name, const auto& matrix, const MatrixShape& shape) {
    ++num_matrices;
    EXPECT_EQ((MatrixShape{matrix.rows(), matrix.cols()}), shape) << name;
  };
  State<double>::for_each_matrix(simulation.state(), {num_particles, dimension, num_points, 0}, check);
  EXPECT_EQ(num_matrices, 4) << "particles, and particles, drift and no coefficients of the snapshot";
}

TEST(OwnObjective, HasNoNaturalGradient) {
  const auto [particles, outcome] = run<double>(phase_of("natural-gradient", 3));
  EXPECT_EQ(outcome.end.ending, Ending::diverged);
  EXPECT_NE(outcome.failure.find("this objective is another one"), std::string::npos) << outcome.failure;
  EXPECT_EQ(particles, first_particles());
}

TEST(OwnObjective, HasNoDualAscent) {
  const auto [particles, outcome] = run<double>(phase_of("p-sdca", 3));
  EXPECT_EQ(outcome.end.ending, Ending::diverged);
  EXPECT_NE(outcome.failure.find("this objective is another one"), std::string::npos) << outcome.failure;
  EXPECT_EQ(particles, first_particles());
}

TEST(OwnObjective, HasNoDualAverage) {
  const auto [particles, outcome] = run<double>(phase_of("pda", 3));
  EXPECT_EQ(outcome.end.ending, Ending::diverged);
  EXPECT_NE(outcome.failure.find("this objective has none"), std::string::npos) << outcome.failure;
  EXPECT_EQ(particles, first_particles());
}

}  // namespace
}  // namespace mfld

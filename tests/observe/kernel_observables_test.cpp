#include <gtest/gtest.h>

#include <Eigen/Eigenvalues>
#include <cmath>
#include <numbers>

#include "mfld/core/error.hpp"
#include "mfld/model/tangent_network.hpp"
#include "mfld/ntk/empirical.hpp"
#include "mfld/observe/harmonics.hpp"
#include "mfld/observe/linearisation.hpp"
#include "mfld/observe/observables.hpp"
#include "support/random_normals.hpp"

namespace mfld {
namespace {

constexpr double pi = std::numbers::pi;

Inputs on_sphere(Index rows, Index cols, unsigned seed) {
  return random_normals(rows, cols, seed).rowwise().normalized();
}

Phase descent(double step_size) {
  Phase phase;
  phase.name = "gd";
  phase.method = find_method("gd");
  phase.num_steps = 1000;
  phase.step_size.value = step_size;
  return phase;
}

/// A network, data and a start, and gradient descent as it is written down: theta <- theta - eta v.
struct World {
  Network network;
  Risk risk;
  Dataset data;
  Particles<double> initial;
  std::vector<Phase> phases;
  std::shared_ptr<const Model> tangent = nullptr;  // what trains, if it is not the network

  Scene scene() const { return {tangent ? tangent.get() : &network, &risk, &data, &initial, &phases}; }

  Vector outputs(const Model& of, const Particles<double>& particles, const Inputs& inputs) const {
    Vector result(inputs.rows());
    KernelWorkspace<double> workspace;
    of.outputs(particles, PackedInputs<double>(inputs), {result.data(), static_cast<std::size_t>(result.size())},
               workspace);
    return result;
  }

  Particles<double> after(const Model& of, Index num_steps) const {
    Particles<double> particles = initial;
    const PackedInputs<double> inputs(data.train_inputs);
    const Index n = data.num_train();
    const CurrentField field(risk.loss(), {data.train_targets.data(), static_cast<std::size_t>(n)});
    const double weight = risk.drift_weight(of.network(), particles.rows(), n, n);
    Drift drift(particles.rows(), particles.cols());
    KernelWorkspace<double> workspace;
    for (Index step = 0; step < num_steps; ++step) {
      of.drift(particles, inputs, field, weight, Accumulate::assign, drift, {}, workspace);
      particles -= phases.front().step_size.value * drift;
    }
    return particles;
  }

  std::vector<double> observe(const char* name, const Particles<double>& particles, Index step) const {
    const ObservedColumns observed(scene(), {name}, "observe.columns");
    Moment moment(scene());
    moment.move_to(particles, 0, 0, step);
    std::vector<double> values(observed.columns().size());
    observed.evaluate(moment, values);
    return values;
  }

  std::string refusal(const char* name) const {
    try {
      const ObservedColumns observed(scene(), {name}, "observe.columns");
    } catch (const InvalidInput& error) {
      return error.what();
    }
    return "accepted";
  }
};

World make_world(Index num_test, Loss loss = {}, Reduction reduction = Reduction::mean,
                 ScalingKind scaling = ScalingKind::ntk) {
  constexpr Index input_dim = 3;
  Dataset data;
  data.train_inputs = on_sphere(7, input_dim, 1);
  data.train_targets = random_normals(7, 1, 2);
  data.test_inputs = on_sphere(num_test, input_dim, 3);
  data.test_targets = random_normals(num_test, 1, 4);
  const Network network({.kind = NeuronKind::r_sigma, .activation = Activation::tanh, .bias = true, .bound = 1},
                        input_dim, {.kind = scaling, .alpha = 1});
  return {network, Risk(loss, reduction), data, random_normals(24, input_dim + 2, 5), {descent(0.3)}};
}

// Linearisation error.

TEST(LinearisationError, IsThatOfDescentOnTheLinearisedNetwork) {
  for (const Index num_test : {0, 5}) {
    for (const double prefactor : {0.5, 1.0}) {
      for (const auto& [reduction, step_size] : {std::pair{Reduction::mean, 0.2}, std::pair{Reduction::sum, 0.02}}) {
        for (const auto scaling : {ScalingKind::ntk, ScalingKind::mean_field}) {
          World world =
              make_world(num_test, {.kind = LossKind::squared, .prefactor = prefactor, .delta = 1}, reduction, scaling);
          world.phases = {descent(step_size)};
          const Inputs& inputs = num_test > 0 ? world.data.test_inputs : world.data.train_inputs;
          const TangentNetwork tangent(world.network, world.initial);
          for (const Index steps : {1, 30}) {
            const Particles<double> moved = world.after(world.network, steps);
            const Vector now = world.outputs(world.network, moved, inputs);
            const Vector linear = world.outputs(tangent, world.after(tangent, steps), inputs);
            const Vector start = world.outputs(world.network, world.initial, inputs);
            const double expected = (now - linear).norm() / (now - start).norm();
            EXPECT_GT(expected, 1e-4);
            EXPECT_NEAR(world.observe("linearisation_error", moved, steps)[0] / expected, 1, 1e-8);
          }
        }
      }
    }
  }
}

TEST(LinearisationError, OfALinearisedNetworkIsRounding) {
  World world = make_world(5);
  world.tangent = std::make_shared<TangentNetwork>(world.network, world.initial);
  EXPECT_LE(world.observe("linearisation_error", world.after(*world.tangent, 1000), 1000)[0], 1e-10);
}

// The error is a small difference of outputs, in which those of single precision would be nothing but their rounding.
TEST(LinearisationError, OfAStateInSinglePrecisionIsThatOfItsParticlesInDouble) {
  for (const Index num_test : {0, 5}) {
    const World world = make_world(num_test);
    State<float> state;
    state.particles = world.after(world.network, 3).cast<float>();
    state.step = 3;
    const ObservedColumns observed(world.scene(), {"linearisation_error", "train_loss"}, "observe.columns");
    Moment moment(world.scene());
    moment.move_to(state);
    std::vector<double> values(2);
    observed.evaluate(moment, values);
    const Particles<double> particles = state.particles.cast<double>();
    EXPECT_EQ(values[0], world.observe("linearisation_error", particles, 3)[0]);
    EXPECT_NEAR(values[1] / world.observe("train_loss", particles, 3)[0], 1, 1e-6);
    EXPECT_NE(values[1], world.observe("train_loss", particles, 3)[0]) << "nothing was rounded";
  }
}

TEST(LinearisationError, IsZeroAtTheStartAndNotANumberBeyondTheStableRange) {
  World world = make_world(5);
  EXPECT_EQ(world.observe("linearisation_error", world.initial, 0)[0], 0);
  const double largest = 2 * 7 /
                         empirical_ntk(world.network, world.initial, world.data.train_inputs, world.data.train_inputs)
                             .selfadjointView<Eigen::Lower>()
                             .eigenvalues()
                             .maxCoeff();
  const Particles<double> moved = world.initial.array() + 0.1;
  world.phases = {descent(0.999 * largest)};
  EXPECT_TRUE(std::isfinite(world.observe("linearisation_error", moved, 3)[0]));
  world.phases = {descent(1.001 * largest)};
  EXPECT_TRUE(std::isnan(world.observe("linearisation_error", moved, 3)[0]));
}

TEST(LinearisationError, ExistsForPlainDescentWithTheSquaredLossOnly) {
  const std::string reason = "needs the squared loss and gd as the only phase";
  const auto expect_refused = [&](const World& world) {
    EXPECT_NE(world.refusal("linearisation_error").find(reason), std::string::npos);
  };
  const World plain = make_world(5);
  EXPECT_EQ(plain.refusal("linearisation_error"), "accepted");
  World world = plain;
  world.risk = Risk({.kind = LossKind::huber}, Reduction::mean);
  expect_refused(world);
  world = plain;
  world.phases.push_back(descent(0.1));
  expect_refused(world);
  world = plain;
  world.phases.front().method = find_method("gld");
  expect_refused(world);
  world = plain;
  world.phases.front().lambda1.value = 1e-3;
  expect_refused(world);
  world = plain;
  world.phases.front().step_size.kind = ScheduleKind::inverse;
  expect_refused(world);
  world = plain;
  world.phases.front().step_size.off_fraction = 0.5;
  expect_refused(world);
  world = plain;
  world.phases.front().step_rule = StepKind::kinetic;
  expect_refused(world);
}

// Harmonics.

TEST(HarmonicSizes, AreFourierCoefficientsInThePlane) {
  const Inputs x = on_sphere(40, 2, 1);
  const Vector r = random_normals(40, 1, 2);
  const Vector sizes = harmonic_sizes(x, r, 10);
  EXPECT_NEAR(sizes[0], std::abs(r.mean()), 1e-13);
  for (int k = 1; k <= 10; ++k) {
    double cosine = 0;
    double sine = 0;
    for (Index i = 0; i < 40; ++i) {
      const double angle = std::atan2(x(i, 1), x(i, 0));
      cosine += std::numbers::sqrt2 * r[i] * std::cos(k * angle) / 40;
      sine += std::numbers::sqrt2 * r[i] * std::sin(k * angle) / 40;
    }
    EXPECT_NEAR(sizes[k], std::hypot(cosine, sine), 1e-13) << k;
  }
}

// Degree 1: sqrt(d) x. Degree 2, in which N P_2(t) = (d + 2) (d t^2 - 1) / 2: the second moments, tracefree.
TEST(HarmonicSizes, AreMomentsInAnyDimension) {
  for (const Index d : {2, 3, 5, 11}) {
    const Inputs x = on_sphere(30, d, 1);
    const Vector r = random_normals(30, 1, 2);
    const Vector sizes = harmonic_sizes(x, r, 2);
    const Matrix second = x.transpose() * r.asDiagonal() * x / 30;
    const double dim = static_cast<double>(d);
    EXPECT_NEAR(sizes[0], std::abs(r.mean()), 1e-13);
    EXPECT_NEAR(sizes[1], std::sqrt(dim) * (x.transpose() * r / 30).norm(), 1e-13);
    const double square = (dim + 2) / 2 * (dim * second.squaredNorm() - r.mean() * r.mean());
    EXPECT_NEAR(sizes[2], std::sqrt(square), 1e-12) << d;
  }
}

TEST(HarmonicSizes, SeparateFrequenciesAtEvenlySpacedPoints) {
  const Vector angles = Vector::LinSpaced(64, 0, 63 * pi / 32);
  Inputs x(64, 2);
  x << angles.array().cos().matrix(), angles.array().sin().matrix();
  const Vector r = 2 * (3 * angles.array() + 0.7).cos() - 0.5 * (7 * angles.array()).sin();
  const Vector sizes = harmonic_sizes(x, r, 10);
  for (int k = 0; k <= 10; ++k) {
    EXPECT_NEAR(sizes[k], k == 3 ? std::numbers::sqrt2 : k == 7 ? 0.5 / std::numbers::sqrt2 : 0, 1e-7) << k;
  }
}

TEST(ResidualHarmonics, AreThoseOfTheTrainingResidual) {
  const World world = make_world(5);
  const Particles<double> moved = world.initial.array() + 0.1;
  const Vector residual = world.outputs(world.network, moved, world.data.train_inputs) - world.data.train_targets;
  const Vector sizes = harmonic_sizes(world.data.train_inputs, residual, 10);
  const std::vector<double> values = world.observe("residual_harmonics", moved, 3);
  ASSERT_EQ(values.size(), 11U);
  for (Index k = 0; k <= 10; ++k) {
    EXPECT_NEAR(values[static_cast<std::size_t>(k)], sizes[k], 1e-14);
  }
}

TEST(ResidualHarmonics, NeedUnitInputs) {
  World world = make_world(5);
  world.data.train_inputs(6, 1) += 1e-6;
  EXPECT_NE(world.refusal("residual_harmonics").find("needs training inputs that are unit vectors"), std::string::npos);
  world.data.train_inputs = Inputs::Ones(7, 1);
  EXPECT_NE(world.refusal("residual_harmonics").find("of dimension 2 at least"), std::string::npos);
}

// Kernel.

TEST(TangentEigenvalues, AreThoseOfTheKernelOverN) {
  const World world = make_world(5);
  const Particles<double> moved = world.initial.array() + 0.1;
  const Matrix kernel = empirical_ntk(world.network, moved, world.data.train_inputs, world.data.train_inputs);
  const Vector expected = Eigen::SelfAdjointEigenSolver<Matrix>(kernel / 7).eigenvalues().reverse();
  const std::vector<double> values = world.observe("tangent_eigenvalues", moved, 3);
  ASSERT_EQ(values.size(), 7U);
  for (Index j = 0; j < 7; ++j) {
    EXPECT_NEAR(values[static_cast<std::size_t>(j)], expected[j], 1e-13);
  }
  Particles<double> diverged = moved;
  diverged(0, 0) = std::numeric_limits<double>::infinity();
  EXPECT_TRUE(std::isnan(world.observe("tangent_eigenvalues", diverged, 3)[0]));
}

TEST(TangentEigenvalues, AreAHundredAtMost) {
  World world = make_world(0);
  world.data.train_inputs = on_sphere(130, 3, 1);
  world.data.train_targets = random_normals(130, 1, 2);
  const ObservedColumns observed(world.scene(), {"tangent_eigenvalues"}, "observe.columns");
  ASSERT_EQ(observed.columns().size(), 100U);
  EXPECT_EQ(observed.columns().back(), "tangent_eigenvalue_100");
}

/// (1/N) sum_j [tanh z_j tanh z'_j + r_j^2 tanh' z_j tanh' z'_j (x . x' + 1)] in the ntk scaling.
double tangent_kernel(const Particles<double>& particles, const Vector& x, const Vector& other) {
  double sum = 0;
  for (Index j = 0; j < particles.rows(); ++j) {
    const Vector w = particles.row(j).segment(1, 3).transpose();
    const double a = std::tanh(w.dot(x) + particles(j, 4));
    const double b = std::tanh(w.dot(other) + particles(j, 4));
    sum += a * b + std::pow(particles(j, 0), 2) * (1 - a * a) * (1 - b * b) * (x.dot(other) + 1);
  }
  return sum / static_cast<double>(particles.rows());
}

TEST(KernelProfile, IsTheKernelAlongACircle) {
  const World world = make_world(5);
  const Particles<double> moved = world.initial.array() + 0.1;
  const std::vector<double> values = world.observe("kernel_profile", moved, 3);
  ASSERT_EQ(values.size(), 33U);
  for (Index m = 0; m < 33; ++m) {
    const double angle = pi * static_cast<double>(m - 16) / 16;
    const Vector other = (Vector(3) << std::cos(angle), std::sin(angle), 0).finished();
    EXPECT_NEAR(values[static_cast<std::size_t>(m)], tangent_kernel(moved, Vector::Unit(3, 0), other), 1e-13) << angle;
  }
  EXPECT_NEAR(values.front(), values.back(), 1e-13);
}

TEST(KernelProfile, OfALinearisedNetworkNeverChanges) {
  World world = make_world(5);
  const std::vector<double> start = world.observe("kernel_profile", world.initial, 0);
  world.tangent = std::make_shared<TangentNetwork>(world.network, world.initial);
  EXPECT_EQ(world.observe("kernel_profile", world.initial.array() + 0.1, 3), start);
}

}  // namespace
}  // namespace mfld

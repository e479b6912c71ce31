// The linearised network trained through the one loop, against the closed forms and recursions of its kernel.
#include <gtest/gtest.h>

#include <cmath>

#include "mfld/ntk/closed_forms.hpp"
#include "support/kernel_problem.hpp"

namespace mfld {
namespace {

std::vector<Scaling> scalings() {
  return {{.kind = ScalingKind::ntk}, {.kind = ScalingKind::mean_field}, {.kind = ScalingKind::alpha, .alpha = 3}};
}

template <class Check>
void for_each_problem(Index num_train, Index num_particles, const Check& check) {
  for (const Neuron& neuron : smooth_and_kinked()) {
    for (const Scaling& scaling : scalings()) {
      SCOPED_TRACE(scaling.describe() + (neuron.activation == Activation::relu ? ", relu" : ", tanh"));
      check(KernelProblem(neuron, scaling, num_train, 7, num_particles));
    }
  }
}

Inputs stacked(const Inputs& above, const Inputs& below) {
  Inputs all(above.rows() + below.rows(), above.cols());
  all << above, below;
  return all;
}

TEST(LinearisedDescent, IsTheClosedFormAfterEveryNumberOfSteps) {
  // u_k - y = (1 - eta (K / n + ridge))^k rho_0 up to the pull to the start (Lee et al. 2019, eqs. 8-11), 1000 steps of
  // the loop at nine tenths of the stable range against one formula, on training and test inputs.
  for_each_problem(30, 64, [](const KernelProblem& problem) {
    for (const double ridge : {0.0, 0.02}) {
      const LinearisedTraining training(problem.train_kernel(), ridge);
      const double step_size = 0.9 * training.largest_stable_step();
      Phase phase = phase_of("gd", 1000, step_size);
      phase.anchor = Anchor::start;
      phase.lambda1 = constant(ridge / 2);
      const Vector rho = problem.residual(problem.linear, problem.initial);
      const Matrix test_kernel = problem.kernel(problem.data.test_inputs, problem.data.train_inputs);
      const Vector test_start = outputs_at(problem.linear, problem.initial, problem.data.test_inputs);
      const auto check = [&](const State<double>& state) {
        const SpectralFilter filter = training.descent(step_size, state.step);
        EXPECT_LE((problem.residual(problem.linear, state.particles) - training.residual(filter, rho)).norm(),
                  1e-10 * rho.norm());
        EXPECT_LE((outputs_at(problem.linear, state.particles, problem.data.test_inputs) - test_start -
                   test_kernel * training.coefficients(filter, rho))
                      .norm(),
                  1e-10 * rho.norm());
      };
      const State<double> last = problem.run(problem.linear, {phase}, [&](const State<double>& state) {
        if (state.step == 1 || state.step == 10 || state.step == 100) {
          check(state);
        }
      });
      check(last);
      EXPECT_LT(problem.residual(problem.linear, last.particles).norm(), 0.9 * rho.norm()) << "it has learnt something";
    }
  });
}

TEST(LinearisedAveragedSgd, IsTheStochasticRecursionInTheKernelSpace) {
  // g <- (1 - a lambda) g - a (f(x_t) - y_t) K_0(x_t, .), g = f - f_0, and its average over the iterates (Nitanda &
  // Suzuki, ICLR 2021): 250 samples, each used once, at all training and test inputs. Rounding: errors of 250 steps add
  // up to less than 1e-13 of the largest output.
  for_each_problem(250, 48, [](const KernelProblem& problem) {
    const Inputs everywhere = stacked(problem.data.train_inputs, problem.data.test_inputs);
    const Matrix kernel = problem.kernel(everywhere, problem.data.train_inputs);
    const Vector start = outputs_at(problem.linear, problem.initial, everywhere);
    const double lambda = 0.01;
    const double a = 0.5 / (kernel.topRows(250).diagonal().maxCoeff() + lambda);
    Phase phase = phase_of("averaged-sgd", 250, a);
    phase.penalty_mode = PenaltyMode::half;
    phase.lambda1 = constant(lambda);
    Vector g = Vector::Zero(start.size());
    Vector sum = Vector::Zero(start.size());
    const auto close = [&](const Particles<double>& particles, const Vector& expected) {
      const Vector values = outputs_at(problem.linear, particles, everywhere);
      return (values - start - expected).cwiseAbs().maxCoeff() <= 1e-13 * (1 + values.cwiseAbs().maxCoeff());
    };
    const State<double> last = problem.run(problem.linear, {phase}, [&](const State<double>& state) {
      if (state.step == 250) {
        return;
      }
      ASSERT_TRUE(close(state.particles, g)) << state.step;
      if (state.step > 0) {
        ASSERT_TRUE(close(state.average, sum / static_cast<double>(state.step))) << state.step;
      }
      sum += g;
      const Index t = state.step;
      g = (1 - a * lambda) * g - a * (start[t] + g[t] - problem.data.train_targets[t]) * kernel.col(t);
    });
    EXPECT_TRUE(close(last.particles, sum / 250)) << "the result is the average";
    EXPECT_FALSE(close(last.particles, g)) << "and not the last iterate";
  });
}

TEST(LinearisedNaturalGradient, ContractsTheResidualByOneMinusEtaInEveryDirection) {
  // u_k - y = (1 - eta)^k (u_0 - y), and eta = 1 is there in one step (Zhang, Martens & Grosse, NeurIPS 2019).
  for_each_problem(20, 150, [](const KernelProblem& problem) {
    const Vector rho = problem.residual(problem.linear, problem.initial);
    problem.run(problem.linear, {phase_of("natural-gradient", 12, 0.3)}, [&](const State<double>& state) {
      const double left = std::pow(0.7, static_cast<double>(state.step));
      EXPECT_LE((problem.residual(problem.linear, state.particles) - left * rho).cwiseAbs().maxCoeff(),
                1e-10 * rho.norm())
          << state.step;
    });
    const State<double> last = problem.run(problem.linear, {phase_of("natural-gradient", 1, 1)});
    EXPECT_LE(problem.residual(problem.linear, last.particles).norm(), 1e-10 * rho.norm());
  });
}

TEST(LinearisedNaturalGradient, WithDampingIsKernelRidgeRegressionTowardTheStart) {
  // One step of eta = 1 with damping = n ridge: f = f_0 + k_x (K + n ridge)^-1 (y - u_0), the limit of ridge descent
  // too.
  for_each_problem(40, 64, [](const KernelProblem& problem) {
    const double ridge = 1e-3;
    Phase phase = phase_of("natural-gradient", 1, 1);
    phase.damping = 40 * ridge;
    const Particles<double> after = problem.run(problem.linear, {phase}).particles;
    const Vector rho = problem.residual(problem.linear, problem.initial);
    const Matrix kernel = problem.train_kernel();
    const auto change = [&](const Inputs& inputs) {
      return Vector(outputs_at(problem.linear, after, inputs) - outputs_at(problem.linear, problem.initial, inputs));
    };
    const Matrix test_kernel = problem.kernel(problem.data.test_inputs, problem.data.train_inputs);
    const auto regression = KernelRegression::ridge(kernel, -rho, ridge);
    EXPECT_LE((change(problem.data.test_inputs) - regression.predict(test_kernel)).norm(), 1e-11 * rho.norm());
    const LinearisedTraining training(kernel, ridge);
    EXPECT_LE((rho + change(problem.data.train_inputs) - training.residual(training.limit(), rho)).norm(),
              1e-11 * rho.norm());
  });
}

}  // namespace
}  // namespace mfld

#pragma once
#include <cmath>
#include <stdexcept>
#include <variant>
#include <vector>

#include "mfld/steps/steps.hpp"
#include "support/random_normals.hpp"

namespace mfld {

/// Many particles in the potential theta^4 / 4 + theta^2 / 2, or for the force a theta, at T = 1 and friction 1.
class Particles1D {
 public:
  Particles1D(StepKind kind, double step_size, double linear)
      : linear_(linear),
        options_{.step_size = step_size, .penalty = linear > 0 ? linear / 2 : 0.5, .temperature = 1, .noise_seed = 7},
        rule_(make_step<double>(kind)) {}

  /// Mean of theta^2 before the step.
  double step() {
    drift_ = linear_ > 0 ? Drift::Zero(num, 1).eval() : Drift(theta_.array().cube());
    const StepContext<double> context = {options_, drift_, trained_, theta_};
    if (options_.step == 0) {
      std::visit([&context](auto& one) { one.begin(context); }, rule_);
    }
    const double moment = theta_.squaredNorm() / static_cast<double>(num);
    StepOfAll<double> step(rule_, context);
    for_each_run(num, [&step](Index first, Index last) { step.move(first, last); });
    if (step.first_bad_particle()) {
      throw std::runtime_error("a particle has left the potential");
    }
    ++options_.step;
    return moment;
  }

 private:
  static constexpr Index num = 100000;
  double linear_;
  StepOptions options_;
  AnyStep<double> rule_;
  std::vector<unsigned char> trained_ = {1};
  Particles<double> theta_ = random_normals(num, 1, 4) * 0.5;
  Drift drift_;
};

struct Estimated {
  double value = 0;
  double standard_error = 0;  // from blocks of steps
};

/// The relative error of E theta^2 = 0.46791992 (by quadrature of exp(-theta^4 / 4 - theta^2 / 2)), from steps after a
/// time of 8. The same noise also drives a linear force of about the same variance, whose law is known: what it shows
/// by chance is taken off.
inline Estimated error_of_moment(StepKind kind, double step_size, std::int64_t steps_of_block) {
  constexpr double exact = 0.46791992;
  constexpr double a = 2.137;
  constexpr Index num_blocks = 20;
  const double linear_law = kind == StepKind::euler_maruyama ? 1 / (a * (1 - step_size * a / 2)) : 1 / a;
  Particles1D curved(kind, step_size, 0);
  Particles1D straight(kind, step_size, a);
  const auto mean_of_steps = [&](std::int64_t num_steps) {
    double sum = 0;
    for (std::int64_t k = 0; k < num_steps; ++k) {
      sum += curved.step() - 0.7 * (straight.step() - linear_law);
    }
    return sum / static_cast<double>(num_steps);
  };
  mean_of_steps(static_cast<std::int64_t>(8 / step_size));
  Vector blocks(num_blocks);
  for (double& block : blocks) {
    block = mean_of_steps(steps_of_block) / exact - 1;
  }
  const double mean = blocks.mean();
  return {mean, std::sqrt((blocks.array() - mean).square().sum() / (num_blocks * (num_blocks - 1)))};
}

}  // namespace mfld

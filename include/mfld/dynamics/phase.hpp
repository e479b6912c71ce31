#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "mfld/core/schedule.hpp"
#include "mfld/dynamics/methods.hpp"

namespace mfld {

/// How lambda1 enters (src/README.md, equation 3): the penalty coefficient in front of |theta|^2 (of |theta -
/// theta_0|^2 where the anchor is the start) is
///   additive: lambda1 (prior N(0, lambda2 / (2 lambda1)))
///   product:  lambda1 * temperature (prior N(0, 1 / (2 lambda1)), whatever the temperature)
///   half:     lambda1 / 2
enum class PenaltyMode { additive, product, half };

/// How the output weights r move (src/README.md, equation 20): as the method moves all that it trains, or to the
/// solution of the ridge problem in r at the present w and b, before every step and after the last.
enum class Readout { trained, ridge };

/// What dual averaging predicts with and ends with (src/README.md, equation 15): its last particles, or a sample of the
/// weighted mixture of the laws of its outer iterations.
enum class Iterate { last, weighted };

/// A method with its numbers and a length; a run is a list of phases.
struct Phase {
  std::string name;  // shown in plots; the method's name unless given
  const Method* method = nullptr;
  std::int64_t num_steps = 0;
  Schedule step_size;
  Schedule temperature;  // lambda2 or 1/beta: T of the step rule (methods.hpp); constant 0 where the
                         // method has none
  Schedule lambda1;
  Schedule lambda1_fourth;  // of |theta|^4; enters as lambda1 does
  PenaltyMode penalty_mode = PenaltyMode::additive;
  Anchor anchor = Anchor::zero;  // start: the penalty is on theta - theta_0 instead of theta
  Index batch_size = 0;          // mini-batch and SVRG
  Sampling sampling = Sampling::without_replacement;
  std::int64_t first_sample = 0;      // one-pass: step k of the phase takes the B samples from first_sample + k B on
  std::int64_t snapshot_every = 0;    // SVRG: m steps
  std::int64_t inner_steps = 1;       // dual averaging and ascent: steps between two updates of the coefficients
  Index fresh_samples = 0;            // dual averaging: > 0: iteration t takes the next so many samples alone
  Iterate iterate = Iterate::last;    // dual averaging; weighted: the result is drawn of all outer iterates
  std::int64_t coordinate_steps = 1;  // dual ascent: coordinates of an outer iteration, at most
  double effective_share = 0.5;  // dual ascent: in [0, 1]; of N, below which an iteration moves no further coordinate
  double label_noise = 0;        // > 0: the labels of every step have fresh noise, uniform on [-s, s]
  Index samples_begin = 0;       // full and mini-batch: the samples [begin, end) alone,
  Index samples_end = 0;         // 0: all of them
  Readout readout = Readout::trained;
  double ridge = 0;                       // solved readout: > 0, of (ridge / 2) penalty_factor sum_j r_j^2
  std::vector<unsigned char> moved = {};  // [p] 1 where a column moves; empty: all that the objective trains
  bool averaging = false;                 // the result is the average of the iterates, the last one excluded
  StepKind step_rule = StepKind::euler_maruyama;
  double friction = 1;             // kinetic: > 0, per unit of time
  double radius = 1;               // ball: > 0
  double damping = 0;              // natural gradient: >= 0, in the units of the tangent kernel
  double until_gradient_norm = 0;  // > 0, full gradients only: the phase ends once the norm of the drift is below it

  /// Whether the result is not the last iterate.
  bool keeps_average() const { return averaging || iterate == Iterate::weighted; }

  bool takes_all_samples() const { return samples_end == 0; }
  Index num_samples() const { return samples_end - samples_begin; }  // where it does not
  /// Samples that a step draws, or all of them; by these looks and runs are counted (observe.log_spaced, runs/cost.hpp).
  double samples_of_step(double all) const {
    return draws_batches(method->estimator) ? static_cast<double>(batch_size) : all;
  }

  /// Dual averaging and ascent: whether an outer iteration begins with that step.
  bool begins_iteration(std::int64_t step) const { return step % inner_steps == 0; }
  /// Whether one process alone reads all particles at once before that step, not the passes of the objective alone.
  bool reads_all_particles(std::int64_t step) const {
    return method->estimator == Estimator::natural ||
           (method->estimator == Estimator::dual_ascent && begins_iteration(step));
  }

  bool solves_readout() const { return readout == Readout::ridge; }
  /// Which columns its steps move, of those that the objective trains.
  const std::vector<unsigned char>& moved_of(const std::vector<unsigned char>& trained) const {
    return moved.empty() ? trained : moved;
  }

  double step_size_at(std::int64_t step) const { return step_size.at(step, num_steps); }
  double temperature_at(std::int64_t step) const { return temperature.at(step, num_steps); }
  /// Coefficient of |theta|^2, or of |theta - theta_0|^2, after the penalty mode.
  double penalty_at(std::int64_t step) const;
  /// The same of |theta|^4.
  double fourth_penalty_at(std::int64_t step) const;

  /// Method, formula, constants and noise amplitude in words, as runs print them.
  std::string describe() const;

 private:
  double in_mode(double coefficient, std::int64_t step) const;
};

}  // namespace mfld

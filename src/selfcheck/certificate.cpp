#include "selfcheck/certificate.hpp"

#include <fmt/format.h>

#include <cmath>
#include <utility>
#include <vector>

#include "mfld/model/initialisation.hpp"
#include "selfcheck/run.hpp"

namespace mfld::theorems {

namespace {

constexpr double lambda = 0.1;
constexpr double optimum = 0.079911340498841411810;   // L*
constexpr double prior_gap = 0.10705375844593895108;  // lambda2 KL(mu | p_mu) of the prior
constexpr double allowed_bias = 1e-3;                 // of the entropy, of steps and of N particles together

}  // namespace

Certificate line_certificate(const LineProblem& problem) {
  Dataset data;
  data.train_inputs = (Inputs(2, 1) << 1, -0.5).finished();
  data.train_targets = (Vector(2) << 0.8, 0.3).finished();
  const Network network({NeuronKind::sigma, Activation::tanh, false}, 1, {});
  const Risk risk({}, Reduction::mean);
  Phase phase = selfcheck_phase("mfld", problem.num_steps, 0.5, lambda, problem.lambda2);
  phase.step_rule = StepKind::leimkuhler_matthews;
  State<double> state;
  state.particles = initial_particles({.input_std = std::sqrt(0.5)}, network.neuron(), 1, problem.num_particles, 1);
  if (problem.num_steps > 0) {
    state = SelfcheckRun{network, data, {phase}}.from(std::move(state));
  }
  std::vector<double> outputs(2);
  KernelWorkspace<double> workspace;
  network.outputs(state.particles, PackedInputs<double>(data.train_inputs), outputs, workspace);
  return certificate({&network, &risk, &data, lambda, problem.lambda2}, state.particles, outputs);
}

Finding judge_sandwich(const Certificate& seen) {
  return {fmt::format("{:.5f} <= L* <= {:.5f}", seen.dual_bound, seen.free_energy),
          fmt::format("L* = {:.5f}, above it error + {}", optimum, allowed_bias),
          seen.dual_bound <= optimum + 1e-9 && seen.free_energy >= optimum - seen.dual_gap_error - allowed_bias};
}

Finding judge_gap_of_prior(const Certificate& seen) {
  return within_errors({{seen.dual_gap, prior_gap, seen.dual_gap_error}});
}

Finding judge_gap_after_training(const Certificate& seen) {
  return {fmt::format("{:.5f} +- {:.5f}", seen.dual_gap, seen.dual_gap_error),
          fmt::format("0 within error + {}", allowed_bias),
          std::abs(seen.dual_gap) <= seen.dual_gap_error + allowed_bias};
}

}  // namespace mfld::theorems

#include "mfld/selfcheck/selfcheck.hpp"

#include <array>
#include <string_view>

#include "selfcheck/arithmetic.hpp"
#include "selfcheck/certificate.hpp"
#include "selfcheck/identities.hpp"
#include "selfcheck/laws.hpp"
#include "selfcheck/width.hpp"

namespace mfld::theorems {

namespace {

struct Check {
  std::string_view name;
  std::string_view what;
  Finding (*find)();
};

constexpr LinearQuadratic euler_maruyama = {.step = StepKind::euler_maruyama};
constexpr LinearQuadratic leimkuhler_matthews = {.step = StepKind::leimkuhler_matthews};
constexpr LinearQuadratic kinetic = {.step = StepKind::kinetic, .step_size = 0.8};
/// One look at many particles, whose sums run over many tasks.
constexpr LinearQuadratic wide = {.width = 5000, .num_looks = 1};

constexpr LineProblem prior = {};
constexpr LineProblem trained = {.num_steps = 100};

using Judge = Finding (*)(const StationarySample&, const LinearQuadratic&);

template <const LinearQuadratic& problem, Judge judge>
Finding stationary() {
  return judge(stationary_sample(problem), problem);
}

template <ScalingKind scaling>
Finding width() {
  return judge_width(width_slopes({.kind = scaling}), scaling);
}

/// All that `mfld selfcheck` does. The laws are those of linear neurons at finite step size and width
/// (selfcheck_laws.hpp).
constexpr auto checks = std::to_array<Check>({
    {"random bits", "Philox4x32-10 of the digits of pi", check_philox},
    {"gradient", "r relu(w.x), squared loss: largest error", [] { return check_gradients(0); }},
    {"gradient", "r tanh(w.x), logistic loss: largest error", [] { return check_gradients(1); }},
    {"gradient", "tanh(r) tanh(w.x), squared loss: largest error", [] { return check_gradients(2); }},
    {"gradient", "parity neuron, logistic loss: largest error", [] { return check_gradients(3); }},
    {"euler-maruyama", "mean, along two axes", stationary<euler_maruyama, judge_mean>},
    {"euler-maruyama", "variance of the mean, with its bias", stationary<euler_maruyama, judge_variance_of_mean>},
    {"euler-maruyama", "variance about it, with its bias", stationary<euler_maruyama, judge_variance_about_mean>},
    {"euler-maruyama", "variance about it, 5000 particles", stationary<wide, judge_variance_about_mean>},
    {"leimkuhler-matthews", "mean, along two axes", stationary<leimkuhler_matthews, judge_mean>},
    {"leimkuhler-matthews", "variance of the mean, unbiased", stationary<leimkuhler_matthews, judge_variance_of_mean>},
    {"leimkuhler-matthews", "variance about it, unbiased", stationary<leimkuhler_matthews, judge_variance_about_mean>},
    {"kinetic", "mean, along two axes", stationary<kinetic, judge_mean>},
    {"kinetic", "variance of the mean, unbiased", stationary<kinetic, judge_variance_of_mean>},
    {"kinetic", "variance about it, unbiased", stationary<kinetic, judge_variance_about_mean>},
    {"kinetic", "variance of velocities, their covariance", stationary<kinetic, judge_velocities>},
    {"threads", "numbers that differ on 1, 2 and 3 threads", check_threads},
    {"resume", "numbers that differ after a split at any step",
     [] { return check_resume([](const State<double>& state) { return state; }); }},
    {"width, mean-field", "powers of N: outputs, moved activations", width<ScalingKind::mean_field>},
    {"width, ntk", "powers of N: outputs, moved activations", width<ScalingKind::ntk>},
    {"certificate", "of the prior: bound, optimum, free energy",
     [] { return judge_sandwich(line_certificate(prior)); }},
    {"certificate", "of the prior: gap", [] { return judge_gap_of_prior(line_certificate(prior)); }},
    {"certificate", "after training: bound, optimum, free energy",
     [] { return judge_sandwich(line_certificate(trained)); }},
    {"certificate", "after training: gap", [] { return judge_gap_after_training(line_certificate(trained)); }},
});

}  // namespace

}  // namespace mfld::theorems

namespace mfld {

bool selfcheck(const std::function<void(const SelfcheckResult&)>& report) {
  bool all_passed = true;
  for (const theorems::Check& check : theorems::checks) {
    theorems::Finding finding = check.find();
    report({std::string(check.name), std::string(check.what), std::move(finding.value), std::move(finding.bound),
            finding.passed});
    all_passed = all_passed && finding.passed;
  }
  return all_passed;
}

}  // namespace mfld

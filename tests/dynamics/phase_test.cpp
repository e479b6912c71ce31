#include "mfld/dynamics/phase.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <string>

#include "support/constant.hpp"

namespace mfld {
namespace {

Phase langevin() {
  Phase phase;
  phase.name = "mfld";
  phase.method = find_method("mfld");
  phase.num_steps = 100;
  phase.step_size = constant(0.1);
  phase.temperature = constant(0.02);
  phase.lambda1 = constant(0.3);
  return phase;
}

TEST(Methods, EveryRowIsFoundByItsNameAndNothingElse) {
  for (const Method& method : methods) {
    EXPECT_EQ(find_method(method.name), &method);
  }
  EXPECT_EQ(find_method("adam"), nullptr);
  EXPECT_EQ(find_method(""), nullptr);
}

TEST(Phase, PenaltyModes) {
  Phase phase = langevin();
  EXPECT_DOUBLE_EQ(phase.penalty_at(0), 0.3);
  phase.penalty_mode = PenaltyMode::product;
  EXPECT_DOUBLE_EQ(phase.penalty_at(0), 0.3 * 0.02);
  phase.penalty_mode = PenaltyMode::half;
  EXPECT_DOUBLE_EQ(phase.penalty_at(0), 0.15);
}

TEST(Phase, ProductPenaltyKeepsThePriorWhileTheTemperatureFalls) {
  // The Gibbs factor exp(-penalty |theta|^2 / temperature) is N(0, 1 / (2 lambda1)) at every step.
  Phase phase = langevin();
  phase.penalty_mode = PenaltyMode::product;
  phase.temperature = {.kind = ScheduleKind::exponential, .value = 0.02, .final_value = 1e-6};
  for (std::int64_t k = 0; k < phase.num_steps; ++k) {
    EXPECT_NEAR(phase.penalty_at(k) / phase.temperature_at(k), 0.3, 1e-15);
  }
}

TEST(Phase, EveryConstantFollowsItsOwnSchedule) {
  Phase phase = langevin();
  phase.step_size = {.kind = ScheduleKind::inverse, .value = 0.1, .timescale = 10};
  phase.lambda1 = {.kind = ScheduleKind::halving, .value = 0.4, .timescale = 50};
  EXPECT_DOUBLE_EQ(phase.step_size_at(10), 0.05);
  EXPECT_DOUBLE_EQ(phase.penalty_at(49), 0.4);
  EXPECT_DOUBLE_EQ(phase.penalty_at(50), 0.2);
  EXPECT_DOUBLE_EQ(phase.temperature_at(99), 0.02);
}

void expect_contains(const std::string& text, const std::string& part) {
  EXPECT_NE(text.find(part), std::string::npos) << "\"" << part << "\" is not in: " << text;
}

TEST(Phase, DescribesFormulaNumbersNoiseAndPenalty) {
  const std::string text = langevin().describe();
  expect_contains(text, "mfld, 100 steps");
  expect_contains(text, std::string(find_method("mfld")->update));
  expect_contains(text, "eta = 0.1");
  expect_contains(text, "T = lambda2 = 0.02");
  expect_contains(text, "sqrt(2 eta T) = 0.0632456");
  expect_contains(text, "lambda1 |theta|^2");
  expect_contains(text, "lambda1 = 0.3");
  EXPECT_EQ(text.find('\n'), std::string::npos);
}

TEST(Phase, DescribesWhatAMethodLacks) {
  Phase phase = langevin();
  phase.name = "converge";
  phase.method = find_method("gd");
  phase.temperature = constant(0);
  phase.lambda1 = constant(0);
  phase.until_gradient_norm = 1e-6;
  const std::string text = phase.describe();
  expect_contains(text, "converge (gd)");
  expect_contains(text, "no noise");
  expect_contains(text, "no penalty");
  expect_contains(text, "< 1e-06");
}

TEST(Phase, DescribesSamplesUsedOnceAnchorAndAverage) {
  Phase phase = langevin();
  phase.method = find_method("averaged-sgd");
  phase.batch_size = 3;
  phase.sampling = Sampling::one_pass;
  phase.first_sample = 12;
  phase.anchor = Anchor::start;
  phase.penalty_mode = PenaltyMode::half;
  phase.averaging = true;
  const std::string text = phase.describe();
  expect_contains(text, "each sample once, in order from sample 12 on, 3 a step");
  expect_contains(text,
                  "penalty (lambda1 / 2) |theta - theta_0|^2, g = v + lambda1 (theta - theta_0), theta_0 the first "
                  "particles, lambda1 = 0.3");
  expect_contains(text, "predicts with the average of its iterates so far");
}

TEST(Phase, DescribesTheFourthPower) {
  Phase phase = langevin();
  phase.lambda1_fourth = constant(0.25);
  expect_contains(phase.describe(),
                  "penalty lambda1 |theta|^2 + lambda1_fourth |theta|^4, g = v + 2 lambda1 theta + 4 lambda1_fourth "
                  "|theta|^2 theta, lambda1 = 0.3, lambda1_fourth = 0.25");
  phase.lambda1 = constant(0);
  phase.penalty_mode = PenaltyMode::half;
  phase.anchor = Anchor::start;
  expect_contains(
      phase.describe(),
      "penalty (lambda1_fourth / 2) |theta - theta_0|^4, g = v + 2 lambda1_fourth |theta - theta_0|^2 (theta "
      "- theta_0), theta_0 the first particles, lambda1_fourth = 0.25");
  phase.penalty_mode = PenaltyMode::product;
  EXPECT_DOUBLE_EQ(phase.fourth_penalty_at(0), 0.25 * 0.02);
}

TEST(Phase, DescribesItsSamplesAndTheNoiseOnTheirLabels) {
  Phase phase = langevin();
  phase.samples_begin = 10;
  phase.samples_end = 30;
  phase.label_noise = 0.5;
  expect_contains(phase.describe(), "samples 10 to 29 every step");
  expect_contains(phase.describe(), "fresh noise on the labels of every step, uniform on [-0.5, 0.5]");
  phase.method = find_method("sgd");
  phase.batch_size = 5;
  expect_contains(phase.describe(), "batches of 5 without replacement, of samples 10 to 29");
}

TEST(Phase, DescribesDualAveraging) {
  Phase phase = langevin();
  phase.method = find_method("pda");
  phase.inner_steps = 30;
  expect_contains(
      phase.describe(),
      "all samples every step, outer iterations t = 1, 2, ... of 30 steps each, in which the penalty is t / "
      "(t + 2) times as large");
  phase.fresh_samples = 7;
  expect_contains(phase.describe(), "iteration t takes the coefficients of the next 7 samples alone, each once");
  phase.step_rule = StepKind::ball;
  phase.radius = 3;
  expect_contains(phase.describe(), "radius = 3");
}

TEST(Phase, DescribesDualAscent) {
  Phase phase = langevin();
  phase.method = find_method("p-sdca");
  phase.inner_steps = 30;
  phase.coordinate_steps = 7;
  phase.effective_share = 0.4;
  expect_contains(phase.describe(),
                  "outer iterations of 30 steps each; before each but the first at most 7 of the dual "
                  "variables, drawn uniformly, fewer once the weighted particles are worth fewer than "
                  "0.4 N");
}

TEST(Phase, DescribesTheNaturalGradient) {
  Phase phase = langevin();
  phase.method = find_method("natural-gradient");
  phase.lambda1 = constant(0);
  phase.damping = 0.25;
  expect_contains(phase.describe(), "no penalty, g = v; all samples every step, damping = 0.25");
}

TEST(Phase, DescribesTheStepThatItMakes) {
  Phase phase = langevin();
  phase.method = find_method("svrg-mfld");
  phase.step_rule = StepKind::kinetic;
  phase.friction = 2;
  expect_contains(phase.describe(), "kinetic step, velocity <- velocity - eta g; theta");
  expect_contains(phase.describe(), "velocity <- e velocity + sqrt(T (1 - e^2)) xi^(k)");
  expect_contains(phase.describe(), "v = v_I(theta) - v_I(snapshot) + v(snapshot)");
  // sqrt(0.02 (1 - exp(-0.4)))
  expect_contains(phase.describe(), "noise amplitude sqrt(T (1 - e^2)) = 0.081201");
  expect_contains(phase.describe(), "friction = 2, velocities drawn from N(0, T) at the start of the phase");
  phase.method = find_method("gd");
  expect_contains(phase.describe(), "velocity <- e velocity, e = exp(-friction eta)");
  expect_contains(phase.describe(), "no noise");
  expect_contains(phase.describe(), "velocities 0 at the start of the phase");
  EXPECT_EQ(phase.describe().find("xi"), std::string::npos) << "there is no noise to speak of";
  phase = langevin();
  phase.step_rule = StepKind::leimkuhler_matthews;
  expect_contains(phase.describe(), "theta <- theta - eta g + sqrt(2 eta T) (xi^(k) + xi^(k+1)) / 2");
}

TEST(Steps, SayWithoutNoiseWhatTheySayWithIt) {
  for (const StepInfo& row : step_rules) {
    EXPECT_EQ(&info(row.kind), &row);
    EXPECT_NE(row.update.find("xi^(k)"), std::string_view::npos) << row.name;
    // What is left when the term with the noise goes, up to the next comma or the end.
    const std::size_t begin = row.update.find(std::string(" + ") + std::string(row.noise));
    ASSERT_NE(begin, std::string_view::npos) << row.name;
    const std::size_t end = std::min(row.update.find(',', begin), row.update.size());
    EXPECT_EQ(row.cold_update, std::string(row.update.substr(0, begin)) + std::string(row.update.substr(end)));
    EXPECT_EQ(row.noise_amplitude({.step_size = 0.1, .temperature = 0, .friction = 2}), 0) << row.name;
    EXPECT_GT(row.noise_amplitude({.step_size = 0.1, .temperature = 0.5, .friction = 2}), 0) << row.name;
  }
}

TEST(Phase, DescribesBatchesAndSnapshots) {
  Phase phase = langevin();
  phase.method = find_method("svrg-mfld");
  phase.batch_size = 8;
  phase.snapshot_every = 64;
  expect_contains(phase.describe(), "batches of 8 without replacement, a snapshot every 64 steps");
  phase.method = find_method("sgld");
  phase.sampling = Sampling::with_replacement;
  expect_contains(phase.describe(), "T = 1/beta = 0.02");
  expect_contains(phase.describe(), "batches of 8 with replacement");
  phase.sampling = Sampling::symmetric_sweep;
  expect_contains(phase.describe(), "symmetric sweeps: a random order of the samples in batches of 8");
}

}  // namespace
}  // namespace mfld

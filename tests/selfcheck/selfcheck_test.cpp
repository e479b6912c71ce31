// Every row of `mfld selfcheck` that compares a run with a law fails when the run is another one: noise doubled, 1/N
// dropped, 2 lambda1 replaced by lambda1, a state that is lost. That all pass as they are, tests/cli checks.
#include <gtest/gtest.h>

#include <ostream>
#include <string>

#include "selfcheck/certificate.hpp"
#include "selfcheck/identities.hpp"
#include "selfcheck/laws.hpp"
#include "selfcheck/width.hpp"

namespace mfld {

/// What googletest prints of a parameter.
static void PrintTo(StepKind kind, std::ostream* out) { *out << info(kind).name; }

}  // namespace mfld

namespace mfld::theorems {

namespace {

LinearQuadratic quadratic_of(StepKind kind) {
  return {.step = kind, .step_size = kind == StepKind::kinetic ? 0.8 : 0.5, .num_looks = 1000};
}

class StationaryRows : public testing::TestWithParam<StepKind> {
 protected:
  const LinearQuadratic law = quadratic_of(GetParam());
  LinearQuadratic wrong = law;
};

TEST_P(StationaryRows, PassOnTheirOwnLaw) {
  const StationarySample sample = stationary_sample(law);
  EXPECT_TRUE(judge_mean(sample, law).passed) << judge_mean(sample, law).value;
  EXPECT_TRUE(judge_variance_of_mean(sample, law).passed) << judge_variance_of_mean(sample, law).value;
  EXPECT_TRUE(judge_variance_about_mean(sample, law).passed) << judge_variance_about_mean(sample, law).value;
}

TEST_P(StationaryRows, FailWhenTheNoiseIsDoubled) {
  wrong.lambda2 *= 2;
  const StationarySample sample = stationary_sample(wrong);
  EXPECT_FALSE(judge_variance_of_mean(sample, law).passed);
  EXPECT_FALSE(judge_variance_about_mean(sample, law).passed);
}

TEST_P(StationaryRows, FailWhenOneOverTheWidthIsDropped) {
  wrong.width = 1;
  const StationarySample sample = stationary_sample(wrong);
  EXPECT_FALSE(judge_variance_of_mean(sample, law).passed);
}

TEST_P(StationaryRows, FailWhenTwiceLambdaBecomesLambda) {
  wrong.lambda1 /= 2;
  const StationarySample sample = stationary_sample(wrong);
  EXPECT_FALSE(judge_mean(sample, law).passed);
  EXPECT_FALSE(judge_variance_of_mean(sample, law).passed);
  EXPECT_FALSE(judge_variance_about_mean(sample, law).passed);
}

TEST_P(StationaryRows, FailOnAnotherStep) {
  // The step-size bias is 43 % and more: the rows tell the biased step from those without bias.
  const bool biased = GetParam() == StepKind::euler_maruyama;
  wrong.step = biased ? StepKind::leimkuhler_matthews : StepKind::euler_maruyama;
  wrong.step_size = 0.5;
  const StationarySample sample = stationary_sample(wrong);
  EXPECT_FALSE(judge_variance_of_mean(sample, law).passed);
  EXPECT_FALSE(judge_variance_about_mean(sample, law).passed);
}

INSTANTIATE_TEST_SUITE_P(Steps, StationaryRows,
                         testing::Values(StepKind::euler_maruyama, StepKind::leimkuhler_matthews, StepKind::kinetic),
                         [](const auto& each) { return std::to_string(static_cast<int>(each.param)); });

TEST(VelocityRow, FailsWhenTheNoiseIsDoubled) {
  const LinearQuadratic law = quadratic_of(StepKind::kinetic);
  EXPECT_TRUE(judge_velocities(stationary_sample(law), law).passed);
  LinearQuadratic wrong = law;
  wrong.lambda2 *= 2;
  EXPECT_FALSE(judge_velocities(stationary_sample(wrong), law).passed);
}

TEST(ResumeRow, FailsWhenAPartOfTheStateIsLost) {
  EXPECT_TRUE(check_resume([](const State<double>& state) { return state; }).passed);
  const auto without = [](const auto& lose) {
    return [lose](const State<double>& state) {
      State<double> kept = state;
      lose(kept);
      return kept;
    };
  };
  // The velocities, the average, the number of the step.
  EXPECT_FALSE(check_resume(without([](State<double>& kept) {
                 if (std::holds_alternative<Kinetic<double>>(kept.rule)) {
                   kept.step_in_phase = 0;
                 }
               })).passed);
  EXPECT_FALSE(check_resume(without([](State<double>& kept) {
                 if (kept.average.size() > 0) {
                   kept.average.setZero();
                 }
               })).passed);
  EXPECT_FALSE(check_resume(without([](State<double>& kept) { kept.step += 1; })).passed);
}

TEST(WidthRows, FailInAnotherScaling) {
  const WidthSlopes mean_field = width_slopes({.kind = ScalingKind::mean_field});
  const WidthSlopes ntk = width_slopes({.kind = ScalingKind::ntk});
  EXPECT_TRUE(judge_width(mean_field, ScalingKind::mean_field).passed);
  EXPECT_TRUE(judge_width(ntk, ScalingKind::ntk).passed);
  EXPECT_FALSE(judge_width(mean_field, ScalingKind::ntk).passed);
  EXPECT_FALSE(judge_width(ntk, ScalingKind::mean_field).passed);
}

TEST(CertificateRows, FailAtAnotherTemperatureOrLaw) {
  const Certificate prior = line_certificate({.num_particles = 20000});
  const Certificate trained = line_certificate({.num_particles = 20000, .num_steps = 100});
  EXPECT_TRUE(judge_gap_of_prior(prior).passed) << judge_gap_of_prior(prior).value;
  EXPECT_TRUE(judge_gap_after_training(trained).passed) << judge_gap_after_training(trained).value;
  EXPECT_FALSE(judge_gap_of_prior(trained).passed);
  EXPECT_FALSE(judge_gap_after_training(line_certificate({.num_particles = 20000, .num_steps = 3})).passed);
  const Certificate hot = line_certificate({.num_particles = 20000, .num_steps = 100, .lambda2 = 0.2});
  EXPECT_FALSE(judge_sandwich(hot).passed);
}

}  // namespace
}  // namespace mfld::theorems

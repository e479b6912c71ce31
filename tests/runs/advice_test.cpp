// Each rule of the table of advice: what it says of a run that disappoints, and that it is silent of a good one.
#include "runs/advice.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "mfld/config/config.hpp"
#include "mfld/runs/runner.hpp"
#include "support/file_text.hpp"

namespace mfld {
namespace {

using test::mentions;

RunSummary run(const std::string& text) {
  const Experiment experiment = build_experiment(parse_toml(text, "test.toml"), {});
  MemoryRecord record;
  run_experiment(experiment, record, std::atomic<bool>(false));
  return record.summary();
}

/// The only sentence, or none.
std::string advice_of(const std::string& text) {
  const RunSummary summary = run(text);
  EXPECT_LE(summary.advice.size(), 1U);
  return summary.advice.empty() ? "" : summary.advice.front();
}

// ---- Teachers

std::string two_phases(int explore, int converge, const std::string& network = "width = 4") {
  return "seed = 1\n[task]\nkind = \"teacher-student\"\ninput_dim = 2\nnum_teachers = 2\nnum_train = 200\nnum_test = "
         "0\n"
         "[network]\nneuron = \"r-sigma\"\nactivation = \"relu\"\nbias = false\nscaling = \"standard\"\n" +
         network + "\n[[phase]]\nmethod = \"gld\"\nsteps = " + std::to_string(explore) +
         "\nstep_size = 0.05\nbeta = 1000.0\nlambda1 = 1e-3\n[[phase]]\nmethod = \"gd\"\nsteps = " +
         std::to_string(converge) + "\nstep_size = 0.1\n";
}

TEST(Advice, OfTeachersThatWereNotFound) {
  const std::string missed = advice_of(two_phases(3, 3, "width = 1"));
  EXPECT_TRUE(mentions(missed, "of 2 teachers have no neuron near them")) << missed;
  EXPECT_TRUE(mentions(missed, "(phase.0.steps, now 3)")) << missed;
  EXPECT_TRUE(mentions(missed, "(network.width, now 1)")) << missed;
  EXPECT_TRUE(mentions(missed, "a smaller phase.0.beta")) << missed;
}

TEST(Advice, OfTeachersThatAreNear) {
  const std::string apart = advice_of(two_phases(2000, 1));
  EXPECT_TRUE(mentions(apart, "of 2 teachers have a neuron near them that has not come to them")) << apart;
  EXPECT_TRUE(mentions(apart, "(phase.1.steps, now 1)")) << apart;
}

TEST(Advice, IsSilentOfTeachersThatWereFoundAndOfOnePhase) {
  EXPECT_EQ(advice_of(two_phases(2000, 4000)), "");
  std::string one_phase = two_phases(3, 3, "width = 1");
  EXPECT_EQ(advice_of(one_phase.substr(0, one_phase.rfind("[[phase]]"))), "");
}

// ---- Parities

std::string parity(int input_dim, int num_train, const std::string& mode, const std::string& scaling = "mean-field") {
  return "seed = 1\n[task]\nkind = \"sparse-parity\"\nsparsity = 2\nentries = \"inverse-sqrt-dim\"\nnum_test = 200\n"
         "input_dim = " +
         std::to_string(input_dim) + "\nnum_train = " + std::to_string(num_train) +
         "\n[network]\nneuron = \"parity\"\nbound = 20.0\nwidth = 100\nscaling = \"" + scaling +
         "\"\n[loss]\nkind = \"logistic\"\n[[phase]]\nmethod = \"" + (scaling == "ntk" ? "gd" : "mfld") +
         "\"\nsteps = 400\nstep_size = 0.5\n" +
         (scaling == "ntk" ? "" : "lambda1 = 0.2\nlambda2 = 0.0025\npenalty_mode = \"" + mode + "\"\n");
}

TEST(Advice, OfAParityThatIsMemorised) {
  const std::string memorised = advice_of(parity(60, 40, "product"));
  EXPECT_TRUE(mentions(memorised, "is near chance with train_accuracy = 1")) << memorised;
  EXPECT_TRUE(mentions(memorised, "task.num_train = 40 is 0.67 for each input")) << memorised;
}

TEST(Advice, OfAParityThatIsNotFitted) {
  const std::string unfitted = advice_of(parity(10, 200, "additive"));
  EXPECT_TRUE(mentions(unfitted, "the parity is not even fitted")) << unfitted;
  EXPECT_TRUE(mentions(unfitted, "coefficient of |theta|^2 0.2, temperature 0.0025")) << unfitted;
}

TEST(Advice, IsSilentOfAParityThatIsLearntAndOfKernels) {
  EXPECT_EQ(advice_of(parity(10, 200, "product")), "");
  EXPECT_EQ(advice_of(parity(60, 40, "product", "ntk")), "");
}

// ---- The step

std::string descent(double step_size, const std::string& more = {}, const std::string& method = "gd") {
  return "seed = 1\n[task]\nkind = \"single-index\"\nlink = \"tanh\"\ninput_dim = 3\nnum_train = 50\nnum_test = 0\n"
         "[network]\nwidth = 20\n[[phase]]\nmethod = \"" +
         method + "\"\nsteps = 300\nstep_size = " + std::to_string(step_size) + "\n" + more;
}

double limit_in(const std::string& sentence) {
  const std::string start = "first particles, 2 / a = ";
  return std::stod(sentence.substr(sentence.find(start) + start.size()));
}

TEST(Advice, OfAStepBeyondItsLimitNamesTheLimit) {
  const std::string sentence = advice_of(descent(200));
  ASSERT_TRUE(mentions(sentence, "phase.0.step_size = 200 is ")) << sentence;
  // At the first particles: below it the loss comes down, above it does not.
  const double limit = limit_in(sentence);
  EXPECT_EQ(advice_of(descent(0.3 * limit)), "");
  EXPECT_NE(advice_of(descent(30 * limit)), "");
  EXPECT_TRUE(mentions(advice_of(descent(200, "friction = 1.0\n[observe]\nevery = 100\n", "gd\"\nstep = \"kinetic")),
                       "2 / sqrt(a) = "));
}

TEST(Advice, OfAStepIsSilentWhereTheStepIsNotToBlame) {
  // Noise keeps the loss up, and steps too few: neither is beyond a limit.
  EXPECT_EQ(advice_of(descent(0.1, "lambda1 = 0.1\nlambda2 = 10.0\n", "mfld")), "");
  EXPECT_EQ(advice_of(descent(1e-6)), "");
}

// The step makes the rest of what is seen, and is named alone.
TEST(Advice, OfAStepStandsAlone) {
  std::string wild = parity(10, 200, "product");
  wild.replace(wild.find("step_size = 0.5"), 15, "step_size = 5000.0");
  EXPECT_TRUE(mentions(advice_of(wild), "phase.0.step_size = 5e+03 is"));
}

// ---- The width

std::string line(int width, const std::string& column, double below, int steps = 300) {
  return "seed = 1\n[task]\nkind = \"single-index\"\nlink = \"tanh\"\ninput_dim = 1\nnum_train = 20\nnum_test = 0\n"
         "[network]\nwidth = " +
         std::to_string(width) +
         "\nneuron = \"bounded-r\"\nbias = false\n[[phase]]\nmethod = \"mfld\"\nsteps = " + std::to_string(steps) +
         "\nstep_size = 0.1\nlambda1 = 0.1\nlambda2 = 0.1\nuntil = { column = \"" + column +
         "\", below = " + std::to_string(below) + ", held = 5 }\n[observe]\nevery = 20\n";
}

TEST(Advice, OfAWidthThatCannotShowTheGap) {
  const std::string narrow = advice_of(line(20, "dual_gap", 1e-4));
  EXPECT_TRUE(mentions(narrow, "dual_gap < 0.0001 at 5 rows in a row was not reached, and network.width = 20"))
      << narrow;
  EXPECT_TRUE(mentions(advice_of(line(20, "fixed_point_residual", 1e-4)), "network.width = 20 alone makes it 0.0"));
}

TEST(Advice, OfAWidthIsSilentWhereTheRuleIsMetOrTheStepsAreTooFew) {
  for (const std::string column : {"dual_gap", "fixed_point_residual"}) {
    EXPECT_EQ(advice_of(line(2000, column, 0.2, 2000)), "") << column;
    EXPECT_EQ(advice_of(line(2000, column, 0.02, 1)), "") << column << ": too few steps, and particles enough";
  }
}

TEST(Advice, OfAWidthIsSilentWhereThereIsNoNoise) {
  std::string quiet = line(20, "dual_gap", 1e-4);
  quiet.replace(quiet.find("lambda2 = 0.1"), 13, "lambda2 = { value = 0.1, off_fraction = 0.5 }");
  EXPECT_EQ(advice_of(quiet), "");
}

// ---- All

TEST(Advice, HasANameAndWordsForEveryRule) {
  for (const runs::AdviceRule& rule : runs::advice_rules()) {
    EXPECT_FALSE(rule.name.empty() || rule.concern.empty());
    EXPECT_TRUE(rule.is_concerned && rule.measure && rule.disappoints && rule.sentence) << rule.name;
  }
}

TEST(Advice, IsTheSameOfARunThatStopped) {
  const std::string text = descent(200);
  const Experiment experiment = build_experiment(parse_toml(text, "test.toml"), {});
  EXPECT_EQ(run(text).advice, run(text).advice);
  MemoryRecord interrupted;
  run_experiment(experiment, interrupted, std::atomic<bool>(true));
  EXPECT_TRUE(interrupted.summary().advice.empty());
}

}  // namespace
}  // namespace mfld

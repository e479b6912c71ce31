// What runs, their directories and their keys are called.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cstdlib>

#include "mfld/config/sweep.hpp"
#include "mfld/core/error.hpp"
#include "mfld/files/user_path.hpp"
#include "support/file_text.hpp"
#include "support/temporary_directory.hpp"

namespace mfld {
namespace {

using test::mentions;
using test::message_of;

Plan expand_text(const std::string& text) { return expand(parse_toml(text, "test.toml"), "."); }

std::string error_of(const std::string& text) {
  return message_of<InvalidInput>([&] { expand_text(text); });
}

std::string error_of_case(const std::string& name) { return error_of("[[case]]\nname = \"" + name + "\"\n"); }

TEST(Names, OfRunsAreThoseOfDirectoriesBesideTheFilesOfTheSweep) {
  for (const char* name : {"experiment.toml", "index.csv", "experiment.new.toml", "index.new.csv", "metrics.csv"}) {
    EXPECT_EQ(error_of_case(name),
              fmt::format("case.name = \"{}\": the run would be called {} ({} bytes), which is a file of the directory "
                          "of runs itself",
                          name, name, std::string(name).size()));
  }
  for (const char* name : {".", "..", "...", ".hidden"}) {
    EXPECT_TRUE(mentions(error_of_case(name), "must not begin with a dot")) << name;
  }
  EXPECT_TRUE(mentions(error_of_case("-rf"), "must not begin with a dash"));
  EXPECT_TRUE(mentions(error_of("[[case]]\nname = \".\"\n[sweep]\nseed = [1]\n"),
                       "case.name = \".\", sweep.seed = 1: the run would be called ._seed=1 (8 bytes), and must not"));
  EXPECT_TRUE(mentions(error_of("[sweep]\n\"a/b\" = [1]\n"), "and must be of letters"));
  EXPECT_TRUE(mentions(error_of("[sweep]\n\"\\u0001\" = [1]\n"), "and must be of letters"));
  for (const char* name : {"a.", "a..b", "index.csv.", "a-", "0", "_"}) {
    EXPECT_EQ(error_of_case(name), "") << name;
  }
}

TEST(Names, OfRunsHaveAtMost255Bytes) {
  EXPECT_EQ(error_of_case(std::string(255, 'a')), "");
  const std::string error = error_of_case(std::string(256, 'a'));
  EXPECT_TRUE(mentions(error, "(256 bytes), and a name has at most 255 bytes"));
  EXPECT_LT(error.size(), 400U);
  EXPECT_TRUE(mentions(error_of("[sweep]\ntask.path = [\"" + std::string(300, 'b') + "\"]\n"), "sweep.task.path = "));
}

TEST(Names, OfTwoRunsThatOnlyTheirCharactersTellApart) {
  EXPECT_EQ(error_of("[sweep]\npath = [\"a/b\", \"a b/\", \"a-b\"]\n"),
            "two runs would both be called path=a-b: that of sweep.path = \"a/b\" and that of sweep.path = \"a-b\"; a "
            "name keeps letters, digits, _, ., - and + only");
}

/// Without a case and a list there is but one run, in the directory itself.
TEST(Names, AnEmptySweepIsNone) {
  EXPECT_FALSE(expand_text("seed = 1\n[sweep]\n").is_sweep);
  EXPECT_TRUE(expand_text("seed = 1\n[[case]]\nname = \"a\"\n").is_sweep);
}

TEST(Names, ATildeIsTheHomeDirectory) {
  const char* home = std::getenv("HOME");
  const std::string before = home == nullptr ? "" : home;
  ::setenv("HOME", "/my home", 1);
  EXPECT_EQ(user_path("~"), "/my home");
  EXPECT_EQ(user_path("~/x"), "/my home/x");
  EXPECT_EQ(user_path("~//x/"), "/my home/x/");
  EXPECT_EQ(user_path("x/~"), "x/~");
  EXPECT_EQ(user_path("./~"), "./~");
  EXPECT_EQ(user_path(""), "");
  EXPECT_TRUE(mentions(message_of<InvalidInput>([] { user_path("~nobody/x"); }), "only ~ and ~/... are known"));
  ::setenv("HOME", "", 1);
  EXPECT_TRUE(mentions(message_of<InvalidInput>([] { user_path("~/x"); }), "HOME names no directory"));
  ::setenv("HOME", before.c_str(), 1);
}

TEST(Defaults, AKeyThatDoesNotHoldIsAsIfItWereNotThere) {
  const Plan plan = expand_text(
      "seed = 1\n[network]\nneuron = \"bounded-r\"\nbound = 2.0\n[[phase]]\nsteps = 5\nlambda1 = 0.1\n"
      "[[case]]\nname = \"bounded\"\n[[case]]\nname = \"plain\"\nnetwork.neuron = \"r-sigma\"\n"
      "network.bound = \"default\"\nphase.0.lambda1 = \"default\"\n");
  EXPECT_EQ(to_toml_inline(plan.runs[0].config),
            "{ seed = 1, network = { neuron = \"bounded-r\", bound = 2.0 }, phase = [{ steps = 5, lambda1 = 0.1 }] }");
  EXPECT_EQ(to_toml_inline(plan.runs[1].config),
            "{ seed = 1, network = { neuron = \"r-sigma\" }, phase = [{ steps = 5 }] }");
  const Plan swept = expand_text("[network]\nbound = 2.0\n[sweep]\nnetwork.bound = [1.0, \"default\"]\n");
  EXPECT_EQ(swept.runs[1].name, "bound=default");
  EXPECT_EQ(to_toml_inline(swept.runs[1].config), "{ network = {} }");
}

class SettingsAndCases : public testing::Test {
 protected:
  std::string error_of(const std::string& text, const std::vector<std::string>& settings) {
    test::write_bytes(directory_ / "file.toml", text);
    return message_of<InvalidInput>([&] { plan = read_plan(directory_ / "file.toml", settings); });
  }

  test::TemporaryDirectory directory_;
  Plan plan;
};

TEST_F(SettingsAndCases, AnOverruledOneNamesThePathsThatWork) {
  const std::string text =
      "[[phase]]\nsteps = 1\n[[phase]]\nsteps = 2\n"
      "[[case]]\nname = \"a\"\n[[case.phase]]\nmethod = \"gd\"\n"
      "[[case]]\nname = \"b\"\nphase.0.steps = 3\n[[case]]\nname = \"c\"\n";
  EXPECT_EQ(
      error_of(text, {"phase.0.steps=9"}),
      "--set phase.0.steps=9: case.0.phase.0.steps and case.1.phase.0.steps would overrule it; set those as well");
  EXPECT_EQ(error_of(text, {"phase.0.steps=9", "case.0.phase.0.steps=7", "case.1.phase.0.steps=8"}), "");
  std::vector<std::string> steps;
  for (const RunPlan& run : plan.runs) {
    steps.push_back(to_toml_inline(*find(run.config, "phase.0.steps")));
  }
  EXPECT_EQ(steps, (std::vector<std::string>{"7", "8", "9"}));
  EXPECT_EQ(error_of(text, {"phase.1.steps=9"}),
            "--set phase.1.steps=9: case.0.phase would overrule it and has no phase.1.steps");
  const std::string all = "[[phase]]\nsteps = 1\n[[case]]\nname = \"a\"\n[[case.phase]]\nsteps = 2\n";
  EXPECT_EQ(error_of(all, {"phase.0.steps=9"}),
            "--set phase.0.steps=9: case.0.phase.0.steps would overrule it; set that instead");
}

TEST_F(SettingsAndCases, APhaseWithoutStepsOverrulesNoneUnlessNothingElseTakesThem) {
  const std::string solved = "[[case]]\nname = \"k\"\nphase = [{ method = \"kernel-regression\" }]\n";
  const std::string text = "[[phase]]\nsteps = 1\n[[case]]\nname = \"a\"\n" + solved;
  EXPECT_EQ(error_of(text, {"phase.0.steps=9"}), "");
  EXPECT_EQ(to_toml_inline(*find(plan.runs[0].config, "phase.0.steps")), "9");
  EXPECT_EQ(find(plan.runs[1].config, "phase.0.steps"), nullptr);
  EXPECT_EQ(error_of(text, {"phase.0.method=gd"}),
            "--set phase.0.method=gd: case.1.phase.0.method would overrule it; set that as well");
  EXPECT_EQ(error_of("[[phase]]\nsteps = 1\n" + solved, {"phase.0.steps=9"}),
            "--set phase.0.steps=9: case.0.phase would overrule it and has no phase.0.steps");
}

TEST_F(SettingsAndCases, AListInTheSweepOverrulesWhatIsInIt) {
  EXPECT_EQ(error_of("[[phase]]\nsteps = 1\n[sweep]\nphase = [[{ steps = 2 }]]\n", {"phase.0.steps=9"}),
            "--set phase.0.steps=9: sweep.phase would overrule it; set that instead");
}

}  // namespace
}  // namespace mfld

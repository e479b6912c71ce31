#include "mfld/config/sweep.hpp"

#include <gtest/gtest.h>

#include "mfld/core/error.hpp"
#include "support/file_text.hpp"
#include "support/temporary_directory.hpp"

namespace mfld {
namespace {

Plan expand_text(const std::string& text) { return expand(parse_toml(text, "test.toml"), "."); }

std::vector<std::string> names(const Plan& plan) {
  std::vector<std::string> result;
  for (const RunPlan& run : plan.runs) {
    result.push_back(run.name);
  }
  return result;
}

TEST(Sweep, AFileWithoutCasesAndSweepIsOneRun) {
  const Plan plan = expand_text("seed = 1\n[network]\nwidth = 5\n");
  EXPECT_FALSE(plan.is_sweep);
  ASSERT_EQ(plan.runs.size(), 1U);
  EXPECT_EQ(plan.runs[0].name, "");
  EXPECT_EQ(to_toml_inline(plan.runs[0].config), "{ seed = 1, network = { width = 5 } }");
}

TEST(Sweep, TheRightmostKeyOfTheTextIsTheFastest) {
  const Plan plan = expand_text("a = 0\n[sweep]\nz = [1, 2]\na = [3, 4]\n");
  EXPECT_TRUE(plan.is_sweep);
  EXPECT_EQ(plan.swept, (std::vector<std::string>{"z", "a"}));
  EXPECT_EQ(names(plan), (std::vector<std::string>{"z=1_a=3", "z=1_a=4", "z=2_a=3", "z=2_a=4"}));
  EXPECT_EQ(to_toml_inline(plan.runs[2].config), "{ a = 3, z = 2 }");
}

TEST(Sweep, OrderIsByLeavesNotBySections) {
  const Plan plan = expand_text("[sweep]\nnetwork.width = [8]\nseed = [1, 2]\nnetwork.bound = [0.5]\n");
  EXPECT_EQ(names(plan), (std::vector<std::string>{"width=8_seed=1_bound=0.5", "width=8_seed=2_bound=0.5"}));
}

TEST(Sweep, WhatIsStoredHasTheSameRunsInTheSameOrder) {
  for (const char* sweep : {"network.width = [8, 9]\nseed = [1, 2]\nnetwork.bound = [0.5]\n",
                            "phase.0.lambda2 = [1, 2]\ntask.num_train = [3, 4]\nphase.0.steps = [5, 6]\nseed = [1]\n",
                            "seed = [1, 2]\nphase = [[{ steps = 1 }], [{ steps = 2 }]]\n[sweep.network]\nwidth = [3]\n",
                            "\"odd.key\" = [1, 2]\n\"with.dot\".x = [3]\na = [\"default\", 1.5]\n"}) {
    const Plan plan = expand_text("a = 1\n[[phase]]\nsteps = 1\nlambda2 = 3\n[sweep]\n" + std::string(sweep));
    const Plan again = expand_text(plan.text);
    EXPECT_EQ(names(again), names(plan)) << plan.text;
    EXPECT_EQ(again.swept, plan.swept);
    EXPECT_EQ(again.text, plan.text);
    for (std::size_t i = 0; i < plan.runs.size(); ++i) {
      EXPECT_EQ(to_toml_inline(again.runs[i].config), to_toml_inline(plan.runs[i].config));
    }
  }
}

TEST(Sweep, CasesTimesGrid) {
  const Plan plan = expand_text(
      "seed = 0\n[network]\nwidth = 5\nscaling = \"mean-field\"\n[[phase]]\nmethod = \"mfld\"\nlambda2 = 1\n"
      "[[case]]\nname = \"mf\"\n[[case]]\nname = \"ntk\"\nnetwork.scaling = \"ntk\"\nphase.0.method = \"gd\"\n"
      "[sweep]\nseed = [1, 2, 3]\n");
  EXPECT_EQ(names(plan), (std::vector<std::string>{"mf_seed=1", "mf_seed=2", "mf_seed=3", "ntk_seed=1", "ntk_seed=2",
                                                   "ntk_seed=3"}));
  EXPECT_EQ(plan.runs[4].case_name, "ntk");
  EXPECT_EQ(to_toml_inline(plan.runs[4].config),
            "{ seed = 2, network = { width = 5, scaling = \"ntk\" }, phase = [{ method = \"gd\", lambda2 = 1 }] }");
  EXPECT_EQ(
      to_toml_inline(plan.runs[0].config),
      "{ seed = 1, network = { width = 5, scaling = \"mean-field\" }, phase = [{ method = \"mfld\", lambda2 = 1 }] }");
}

TEST(Sweep, AListInACaseReplaces) {
  const Plan plan = expand_text(
      "train = [1, 2]\n[[phase]]\nsteps = 1\n[[phase]]\nsteps = 2\n"
      "[[case]]\nname = \"one\"\ntrain = [3]\n[[case.phase]]\nsteps = 9\n");
  EXPECT_EQ(to_toml_inline(plan.runs[0].config), "{ train = [3], phase = [{ steps = 9 }] }");
}

TEST(Sweep, KeysOfOneLastNameKeepTheirPaths) {
  const Plan plan = expand_text("[sweep]\nseeds.data = [1]\nother.data = [2]\nwidth = [3]\n");
  EXPECT_EQ(names(plan), (std::vector<std::string>{"seeds.data=1_other.data=2_width=3"}));
}

TEST(Sweep, ThereIsAnEndToTheNumberOfRuns) {
  std::string list = "0";
  for (int i = 1; i < 100; ++i) {
    list += ", " + std::to_string(i);
  }
  const std::string text = "[sweep]\na = [" + list + "]\nb = [1, 2]\nc = [" + list + "]\nd = [" + list + "]\n";
  const std::string error = test::message_of<InvalidInput>([&] { expand_text(text); });
  EXPECT_TRUE(test::mentions(error, "sweep.d = a list of 100 values makes more than 100000 runs of the 20000 so far"));
}

/// Who has to wait for them is told before they are listed.
TEST(Sweep, ManyRunsAreAnnounced) {
  std::string values;
  for (int i = 0; i < 300; ++i) {
    values += std::to_string(i) + ", ";
  }
  const std::string sweep = "[sweep]\na = [" + values + "]\nb = [" + values + "]\n";
  std::size_t told = 0;
  const Watcher watcher(nullptr, [&told](std::size_t num_runs) {
    told = num_runs;
    throw Interrupted("before they are listed");
  });
  EXPECT_THROW(expand(parse_toml(sweep, "test.toml"), ".", watcher), Interrupted);
  EXPECT_EQ(told, 90000U);
  told = 0;
  expand(parse_toml("[sweep]\na = [1, 2]\n", "test.toml"), ".", watcher);
  EXPECT_EQ(told, 0U);
}

TEST(Sweep, NamesOfRunsAreFileNames) {
  const Plan plan = expand_text("[sweep]\ntrain = [[\"input\", \"output\"], [\"input\"]]\npath = [\"/a/b c.csv\"]\n");
  EXPECT_EQ(names(plan), (std::vector<std::string>{"train=input-output_path=a-bc.csv", "train=input_path=a-bc.csv"}));
}

TEST(Sweep, Mistakes) {
  const auto error = [](const std::string& text) { return test::message_of<InvalidInput>([&] { expand_text(text); }); };
  EXPECT_EQ(error("[sweep]\nseed = 3\n"), "sweep.seed = 3: must be a list of the values to run through");
  EXPECT_EQ(error("[sweep]\nseed = []\n"), "sweep.seed = []: must be a list of the values to run through");
  EXPECT_EQ(error("sweep = 3\n"), "sweep = 3: must be a table");
  EXPECT_EQ(error("case = 3\n"), "case = 3: must be a list of tables, [[case]]");
  EXPECT_EQ(error("[[case]]\nseed = 3\n"), "case.0.name: must be a name of letters, digits, _, . and -");
  EXPECT_EQ(error("[[case]]\nname = \"a/b\"\n"),
            "case.0.name = \"a/b\": must be a name of letters, digits, _, . and -");
  EXPECT_EQ(error("[[case]]\nname = \"a\"\n[[case]]\nname = \"a\"\n"),
            "two runs would both be called a: a case name or a value of the sweep is repeated");
  EXPECT_EQ(error("[sweep]\nseed = [1, 1]\n"),
            "two runs would both be called seed=1: a case name or a value of the sweep is repeated");
  EXPECT_EQ(error("[[phase]]\nsteps = 1\n[[case]]\nname = \"a\"\nphase.1.steps = 2\n"),
            "case a: phase.1: the list phase has 1 entries, counted from 0");
}

class Settings : public testing::Test {
 protected:
  Plan read(const std::string& text, const std::vector<std::string>& settings) {
    const auto path = directory_.path() / "file.toml";
    test::write_bytes(path, text);
    return read_plan(path, settings);
  }

  test::TemporaryDirectory directory_;
};

TEST_F(Settings, ReachEverything) {
  const Plan plan = read("seed = 1\n[[phase]]\nsteps = 1\n[[phase]]\nsteps = 2\n",
                         {"phase.1.steps=100", "seed=5", "network.neuron=parity", "network.train=[\"input\"]"});
  EXPECT_EQ(
      to_toml_inline(plan.runs[0].config),
      "{ seed = 5, phase = [{ steps = 1 }, { steps = 100 }], network = { neuron = \"parity\", train = [\"input\"] } }");
  EXPECT_EQ(plan.folder(), directory_.path());
}

TEST_F(Settings, CanShortenASweep) {
  EXPECT_EQ(names(read("[sweep]\nseed = [1, 2]\nk = [3]\n", {"sweep.seed=[7]"})),
            (std::vector<std::string>{"seed=7_k=3"}));
}

TEST_F(Settings, ThatWouldBeOverruledAreErrors) {
  const std::string text = "seed = 1\n[[case]]\nname = \"a\"\nnetwork.width = 2\n[sweep]\nseed = [1, 2]\n";
  EXPECT_EQ(test::message_of<InvalidInput>([&] { read(text, {"seed=3"}); }),
            "--set seed=3: sweep.seed would overrule it; set that instead");
  EXPECT_EQ(test::message_of<InvalidInput>([&] { read(text, {"network.width=3"}); }),
            "--set network.width=3: case.0.network.width would overrule it; set that instead");
  EXPECT_EQ(test::message_of<InvalidInput>([&] { read(text, {"case.0.network.width=3"}); }), "");
}

TEST_F(Settings, Mistakes) {
  const std::string text = "seed = 1\n[[phase]]\nsteps = 1\n";
  EXPECT_EQ(test::message_of<InvalidInput>([&] { read(text, {"seed"}); }),
            "--set seed: must be path=value, such as phase.0.steps=100");
  EXPECT_EQ(test::message_of<InvalidInput>([&] { read(text, {"seed=[1"}); }), "--set seed=[1: [1 is not a TOML value");
  EXPECT_EQ(test::message_of<InvalidInput>([&] { read(text, {"phase.3.steps=1"}); }),
            "--set phase.3.steps=1: phase.3: the list phase has 1 entries, counted from 0");
  EXPECT_EQ(test::message_of<InvalidInput>([&] { read(text, {"seed.x=1"}); }),
            "--set seed.x=1: seed.x: seed is an integer, not a table or a list");
}

TEST_F(Settings, AMissingFileIsAFileError) {
  EXPECT_THROW(read_plan(directory_.path() / "none.toml", {}), FileError);
  EXPECT_THROW(read_plan(directory_.path(), {}), FileError);
}

}  // namespace
}  // namespace mfld

// What ranks that make one run agree on, and how often they speak.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include "mfld/core/error.hpp"
#include "support/every_phase.hpp"
#include "support/run_on_ranks.hpp"

namespace mfld {
namespace {

namespace fs = std::filesystem;
using test::mentions;
using test::of_one_process;
using test::RunOnRanks;

TEST_F(RunOnRanks, ClocksDecideAlike) {
  const std::string text = test::experiment_text(test::every_phase[1].second, "double", 0) + "every_minutes = 1e-7\n";
  expect_bytes_of_one(text, 3);
}

TEST_F(RunOnRanks, TheWishOfOneRankStopsAllAtTheSameStepAndAnyNumberGoesOn) {
  const std::string text = test::experiment_text(test::every_phase[5].second, "double", 0);
  const fs::path one = of_one_process(text, directory / "one");
  const fs::path other = run(text, 3, 6);
  EXPECT_EQ(read_summary(other)->end.ending, Ending::interrupted);
  EXPECT_EQ(load_checkpoint(other / "checkpoint.h5").step, 7);
  resume(other, 8);
  expect_same(one, other);
}

TEST_F(RunOnRanks, AllKnowWhichParticleIsNotFinite) {
  const std::string message = message_on(
      "seed = 3\n[task]\nkind = \"teacher-student\"\nnum_train = 30\n[network]\nwidth = 100\nneuron = \"r-sigma\"\n"
      "[[phase]]\nmethod = \"gd\"\nsteps = 400\nstep_size = 1e6\n",
      4);
  EXPECT_TRUE(mentions(message, "is not finite")) << message;
}

struct Rounds {
  std::size_t agreements;
  std::size_t broadcasts;
};

Rounds rounds_of(const std::string& text, int num_ranks, const fs::path& path) {
  const Experiment experiment = build_experiment(parse_toml(text, "test.toml"), ".");
  RunDirectory files = RunDirectory::create(path);
  ThreadRanks all(num_ranks);
  all.run([&](Ranks& ranks) {
    RunOptions options;
    options.ranks = &ranks;
    run_experiment(experiment, ranks.rank() == 0 ? &files : nullptr, false, options);
  });
  return {all.num_agreements(), all.num_broadcasts()};
}

// Which particle is not finite, who wishes to stop and whose clock wants a checkpoint: one round a step, and one at the
// start.
TEST_F(RunOnRanks, AgreeOnceAStep) {
  for (const int num_steps : {1, 9}) {
    const std::string text = fmt::format(
        "seed = 3\n[task]\nkind = \"teacher-student\"\nnum_train = 30\n[network]\nwidth = 100\n"
        "[[phase]]\nmethod = \"gd\"\nsteps = {}\nstep_size = 0.1\n"
        "[[phase]]\nmethod = \"sgd-mfld\"\nsteps = 5\nstep_size = 0.1\nlambda2 = 0.1\nbatch_size = 4\n"
        "[checkpoint]\nevery_minutes = 1e-7\n",
        num_steps);
    const Rounds rounds = rounds_of(text, 3, directory / fmt::format("{}", num_steps));
    EXPECT_EQ(rounds.agreements, static_cast<std::size_t>(num_steps + 5 + 1));
  }
}

// Dual ascent reads all particles where an outer iteration begins: 12 of them, or 3.
TEST_F(RunOnRanks, ExchangeRowsOnlyForStepsThatReadThem) {
  std::vector<std::size_t> broadcasts;
  constexpr int num_ranks = 3;
  for (const int inner_steps : {1, 4}) {
    const std::string text = fmt::format(
        "seed = 3\n[task]\nkind = \"teacher-student\"\nnum_train = 40\n[network]\nwidth = 100\n"
        "neuron = \"bounded-r\"\n[[phase]]\nmethod = \"p-sdca\"\nsteps = 12\nstep_size = 0.1\nlambda1 = 0.1\n"
        "lambda2 = 0.1\ninner_steps = {}\n[observe]\nevery = 12\n",
        inner_steps);
    broadcasts.push_back(rounds_of(text, num_ranks, directory / fmt::format("{}", inner_steps)).broadcasts);
    expect_bytes_of_one(text, num_ranks);
  }
  EXPECT_EQ(broadcasts[0] - broadcasts[1], static_cast<std::size_t>((12 - 3) * num_ranks));
}

/// Where a method gives up: a particle outside of its ball that is not rank 0's, a kernel without an inverse, a readout
/// without a solution, and what diverges while iterates are averaged.
TEST_F(RunOnRanks, AllGiveUpAlike) {
  const std::string start = "seed = 3\n[task]\nkind = \"teacher-student\"\nnum_train = 30\n[network]\nwidth = 100\n";
  const std::string relu = start + "neuron = \"r-sigma\"\nactivation = \"relu\"\n";
  EXPECT_TRUE(mentions(message_on(start + "[[phase]]\nmethod = \"gd\"\nsteps = 3\nstep_size = 1e3\n[[phase]]\nmethod = "
                                          "\"mfld\"\nsteps = 9\nstep_size = 0.1\nlambda2 = 0.1\nstep = \"ball\"\n"
                                          "radius = 20\n",
                                  5),
                       "is not inside the ball"));
  EXPECT_TRUE(mentions(message_on(relu + "[[phase]]\nmethod = \"gd\"\nsteps = 1\nstep_size = 1e160\n[[phase]]\n"
                                         "method = \"natural-gradient\"\nsteps = 3\nstep_size = 0.1\n"
                                         "damping = 0.1\n",
                                  3),
                       "larger one, or a smaller step_size"));
  EXPECT_TRUE(mentions(message_on(relu + "[[phase]]\nmethod = \"gd\"\nsteps = 50\n"
                                         "step_size = 1e160\nreadout = \"ridge\"\nridge = 1e-3\ntrain = [\"input\"]\n",
                                  3),
                       "readout has no solution"));
  EXPECT_TRUE(mentions(message_on(relu + "[[phase]]\nmethod = \"sgd\"\nsteps = 400\nstep_size = "
                                         "1e9\nbatch_size = 3\naveraging = true\n",
                                  4),
                       "diverged"));
}

TEST_F(RunOnRanks, MoreRanksThanTasksAreRefused) {
  const std::string text =
      "seed = 3\n[task]\nkind = \"teacher-student\"\n[network]\nwidth = 1\n"
      "[[phase]]\nmethod = \"gd\"\nsteps = 4\nstep_size = 0.1\n";
  const Experiment experiment = build_experiment(parse_toml(text, "test.toml"), ".");
  EXPECT_NO_THROW(check_ranks(experiment, 1));
  EXPECT_EQ(test::message_of<InvalidInput>([&] { check_ranks(experiment, 2); }),
            "network.width: 1 particles are 1 tasks, which is less than the 2 ranks; at most 1 can share them");
}

}  // namespace
}  // namespace mfld

// One run on several ranks: the bytes of one process.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include "mfld/core/error.hpp"
#include "mfld/core/parallel.hpp"
#include "mfld/observe/observables.hpp"
#include "mfld/runs/resume.hpp"
#include "mfld/runs/runner.hpp"
#include "support/every_phase.hpp"
#include "support/file_text.hpp"
#include "support/sample_checkpoint.hpp"
#include "support/temporary_directory.hpp"
#include "support/thread_ranks.hpp"

namespace mfld {
namespace {

namespace fs = std::filesystem;
using test::mentions;
using test::read_bytes;
using test::same_bits;

class RunOnRanks : public ::testing::Test {
 protected:
  fs::path run(const std::string& text, int num_ranks, std::int64_t stop_after = -1) {
    const fs::path path = directory / fmt::format("run{}", count_++);
    go_on(
        path, num_ranks,
        [&] {
          return StoppedRun{build_experiment(parse_toml(text, "test.toml"), "."), {}, {}};
        },
        stop_after);
    return path;
  }
  void resume(const fs::path& path, int num_ranks, Kept kept = Kept::last) {
    go_on(path, num_ranks, [&] { return read_stopped_run(path, kept); });
  }
  /// Stops where a rank, the last one, sees a row of that step or a later one.
  template <class Make>
  void go_on(const fs::path& path, int num_ranks, const Make& make, std::int64_t stop_after = -1) {
    std::optional<RunDirectory> files;
    const StoppedRun run = make();
    files.emplace(fs::exists(path) ? RunDirectory::reopen(path) : RunDirectory::create(path));
    ThreadRanks(num_ranks).run([&](Ranks& ranks) {
      std::atomic<bool> stop = false;
      RunOptions options;
      options.notes = run.notes;
      options.start = run.checkpoint ? &*run.checkpoint : nullptr;
      options.until = [&](Moment& moment) {
        stop = stop_after >= 0 && ranks.rank() + 1 == ranks.count() && moment.step() >= stop_after;
        return false;
      };
      options.ranks = &ranks;
      with_threads(1 + ranks.rank() % 2, [&] {
        const RunSummary summary = run_experiment(run.experiment, ranks.rank() == 0 ? &*files : nullptr, stop, options);
        if (stop_after < 0) {
          EXPECT_EQ(summary.end.ending, Ending::finished) << summary.message;
        }
      });
    });
  }
  void expect_same(const fs::path& one, const fs::path& other) {
    EXPECT_EQ(read_bytes(one / "metrics.csv"), read_bytes(other / "metrics.csv"));
    EXPECT_EQ(test::trajectory_of(one), test::trajectory_of(other));
    EXPECT_TRUE(same_bits(load_checkpoint(one / "checkpoint.h5"), load_checkpoint(other / "checkpoint.h5")));
    EXPECT_EQ(read_summary(one)->message, read_summary(other)->message);
  }

  test::TemporaryDirectory directory;

 private:
  int count_ = 0;
};

fs::path of_one_process(const std::string& text, const fs::path& path) {
  const Experiment experiment = build_experiment(parse_toml(text, "test.toml"), ".");
  RunDirectory files = RunDirectory::create(path);
  run_experiment(experiment, files, std::atomic<bool>(false));
  return path;
}

TEST_F(RunOnRanks, EveryMethodHasTheBytesOfOneProcess) {
  int number = 0;
  for (const auto& [name, phase] : test::every_phase) {
    for (const std::string precision : {"double", "single"}) {
      const std::string text = test::experiment_text(phase, precision, 11);  // where no row and no frame is
      const fs::path one = of_one_process(text, directory / fmt::format("one{}", number));
      const std::vector<int> counts = {2, 3, 5, 8, 13};
      const int num_ranks = counts[static_cast<std::size_t>(number++) % counts.size()];
      SCOPED_TRACE(fmt::format("{} {} on {} ranks", name, precision, num_ranks));
      const fs::path other = run(text, num_ranks);
      expect_same(one, other);
      fs::remove(other / "summary.json");
      resume(other, 1 + num_ranks % 4, Kept::previous);
      expect_same(one, other);
    }
  }
}

TEST_F(RunOnRanks, ObjectivesOfPointsHaveTheBytesOfOneProcess) {
  for (const std::string objective :
       {"kind = \"mmd\", smoothing = 0.2", "kind = \"ksd\", target = \"logistic-regression\", kernel_width = 2.0"}) {
    const std::string text = fmt::format(
        "seed = 3\nobjective = {{{}}}\n[task]\nkind = \"sparse-parity\"\ninput_dim = 3\nnum_train = 30\n"
        "[network]\nwidth = 70\n[[phase]]\nmethod = \"sgd-mfld\"\nsteps = 12\nstep_size = 0.1\nlambda2 = 0.01\n"
        "batch_size = 4\n[observe]\nevery = 3\n[observe.trajectory]\nparticles = 7\nevery = 2\n",
        objective);
    SCOPED_TRACE(objective);
    const fs::path one = of_one_process(text, directory / objective.substr(8, 3));
    expect_same(one, run(text, 3));
  }
}

// Observers that make passes of their own, and those that read all particles.
TEST_F(RunOnRanks, EveryColumnHasTheBytesOfOneProcess) {
  const std::string text =
      "seed = 3\n[task]\nkind = \"teacher-student\"\nnum_train = 300\nnum_test = 5\n"
      "[network]\nwidth = 100\nneuron = \"bounded-r\"\n"
      "[[phase]]\nmethod = \"sgd-mfld\"\nsteps = 2\nstep_size = 0.1\nlambda1 = 0.1\nlambda2 = 0.1\nbatch_size = 4\n"
      "[observe.trajectory]\nparticles = 7\nevery = 2\n[observe]\nevery = 2\n";
  const Experiment experiment = build_experiment(parse_toml(text, "test.toml"), ".");
  const Scene scene = experiment.scene();
  std::string names;
  for (const Observable& observable : observables()) {
    if (!observable.unavailable(scene)) {
      names += fmt::format("\"{}\", ", observable.name);
    }
  }
  const std::string with_columns = text + fmt::format("columns = [{}]\ncertified_gap_at = [2]\n", names);
  const fs::path one = of_one_process(with_columns, directory / "one");
  expect_same(one, run(with_columns, 4));
  for (const char* column : {"gradient_norm", "gradient_noise", "bound", "entropy"}) {
    EXPECT_TRUE(mentions(read_bytes(one / "metrics.csv"), column));
  }
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
  const std::string text =
      "seed = 3\n[task]\nkind = \"teacher-student\"\nnum_train = 30\n[network]\nwidth = 100\nneuron = \"r-sigma\"\n"
      "[[phase]]\nmethod = \"gd\"\nsteps = 400\nstep_size = 1e6\n";
  const fs::path one = of_one_process(text, directory / "one");
  const fs::path path = directory / "many";
  RunDirectory files = RunDirectory::create(path);
  std::vector<std::string> messages(4);
  ThreadRanks(4).run([&](Ranks& ranks) {
    const Experiment experiment = build_experiment(parse_toml(text, "test.toml"), ".");
    RunOptions options;
    options.ranks = &ranks;
    const auto rank = static_cast<std::size_t>(ranks.rank());
    messages[rank] = run_experiment(experiment, rank == 0 ? &files : nullptr, false, options).message;
  });
  for (const std::string& message : messages) {
    EXPECT_EQ(message, read_summary(one)->message);
  }
  EXPECT_TRUE(mentions(messages[0], "is not finite"));
  EXPECT_EQ(read_bytes(path / "metrics.csv"), read_bytes(one / "metrics.csv"));
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

// The infinite network and its finite kernels: every rank solves the same.
TEST_F(RunOnRanks, KernelRegressionHasTheBytesOfOneProcess) {
  const std::string text =
      "seed = 3\n[task]\nkind = \"teacher-student\"\nnum_train = 30\nnum_test = 5\n[network]\nwidth = 100\n"
      "scaling = \"ntk\"\n[[phase]]\nmethod = \"kernel-regression\"\nridge = 0.1\n";
  const fs::path one = of_one_process(text, directory / "one");
  EXPECT_EQ(read_bytes(one / "metrics.csv"), read_bytes(run(text, 3) / "metrics.csv"));
}

}  // namespace
}  // namespace mfld

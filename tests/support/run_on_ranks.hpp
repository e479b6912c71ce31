#pragma once
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <limits>
#include <string>

#include "mfld/core/parallel.hpp"
#include "mfld/runs/extend.hpp"
#include "mfld/runs/runner.hpp"
#include "mfld/task/surroundings.hpp"
#include "support/file_text.hpp"
#include "support/sample_checkpoint.hpp"
#include "support/temporary_directory.hpp"
#include "support/thread_ranks.hpp"

namespace mfld::test {

namespace fs = std::filesystem;

/// What no rank may read: the first particles of others, where they are divided.
inline void poison(Experiment& experiment) {
  if (experiment.divided) {
    const RowRange rows = experiment.rows;
    const Index last_compared = std::min(experiment.num_common(), rows.first);
    constexpr double none = std::numeric_limits<double>::quiet_NaN();
    experiment.initial.middleRows(last_compared, rows.first - last_compared).setConstant(none);
    experiment.initial.bottomRows(experiment.initial.rows() - rows.last).setConstant(none);
  }
}

/// Runs by one process, and the same by several ranks in threads of their own.
class RunOnRanks : public ::testing::Test {
 protected:
  fs::path run(const std::string& text, int num_ranks, std::int64_t stop_after = -1) {
    const fs::path path = directory / fmt::format("run{}", count_++);
    go_on(
        path, num_ranks,
        [&](const Surroundings& surroundings) {
          return StoppedRun{build_experiment(parse_toml(text, "test.toml"), surroundings), {}, {}};
        },
        stop_after);
    return path;
  }
  void resume(const fs::path& path, int num_ranks, Kept kept = Kept::last) {
    go_on(path, num_ranks,
          [&](const Surroundings& surroundings) { return read_stopped_run(path, kept, surroundings); });
  }
  void make_longer(const fs::path& path, int num_ranks, std::int64_t more) {
    go_on(path, num_ranks, [&](const Surroundings& surroundings) {
      return extend(path, {{}, more}, Kept::last, surroundings);
    });
  }
  /// On 0 ranks: by one process that knows of none.
  fs::path branch_off(const fs::path& parent, int num_ranks, const Changes& changes) {
    const fs::path path = directory / fmt::format("run{}", count_++);
    go_on(path, num_ranks,
          [&](const Surroundings& surroundings) { return branch(parent, changes, Kept::last, surroundings); });
    return path;
  }
  /// Stops where a rank, the last one, sees a row of that step or a later one.
  template <class Make>
  void go_on(const fs::path& path, int num_ranks, const Make& make, std::int64_t stop_after = -1) {
    RunDirectory files = fs::exists(path) ? RunDirectory::reopen(path) : RunDirectory::create(path);
    if (num_ranks == 0) {
      const StoppedRun run = make(Surroundings("."));
      if (run.shorter_hash != 0) {
        begin_extension(run, files, {});
      }
      RunOptions options;
      options.notes = run.notes;
      options.start = run.checkpoint ? &*run.checkpoint : nullptr;
      run_experiment(run.experiment, files, std::atomic<bool>(false), options);
      return;
    }
    ThreadRanks(num_ranks).run([&](Ranks& ranks) {
      Surroundings surroundings(".");
      surroundings.num_ranks = ranks.count();
      surroundings.rank = ranks.rank();
      StoppedRun run = make(surroundings);
      num_divided_ += run.experiment.divided ? 1 : 0;
      poison(run.experiment);
      ranks.least(0);  // all have read it
      if (run.shorter_hash != 0 && ranks.rank() == 0) {
        begin_extension(run, files, {});
      }
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
        const RunSummary summary = run_experiment(run.experiment, ranks.rank() == 0 ? &files : nullptr, stop, options);
        if (stop_after < 0) {
          EXPECT_EQ(summary.end.ending, Ending::finished) << summary.message;
        }
      });
    });
  }
  void expect_same(const fs::path& one, const fs::path& other) {
    EXPECT_EQ(read_bytes(one / "metrics.csv"), read_bytes(other / "metrics.csv"));
    EXPECT_EQ(fs::exists(one / "trajectory.h5"), fs::exists(other / "trajectory.h5"));
    if (fs::exists(one / "trajectory.h5")) {
      EXPECT_EQ(trajectory_of(one), trajectory_of(other));
    }
    EXPECT_TRUE(same_bits(load_checkpoint(one / "checkpoint.h5"), load_checkpoint(other / "checkpoint.h5")));
    EXPECT_EQ(read_summary(one)->message, read_summary(other)->message);
    EXPECT_EQ(read_summary(one)->advice, read_summary(other)->advice);
    EXPECT_EQ(fs::exists(one / "predictions.csv"), fs::exists(other / "predictions.csv"));
    if (fs::exists(one / "predictions.csv")) {
      EXPECT_EQ(read_bytes(one / "predictions.csv"), read_bytes(other / "predictions.csv"));
    }
  }
  void expect_bytes_of_one(const std::string& text, int num_ranks) { expect_same(run(text, 0), run(text, num_ranks)); }
  /// What all ranks end with; the files are those of one process, too.
  std::string message_on(const std::string& text, int num_ranks) {
    const auto built = [&](int count, int rank) {
      Surroundings surroundings(".");
      surroundings.num_ranks = count;
      surroundings.rank = rank;
      Experiment experiment = build_experiment(parse_toml(text, "test.toml"), surroundings);
      poison(experiment);
      return experiment;
    };
    const fs::path one = directory / fmt::format("run{}", count_++);
    const fs::path many = directory / fmt::format("run{}", count_++);
    RunDirectory of_one = RunDirectory::create(one);
    RunDirectory of_many = RunDirectory::create(many);
    const std::string message = run_experiment(built(1, 0), of_one, std::atomic<bool>(false)).message;
    ThreadRanks(num_ranks).run([&](Ranks& ranks) {
      RunOptions options;
      options.ranks = &ranks;
      RunDirectory* const own = ranks.rank() == 0 ? &of_many : nullptr;
      const Experiment experiment = built(ranks.count(), ranks.rank());
      EXPECT_EQ(run_experiment(experiment, own, false, options).message, message) << ranks.rank();
    });
    EXPECT_EQ(read_bytes(many / "metrics.csv"), read_bytes(one / "metrics.csv"));
    return message;
  }

  /// Of the ranks so far, how many had a share of the particles alone.
  int num_divided() const { return num_divided_; }

  TemporaryDirectory directory;

 private:
  int count_ = 0;
  std::atomic<int> num_divided_ = 0;
};

inline fs::path of_one_process(const std::string& text, const fs::path& path) {
  const Experiment experiment = build_experiment(parse_toml(text, "test.toml"), ".");
  RunDirectory files = RunDirectory::create(path);
  run_experiment(experiment, files, std::atomic<bool>(false));
  return path;
}

}  // namespace mfld::test

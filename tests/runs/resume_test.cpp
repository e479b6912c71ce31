#include "mfld/runs/extend.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <gtest/gtest.h>

#include <fstream>
#include <sstream>

#include "mfld/core/error.hpp"
#include "mfld/core/parallel.hpp"
#include "mfld/hdf5/hdf5_file.hpp"
#include "mfld/record/run_directory.hpp"
#include "mfld/runs/runner.hpp"
#include "support/every_phase.hpp"
#include "support/file_text.hpp"
#include "support/long_look.hpp"
#include "support/sample_checkpoint.hpp"
#include "support/temporary_directory.hpp"

namespace mfld {
namespace {

namespace fs = std::filesystem;
using test::mentions;
using test::message_of;
using test::read_bytes;
using test::same_bits;

const std::vector<std::string> objectives_of_points = {
    "objective = {kind = \"mmd\", smoothing = 0.2}\n",
    "objective = {kind = \"ksd\", target = \"logistic-regression\", kernel_width = 2.0}\n",
};

class Resume : public ::testing::Test {
 protected:
  fs::path run(const std::string& text, int threads = 1, bool stopped = false) {
    const fs::path path = directory / fmt::format("run{}", count_++);
    const Experiment experiment = build_experiment(parse_toml(text, "test.toml"), ".");
    RunDirectory files = RunDirectory::create(path);
    with_threads(threads, [&] { run_experiment(experiment, files, std::atomic<bool>(stopped)); });
    return path;
  }
  void expect_same_bytes(const std::string& text, int every) {
    const fs::path path = run(text, 1 + every % 4);
    const std::string metrics = read_bytes(path / "metrics.csv");
    const std::string trajectory = test::trajectory_of(path);
    const Checkpoint checkpoint = load_checkpoint(path / "checkpoint.h5");
    const std::string message = read_summary(path)->message;
    ASSERT_LT(load_checkpoint(path / "checkpoint.previous.h5").step, checkpoint.step);
    fs::remove(path / "summary.json");
    resume(path, 1 + (every + 1) % 4, Kept::previous);
    EXPECT_EQ(read_bytes(path / "metrics.csv"), metrics);
    EXPECT_EQ(test::trajectory_of(path), trajectory);
    EXPECT_TRUE(same_bits(load_checkpoint(path / "checkpoint.h5"), checkpoint));
    EXPECT_EQ(read_summary(path)->end.ending, Ending::finished);
    EXPECT_EQ(read_summary(path)->message, message);
  }
  static void resume(const fs::path& path, int threads, Kept kept = Kept::last) {
    RunDirectory files = RunDirectory::reopen(path);
    const StoppedRun run = read_stopped_run(path, kept);
    RunOptions options;
    options.notes = run.notes;
    options.start = run.checkpoint ? &*run.checkpoint : nullptr;
    with_threads(threads, [&] { run_experiment(run.experiment, files, std::atomic<bool>(false), options); });
  }
  static std::string refusal(const fs::path& path, Kept kept = Kept::last) {
    return message_of<FileError>([&] { read_stopped_run(path, kept); });
  }

  test::TemporaryDirectory directory;

 private:
  int count_ = 0;
};

/// From the checkpoint at the last multiple of k below the end, for several k: with rows and frames behind it, which
/// are cut off, and on other numbers of threads.
TEST_F(Resume, EndsInTheSameBytesFromAnyCheckpointOfAnyMethod) {
  for (const auto& [name, phase] : test::every_phase) {
    for (const int every : {1, 2, 3, 5, 7, 11, 13}) {
      const std::string precision = every == 7 ? "single" : "double";
      SCOPED_TRACE(fmt::format("{} {} {}", name, precision, every));
      expect_same_bytes(test::experiment_text(phase, precision, every), every);
    }
  }
}

/// The same where the particles are points.
TEST_F(Resume, EndsInTheSameBytesForEveryObjective) {
  for (const std::string& objective : objectives_of_points) {
    for (const auto& [name, phase] : test::every_phase) {
      const auto has = [&text_of_phase = phase](const char* word) {
        return text_of_phase.find(word) != std::string::npos;
      };
      const bool needs_network =
          name == "natural-gradient" || has("train_loss") || has("inner_steps") || has("label_noise") || has("readout");
      for (const int every : {3, 7}) {
        if (!needs_network) {
          const std::string precision = every == 7 ? "single" : "double";
          SCOPED_TRACE(fmt::format("{} {} {}", objective, name, precision));
          std::string text = test::experiment_text(phase, precision, every);
          text.replace(text.find("width = 1001"), 12, "width = 70");
          text.replace(text.find("teacher-student\"\n"), 17, "sparse-parity\"\ninput_dim = 3\n");
          expect_same_bytes(objective + text, every);
        }
      }
    }
  }
}

TEST_F(Resume, ARunThatHadNoCheckpointStartsOver) {
  const fs::path path = run(test::experiment_text(test::every_phase[5].second, "double", 0));
  const std::string metrics = read_bytes(path / "metrics.csv");
  for (const char* file : {"checkpoint.h5", "summary.json", "trajectory.h5"}) {
    fs::remove(path / file);
  }
  test::write_bytes(path / "metrics.csv", metrics.substr(0, metrics.size() / 2));
  resume(path, 2);
  EXPECT_EQ(read_bytes(path / "metrics.csv"), metrics);
  EXPECT_TRUE(fs::exists(path / "trajectory.h5"));
}

TEST_F(Resume, ARunInterruptedBeforeItsFirstStepGoesOn) {
  const std::string text = test::experiment_text(test::every_phase[5].second, "double", 0);
  const fs::path whole = run(text);
  const fs::path broken = run(text, 1, true);
  resume(broken, 3);
  EXPECT_EQ(read_bytes(broken / "metrics.csv"), read_bytes(whole / "metrics.csv"));
  EXPECT_EQ(test::trajectory_of(broken), test::trajectory_of(whole));
}

/// A look that takes long gives way to `stop`: at the start, in the middle, where a phase begins, and at the end.
TEST_F(Resume, ARunInterruptedWhileItLooksLooksAnew) {
  test::LongLook look;
  for (const auto& [name, phase] : test::every_phase) {
    const std::string text = test::experiment_text(phase, "double", 3);
    const auto start = [&, &text_of_phase = text](std::int64_t step) {
      const fs::path path = directory / fmt::format("look of {} at {}", name, step);
      const Experiment experiment = build_experiment(parse_toml(text_of_phase, "test.toml"), look.surroundings);
      RunDirectory files = RunDirectory::create(path);
      look.stop_at(step);
      run_experiment(experiment, files, look.stop);
      return path;
    };
    const fs::path whole = start(-1);
    const std::int64_t last_step = read_summary(whole)->end.step;
    for (const std::int64_t step : {std::int64_t{0}, std::int64_t{6}, last_step}) {
      SCOPED_TRACE(fmt::format("{} {}", name, step));
      const fs::path broken = start(step);
      const RunEnd end = read_summary(broken)->end;
      ASSERT_EQ(end.ending, Ending::interrupted);
      ASSERT_EQ(end.step, step);
      if (step == 6) {  // which has a checkpoint before it looks, and no other
        EXPECT_EQ(load_checkpoint(broken / "checkpoint.previous.h5").step, 3);
      }
      // Of the row that there is, not of half of the one that was given up.
      const std::string row = read_ends(broken / "metrics.csv").last_row;
      const std::string values = fmt::format("{}", fmt::join(read_summary(broken)->final_values, ","));
      EXPECT_TRUE(step == 0 ? values.find_first_not_of("nan,") == std::string::npos : row.ends_with("," + values));
      look.stop_at(-1);
      const StoppedRun run = read_stopped_run(broken, Kept::last, look.surroundings);
      RunDirectory files = RunDirectory::reopen(broken);
      RunOptions options;
      options.notes = run.notes;
      options.start = &run.checkpoint.value();
      run_experiment(run.experiment, files, look.stop, options);
      EXPECT_EQ(read_summary(broken)->end.ending, Ending::finished);
      EXPECT_EQ(read_bytes(broken / "metrics.csv"), read_bytes(whole / "metrics.csv"));
      EXPECT_EQ(test::trajectory_of(broken), test::trajectory_of(whole));
      EXPECT_TRUE(same_bits(load_checkpoint(broken / "checkpoint.h5"), load_checkpoint(whole / "checkpoint.h5")));
    }
  }
}

TEST_F(Resume, RefusesACheckpointThatIsNotItsOwnAndOffersThePreviousOne) {
  const fs::path path = run(test::experiment_text(test::every_phase[0].second, "double", 6));
  const std::string good = read_bytes(path / "checkpoint.h5");
  Checkpoint checkpoint = load_checkpoint(path / "checkpoint.h5");
  const std::string offer = "; --previous goes on from the one before it";

  ++checkpoint.experiment_hash;
  save_checkpoint(checkpoint, path / "checkpoint.h5");
  EXPECT_TRUE(mentions(refusal(path), "it is of another experiment"));
  EXPECT_TRUE(mentions(refusal(path), offer));
  --checkpoint.experiment_hash;
  checkpoint.matrices["average"] = checkpoint.matrices["particles"];
  save_checkpoint(checkpoint, path / "checkpoint.h5");
  EXPECT_TRUE(mentions(refusal(path), "it has 2 matrices and the phase needs 1"));
  checkpoint.matrices.erase("average");
  checkpoint.matrices["particles"].resize(2, 3);
  save_checkpoint(checkpoint, path / "checkpoint.h5");
  EXPECT_TRUE(mentions(refusal(path), "its /particles is [2 x 3] and the experiment's is ["));
  checkpoint.matrices.clear();
  checkpoint.matrices["positions"].resize(2, 3);
  save_checkpoint(checkpoint, path / "checkpoint.h5");
  EXPECT_TRUE(mentions(refusal(path), "it lacks /particles, which the phase needs"));
  test::write_bytes(path / "checkpoint.h5", good.substr(0, good.size() / 2));
  EXPECT_TRUE(mentions(refusal(path), "length or checksum differs"));
  std::string other = good;
  other.replace(other.find("format_version=2"), 16, "format_version=1");
  test::write_bytes(path / "checkpoint.h5", other);
  EXPECT_TRUE(mentions(refusal(path), "its format version is 1, this program reads 2"));
  EXPECT_TRUE(mentions(refusal(path), offer));

  EXPECT_EQ(refusal(path, Kept::previous), "");
  fs::remove(path / "checkpoint.previous.h5");
  EXPECT_FALSE(refusal(path).ends_with(offer));
  EXPECT_TRUE(mentions(refusal(path, Kept::previous), "there is no previous checkpoint"));
}

/// Nothing of a damaged checkpoint is believed, whichever byte it is, and the files beside it stay as they are.
TEST_F(Resume, RefusesACheckpointDamagedAtAnyByte) {
  const fs::path path =
      run("seed = 3\n[task]\nkind = \"teacher-student\"\nnum_train = 3\nnum_test = 0\n[network]\nwidth = 2\n"
          "[[phase]]\nmethod = \"gd\"\nsteps = 3\nstep_size = 0.1\n");
  const std::string good = read_bytes(path / "checkpoint.h5");
  const std::string metrics = read_bytes(path / "metrics.csv");
  const Experiment experiment = read_stopped_run(path).experiment;
  for (std::size_t i = 0; i < good.size(); ++i) {
    std::string bad = good;
    bad[i] = static_cast<char>(bad[i] ^ (1 << (i % 8)));
    test::write_bytes(path / "checkpoint.h5", bad);
    EXPECT_NE(message_of<FileError>([&] { load_checkpoint(path / "checkpoint.h5"); }), "") << i;
    if (i % 7 == 0) {
      test::write_bytes(path / "checkpoint.h5", good.substr(0, i));
      EXPECT_NE(message_of<FileError>([&] { load_checkpoint(path / "checkpoint.h5"); }), "") << i;
    }
    if (i % 500 == 0) {
      EXPECT_NE(refusal(path), "") << i;
    }
  }
  EXPECT_EQ(read_bytes(path / "metrics.csv"), metrics);
}

TEST_F(Resume, RefusesAnAveragingPhaseWithoutItsAverage) {
  const fs::path path = run(test::experiment_text(test::every_phase[6].second, "double", 6));
  Checkpoint checkpoint = load_checkpoint(path / "checkpoint.previous.h5");
  ASSERT_TRUE(checkpoint.matrices.contains("average")) << test::every_phase[6].first;
  checkpoint.matrices.erase("average");
  save_checkpoint(checkpoint, path / "checkpoint.previous.h5");
  EXPECT_TRUE(mentions(refusal(path, Kept::previous), "it lacks /average, which the phase needs"));
}

/// The data are part of the experiment: a table that has changed since is another one.
TEST_F(Resume, RefusesChangedData) {
  test::write_bytes(directory / "table.csv", "1,2,3\n2,3,4\n5,1,0\n2,2,2\n");
  const fs::path path =
      run(fmt::format("seed = 1\n[task]\nkind = \"file\"\npath = \"{}\"\n[network]\nwidth = 2\n"
                      "[[phase]]\nmethod = \"gd\"\nsteps = 3\nstep_size = 0.1\n",
                      (directory / "table.csv").string()));
  EXPECT_EQ(refusal(path), "");
  test::write_bytes(directory / "table.csv", "1,2,3\n2,3,4\n5,1,0\n2,2,2.5\n");
  EXPECT_TRUE(mentions(refusal(path), "than experiment.toml and its data"));
}

/// Until the branch both are the same; the branch with the same seeds is the run itself.
TEST_F(Resume, ABranchGoesOnWithOtherNoise) {
  const fs::path parent = run(test::experiment_text(test::every_phase[4].second, "double", 10));
  const auto grow = [&](std::int64_t seed) {
    const fs::path path = directory / fmt::format("branch{}", seed);
    const StoppedRun child = branch(parent, {seed, {}}, Kept::previous);
    RunDirectory files = RunDirectory::create(path);
    RunOptions options;
    options.notes = child.notes;
    options.start = &*child.checkpoint;
    run_experiment(child.experiment, files, std::atomic<bool>(false), options);
    return path;
  };
  const Checkpoint of_parent = load_checkpoint(parent / "checkpoint.h5");
  const Checkpoint same = load_checkpoint(grow(3) / "checkpoint.h5");
  EXPECT_TRUE(same_bits(same.matrices.at("particles"), of_parent.matrices.at("particles")));
  EXPECT_EQ(same.gradient_evaluations, of_parent.gradient_evaluations);
  const fs::path path = grow(4);
  EXPECT_FALSE(
      same_bits(load_checkpoint(path / "checkpoint.h5").matrices.at("particles"), of_parent.matrices.at("particles")));
  const std::string note = fmt::format("# branched from {} at step 10, seed 3, experiment {:016x}\n", parent.string(),
                                       of_parent.experiment_hash);
  for (const char* file : {"experiment.toml", "metrics.csv"}) {
    EXPECT_TRUE(mentions(read_bytes(path / file), note)) << file;
  }
  const std::string parent_in_summary = fmt::format(
      "  \"parent\": {{\n    \"directory\": \"{}\",\n    \"step\": 10,\n    \"seed\": 3,\n    \"experiment\": "
      "\"{:016x}\"\n  }},\n",
      parent.string(), of_parent.experiment_hash);
  EXPECT_TRUE(mentions(read_bytes(path / "summary.json"), parent_in_summary));
  // A branch can be resumed as any run can, even when it was killed before it recorded anything.
  const std::string metrics = read_bytes(path / "metrics.csv");
  const std::string trajectory = test::trajectory_of(path);
  resume(path, 2, Kept::previous);
  EXPECT_EQ(read_bytes(path / "metrics.csv"), metrics);
  EXPECT_EQ(test::trajectory_of(path), trajectory);
  EXPECT_TRUE(mentions(read_bytes(path / "summary.json"), parent_in_summary));
}

TEST_F(Resume, ANoteReadsBackToTheParentOfAnyName) {
  for (const std::string name :
       {"/a", "/at step 3/x at step 4, seed 5, experiment 6", "/b c/\xC3\xA9", "/a\nseed = 2", ""}) {
    const Parent parent = {name, std::int64_t{1} << 53, -7, 0xFEDCBA9876543210U};
    const auto found = parent_in({"branched from /older at step 1, seed 2, experiment 3", note_of(parent), "else"});
    ASSERT_TRUE(found);
    EXPECT_EQ(found->directory, name);
    EXPECT_EQ(found->step, parent.step);
    EXPECT_EQ(found->seed, parent.seed);
    EXPECT_EQ(found->experiment_hash, parent.experiment_hash);
  }
  EXPECT_FALSE(parent_in({"branched from nowhere", "else"}));
}

/// Every session counts, one that was killed as far as its last checkpoint says.
TEST_F(Resume, TheSummaryCountsTheTimeOfEverySession) {
  const fs::path path = run(test::experiment_text(test::every_phase[5].second, "double", 6), 1, true);
  auto summary = read_summary(path);
  ASSERT_TRUE(summary);
  EXPECT_EQ(summary->sessions, 1);
  std::string text = read_bytes(path / "summary.json");
  const std::size_t place = text.find("\"wall_seconds\": ") + 16;
  text.replace(place, text.find(',', place) - place, "1000");
  test::write_bytes(path / "summary.json", text);
  resume(path, 1);
  summary = read_summary(path);
  EXPECT_EQ(summary->sessions, 2);
  EXPECT_GT(summary->wall_seconds, 1000);
  EXPECT_LT(summary->wall_seconds, 1000 + 600);
  EXPECT_TRUE(is_final(summary));
}

TEST_F(Resume, KnowsTheInstructionSetItBeganWith) {
  test::write_bytes(directory / "experiment.toml", "# mfld 1.0, built by g++, instruction set AVX2\n# on\nseed = 1\n");
  EXPECT_EQ(stored_instruction_set(directory.path()), "AVX2");
  test::write_bytes(directory / "experiment.toml", "seed = 1\n");
  EXPECT_EQ(stored_instruction_set(directory.path()), "");
}

}  // namespace
}  // namespace mfld

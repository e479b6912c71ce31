// Longer runs have the bytes of those that were as long from the start; branches go on with what may change.
#include "mfld/runs/extend.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "mfld/core/error.hpp"
#include "mfld/core/parallel.hpp"
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

/// The text with so many more steps in its last phase.
std::string longer(std::string text, std::int64_t more) {
  const std::size_t place = text.rfind("\nsteps = ") + 9;
  const std::size_t end = text.find('\n', place);
  return text.replace(place, end - place, std::to_string(std::stoll(text.substr(place, end - place)) + more));
}

class Extend : public ::testing::Test {
 protected:
  fs::path run(const std::string& text, bool stopped = false) {
    const fs::path path = directory / fmt::format("run{}", count_++);
    const Experiment experiment = build_experiment(parse_toml(text, "test.toml"), ".");
    RunDirectory files = RunDirectory::create(path);
    run_experiment(experiment, files, std::atomic<bool>(stopped));
    return path;
  }
  static void extend_by(const fs::path& path, std::int64_t more, Kept kept = Kept::last) {
    RunDirectory files = RunDirectory::reopen(path);
    const StoppedRun longer = extend(path, {{}, more}, kept);
    begin_extension(longer, files, {});
    RunOptions options;
    options.start = &*longer.checkpoint;
    with_threads(2, [&] { run_experiment(longer.experiment, files, std::atomic<bool>(false), options); });
  }
  static void expect_same_run(const fs::path& path, const fs::path& expected) {
    EXPECT_EQ(read_bytes(path / "metrics.csv"), read_bytes(expected / "metrics.csv"));
    EXPECT_EQ(test::trajectory_of(path), test::trajectory_of(expected));
    EXPECT_TRUE(same_bits(load_checkpoint(path / "checkpoint.h5"), load_checkpoint(expected / "checkpoint.h5")));
    EXPECT_EQ(read_summary(path)->message, read_summary(expected)->message);
    EXPECT_EQ(build_experiment(parse_toml(read_bytes(path / "experiment.toml"), ""), ".").hash,
              build_experiment(parse_toml(read_bytes(expected / "experiment.toml"), ""), ".").hash);
  }
  static std::string refusal(const fs::path& path, const Extension& extension) {
    return message_of<InvalidInput>([&] { extend(path, extension); });
  }
  static std::string refusal(const fs::path& path, const std::string& setting) {
    return message_of<InvalidInput>([&] { branch(path, {{}, {setting, "observe.every=4"}}); });
  }

  test::TemporaryDirectory directory;

 private:
  int count_ = 0;
};

/// By 3 steps and by 2: the ends were looks of their own, and in the longer run they are not.
TEST_F(Extend, EndsInTheBytesOfTheLongerRunForEveryMethodStepAndPrecision) {
  for (const auto& [name, phase] : test::every_phase) {
    for (const std::string precision : {"double", "single"}) {
      SCOPED_TRACE(name + " " + precision);
      const std::string text = test::experiment_text(phase, precision, 0);
      const fs::path path = run(longer(text, -5));
      if (phase.find("ridge-readout", phase.rfind("[[phase]]")) != std::string::npos) {
        EXPECT_TRUE(mentions(refusal(path, Extension{{}, 5}), "must be an integer from 0 to 1"));
        continue;
      }
      if (phase.find("until = ", phase.rfind("[[phase]]")) != std::string::npos) {
        EXPECT_TRUE(mentions(refusal(path, Extension{{}, 5}), " ends by a rule"));
        continue;
      }
      extend_by(path, 3);
      extend_by(path, 2);
      expect_same_run(path, run(text));
    }
  }
}

TEST_F(Extend, WorksFromACheckpointOnTheWay) {
  const std::string text = test::experiment_text(test::every_phase[5].second, "double", 7);
  const fs::path path = run(text);
  extend_by(path, 5, Kept::previous);
  expect_same_run(path, run(longer(text, 5)));
}

/// Its checkpoint is at the end, and counts no row and no frame of it.
TEST_F(Extend, GoesOnFromARunThatWasInterruptedInItsLastLook) {
  constexpr int every = 3;
  for (const std::int64_t last : {9, 10}) {
    SCOPED_TRACE(last);
    test::LongLook look;
    look.stop_at(last);
    const auto start = [&](const std::string& name, std::int64_t num_steps) {
      const std::string text = fmt::format(
          "seed = 3\n[task]\nkind = \"single-index\"\nlink = \"relu\"\ninput_dim = 3\nnum_train = 8\n"
          "[network]\nwidth = 5\nneuron = \"sigma\"\n[[phase]]\nmethod = \"mfld\"\nlambda2 = 0.1\n"
          "step_size = 0.1\nsteps = {}\n[observe]\nevery = {}\n[observe.trajectory]\nparticles = \"all\"\n"
          "every = {}\n",
          num_steps, every, every);
      RunDirectory files = RunDirectory::create(directory / name);
      run_experiment(build_experiment(parse_toml(text, "test.toml"), look.surroundings), files, look.stop);
      return directory / name;
    };
    const fs::path path = start(fmt::format("broken {}", last), last);
    ASSERT_EQ(read_summary(path)->end.ending, Ending::interrupted);
    ASSERT_EQ(read_summary(path)->end.step, last);
    look.stop_at(-1);
    const fs::path expected = start(fmt::format("whole {}", last), last + 5);
    RunDirectory files = RunDirectory::reopen(path);
    const StoppedRun longer = extend(path, {{}, 5}, Kept::last, look.surroundings);
    begin_extension(longer, files, {});
    RunOptions options;
    options.start = &*longer.checkpoint;
    run_experiment(longer.experiment, files, look.stop, options);
    EXPECT_EQ(read_bytes(path / "metrics.csv"), read_bytes(expected / "metrics.csv"));
    EXPECT_EQ(test::trajectory_of(path), test::trajectory_of(expected));
    EXPECT_TRUE(same_bits(load_checkpoint(path / "checkpoint.h5"), load_checkpoint(expected / "checkpoint.h5")));
  }
}

/// log_spaced looks of the longer run lie elsewhere: what was seen stays, and experiment.toml lists it.
TEST_F(Extend, IsTheRunOfItsOwnExperimentWhereLooksAreSpread) {
  std::string text = test::experiment_text(test::every_phase[3].second, "double", 0);
  for (const std::string every : {"every = 3", "every = 2"}) {
    text.replace(text.find(every), every.size(), "log_spaced = 6");
  }
  const fs::path path = run(text);
  const std::string before = read_bytes(path / "metrics.csv");
  extend_by(path, 30);
  const std::string own = read_bytes(path / "experiment.toml");
  EXPECT_NE(own.find("\nat = [0, 1, "), std::string::npos);
  const fs::path again = directory / "again";
  RunDirectory files = RunDirectory::create(again);
  run_experiment(build_experiment(parse_toml(own, ""), "."), files, std::atomic<bool>(false));
  expect_same_run(path, again);
  // All rows but that of the end, which the longer run passes by.
  const std::string rows = before.substr(before.find("\nstep,") + 1);
  const std::string kept = rows.substr(0, rows.rfind("\n20,") + 1);
  EXPECT_NE(read_bytes(path / "metrics.csv").find(kept), std::string::npos);
}

/// Killed after any of the files: the run can be made longer again, or finished as it was.
TEST_F(Extend, SurvivesItsEndAfterEveryFile) {
  const std::string text = test::experiment_text(test::every_phase[5].second, "double", 0);
  const fs::path expected = run(longer(text, 5));
  const fs::path parent = run(text);
  const fs::path extended = directory / "extended";
  fs::copy(parent, extended, fs::copy_options::recursive);
  {
    RunDirectory files = RunDirectory::reopen(extended);
    begin_extension(extend(extended, {{}, 5}), files, {});
  }
  const std::vector<std::string> in_order = {"summary.json", "checkpoint.h5", "experiment.toml", "metrics.csv"};
  for (std::size_t written = 0; written <= in_order.size(); ++written) {
    SCOPED_TRACE(written);
    const fs::path path = directory / fmt::format("killed{}", written);
    fs::copy(parent, path, fs::copy_options::recursive);
    fs::copy(parent / "checkpoint.h5", path / "checkpoint.previous.h5", fs::copy_options::overwrite_existing);
    for (std::size_t k = 0; k < written; ++k) {
      fs::copy(extended / in_order[k], path / in_order[k], fs::copy_options::overwrite_existing);
    }
    if (written < 3) {  // the experiment is the shorter one
      extend_by(path, 5, written == 2 ? Kept::previous : Kept::last);
    } else {
      RunDirectory files = RunDirectory::reopen(path);
      const StoppedRun run = read_stopped_run(path);
      RunOptions options;
      options.start = &*run.checkpoint;
      run_experiment(run.experiment, files, std::atomic<bool>(false), options);
    }
    EXPECT_TRUE(same_bits(load_checkpoint(path / "checkpoint.h5"), load_checkpoint(expected / "checkpoint.h5")));
    EXPECT_EQ(test::trajectory_of(path), test::trajectory_of(expected));
    if (written != 3) {  // there the comments are still those of the shorter run
      EXPECT_EQ(read_bytes(path / "metrics.csv"), read_bytes(expected / "metrics.csv"));
    }
  }
}

TEST_F(Extend, RefusesWhatDoesNotGetLongerAndSchedulesThatKnowTheirLength) {
  const std::string text = test::experiment_text(test::every_phase[3].second, "double", 0);
  const fs::path path = run(text);
  EXPECT_TRUE(mentions(refusal(path, Extension{20, {}}), "--steps 20: must make phase.0.steps more than 20"));
  for (const std::string schedule :
       {"{ value = 0.1, kind = \"exponential\", final = 0.01 }", "{ value = 0.1, off_fraction = 0.2 }"}) {
    std::string annealed = text;
    annealed.replace(annealed.find("step_size = 0.1"), 15, "step_size = " + schedule);
    EXPECT_TRUE(mentions(refusal(run(annealed), Extension{{}, 5}), "phase.0.step_size depends on the number of steps"));
  }
  std::string inverse = text;
  inverse.replace(inverse.find("step_size = 0.1"), 15,
                  "step_size = { value = 0.1, kind = \"inverse\", timescale = 5 }");
  const fs::path other = run(inverse);
  extend_by(other, 5);
  expect_same_run(other, run(longer(inverse, 5)));
}

TEST_F(Extend, ABranchGoesOnWithOtherNumbersAndSaysWhich) {
  const std::string text = test::experiment_text(test::every_phase[5].second, "double", 0);
  const fs::path path = run(text);
  const StoppedRun child = branch(path, {{}, {"phase.0.steps=30", "phase.0.step_size=0.05", "observe.at=[21]"}});
  EXPECT_EQ(child.experiment.phases[0].step_size.value, 0.05);
  EXPECT_EQ(child.checkpoint->step, 20);
  EXPECT_EQ(child.notes.size(), 4U);
  EXPECT_EQ(child.notes[2], "changed in the branch: phase.0.step_size=0.05");
  EXPECT_TRUE(child.experiment.observe.fires(21) && !child.experiment.observe.fires(24));
  const StoppedRun next = branch(path, {{}, {"phase.1.method=gd", "phase.1.steps=4", "phase.1.step_size=0.1"}});
  EXPECT_EQ(next.experiment.phases.size(), 2U);
  RunDirectory files = RunDirectory::create(directory / "child");
  RunOptions options;
  options.notes = next.notes;
  options.start = &*next.checkpoint;
  EXPECT_EQ(run_experiment(next.experiment, files, std::atomic<bool>(false), options).end.step, 24);
}

/// What is computed at named steps alone is a number there, in the run and in the longer one, and nowhere else.
TEST_F(Extend, ACertifiedGapIsThatOfTheLongerRun) {
  const std::string text =
      "seed = 3\n[task]\nkind = \"sparse-parity\"\ninput_dim = 5\nnum_train = 30\n"
      "[network]\nneuron = \"parity\"\nbound = 2\nwidth = 60\n[loss]\nkind = \"logistic\"\n"
      "[[phase]]\nmethod = \"mfld\"\nsteps = 10\nstep_size = 0.1\nlambda1 = 0.1\nlambda2 = 0.1\n"
      "[observe]\nevery = 4\ncolumns = [\"train_loss\", \"certified_gap\"]\ncertified_gap_at = [10]\n"
      "trajectory = { particles = 2, every = 2 }\n"
      "[checkpoint]\nevery_steps = 0\n";
  const fs::path path = run(text);
  const std::string before = read_bytes(path / "metrics.csv");
  EXPECT_EQ(before.find("nan", before.rfind("\n10,")), std::string::npos);
  EXPECT_NE(before.find("nan", before.rfind("\n8,")), std::string::npos);
  extend_by(path, 5);
  expect_same_run(path, run(longer(text, 5)));
  const std::string after = read_bytes(path / "metrics.csv");
  const std::string row = before.substr(before.rfind("\n10,"));
  EXPECT_NE(after.find(row), std::string::npos);
}

// Checkpoints that were kept on the way are then of the longer run.
TEST_F(Extend, AKeptCheckpointIsBranchedFromBeforeAndAfter) {
  const std::string text = test::experiment_text(test::every_phase[5].second, "double", 0) + "keep_at = [7, 23]\n";
  const fs::path path = run(text);
  EXPECT_EQ(branch(path, {4, {}, 7}).checkpoint->step, 7);
  extend_by(path, 5);
  EXPECT_EQ(branch(path, {4, {}, 7}).checkpoint->step, 7);
  const fs::path expected = run(longer(text, 5));
  for (const std::string name : {"checkpoint.7.h5", "checkpoint.23.h5"}) {
    EXPECT_TRUE(same_bits(load_checkpoint(path / name), load_checkpoint(expected / name))) << name;
  }
  Checkpoint other = load_checkpoint(path / "checkpoint.7.h5");
  other.experiment_hash += 1;
  fs::remove(path / "checkpoint.7.h5");
  save_checkpoint(other, path / "checkpoint.7.h5");
  extend_by(path, 5);
  EXPECT_THROW(branch(path, {4, {}, 7}), FileError) << "of another experiment it stays what it is";
}

TEST_F(Extend, ABranchRefusesWhatItsParticlesAreOf) {
  const std::string two = "[[phase]]\nmethod = \"gd\"\nsteps = 4\nstep_size = 0.1\n" + test::every_phase[5].second;
  const fs::path path = run(test::experiment_text(two, "double", 0));
  for (const std::string setting :
       {"task.num_train=5", "network.width=7", "seed=4", "seeds.data=3", "loss.kind=huber"}) {
    EXPECT_TRUE(mentions(refusal(path, setting), "--set " + setting)) << setting;
    EXPECT_TRUE(mentions(refusal(path, setting), "what can change is phase.*")) << setting;
  }
  EXPECT_TRUE(mentions(refusal(path, "phase.0.steps=9"), {"phase.0 is over at step 24"}));
  EXPECT_TRUE(mentions(refusal(path, "phase.1.averaging=true"), {"phase.1 is under way"}));
  EXPECT_TRUE(mentions(refusal(path, "phase.1.step_size=0.2"), {"no step is left after step 24"}));
  EXPECT_TRUE(mentions(refusal(path, "phase.1.step_size=-1"), {"phase.1.step_size"}));
  EXPECT_TRUE(mentions(refusal(path, "phase.1.step_size"), {"must be path=value"}));
}

}  // namespace
}  // namespace mfld

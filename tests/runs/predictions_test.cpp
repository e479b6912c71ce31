#include <fmt/format.h>
#include <gtest/gtest.h>

#include <fstream>
#include <sstream>

#include "mfld/core/error.hpp"
#include "mfld/runs/resume.hpp"
#include "mfld/runs/runner.hpp"
#include "support/file_text.hpp"
#include "support/temporary_directory.hpp"

namespace mfld {
namespace {

namespace fs = std::filesystem;
using test::mentions;
using test::read_bytes;

std::string text_of(const std::string& precision, const std::string& rest = {}) {
  return fmt::format(
      "seed = 3\n[task]\nkind = \"teacher-student\"\nnum_train = 30\nnum_test = 7\n"
      "[network]\nwidth = 40\nprecision = \"{}\"\n"
      "[[phase]]\nmethod = \"mfld\"\nsteps = 20\nstep_size = 0.1\nlambda2 = 0.01\n"
      "[observe]\npredictions = true\n{}",
      precision, rest);
}

struct PredictionTable {
  std::vector<std::string> comments;
  std::string names;
  std::vector<std::vector<double>> rows;
};

PredictionTable read(const fs::path& path) {
  PredictionTable table;
  std::ifstream stream(path);
  for (std::string line; std::getline(stream, line);) {
    if (line.starts_with('#')) {
      table.comments.push_back(line);
    } else if (table.names.empty()) {
      table.names = line;
    } else {
      std::istringstream fields(line);
      table.rows.emplace_back();
      for (std::string field; std::getline(fields, field, ',');) {
        table.rows.back().push_back(std::stod(field));
      }
    }
  }
  return table;
}

class Predictions : public ::testing::Test {
 protected:
  RunSummary run(const std::string& text, const std::string& name, bool stopped = false) {
    const Experiment experiment = build_experiment(parse_toml(text, "test.toml"), ".");
    RunDirectory files = RunDirectory::create(directory / name);
    return run_experiment(experiment, files, std::atomic<bool>(stopped));
  }

  test::TemporaryDirectory directory;
};

/// In the precision of the run.
template <class Scalar>
Vector test_outputs(const Experiment& experiment, const Particles<double>& particles) {
  Vector outputs(experiment.data.num_test());
  KernelWorkspace<Scalar> workspace;
  experiment.model->outputs(Particles<Scalar>(particles.cast<Scalar>()),
                            PackedInputs<Scalar>(experiment.data.test_inputs),
                            {outputs.data(), static_cast<std::size_t>(outputs.size())}, workspace);
  return outputs;
}

TEST_F(Predictions, AreTheOutputsOfTheLastParticlesOnTheTestSamples) {
  for (const std::string precision : {"double", "single"}) {
    SCOPED_TRACE(precision);
    const std::string text = text_of(precision);
    const RunSummary summary = run(text, precision);
    const PredictionTable table = read(directory / precision / "predictions.csv");
    const Experiment experiment = build_experiment(parse_toml(text, "test.toml"), ".");
    const Checkpoint last = load_checkpoint(directory / precision / "checkpoint.h5");
    const Particles<double>& particles = last.matrices.at("particles");
    const Vector outputs = precision == "double" ? test_outputs<double>(experiment, particles)
                                                 : test_outputs<float>(experiment, particles);
    EXPECT_EQ(table.names, "x_1,x_2,target,output");
    ASSERT_EQ(std::ssize(table.rows), experiment.data.num_test());
    double loss = 0;
    for (Index i = 0; i < experiment.data.num_test(); ++i) {
      const std::vector<double>& row = table.rows[static_cast<std::size_t>(i)];
      EXPECT_EQ(row, (std::vector<double>{experiment.data.test_inputs(i, 0), experiment.data.test_inputs(i, 1),
                                          experiment.data.test_targets(i), outputs(i)}));
      loss += (row[3] - row[2]) * (row[3] - row[2]) / 2 / static_cast<double>(experiment.data.num_test());
    }
    const auto column = std::find(summary.columns.begin(), summary.columns.end(), "test_loss");
    EXPECT_DOUBLE_EQ(loss, summary.final_values[static_cast<std::size_t>(column - summary.columns.begin())]);
    EXPECT_TRUE(mentions(fmt::format("{}", fmt::join(table.comments, "\n")), "# data: "));
  }
}

TEST_F(Predictions, OfAResumedRunAreTheSameBytes) {
  run(text_of("double"), "unbroken");
  run(text_of("double"), "broken", true);
  EXPECT_FALSE(fs::exists(directory / "broken/predictions.csv"));
  {
    const StoppedRun stopped = read_stopped_run(directory / "broken", Kept::last);
    RunDirectory files = RunDirectory::reopen(directory / "broken");
    run_experiment(stopped.experiment, files, std::atomic<bool>(false), {{}, {}, &*stopped.checkpoint, {}});
  }
  EXPECT_EQ(read_bytes(directory / "broken/predictions.csv"), read_bytes(directory / "unbroken/predictions.csv"));
  EXPECT_FALSE(fs::exists(directory / "broken/predictions.new.csv"));
}

TEST_F(Predictions, AreNotWrittenUnlessAskedForAndFinished) {
  std::string text = text_of("double");
  text.replace(text.find("predictions = true"), 18, "predictions = false");
  run(text, "silent");
  EXPECT_FALSE(fs::exists(directory / "silent/predictions.csv"));
  text = text_of("double");
  text.replace(text.find("step_size = 0.1"), 15, "step_size = 1e300");
  EXPECT_EQ(run(text, "diverged").end.ending, Ending::diverged);
  EXPECT_FALSE(fs::exists(directory / "diverged/predictions.csv"));
}

TEST_F(Predictions, ChangeNothingElse) {
  run(text_of("double"), "with");
  std::string text = text_of("double");
  text.replace(text.find("predictions = true"), 18, "predictions = false");
  run(text, "without");
  EXPECT_EQ(read_bytes(directory / "with/metrics.csv"), read_bytes(directory / "without/metrics.csv"));
}

TEST_F(Predictions, NeedTestSamples) {
  std::string text = text_of("double");
  text.replace(text.find("num_test = 7"), 12, "num_test = 0");
  const std::string error = test::message_of<InvalidInput>([&] { build_experiment(parse_toml(text, "t.toml"), "."); });
  EXPECT_TRUE(mentions(error, "observe.predictions = true: needs test samples"));
}

}  // namespace
}  // namespace mfld

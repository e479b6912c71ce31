#include <fmt/format.h>
#include <gtest/gtest.h>

#include <Eigen/LU>
#include <fstream>
#include <sstream>

#include "mfld/core/error.hpp"
#include "mfld/core/parallel.hpp"
#include "mfld/ntk/closed_forms.hpp"
#include "mfld/ntk/empirical.hpp"
#include "mfld/ntk/infinite_width.hpp"
#include "mfld/runs/resume.hpp"
#include "mfld/runs/sweep_runner.hpp"
#include "runs/kernel_runner.hpp"
#include "support/file_text.hpp"
#include "support/temporary_directory.hpp"

namespace mfld {
namespace {

namespace fs = std::filesystem;
using test::mentions;
using test::message_of;
using test::read_bytes;

constexpr Index num_train = 12;
constexpr Index num_test = 5;

std::string text_of(const std::string& phase, const std::string& network = "width = 300", int seed = 1) {
  return fmt::format(
      "seed = {}\nseeds.data = 1\n"
      "[task]\nkind = \"teacher-student\"\ninput_dim = 3\nnum_train = {}\nnum_test = {}\n"
      "[network]\nactivation = \"relu\"\nbias = false\n{}\nscaling = \"ntk\"\n[observe]\npredictions = true\n"
      "[[phase]]\n{}\n",
      seed, num_train, num_test, network, phase);
}

Experiment build(const std::string& text) { return build_experiment(parse_toml(text, "test.toml"), "."); }

std::string kernel_regression(const std::string& rest) { return "method = \"kernel-regression\"\n" + rest; }

/// predictions.csv without its comments.
struct Outputs {
  Vector output;
  Vector std;  // empty where there is none
};

class KernelRegressionRun : public ::testing::Test {
 protected:
  fs::path run(const std::string& text, bool stopped = false, int threads = 2) {
    const fs::path path = directory / fmt::format("run{}", count_++);
    const Experiment experiment = build(text);
    RunDirectory files = RunDirectory::create(path);
    summary = with_threads(threads, [&] { return run_experiment(experiment, files, std::atomic<bool>(stopped)); });
    return path;
  }

  Outputs outputs(const std::string& text) { return read(run(text)); }

  static Outputs read(const fs::path& run) {
    std::ifstream stream(run / "predictions.csv");
    std::vector<double> output;
    std::vector<double> std;
    bool names = true;
    for (std::string line; std::getline(stream, line);) {
      if (line.starts_with('#') || std::exchange(names, false)) {
        continue;
      }
      std::vector<double> fields;
      std::istringstream row(line);
      for (std::string field; std::getline(row, field, ',');) {
        fields.push_back(std::stod(field));
      }
      output.push_back(fields.at(4));
      if (fields.size() > 5) {
        std.push_back(fields[5]);
      }
    }
    EXPECT_EQ(std::ssize(output), num_test);
    return {Vector::Map(output.data(), std::ssize(output)), Vector::Map(std.data(), std::ssize(std))};
  }

  test::TemporaryDirectory directory;
  RunSummary summary;

 private:
  int count_ = 0;
};

void expect_close(const Vector& got, const Vector& want, double tolerance) {
  ASSERT_EQ(got.size(), want.size());
  EXPECT_LT((got - want).cwiseAbs().maxCoeff(), tolerance * want.cwiseAbs().maxCoeff());
}

/// k_x' (K + n ridge I)^-1 y by direct solution.
Vector solution(const Matrix& kernel, const Matrix& test_kernel, const Vector& targets, double ridge) {
  const Matrix shifted =
      kernel + static_cast<double>(kernel.rows()) * ridge * Matrix::Identity(kernel.rows(), kernel.rows());
  return test_kernel * shifted.fullPivLu().solve(targets);
}

// One step of the natural gradient solves the linearised network: theta - J'(J J' + damping I)^-1 (u - y).
TEST_F(KernelRegressionRun, TangentKernelIsTheLinearisedNetworkTrainedToTheEnd) {
  for (const double ridge : {0.0, 0.02}) {
    const auto damping = static_cast<double>(num_train) * ridge;
    const Vector trained = outputs(text_of(fmt::format("method = \"natural-gradient\"\nsteps = 1\nstep_size = 1.0\n"
                                                       "damping = {}",
                                                       damping),
                                           "width = 300\nlinearised = true"))
                               .output;
    const Vector solved = outputs(text_of(kernel_regression(fmt::format("ridge = {}", ridge)))).output;
    expect_close(solved, trained, 1e-9);
  }
}

TEST_F(KernelRegressionRun, TangentKernelRespectsWhatIsTrained) {
  for (const std::string block : {"input", "output"}) {
    const std::string network = fmt::format("width = 300\ntrain = [\"{}\"]", block);
    const Vector trained =
        outputs(text_of("method = \"natural-gradient\"\nsteps = 1\nstep_size = 1.0", network + "\nlinearised = true"))
            .output;
    expect_close(outputs(text_of(kernel_regression(""), network)).output, trained, 1e-9);
  }
}

TEST_F(KernelRegressionRun, FeaturesAreRidgeRegressionOnTheFirstLayer) {
  const std::string text = text_of(kernel_regression("kernel = \"features\"\nridge = 0.01"), "width = 8");
  const Experiment experiment = build(text);
  // (1/2n) |Phi a - y|^2 + ridge/2 |a|^2 with Phi_ij = h(theta_j; x_i) / sqrt(N), by its normal equations.
  const auto features = [&experiment](const Inputs& x) {
    const Particles<double>& theta = experiment.initial;
    const Matrix z = x * theta.middleCols(1, 3).transpose();
    return Matrix((z.cwiseMax(0.0) * theta.col(0).asDiagonal()) / std::sqrt(8.0));
  };
  const Matrix phi = features(experiment.data.train_inputs);
  const Matrix normal = phi.transpose() * phi + 0.01 * num_train * Matrix::Identity(8, 8);
  const Vector a = normal.fullPivLu().solve(phi.transpose() * experiment.data.train_targets);
  expect_close(outputs(text).output, features(experiment.data.test_inputs) * a, 1e-9);
}

TEST_F(KernelRegressionRun, InfiniteKernelsAreTheirFormulasWithTheirStandardDeviations) {
  const Dataset data = build(text_of(kernel_regression(""))).data;
  const auto convention = KernelConvention::lee(3, 1.5, 0.2, 3);
  const auto train = infinite_width_kernel(convention, Activation::relu, data.train_inputs);
  const auto cross = infinite_width_kernel(convention, Activation::relu, data.test_inputs, data.train_inputs);
  const Matrix test_nngp = infinite_width_kernel(convention, Activation::relu, data.test_inputs).nngp;
  const std::string lee = "convention = \"lee\"\ndepth = 3\nweight_variance = 1.5\nbias_variance = 0.2\n";
  for (const double ridge : {0.0, 0.01}) {
    const Matrix noise = num_train * ridge * Matrix::Identity(num_train, num_train);
    const auto features =
        outputs(text_of(kernel_regression(fmt::format("kernel = \"infinite-features\"\nridge = {}\n{}", ridge, lee))));
    expect_close(features.output, solution(train.nngp, cross.nngp, data.train_targets, ridge), 1e-8);
    const Matrix posterior = test_nngp - cross.nngp * (train.nngp + noise).inverse() * cross.nngp.transpose();
    expect_close(features.std, posterior.diagonal().cwiseSqrt(), 1e-6);
    const auto tangent =
        outputs(text_of(kernel_regression(fmt::format("kernel = \"infinite-tangent\"\nridge = {}\n{}", ridge, lee))));
    expect_close(tangent.output, solution(train.ntk, cross.ntk, data.train_targets, ridge), 1e-8);
    const Matrix response = cross.ntk * (train.ntk + noise).inverse();
    const Matrix ensemble = ensemble_covariance(response, test_nngp, cross.nngp, train.nngp);
    expect_close(tangent.std, ensemble.diagonal().cwiseSqrt(), 1e-6);
  }
}

// Wide networks from many starts, each with its own tangent kernel: mean and standard deviation of the outputs. 5 of
// each within 4.5 standard errors: a false alarm in 15000.
TEST_F(KernelRegressionRun, TheEnsembleOfWideNetworksHasTheMeanAndDeviationOfInfiniteWidth) {
  const auto wide = outputs(text_of(kernel_regression("kernel = \"infinite-tangent\"\nridge = 0.05")));
  constexpr int num_seeds = 300;
  Matrix samples(num_test, num_seeds);
  for (int seed = 0; seed < num_seeds; ++seed) {
    const Experiment experiment = build(text_of(kernel_regression("ridge = 0.05"), "width = 2000", seed + 10));
    RunDirectory files = RunDirectory::create(directory / fmt::format("seed{}", seed));
    run_experiment(experiment, files, std::atomic<bool>(false));
    samples.col(seed) = read(files.path()).output;
  }
  const Vector mean = samples.rowwise().mean();
  const Vector std = ((samples.colwise() - mean).rowwise().squaredNorm() / (num_seeds - 1)).cwiseSqrt();
  for (Index i = 0; i < num_test; ++i) {
    EXPECT_NEAR(mean(i), wide.output(i), 4.5 * wide.std(i) / std::sqrt(num_seeds)) << i;
    EXPECT_NEAR(std(i), wide.std(i), 4.5 * wide.std(i) / std::sqrt(2.0 * num_seeds)) << i;
  }
}

TEST_F(KernelRegressionRun, LeavesOneRowAndAnEnding) {
  const fs::path path = run(text_of(kernel_regression("kernel = \"infinite-tangent\"")));
  EXPECT_EQ(summary.end.ending, Ending::finished);
  EXPECT_EQ(summary.columns, (std::vector<std::string>{"train_loss", "test_loss", "generalisation_measure"}));
  EXPECT_LT(summary.final_values[0], 1e-20);
  const Experiment experiment = build(text_of(kernel_regression("kernel = \"infinite-tangent\"")));
  const Matrix kernel =
      infinite_width_kernel(KernelConvention::two_layer(), Activation::relu, experiment.data.train_inputs).ntk;
  const Vector& y = experiment.data.train_targets;
  EXPECT_NEAR(summary.final_values[2], std::sqrt(2 * y.dot(kernel.inverse() * y) / num_train), 1e-9);
  const auto stored = read_summary(path);
  ASSERT_TRUE(stored);
  EXPECT_EQ(stored->end.step, 0);
  std::istringstream lines(read_bytes(path / "metrics.csv"));
  std::vector<std::string> rows;
  for (std::string line; std::getline(lines, line);) {
    if (!line.starts_with('#')) {
      rows.push_back(line);
    }
  }
  ASSERT_EQ(rows.size(), 2);
  EXPECT_EQ(rows[0], "step,phase,time,gradient_evaluations,train_loss,test_loss,generalisation_measure");
  EXPECT_TRUE(rows[1].starts_with("0,0,0,0,"));
  EXPECT_FALSE(fs::exists(path / "checkpoint.h5"));
  EXPECT_FALSE(fs::exists(path / "trajectory.h5"));
}

TEST_F(KernelRegressionRun, SaysWhatItLeavesOutOfASharedListOfColumns) {
  const std::string shared =
      "[observe]\npredictions = true\ncolumns = [\"movement_mean\", \"test_loss\", \"ntk_drift\"]\n"
      "[observe.trajectory]\nparticles = 2\n";
  std::string text = text_of(kernel_regression("ridge = 0.1"));
  text.replace(text.find("[observe]"), 29, shared);
  const Experiment experiment = build(text);
  EXPECT_EQ(experiment.columns, std::vector<std::string>{"test_loss"});
  EXPECT_TRUE(mentions(experiment.formulas().back(), "left out"));
  EXPECT_TRUE(mentions(experiment.formulas().back(), "movement_mean, ntk_drift, observe.trajectory"));
  run(text);
  EXPECT_EQ(summary.columns, std::vector<std::string>{"test_loss"});
  text.replace(text.find("ntk_drift"), 9, "ntk_drfit");
  EXPECT_TRUE(mentions(message_of<InvalidInput>([&] { build(text); }), "did you mean \"ntk_drift\""));
}

TEST_F(KernelRegressionRun, HasEveryObservableOfTheOutputs) {
  std::string text = text_of(kernel_regression("kernel = \"infinite-tangent\"\nridge = 0.01"));
  text.replace(text.find("num_train"), 9, "inputs = \"sphere\"\nnum_train");
  text.replace(text.find("[observe]"), 9, "[observe]\ncolumns = [\"residual_harmonics\", \"train_loss\"]");
  run(text);
  ASSERT_EQ(summary.columns.size(), 12);
  for (const double value : summary.final_values) {
    EXPECT_TRUE(std::isfinite(value));
  }
}

TEST_F(KernelRegressionRun, IsTheSameOnAnyNumberOfThreadsAndWhenItGoesOn) {
  for (const std::string kernel : {"tangent", "features", "infinite-tangent", "infinite-features"}) {
    const std::string text = text_of(kernel_regression(fmt::format("kernel = \"{}\"\nridge = 0.01", kernel)));
    const fs::path one = run(text, false, 1);
    const fs::path many = run(text, false, 8);
    const fs::path stopped = run(text, true);
    EXPECT_EQ(summary.end.ending, Ending::interrupted);
    EXPECT_FALSE(fs::exists(stopped / "predictions.csv"));
    {
      const StoppedRun rest = read_stopped_run(stopped, Kept::last);
      EXPECT_FALSE(rest.checkpoint);
      RunDirectory files = RunDirectory::reopen(stopped);
      EXPECT_EQ(run_experiment(rest.experiment, files, std::atomic<bool>(false)).end.ending, Ending::finished);
    }
    for (const char* file : {"metrics.csv", "predictions.csv"}) {
      EXPECT_EQ(read_bytes(one / file), read_bytes(many / file)) << kernel << ' ' << file;
      EXPECT_EQ(read_bytes(one / file), read_bytes(stopped / file)) << kernel << ' ' << file;
    }
  }
}

/// What takes long says what it does, and stops there; the rest comes as if nothing had been.
TEST_F(KernelRegressionRun, StopsOnTheWay) {
  std::string text = text_of(kernel_regression("kernel = \"tangent\"\nridge = 0.01"), "width = 20000");
  text.replace(text.find("num_train = 12"), 14, "num_train = 1200");
  const fs::path whole = run(text);
  const Experiment experiment = build(text);
  const fs::path path = directory / "stopped";
  std::atomic<bool> stop = false;
  std::vector<std::string> heard;
  RunOptions options;
  options.progress = [&](const Progress& progress) {
    heard.emplace_back(progress.doing);
    EXPECT_GE(progress.part, 0);
    EXPECT_LE(progress.part, 1);
    stop = true;
  };
  {
    RunDirectory files = RunDirectory::create(path);
    EXPECT_EQ(run_experiment(experiment, files, stop, options).end.ending, Ending::interrupted);
  }
  EXPECT_EQ(heard, std::vector<std::string>{"kernel"});
  EXPECT_FALSE(fs::exists(path / "predictions.csv"));
  const StoppedRun rest = read_stopped_run(path, Kept::last);
  RunDirectory files = RunDirectory::reopen(path);
  EXPECT_EQ(run_experiment(rest.experiment, files, std::atomic<bool>(false)).end.ending, Ending::finished);
  for (const char* file : {"metrics.csv", "predictions.csv"}) {
    EXPECT_EQ(read_bytes(path / file), read_bytes(whole / file)) << file;
  }
}

TEST_F(KernelRegressionRun, StandsBesideTrainingInOneFile) {
  const std::string text = text_of("method = \"gd\"\nsteps = 3\nstep_size = 0.1") +
                           "[[case]]\nname = \"network\"\n[[case]]\nname = \"kernel\"\n"
                           "phase = [{method = \"kernel-regression\", ridge = 0.1}]\n[sweep]\nseed = [1, 2]\n";
  const Plan plan = expand(parse_toml(text, "test.toml"), ".");
  SweepOptions options;
  options.jobs = 2;
  CheckedPlan checked(plan, options);
  start_sweep(plan, directory / "sweep", options);
  run_sweep(plan, directory / "sweep", false, options, &checked);
  std::istringstream index(read_bytes(directory / "sweep/index.csv"));
  int finished = 0;
  for (std::string line; std::getline(index, line);) {
    finished += line.find(",finished,") != std::string::npos ? 1 : 0;
  }
  EXPECT_EQ(finished, 4);
}

TEST_F(KernelRegressionRun, EveryMistakeIsOneSentence) {
  const auto error = [](const std::string& phase, const std::string& rest = {},
                        const std::string& network = "width = 300") {
    return message_of<InvalidInput>([&] { build(text_of(kernel_regression(phase), network) + rest); });
  };
  EXPECT_TRUE(mentions(error("", "[loss]\nkind = \"huber\"\n"),
                       "phase.0.method = \"kernel-regression\": needs the squared loss, and loss.kind is \"huber\""));
  EXPECT_TRUE(
      mentions(error("", "[[phase]]\nmethod = \"gd\"\nsteps = 1\nstep_size = 1.0\n"), "must be the only phase"));
  EXPECT_TRUE(mentions(error("steps = 3"), "phase.0.steps = 3: is only read with a method that takes steps"));
  EXPECT_TRUE(mentions(error("lambda2 = 0.1"), "phase.0.lambda2 = 0.1: is only read with method = mfld"));
  EXPECT_TRUE(mentions(error("ridge = -1"), "phase.0.ridge = -1"));
  EXPECT_TRUE(mentions(error("kernel = \"tangnet\""), "did you mean \"tangent\"?"));
  EXPECT_TRUE(mentions(error("convention = \"lee\""), "is only read with kernel = \"infinite-tangent\""));
  EXPECT_TRUE(mentions(error("kernel = \"infinite-tangent\"\ndepth = 3"), "is only read with convention = jacot"));
  EXPECT_TRUE(
      mentions(error("kernel = \"infinite-tangent\"", {}, "width = 3\nneuron = \"sigma\""), "phase.0.convention"));
  EXPECT_TRUE(mentions(error("riddge = 1"), "ridge"));
  std::string text = text_of(kernel_regression("kernel = \"infinite-tangent\"\nconvention = \"bietti-mairal\""));
  text.replace(text.find("activation = \"relu\""), 19, "activation = \"tanh\"");
  EXPECT_TRUE(mentions(message_of<InvalidInput>([&] { build(text); }), "has no closed form in this convention"));
  text = text_of("method = \"gd\"\nsteps = 1\nstep_size = 0.1\nridge = 1.0");
  EXPECT_TRUE(mentions(message_of<InvalidInput>([&] { build(text); }),
                       "phase.0.ridge = 1.0: is only read with readout = \"ridge\", or method = \"ridge-readout\" or "
                       "\"kernel-regression\""));
  text = text_of(kernel_regression("ridge = 0.1"));
  text.replace(text.find("num_train = 12"), 14, "num_train = 2000000");
  const std::string memory = message_of<InvalidInput>([&] { build(text); });
  EXPECT_TRUE(mentions(memory, "matrices of 2000000 training and 5 test samples need"));
  EXPECT_TRUE(mentions(memory, "GiB are available"));
}

TEST_F(KernelRegressionRun, SingularProblemsNameThePairAndLeaveNothing) {
  const auto table = directory / "table.csv";
  test::write_bytes(table, "1,2,1\n3,1,-1\n0.5,2,1\n3,1,1\n1,1,1\n");
  const std::string rest = fmt::format(
      "seed = 1\n[task]\nkind = \"file\"\npath = \"{}\"\ntest_fraction = 0.0\n[network]\nactivation = \"relu\"\n"
      "bias = false\nwidth = 50\n[[phase]]\nmethod = \"kernel-regression\"\nkernel = \"infinite-tangent\"\n",
      table.string());
  EXPECT_TRUE(mentions(message_of<InvalidInput>([&] { build(rest); }),
                       "phase.0.ridge = 0.0: the inputs of the training samples 1 and 3 are equal"));
  EXPECT_NO_THROW(build(rest + "ridge = 0.1\n"));
  // Parallel inputs of a homogeneous kernel are found where the kernel is.
  test::write_bytes(table, "1,2,1\n3,1,-1\n2,4,1\n");
  const Experiment experiment = build(rest);
  RunDirectory files = RunDirectory::create(directory / "parallel");
  const std::string error =
      message_of<InvalidInput>([&] { run_experiment(experiment, files, std::atomic<bool>(false)); });
  EXPECT_TRUE(mentions(error, "inputs 0 and 2 are equal or parallel"));
  EXPECT_TRUE(mentions(error, "positive ridge"));
  EXPECT_TRUE(fs::is_empty(directory / "parallel"));
}

}  // namespace
}  // namespace mfld

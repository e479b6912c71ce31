// One run on several ranks: the bytes of one process.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <fstream>

#include "mfld/observe/observables.hpp"
#include "support/every_phase.hpp"
#include "support/run_on_ranks.hpp"

namespace mfld {
namespace {

namespace fs = std::filesystem;
using test::mentions;
using test::of_one_process;
using test::read_bytes;
using test::RunOnRanks;
using test::same_bits;

/// With the instruction set in use.
int most_ranks_of(const std::string& text) {
  const Experiment experiment = build_experiment(parse_toml(text, "test.toml"), ".");
  const Index width = experiment.initial.rows();
  const bool is_double = experiment.precision == Precision::double_precision;
  return static_cast<int>(is_double ? most_ranks<double>(width) : most_ranks<float>(width));
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

// With the default columns, ranks have their own particles alone: what is not to be read is not a number.
TEST_F(RunOnRanks, EveryMethodDividesItsParticlesUnlessItReadsAllOfThem) {
  int number = 0;
  for (const auto& [name, phase] : test::every_phase) {
    const bool reads_all =
        mentions(phase, "p-sdca") || mentions(phase, "natural-gradient") || mentions(phase, "readout");
    for (const std::string precision : {"double", "single"}) {
      const std::string text = test::experiment_text(phase, precision, 11);
      const std::vector<int> counts = {13, 2, 8, 3, 5};
      const int num_ranks = counts[static_cast<std::size_t>(number++) % counts.size()];
      SCOPED_TRACE(fmt::format("{} {} on {} ranks", name, precision, num_ranks));
      const fs::path one = of_one_process(text, directory / fmt::format("one{}", number));
      const int before = num_divided();
      const fs::path other = run(text, num_ranks);
      EXPECT_EQ(num_divided() - before, reads_all ? 0 : num_ranks);
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

/// Rank 0 writes them in a thread of its own, and gathers the next meanwhile.
TEST_F(RunOnRanks, LargeFramesHaveTheBytesOfOneProcess) {
  for (const std::string step : {"euler-maruyama", "kinetic"}) {
    const std::string text = fmt::format(
        "seed = 3\n[task]\nkind = \"teacher-student\"\ninput_dim = 2\nnum_train = 9\n[network]\nwidth = 6000\n"
        "[[phase]]\nmethod = \"mfld\"\nsteps = 12\nstep_size = 0.1\nlambda2 = 0.01\nstep = \"{}\"\n"
        "[observe]\nevery = 4\n[observe.trajectory]\nparticles = \"all\"\nevery = 1\n{}"
        "[checkpoint]\nevery_steps = 5\n",
        step, step == "kinetic" ? "velocities = true\n" : "");
    SCOPED_TRACE(step);
    expect_bytes_of_one(text, 3);
  }
}

/// Fewer tiles than ranks, one particle, every way of moving points.
TEST_F(RunOnRanks, AnyNumberOfPointsHasTheBytesOfOneProcess) {
  const std::vector<std::pair<std::string, std::string>> objectives = {
      {"kind = \"mmd\", kernel_width = 1.5, smoothing = 0.2",
       "kind = \"mixture\"\ncentres = [[0, 0], [3, 1]]\nstd = 1"},
      {"kind = \"mmd\", kernel = \"torus\"", "kind = \"mixture\"\ncentres = [[0, 0], [3, 1]]\nstd = 1"},
      {"kind = \"ksd\", target = \"logistic-regression\", kernel_width = 2.0",
       "kind = \"sparse-parity\"\ninput_dim = 3"}};
  // A batch is of samples, or with a kernel of Stein's of particles, of which there may be one.
  const std::vector<std::string> phases = {
      "[[phase]]\nmethod = \"svrg-mfld\"\nsteps = 9\nstep_size = 0.1\nlambda2 = 0.01\nbatch_size = 1\n"
      "snapshot_every = 3\n",
      "[[phase]]\nmethod = \"mfld\"\nsteps = 4\nstep_size = 0.1\nlambda2 = 0.01\naveraging = true\n"
      "[[phase]]\nmethod = \"gd\"\nsteps = 90\nstep_size = 0.1\nuntil_gradient_norm = 1\n"
      "[[phase]]\nmethod = \"underdamped-mfld\"\nsteps = 5\nstep_size = 0.1\nlambda2 = 0.01\n"};
  int number = 0;
  for (const int width : {1, 33, 130}) {
    for (const std::string& phase : phases) {
      for (const auto& [objective, task] : objectives) {
        const std::string text = fmt::format(
            "seed = 3\nobjective = {{{}}}\n[task]\n{}\nnum_train = 30\n[network]\nwidth = {}\nprecision = \"{}\"\n{}"
            "[observe]\nevery = 4\n[observe.trajectory]\nparticles = 1\nevery = 3\n[checkpoint]\nevery_steps = 5\n",
            objective, task, width, number % 2 == 0 ? "double" : "single", phase);
        const int num_ranks = std::min(most_ranks_of(text), 2 + number++ % 4);
        SCOPED_TRACE(fmt::format("{} points on {} ranks, {}, {}", width, num_ranks, objective, phase));
        expect_bytes_of_one(text, num_ranks);
      }
    }
  }
}

struct Network {
  std::string_view width;  // and what else the network is
  std::string_view task;
  std::string_view phase;
  int num_ranks;
};

constexpr std::string_view small = "kind = \"teacher-student\"\nnum_train = 5\nnum_test = 3\n";
constexpr std::string_view many_samples =
    "kind = \"teacher-student\"\ninput_dim = 3\nnum_train = 300\nnum_test = 3\n";  // worth an exchange of the rows
constexpr std::string_view wide = "kind = \"teacher-student\"\ninput_dim = 2\nnum_train = 75\nnum_test = 3\n";
constexpr std::string_view deep = "kind = \"teacher-student\"\ninput_dim = 2\nnum_train = 300\nnum_test = 3\n";
constexpr std::string_view full = "method = \"mfld\"\nsteps = 2\nstep_size = 0.1\nlambda2 = 0.01\n";
constexpr std::string_view pulled =
    "method = \"sgld\"\nsteps = 7\nstep_size = 0.1\nbeta = 100\nbatch_size = 2\nlambda1 = 0.1\nlambda1_fourth = 0.01\n"
    "anchor = \"start\"\naveraging = true\n";
constexpr std::string_view svrg =
    "method = \"svrg-mfld\"\nsteps = 7\nstep_size = 0.1\nlambda2 = 0.01\nbatch_size = 2\nsnapshot_every = 3\n";
constexpr std::string_view until =
    "method = \"gd\"\nsteps = 9\nstep_size = 0.1\nlambda1 = 0.01\nlambda1_fourth = 0.01\nuntil_gradient_norm = 1e-9\n";

// One particle and one task, tasks of one group and of many, inputs that are long, parameters that stay, and models
// that are tangent to a network.
TEST_F(RunOnRanks, AnyNetworkHasTheBytesOfOneProcess) {
  const std::vector<Network> networks = {
      {"1", small, svrg, 1},
      {"1\nprecision = \"single\"", small, pulled, 1},
      {"3\nprecision = \"single\"", small, pulled, 1},
      {"17", small, svrg, 2},
      {"17\ntrain = [\"input\"]", small, pulled, 3},
      {"100\nscaling = \"ntk\"\nlinearised = true", small, pulled, 13},
      {"100\nlinearised = true\nprecision = \"single\"", small, svrg, 5},
      {"100\nscaling = \"standard\"\nneuron = \"sigma\"\nactivation = \"softplus\"", small, pulled, 3},
      {"30000", small, svrg, 7},
      {"30000\nprecision = \"single\"\ntrain = [\"bias\", \"output\"]", small, pulled, 4},
      {"400000", wide, full, 8},   // several blocks of samples an exchange, the last ones fewer
      {"200000", deep, full, 13},  // and several exchanges, of 128 samples, for activations in the cache, and of 256
      {"200000\nprecision = \"single\"\nlinearised = true\nactivation = \"softplus\"", deep, full, 8},
      {"400000\nprecision = \"single\"\nlinearised = true\nactivation = \"softplus\"", wide, full, 13},
      {"400000\nprecision = \"single\"", "kind = \"sparse-parity\"\ninput_dim = 3\nnum_train = 300\n", full, 5},
      {"50", "kind = \"teacher-student\"\ninput_dim = 784\nnum_train = 6\nnum_test = 2\n", pulled, 3},
      {"50\nprecision = \"single\"", "kind = \"sparse-parity\"\ninput_dim = 784\nnum_train = 6\n", svrg, 2},
      {"100", many_samples, until, 3},
      {"100\nprecision = \"single\"", small, until, 3},
      {"100\nlinearised = true", many_samples, until, 4},
  };
  for (const Network& network : networks) {
    SCOPED_TRACE(fmt::format("{} on {} ranks", network.width, network.num_ranks));
    const bool has_test = mentions(std::string(network.task), "num_test");
    const std::string text = fmt::format(
        "seed = 3\n[task]\n{}[network]\nwidth = {}\n[[phase]]\n{}[observe]\nevery = 3\npredictions = {}\n"
        "[observe.trajectory]\nparticles = 1\nevery = 2\n",
        network.task, network.width, network.phase, has_test);
    expect_bytes_of_one(text, std::min(network.num_ranks, most_ranks_of(text)));
  }
}

TEST_F(RunOnRanks, BranchesAndLongerRunsHaveTheBytesOfOneProcess) {
  for (const std::size_t index : {std::size_t{5}, std::size_t{11}}) {  // with a snapshot, with velocities
    const std::string text =
        test::experiment_text(test::every_phase[index].second, "double", 0) + "keep_at = [7, 13]\n";
    SCOPED_TRACE(test::every_phase[index].first);
    const fs::path one = run(text, 0);
    const fs::path many = run(text, 3);
    for (const char* kept : {"checkpoint.7.h5", "checkpoint.13.h5"}) {
      EXPECT_TRUE(same_bits(load_checkpoint(one / kept), load_checkpoint(many / kept))) << kept;
    }
    const Changes changes = {4, {"phase.0.step_size=0.05", "observe.every=2"}, 7};
    expect_same(branch_off(many, 0, changes), branch_off(many, 5, changes));
    make_longer(one, 0, 6);
    make_longer(many, 8, 6);
    expect_same(one, many);
  }
}

// Paths in its text are relative to where it is, which rank 0 alone knows; and of particles in a file all have all.
TEST_F(RunOnRanks, DataAndFirstParticlesOfFilesHaveTheBytesOfOneProcess) {
  std::string table = "x,y\n";
  for (int i = 0; i < 40; ++i) {
    table += fmt::format("{},{}\n", 0.1 * i - 2, i % 3 - 1);
  }
  std::ofstream(directory / "data.csv") << table;
  const std::string start = fmt::format(
      "seed = 3\n[task]\nkind = \"file\"\npath = \"{}\"\n[network]\nwidth = 700\n"
      "precision = \"single\"\n",
      (directory / "data.csv").string());
  const std::string phase =
      "[[phase]]\nmethod = \"sgd-mfld\"\nsteps = 9\nstep_size = 0.1\nlambda1 = 0.1\nlambda2 = 0.01\n"
      "batch_size = 4\nanchor = \"start\"\n[observe]\nevery = 2\n";
  const fs::path one = run(start + phase, 0);
  expect_same(one, run(start + phase, 3));
  const std::string from = start + fmt::format("init = {{from = \"{}\"}}\n", one.string()) + phase;
  expect_bytes_of_one(from, 5);
}

// With columns that read all particles the branch of a run that divided them has all, and the other way round.
TEST_F(RunOnRanks, ABranchMayReadAllParticlesWhereItsParentDidNot) {
  const std::string text = test::experiment_text(test::every_phase[5].second, "single", 0);
  const fs::path parent = run(text, 3);
  const Changes all = {{}, {"observe.columns=[\"train_loss\", \"entropy\"]", "phase.0.steps=24"}, {}};
  const fs::path one = branch_off(parent, 0, all);
  int before = num_divided();
  const fs::path many = branch_off(parent, 5, all);
  EXPECT_EQ(num_divided(), before);
  expect_same(one, many);
  const Changes own = {{}, {"observe.columns=[\"train_loss\"]", "phase.0.steps=27"}, {}};
  before = num_divided();
  expect_same(branch_off(many, 0, own), branch_off(many, 4, own));
  EXPECT_EQ(num_divided(), before + 4);
}

// By every clock a checkpoint is due before another one's is; and none is, at last, while it writes too long.
/// The text with all columns that its experiment has.
std::string with_all_columns(const std::string& text) {
  const Experiment experiment = build_experiment(parse_toml(text, "test.toml"), ".");
  const Scene scene = experiment.scene();
  std::string names;
  for (const Observable& observable : observables()) {
    if (!observable.unavailable(scene)) {
      names += fmt::format("\"{}\", ", observable.name);
    }
  }
  return text + fmt::format("[observe]\nevery = 2\ncolumns = [{}]\n{}", names,
                            mentions(names, "certified_gap") ? "certified_gap_at = [2]\n" : "");
}

// Observers that make passes of their own, and those that read all particles.
TEST_F(RunOnRanks, EveryColumnHasTheBytesOfOneProcess) {
  const std::string mean_field = with_all_columns(
                                     "seed = 3\n[task]\nkind = \"teacher-student\"\nnum_train = 300\nnum_test = 5\n"
                                     "[network]\nwidth = 100\nneuron = \"bounded-r\"\n[[phase]]\nmethod = "
                                     "\"sgd-mfld\"\nsteps = 2\nstep_size = 0.1\nlambda1 = 0.1\nlambda2 = 0.1\n"
                                     "batch_size = 4\n") +
                                 "trajectory = {particles = 7, every = 2}\n";
  const std::string kernels = with_all_columns(
      "seed = 3\n[task]\nkind = \"harmonics\"\ninput_dim = 3\nnum_train = 40\nnum_test = 5\n"
      "[network]\nwidth = 100\nscaling = \"ntk\"\n[[phase]]\nmethod = \"gd\"\nsteps = 5\nstep_size = 0.1\n");
  const std::string ascent = with_all_columns(
      "seed = 3\n[task]\nkind = \"teacher-student\"\nnum_train = 40\n[network]\nwidth = 100\nneuron = \"bounded-r\"\n"
      "[[phase]]\nmethod = \"p-sdca\"\nsteps = 4\nstep_size = 0.1\nlambda1 = 0.1\nlambda2 = 0.1\ninner_steps = 2\n");
  const std::string snapshots =  // of a batch that is worth an exchange
      "seed = 3\n[task]\nkind = \"teacher-student\"\ninput_dim = 3\nnum_train = 300\n[network]\nwidth = 100\n"
      "precision = \"single\"\n[[phase]]\nmethod = \"svrg-mfld\"\nsteps = 5\nstep_size = 0.1\nlambda2 = 0.1\n"
      "batch_size = 260\nsnapshot_every = 3\n[observe]\nevery = 2\ncolumns = [\"gradient_noise\", \"gradient_norm\"]\n";
  const std::vector<std::pair<std::string, std::string>> texts = {
      {mean_field, "bound"}, {kernels, "kernel_profile_2"}, {ascent, "sdca_gap"}, {snapshots, "gradient_noise_of"}};
  for (const auto& [text, column] : texts) {
    SCOPED_TRACE(column);
    const fs::path one = run(text, 0);
    expect_same(one, run(text, 4));
    EXPECT_TRUE(mentions(read_bytes(one / "metrics.csv"), column));
  }
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

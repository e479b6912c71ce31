// First particles from a file: what is in it, and, for another width, each as often as any other or once more.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <map>

#include "mfld/config/experiment.hpp"
#include "mfld/core/error.hpp"
#include "mfld/runs/runner.hpp"
#include "support/file_text.hpp"
#include "support/temporary_directory.hpp"

namespace mfld {
namespace {

namespace fs = std::filesystem;
using test::mentions;
using test::message_of;

class FirstParticles : public ::testing::Test {
 protected:
  /// Six neurons (r, w_1, w_2, b), in row j the numbers 10 j + 0.5 to 10 j + 3.5.
  void SetUp() override {
    std::string text;
    for (int j = 0; j < 6; ++j) {
      text += fmt::format("{},{},{},{}\n", 10 * j + 0.5, 10 * j + 1.5, 10 * j + 2.5, 10 * j + 3.5);
    }
    test::write_bytes(directory / "p.csv", text);
  }
  Experiment experiment(int width, const std::string& from, const std::string& more = "", int seed = 1) const {
    return build_experiment(
        parse_toml(
            fmt::format("seed = {}\n[task]\nkind = \"teacher-student\"\ninput_dim = 2\nnum_train = 8\n"
                        "[network]\nwidth = {}\n{}init = {{from = \"{}\"}}\n[[phase]]\nmethod = \"gd\"\nsteps = 3\n"
                        "step_size = 0.1\n",
                        seed, width, more, from),
            "test.toml"),
        directory.path());
  }
  std::string refusal(int width, const std::string& from, const std::string& more = "") const {
    return message_of<InvalidInput>([&] { experiment(width, from, more); });
  }
  std::map<double, int> counts(int width, int seed = 1) const {
    std::map<double, int> result;
    const Particles<double> particles = experiment(width, "p.csv", "", seed).initial;
    for (Index j = 0; j < particles.rows(); ++j) {
      EXPECT_EQ(particles(j, 3), particles(j, 0) + 3) << "a row is kept together";
      ++result[particles(j, 0)];
    }
    return result;
  }

  test::TemporaryDirectory directory;
};

TEST_F(FirstParticles, AreThoseOfTheFileInItsOrder) {
  const Experiment made = experiment(6, "p.csv");
  for (Index j = 0; j < 6; ++j) {
    for (Index k = 0; k < 4; ++k) {
      EXPECT_EQ(made.initial(j, k), 10 * static_cast<double>(j) + static_cast<double>(k) + 0.5);
    }
  }
  EXPECT_EQ(made.start, "particles of p.csv");
  EXPECT_EQ(experiment(6, "p.csv", "", 5).initial, made.initial);
}

TEST_F(FirstParticles, OfAnotherWidthAreEachAsOftenAsAnyOtherOrOnceMore) {
  EXPECT_EQ(counts(12), (std::map<double, int>{{0.5, 2}, {10.5, 2}, {20.5, 2}, {30.5, 2}, {40.5, 2}, {50.5, 2}}));
  for (const int width : {1, 4, 7, 15}) {
    const auto seen = counts(width);
    int sum = 0;
    for (const auto& [row, count] : seen) {
      EXPECT_GE(count, width / 6);
      EXPECT_LE(count, width / 6 + 1);
      sum += count;
    }
    EXPECT_EQ(sum, width);
    EXPECT_EQ(std::ssize(seen), std::min(width, 6));
  }
  EXPECT_NE(counts(3, 1), counts(3, 2)) << "the seed draws them";
  EXPECT_TRUE(mentions(experiment(4, "p.csv").start, "p.csv: 4 of 6"));
}

TEST_F(FirstParticles, AreThoseOfARunsLastCheckpoint) {
  const Experiment made = experiment(6, "p.csv");
  RunDirectory run = RunDirectory::create(directory / "run");
  run_experiment(made, run, std::atomic<bool>(false));
  const Checkpoint checkpoint = load_checkpoint(directory / "run/checkpoint.h5");
  for (const std::string from : {"run", "run/checkpoint.h5"}) {
    EXPECT_EQ(experiment(6, from).initial, Particles<double>(checkpoint.matrices.at("particles")));
  }
  EXPECT_NE(experiment(6, "run").hash, made.hash);
}

/// The numbers are what a run is of, wherever the file lies.
TEST_F(FirstParticles, AreInTheIdentityByTheirNumbers) {
  fs::copy(directory / "p.csv", directory / "q.csv");
  EXPECT_EQ(experiment(6, "q.csv").hash, experiment(6, "p.csv").hash);
  test::write_bytes(directory / "q.csv", test::read_bytes(directory / "p.csv").replace(0, 1, "7"));
  EXPECT_NE(experiment(6, "q.csv").hash, experiment(6, "p.csv").hash);
}

TEST_F(FirstParticles, ThatDoNotFitAreRefused) {
  test::write_bytes(directory / "three.csv", "1,2,3\n4,5,6\n");
  EXPECT_TRUE(mentions(refusal(2, "three.csv"), "network.init.from = \"three.csv\": must have 4 columns, r first"));
  test::write_bytes(directory / "nan.csv", "1,2,3,nan\n4,5,6,7\n");
  EXPECT_TRUE(mentions(refusal(2, "nan.csv"), "must hold a finite number"));
  EXPECT_TRUE(
      mentions(refusal(6, "p.csv", "neuron = \"fixed-sign\"\nactivation = \"tanh\"\nbias = true\n"), "-1 or +1"));
  fs::create_directory(directory / "empty");
  EXPECT_TRUE(mentions(refusal(6, "empty"), "is a directory without a checkpoint.h5"));
  EXPECT_TRUE(mentions(message_of<FileError>([&] { experiment(6, "nothing.npy"); }), "nothing.npy"));
  EXPECT_TRUE(mentions(
      message_of<InvalidInput>([&] {
        build_experiment(
            parse_toml("seed = 1\n[task]\nkind = \"teacher-student\"\n[network]\nwidth = 6\ninit = {from = "
                       "\"p.csv\", output_std = 2.0}\n[[phase]]\nmethod = \"gd\"\nsteps = 1\nstep_size = 1.0\n",
                       ""),
            directory.path());
      }),
      "network.init.output_std"));
}

}  // namespace
}  // namespace mfld

// readout, ridge and train of a phase.
#include <gtest/gtest.h>

#include "mfld/config/experiment.hpp"
#include "mfld/core/error.hpp"
#include "support/file_text.hpp"

namespace mfld {
namespace {

using test::mentions;

const std::string text =
    "seed = 1\n"
    "task = { kind = \"teacher-student\", input_dim = 3, num_train = 50, num_test = 20 }\n"
    "network.width = 10\n"
    "[[phase]]\nmethod = \"mfld\"\nsteps = 30\nstep_size = 0.1\nlambda1 = 0.01\nlambda2 = 0.001\n"
    "[[phase]]\nmethod = \"gd\"\nsteps = 3\nstep_size = 0.1\n";

Experiment build(const std::vector<std::string>& settings = {}) {
  Value root = parse_toml(text, "test.toml");
  for (const std::string& setting : settings) {
    const std::size_t equals = setting.find('=');
    assign(root, setting.substr(0, equals), parse_toml_value(setting.substr(equals + 1)));
  }
  return build_experiment(root, ".");
}

std::string error_of(const std::vector<std::string>& settings) {
  return test::message_of<InvalidInput>([&] { build(settings); });
}

using Columns = std::vector<unsigned char>;

TEST(ReadoutKeys, SayHowTheReadoutMoves) {
  const Experiment trained = build();
  EXPECT_EQ(trained.phases[0].readout, Readout::trained);
  EXPECT_TRUE(trained.phases[0].moved.empty());
  const Experiment solved = build({"phase.0.readout=\"ridge\"", "phase.0.ridge=0.25"});
  EXPECT_TRUE(solved.phases[0].solves_readout());
  EXPECT_EQ(solved.phases[0].ridge, 0.25);
  EXPECT_EQ(solved.phases[0].moved, (Columns{0, 1, 1, 1, 1}));
  EXPECT_TRUE(mentions(solved.formulas()[3], "the minimum over r on all samples, ridge = 0.25"));
  EXPECT_EQ(build_experiment(parse_toml(solved.resolved, "resolved"), ".").resolved, solved.resolved);
}

TEST(ReadoutKeys, TrainSomeBlocksOfAPhase) {
  EXPECT_EQ(build({"phase.0.train=[\"input\"]"}).phases[0].moved, (Columns{0, 1, 1, 1, 0}));
  EXPECT_EQ(build({"phase.1.train=[\"output\", \"bias\"]"}).phases[1].moved, (Columns{1, 0, 0, 0, 1}));
  EXPECT_TRUE(build({"phase.0.train=[\"output\", \"bias\", \"input\"]"}).phases[0].moved.empty());
  EXPECT_TRUE(build({"network.train=[\"input\"]", "phase.0.train=[\"input\"]"}).phases[0].moved.empty());
  EXPECT_EQ(build({"phase.0.readout=\"ridge\"", "phase.0.ridge=1.0", "phase.0.train=[\"bias\"]"}).phases[0].moved,
            (Columns{0, 0, 0, 0, 1}));
}

TEST(ReadoutKeys, SolveForTheReadoutInAPhaseOfItsOwn) {
  const Experiment experiment = build({"phase.1={method = \"ridge-readout\", ridge = 0.5, samples = [25, 50]}",
                                       "phase.0.samples=[0, 25]", "phase.0.method=\"mfld\""});
  const Phase& phase = experiment.phases[1];
  EXPECT_EQ(phase.num_steps, 1);
  EXPECT_TRUE(phase.solves_readout());
  EXPECT_EQ(phase.samples_begin, 25);
  EXPECT_TRUE(mentions(experiment.formulas()[4], "ridge-readout, 1 step: r <- the minimum over r"));
  EXPECT_TRUE(mentions(experiment.formulas()[4], "on samples 25 to 49"));
  EXPECT_EQ(build_experiment(parse_toml(experiment.resolved, "resolved"), ".").resolved, experiment.resolved);
  EXPECT_EQ(build({"phase.1={method = \"ridge-readout\", ridge = 0.5, steps = 0}"}).phases[1].num_steps, 0);
}

TEST(ReadoutKeys, RefuseWhatHasNoLinearReadout) {
  const std::vector<std::vector<std::string>> askings = {{"phase.0.readout=\"ridge\"", "phase.0.ridge=1.0"},
                                                         {"phase.0={method = \"ridge-readout\", ridge = 1.0}"}};
  for (const auto& asking : askings) {
    const auto error_with = [&asking](std::vector<std::string> settings) {
      settings.insert(settings.end(), asking.begin(), asking.end());
      return error_of(settings);
    };
    for (const char* neuron : {"bounded-r", "fixed-sign", "sigma", "linear", "parity", "parity-unbounded"}) {
      const std::string error = error_with({std::string("network.neuron=\"") + neuron + '"'});
      EXPECT_TRUE(mentions(error, "linear output weight")) << error;
      EXPECT_TRUE(mentions(error, "(r-sigma)")) << error;
      EXPECT_TRUE(mentions(error, std::string("network.neuron is \"") + neuron)) << error;
    }
    EXPECT_TRUE(mentions(error_with({"network.train=[\"input\"]"}), "let it name output"));
    EXPECT_TRUE(mentions(error_with({"network.linearised=true"}), "network.linearised is true"));
    EXPECT_TRUE(mentions(error_with({"loss.kind=\"huber\""}), "for the squared loss, and loss.kind is \"huber\""));
  }
  EXPECT_TRUE(mentions(error_of({"phase.0.readout=\"ridge\"", "phase.0.ridge=1.0", "network.train=[\"output\"]"}),
                       "method = \"ridge-readout\" solves for it"));
}

TEST(ReadoutKeys, RefuseOtherNumbers) {
  const std::string readout = "phase.0.readout=\"ridge\"";
  EXPECT_TRUE(mentions(error_of({readout}), "phase.0.ridge: is missing"));
  EXPECT_TRUE(mentions(error_of({readout, "phase.0.ridge=0.0"}), "phase.0.ridge = 0.0: must be a finite number > 0"));
  EXPECT_TRUE(mentions(error_of({readout, "phase.0.ridge=-1.0"}), "must be a finite number > 0"));
  EXPECT_TRUE(mentions(error_of({"phase.0.ridge=1.0"}), "is only read with readout = \"ridge\""));
  EXPECT_TRUE(mentions(error_of({"phase.0.train=[]"}), "must name at least one block"));
  EXPECT_TRUE(mentions(error_of({"phase.0.train=[\"r\"]"}), "\"r\" is none of the blocks"));
  EXPECT_TRUE(mentions(error_of({readout, "phase.0.ridge=1.0", "phase.0.train=[\"output\"]"}),
                       "can move in this phase: input, bias"));
  EXPECT_TRUE(mentions(error_of({readout, "phase.0.ridge=1.0", "phase.0.averaging=true"}), "averaging = true"));
  EXPECT_TRUE(mentions(error_of({"phase.0={method = \"pda\", steps = 5, step_size = 0.1, lambda2 = 0.1, inner_steps = "
                                 "2, readout = \"ridge\", ridge = 1.0}"}),
                       "present outputs"));
  EXPECT_TRUE(mentions(error_of({"phase.0={method = \"natural-gradient\", steps = 5, step_size = 0.1, damping = 1.0, "
                                 "train = [\"input\"]}"}),
                       "must be all of network.train"));
}

TEST(ReadoutKeys, RefuseStepsOfAPhaseThatHasNone) {
  const auto error_with = [](const std::string& keys) {
    return error_of({"phase.0={method = \"ridge-readout\", ridge = 1.0, " + keys + "}"});
  };
  EXPECT_TRUE(mentions(error_with("steps = 2"), "steps = 2: must be an integer from 0 to 1"));
  EXPECT_TRUE(mentions(error_with("step_size = 0.1"), "is only read with a method that takes steps"));
  EXPECT_TRUE(mentions(error_with("train = [\"input\"]"), "phase.0.train"));
  EXPECT_TRUE(mentions(error_with("readout = \"ridge\""), "phase.0.readout"));
  EXPECT_TRUE(mentions(error_with("lambda1 = 0.1"), "is only read with method = "));
  EXPECT_TRUE(mentions(error_with("averaging = true"), "is only read with"));
  EXPECT_TRUE(mentions(error_with("until = {column = \"train_loss\", below = 1.0}"), "is only read with"));
  EXPECT_TRUE(mentions(error_with("samples = [20, 70]"), "must end at 50"));
}

TEST(ReadoutKeys, AreOfNetworksOnly) {
  const std::string points =
      "seed = 1\nobjective = { kind = \"mmd\" }\ntask = { kind = \"mixture\", centres = [[0, 0], [3, 4]] }\n"
      "network.width = 10\n[[phase]]\n";
  const auto error = [&points](const std::string& phase) {
    return test::message_of<InvalidInput>([&] { build_experiment(parse_toml(points + phase, "test"), "."); });
  };
  EXPECT_TRUE(mentions(error("method = \"gd\"\nsteps = 3\nstep_size = 0.1\nreadout = \"ridge\"\nridge = 1.0\n"),
                       "phase.0.readout"));
  EXPECT_TRUE(mentions(error("method = \"gd\"\nsteps = 3\nstep_size = 0.1\ntrain = [\"input\"]\n"), "phase.0.train"));
  EXPECT_TRUE(mentions(error("method = \"ridge-readout\"\nridge = 1.0\n"), "output weights of a network"));
}

TEST(ReadoutKeys, DescribeTheRidgeOfEachMethod) {
  const auto keys = describe_keys();
  std::vector<std::string> wheres;
  for (const KeyInfo& key : keys) {
    if (key.path == "phase.ridge") {
      wheres.push_back(key.where);
    }
  }
  ASSERT_EQ(wheres.size(), 2);
  EXPECT_TRUE(mentions(wheres[0], "readout = \"ridge\""));
  EXPECT_EQ(wheres[1], "method = \"kernel-regression\"");
}

TEST(ReadoutObservables, NeedAPhaseThatSolvesTheReadout) {
  EXPECT_TRUE(
      mentions(error_of({"observe.columns=[\"effective_dimension\"]"}), "needs a phase that solves the readout"));
  EXPECT_EQ(build({"observe.columns=[\"feature_alignment\"]"}).columns.size(), 1);
  EXPECT_TRUE(mentions(error_of({"phase.0.readout=\"ridge\"", "phase.0.ridge=1.0", "observe.columns=[\"dual_gap\"]"}),
                       "the output weights are solved for"));
  EXPECT_TRUE(mentions(error_of({"phase.0.train=[\"input\"]", "observe.columns=[\"dual_gap\"]"}),
                       "only some of the parameters move"));
}

}  // namespace
}  // namespace mfld

#include "mfld/config/experiment.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <atomic>
#include <fstream>
#include <set>
#include <sstream>

#include "mfld/config/task_table.hpp"
#include "mfld/core/error.hpp"
#include "mfld/core/parallel.hpp"
#include "mfld/runs/runner.hpp"
#include "support/file_text.hpp"
#include "support/temporary_directory.hpp"

namespace mfld {
namespace {

/// A small experiment, with settings "path=value" on top.
Value config(const std::vector<std::string>& settings = {}) {
  Value root = parse_toml(
      "seed = 1\n"
      "task = { kind = \"teacher-student\", num_train = 50, num_test = 20 }\n"
      "network.width = 10\n"
      "[[phase]]\nmethod = \"mfld\"\nsteps = 30\nstep_size = 0.1\nlambda1 = 0.01\nlambda2 = 0.001\n",
      "test.toml");
  for (const std::string& setting : settings) {
    const std::size_t equals = setting.find('=');
    assign(root, setting.substr(0, equals), parse_toml_value(setting.substr(equals + 1)));
  }
  return root;
}

Experiment build(const std::vector<std::string>& settings = {}) { return build_experiment(config(settings), "."); }

std::string error_of(const std::vector<std::string>& settings) {
  return test::message_of<InvalidInput>([&] { build(settings); });
}

std::vector<std::string> plus(std::vector<std::string> settings, const std::vector<std::string>& more) {
  settings.insert(settings.end(), more.begin(), more.end());
  return settings;
}

const std::vector<std::string> gld = {"phase.0={method = \"gld\", steps = 5, step_size = 0.1, beta = 1e3}"};
const std::vector<std::string> gd = {"phase.0={method = \"gd\", steps = 5, step_size = 0.1}"};
const std::vector<std::string> svrg = {
    "phase.0={method = \"svrg-mfld\", steps = 20, step_size = 0.1, lambda2 = 1e-3, lambda1 = 0.1}"};
const std::vector<std::string> parity = {
    "task={kind = \"sparse-parity\", input_dim = 5, num_train = 30, num_test = 9}"};

const std::vector<std::string> averaged_sgd = {
    "phase.0={method = \"averaged-sgd\", steps = 50, step_size = 0.1, lambda1 = 0.01}"};
const std::vector<std::string> natural_gradient = {
    "phase.0={method = \"natural-gradient\", steps = 5, step_size = 0.5, damping = 1e-6}"};

/// Experiments that reach every branch of the readers.
const std::vector<std::string> p_sdca = {"network.neuron=bounded-r",
                                         "phase.0={method = \"p-sdca\", steps = 50, step_size = 0.1, inner_steps = 10, "
                                         "lambda1 = 0.1, lambda2 = 0.1}"};

const std::vector<std::vector<std::string>> good = {
    {},
    gld,
    gd,
    svrg,
    {"network.scaling=alpha", "network.alpha=2", "phase.0={method = \"gd\", steps = 3, step_size = 0.1}"},
    plus(gd, {"network.scaling=ntk", "network.init.symmetric=true", "network.init.input_law=sphere"}),
    plus(parity, {"loss.kind=logistic", "network.neuron=parity", "network.bound=15", "task.entries=unit"}),
    plus(parity, {"loss.kind=huber", "loss.delta=0.5", "loss.reduction=sum", "network.neuron=sigma"}),
    {"network.neuron=fixed-sign", "network.train=[\"input\"]", "network.precision=single", "loss.half=false"},
    {"network.neuron=linear", "observe.every=7", "observe.trajectory={particles = [3, 1], at = [2, 5]}"},
    {"network.neuron=bounded-r", "network.init.output_law=uniform", "network.bias=false", "observe.at=[1, 2]"},
    {"noise={substeps = 4, precision = \"double\"}", "network.precision=single"},
    {"network.neuron=parity-unbounded", "network.bound=2", "observe.trajectory.particles=all", "seeds.noise=9"},
    {"task.angles=[0, 120.5]", "task.amplitudes=[1, -1]", "task.inputs=sphere", "task.input_norm=2",
     "task.label_noise=uniform", "task.noise_level=0.1", "observe.columns=[\"train_loss\", \"mean_r\"]"},
    {"task.directions=[[1, 0], [0.5, 2]]", "observe.trajectory={particles = 2, every = 5}", "checkpoint.every_steps=3",
     "checkpoint.keep_at=[3]"},
    {"task={kind = \"single-index\", link = \"tanh\", input_dim = 3, num_train = 20, inputs = \"cube\"}"},
    {"task={kind = \"multi-index\", link = \"staircase\", input_dim = 3, num_train = 20}"},
    {"task={kind = \"harmonics\", degrees = [0, 3], amplitudes = [1, -0.5], input_dim = 3, num_train = 20}",
     "observe.columns=[\"residual_harmonics\", \"tangent_eigenvalues\", \"kernel_profile\"]"},
    {"phase.0.step_size={kind = \"exponential\", value = 0.1, final = 0.01}",
     "phase.0.lambda2={kind = \"halving\", value = 0.1, timescale = 10, off_fraction = 0.2}",
     "phase.0.lambda1={kind = \"constant\", value = 0}", "phase.0.penalty_mode=product"},
    {"phase.0.step_size={kind = \"inverse\", value = 0.1, timescale = 10}",
     "phase.0.lambda1={kind = \"logarithmic\", value = 0.1, timescale = 10}",
     "phase.0.lambda2={kind = \"exponential\", value = 0.1, final = 0.01}"},
    {"phase.0.lambda1={kind = \"exponential\", value = 0.1, final = 0.01}", "phase.0.until_gradient_norm=1e-3"},
    {"phase.0.until={column = \"kernel_gradient_discrepancy\", below = 1e-3, held = 3}"},
    {"phase.0.until={column = \"time\", above = 1}", "observe.columns=[\"train_loss\"]"},
    {"phase.0.method=sgd-mfld", "phase.0.batch_size=50", "phase.0.sampling=with-replacement",
     "phase.0.name=\"the first\""},
    {"phase.0={method = \"kernel-regression\"}", "observe.columns=[\"test_loss\", \"mean_r\"]",
     "observe.trajectory.particles=2", "observe.predictions=true"},
    {"phase.0={method = \"kernel-regression\", kernel = \"infinite-tangent\", convention = \"lee\", ridge = 0.1}"},
    {"phase.0={method = \"kernel-regression\", kernel = \"infinite-features\", name = \"prior\"}"},
    averaged_sgd,
    natural_gradient,
    {"phase.0.lambda1_fourth={kind = \"inverse\", value = 0.1, timescale = 10}"},
    {"phase.0.lambda1_fourth={kind = \"exponential\", value = 0.1, final = 0.01}", "phase.0.step=sphere"},
    {"phase.0.step=ball", "phase.0.radius=30"},
    {"phase.0.method=pda", "phase.0.inner_steps=10", "phase.0.fresh_samples=16"},
    {"phase.0.samples=[10, 30]", "phase.0.label_noise=0.1"},
    {"phase.0.method=pda", "phase.0.inner_steps=10", "phase.0.step=kinetic"},
    plus(p_sdca, {"phase.0.coordinate_steps=3", "phase.0.effective_share=0.7", "observe.columns=[\"sdca_gap\"]"}),
    plus(p_sdca, {"network.neuron=parity", "phase.0.step=ball", "phase.0.radius=30", "phase.0.penalty_mode=product"}),
    {"phase.0.method=sgd-mfld", "phase.0.batch_size=7", "phase.0.sampling=symmetric-sweep"},
    {"phase.0.step=kinetic", "phase.0.friction=0.3", "observe.trajectory={particles = 2, velocities = true}"},
    {"phase.0.step=leimkuhler-matthews", "phase.0.anchor=start"},
    {"phase.0.method=underdamped-mfld"},
    {"phase.0.anchor=start", "phase.0.averaging=true"},
    {"objective={kind = \"mmd\", smoothing = 0.3}", "network.precision=single"},
    {"objective={kind = \"mmd\", kernel = \"torus\"}", "phase.0.lambda1=0",
     "network.init={input_law = \"box\", box_low = -1}",
     "task={kind = \"mixture\", centres = [[0, 1], [2, 3]], std = 0, num_test = 3}"},
    {"network.init={input_law = \"box\", box_low = -1, box_high = 1}"},
    plus(parity, {"objective={kind = \"ksd\", target = \"logistic-regression\", kernel_width = 1}"}),
    {"phase=[{method = \"averaged-sgd\", steps = 10, step_size = 0.1, batch_size = 3}, "
     "{method = \"sgd\", steps = 20, step_size = 0.1, batch_size = 1, sampling = \"one-pass\"}]"},
};

TEST(Experiment, TheResolvedFileIsTheSameExperiment) {
  for (const auto& settings : good) {
    SCOPED_TRACE(::testing::PrintToString(settings));
    const Experiment experiment = build(settings);
    const Experiment again = build_experiment(parse_toml(experiment.resolved, "resolved.toml"), ".");
    EXPECT_EQ(again.resolved, experiment.resolved);
    EXPECT_EQ(again.hash, experiment.hash);
    EXPECT_EQ(again.initial, experiment.initial);
    EXPECT_EQ(again.data.train_targets, experiment.data.train_targets);
    EXPECT_EQ(again.formulas(), experiment.formulas());
  }
}

void collect_paths(const Value& value, const std::string& path, std::set<std::string>& paths) {
  if (const auto* table = value.as<Table>()) {
    for (const auto& [key, item] : table->members) {
      collect_paths(item, path.empty() ? key : path + '.' + key, paths);
    }
  } else if (const auto* list = value.as<List>(); path == "phase") {
    for (const Value& item : *list) {
      collect_paths(item, path, paths);
    }
  } else {
    paths.insert(path);
  }
  if (path.ends_with("step_size") || path.ends_with("lambda1") || path.ends_with("lambda1_fourth") ||
      path.ends_with("lambda2")) {
    paths.insert(path);  // a number, or a schedule
  }
}

TEST(Experiment, TheDescribedKeysAreThoseThatAreRead) {
  std::set<std::string> described;
  for (const KeyInfo& key : describe_keys()) {
    described.insert(key.path);
    EXPECT_FALSE(key.doc.empty()) << key.path;
  }
  test::TemporaryDirectory folder;
  test::write_bytes(folder / "data.csv", "1,2,0\n3,4,1\n5,6,0\n");
  auto all = good;
  all.push_back({"task={kind = \"file\", path = \"data.csv\"}"});
  all.push_back({"task={kind = \"file\", path = \"data.csv\", labels = false}", "objective.kind=mmd"});
  all.push_back({"task={kind = \"file\", path = \"data.csv\", separator = \",\", drop_columns = [0]}"});
  all.push_back({"task={kind = \"file\", path = \"data.csv\", input_columns = [0]}"});
  Surroundings surroundings(folder.path());
  const auto arrays = std::make_shared<GivenArrays>();
  surroundings.arrays = arrays;
  const std::string inputs = arrays->add(Inputs::Random(6, 4));
  const std::string targets = arrays->add(Inputs::Random(6, 1));
  all.push_back({fmt::format("task={{kind = \"arrays\", train_inputs = \"{0}\", train_targets = \"{1}\", test_inputs = "
                             "\"{0}\", test_targets = \"{1}\"}}",
                             inputs, targets),
                 fmt::format("network.init={{particles = \"{}\"}}", arrays->add(Inputs::Ones(6, 6))),
                 "network.width=6"});
  test::write_bytes(folder / "particles.csv", "1,2,3,4.5\n7,8,9,0.5\n");
  all.push_back({"network.init.from=particles.csv", "network.width=2"});
  std::set<std::string> resolved;
  for (const auto& settings : all) {
    const Experiment experiment = build_experiment(config(settings), surroundings);
    collect_paths(parse_toml(experiment.resolved, "resolved.toml"), "", resolved);
  }
  for (const char* target : {"{ kind = \"ksd\", target = \"banana\", kernel_width = 1 }",
                             "{ kind = \"ksd\", target = \"gaussian-mixture\", centres = [[0]], kernel_width = 1 }"}) {
    const std::string text = fmt::format(
        "seed = 1\nobjective = {}\nnetwork.width = 3\n[[phase]]\nmethod = \"gd\"\nsteps = 3\nstep_size = 0.1\n",
        target);
    const Experiment experiment = build_experiment(parse_toml(text, "test.toml"), Surroundings(folder.path()));
    collect_paths(parse_toml(experiment.resolved, "resolved.toml"), "", resolved);
  }
  EXPECT_EQ(resolved, described);
}

TEST(Experiment, DefaultsAreThoseOfTheContract) {
  const Experiment experiment = build();
  EXPECT_EQ(experiment.network().scaling().kind, ScalingKind::mean_field);
  EXPECT_EQ(experiment.network().neuron().activation, Activation::tanh);
  EXPECT_EQ(experiment.risk.loss().prefactor, 0.5);
  EXPECT_EQ(experiment.seeds.noise, 1U);
  EXPECT_TRUE(experiment.tracked.empty());
  EXPECT_EQ(experiment.checkpoint_minutes, 10);
  EXPECT_EQ(experiment.num_steps(), 30);
  EXPECT_TRUE(experiment.observe.fires(0) && experiment.observe.fires(30));

  const Experiment with_svrg = build(svrg);
  EXPECT_EQ(with_svrg.phases[0].batch_size, 4);  // ceil(50^(1/3))
  EXPECT_EQ(with_svrg.phases[0].snapshot_every, 16);
  EXPECT_EQ(build(gld).phases[0].temperature.value, 1e-3);
  EXPECT_EQ(build(gld).phases[0].anchor, Anchor::zero);
  EXPECT_FALSE(build(gld).phases[0].averaging);

  const Experiment averaged = build(averaged_sgd);
  EXPECT_EQ(averaged.phases[0].batch_size, 1);
  EXPECT_EQ(averaged.phases[0].sampling, Sampling::one_pass);
  EXPECT_EQ(averaged.phases[0].anchor, Anchor::start);
  EXPECT_TRUE(averaged.phases[0].averaging);
}

TEST(Experiment, OnePassGoesOnWhereThePhaseBeforeEnded) {
  const Experiment experiment =
      build({"phase=[{method = \"averaged-sgd\", steps = 4, step_size = 0.1, batch_size = 3}, "
             "{method = \"sgd\", steps = 7, step_size = 0.1, batch_size = 9}, "
             "{method = \"sgd\", steps = 19, step_size = 0.1, batch_size = 2, sampling = \"one-pass\"}]"});
  EXPECT_EQ(experiment.phases[0].first_sample, 0);
  EXPECT_EQ(experiment.phases[2].first_sample, 12);
}

TEST(Experiment, WhatEndsAPhaseIsRecorded) {
  const std::string rule = "phase.0.until={column = \"dual_bound_error\", below = 1, held = 2}";
  const std::vector<std::string> bounded = {"network.neuron=bounded-r", rule};
  EXPECT_EQ(build(plus(bounded, {"observe.columns=[\"train_loss\"]"})).observables,
            (std::vector<std::string>{"train_loss", "dual_bound"}));
  EXPECT_EQ(build(plus(bounded, {"observe.columns=[\"dual_bound\", \"train_loss\"]"})).observables,
            (std::vector<std::string>{"dual_bound", "train_loss"}));
  auto defaults = build({"network.neuron=bounded-r"}).observables;
  defaults.emplace_back("dual_bound");
  const Experiment experiment = build(bounded);
  EXPECT_EQ(experiment.observables, defaults);
  EXPECT_TRUE(experiment.has_stop_rule());
  const auto formulas = experiment.formulas();
  EXPECT_TRUE(std::any_of(formulas.begin(), formulas.end(), [](const std::string& line) {
    return line.starts_with("phase 0: ") && line.ends_with("; ends once dual_bound_error < 1 at 2 rows in a row");
  }));
  EXPECT_FALSE(build().has_stop_rule());
}

/// A phase after one that may end early begins at a step that no trigger knows of.
TEST(Experiment, CountsTheFramesOfPhasesThatMayEndEarly) {
  const auto num_frames = [](const std::string& until) {
    return build({"observe.trajectory={particles = 1, at = []}",
                  "phase=[{method = \"gd\", steps = 9, step_size = 0.1" + until +
                      "}, {method = \"gd\", steps = 9, step_size = 0.1}]"})
        .num_frames();
  };
  EXPECT_EQ(num_frames(""), 3);
  EXPECT_EQ(num_frames(", until_gradient_norm = 1"), 4);
  EXPECT_EQ(num_frames(", until = {column = \"time\", above = 0.3}"), 4);
}

struct Mistake {
  std::vector<std::string> settings;
  std::string sentence;
};

TEST(Experiment, EveryMistakeIsOneSentence) {
  const std::vector<Mistake> mistakes = {
      {{"network.widht=3"}, "unknown key network.widht; did you mean network.width?"},
      {{"task.kind=teacher-studnt"},
       "task.kind = \"teacher-studnt\": must be one of \"teacher-student\", \"sparse-parity\", "
       "\"single-index\", \"multi-index\", \"harmonics\", \"mixture\", \"file\", \"arrays\"; did you mean "
       "\"teacher-student\"?"},
      {{"task.sparsity=2"}, "task.sparsity = 2: is only read with task.kind = \"sparse-parity\""},
      {{"task.num_train=-3"}, "task.num_train = -3: must be an integer >= 1"},
      {{"task.num_train=1000000000000"}, "task.num_train = 1000000000000: the inputs need"},
      {{"seed=-1"}, "seed = -1: must be an integer >= 0"},
      {{"noise.substeps=2000"}, "noise.substeps = 2000: must be an integer from 1 to 1024"},
      {{"noise.precision=single"}, "noise.precision = \"single\": must be one of \"own\", \"double\""},
      {{"network.width=0"}, "network.width = 0: must be an integer from 1 to 2147483648"},
      {{"network.width=\"ten\""}, "network.width = \"ten\": is a string, must be an integer from 1 to 2147483648"},
      {{"network.width=2147483648", "task.input_dim=2000"}, "network.width = 2147483648: the particles need"},
      {{"network.width=11", "network.init.symmetric=true"},
       "network.init.symmetric = true: needs an even network.width, not 11"},
      {{"network.neuron=parity", "network.init.symmetric=true"},
       "network.init.symmetric = true: needs a neuron that is odd in its output weight, not parity"},
      {{"network.neuron=linear", "network.bias=true"}, "network.bias = true: must be false for the neuron linear"},
      {{"network.neuron=parity", "network.activation=relu"},
       "network.activation = \"relu\": must be \"tanh\", which is part of the neuron parity"},
      {{"network.bound=2"},
       "network.bound = 2: is only read with network.neuron = bounded-r, parity, parity-unbounded"},
      {{"network.alpha=2"}, "network.alpha = 2: is only read with network.scaling = \"alpha\""},
      {plus(gd, {"network.scaling=alpha"}),
       "network.alpha: is missing, must be a finite number > 0 (f = alpha/N sum_j h)"},
      {{"network.scaling=ntk"},
       "phase.0.method = \"mfld\": is defined in the mean-field scaling only, and network.scaling is \"ntk\", which "
       "takes "
       "gd, gld, sgld"},
      {{"network.train=[]"}, "network.train = []: must name at least one block"},
      {{"network.neuron=fixed-sign", "network.train=[\"output\"]"},
       "network.train = [\"output\"]: \"output\" is none of what the neuron fixed-sign without bias can train: input"},
      {{"network.bias=false", "network.train=[\"bias\"]"},
       "network.train = [\"bias\"]: \"bias\" is none of what the neuron r-sigma without bias can train: input, output"},
      {{"network.init.input_std=nan"}, "network.init.input_std = nan: must be a finite number >= 0"},
      {{"network.neuron=fixed-sign", "network.init.output_law=gaussian"},
       "network.init.output_law = \"gaussian\": must be \"sign\" for the neuron fixed-sign"},
      {{"loss.kind=logistic"}, "loss.kind = \"logistic\": needs labels -1 and +1, and the label of training sample"},
      {{"loss.delta=1"}, "loss.delta = 1: is only read with loss.kind = \"huber\""},
      {{"phase=[]"}, "phase = []: an experiment needs at least one [[phase]]"},
      {{"phase=3"}, "phase = 3: must be a list of tables, [[phase]]"},
      {{"phase.0.method=mfdl"},
       "phase.0.method = \"mfdl\": must be one of \"gd\", \"gld\", \"sgld\", \"mfld\", \"underdamped-mfld\", "
       "\"sgd-mfld\", \"svrg-mfld\", \"pda\", \"p-sdca\", \"sgd\", \"averaged-sgd\", \"natural-gradient\""},
      {{"phase.0.beta=10"}, "phase.0.beta = 10: mfld takes lambda2, the temperature itself, instead"},
      {plus(gld, {"phase.0.lambda2=1"}), "phase.0.lambda2 = 1: gld takes beta, the inverse temperature, instead"},
      {plus(gd, {"phase.0.lambda2=1"}),
       "phase.0.lambda2 = 1: is only read with method = mfld, underdamped-mfld, sgd-mfld, svrg-mfld, pda, p-sdca"},
      {plus(gd, {"phase.0.beta=1"}), "phase.0.beta = 1: is only read with method = gld, sgld"},
      {plus(gd, {"phase.0.penalty_mode=product"}),
       "phase.0.penalty_mode = \"product\": multiplies lambda1 by the temperature, which gd does not have"},
      {{"phase.0.step_size=0"}, "phase.0.step_size = 0: must be a finite number > 0"},
      {{"phase.0.step_size={kind = \"exponential\", value = 1}"},
       "phase.0.step_size.final: is missing, must be a finite number > 0 (value at the last step)"},
      {{"phase.0.lambda2={kind = \"exponential\", value = 0, final = 1}"},
       "phase.0.lambda2.value = 0: must be > 0 for an exponential schedule"},
      {{"phase.0.step_size={value = 1, timescale = 1}"},
       "phase.0.step_size.timescale = 1: is only read with kind = \"inverse\", \"logarithmic\" or \"halving\""},
      {{"phase=[{method = \"gd\", steps = 1000000000000000, step_size = 1}, {method = \"gd\", steps = 1, step_size = "
        "1}]"},
       "phase.1.steps = 1: the phases up to this one make 1000000000000001 steps, and all of them may make "
       "1000000000000000 at most"},
      {{"phase.0.steps=-1"}, "phase.0.steps = -1: must be an integer from 0 to 1000000000000000"},
      {{"phase.0.method=sgd-mfld", "phase.0.batch_size=51"},
       "phase.0.batch_size = 51: must be at most 50, the number of training samples"},
      {{"phase.0.method=sgd-mfld"}, "phase.0.batch_size: is missing, must be an integer >= 1"},
      {{"phase.0.method=sgd-mfld", "phase.0.batch_size=5", "phase.0.until_gradient_norm=0.1"},
       "phase.0.until_gradient_norm = 0.1: is only read with method = gd, gld, mfld, underdamped-mfld"},
      {{"phase.0.until=3"}, "phase.0.until = 3: is an integer, must be a table"},
      {{"phase.0.until={below = 1}"}, "phase.0.until.column: is missing, must be a string"},
      {{"phase.0.until={column = \"time\"}"}, "phase.0.until.below: one of below and above must be given"},
      {{"phase.0.until={column = \"time\", below = 1, above = 2}"},
       "phase.0.until.above = 2: only one of below and above can be given"},
      {{"phase.0.until={column = \"time\", below = nan}"}, "phase.0.until.below = nan: must be a finite number"},
      {{"phase.0.until={column = \"time\", below = 1, held = 0}"}, "phase.0.until.held = 0: must be an integer >= 1"},
      {{"phase.0.until={column = \"time\", below = 1, hold = 2}"},
       "unknown key phase.0.until.hold; did you mean phase.until.held?"},
      {{"phase.0.until={column = \"trian_loss\", below = 1}"},
       "phase.0.until.column: \"trian_loss\" is no column of metrics.csv (did you mean \"train_loss\"?); this "
       "experiment has step, phase, time, gradient_evaluations and those of train_loss, "},
      {{"phase.0.until={column = \"teacher_cosines\", below = 1}"},
       "phase.0.until.column: \"teacher_cosines\" has the columns teacher_cosine_1, teacher_cosine_2; name one"},
      {{"phase.0.until={column = \"train_accuracy\", above = 0.9}"},
       "phase.0.until.column: \"train_accuracy\" needs labels that are all -1 or +1"},
      {{"phase.0={method = \"kernel-regression\", until = {column = \"train_loss\", below = 1}}"},
       "phase.0.until = { column = \"train_loss\", below = 1 }: is only read with a method that takes steps"},
      {{"phase.0.batch_size=5"}, "phase.0.batch_size = 5: is only read with method = sgld, sgd-mfld, svrg-mfld"},
      {plus(averaged_sgd, {"phase.0.steps=51"}),
       "phase.0.steps = 51: must be at most 50 with sampling = \"one-pass\" and batch_size = 1, which use each of the "
       "50 training samples once"},
      {plus(averaged_sgd, {"phase.0.batch_size=7"}), "phase.0.steps = 50: must be at most 7 with"},
      {{"phase=[{method = \"averaged-sgd\", steps = 50, step_size = 1}, {method = \"averaged-sgd\", steps = 1, "
        "step_size = 1}]"},
       "phase.1.steps = 1: must be 0 with sampling = \"one-pass\": the phases before use each of the 50 training "
       "samples "
       "once"},
      {plus(svrg, {"phase.0.sampling=one-pass"}),
       "phase.0.sampling = \"one-pass\": needs fresh samples only, and svrg-mfld goes back to old ones"},
      {plus(gd, {"phase.0.sampling=one-pass"}), "phase.0.sampling = \"one-pass\": is only read with method = sgld, "},
      {plus(svrg, {"phase.0.sampling=symmetric-sweep"}),
       "phase.0.sampling = \"symmetric-sweep\": needs every batch of a sweep, and svrg-mfld takes no batch where it "
       "takes a snapshot"},
      {{"phase.0.method=pda"}, "phase.0.inner_steps: is missing, must be an integer >= 1"},
      {{"phase.0.method=pda", "phase.0.inner_steps=0"}, "phase.0.inner_steps = 0: must be an integer >= 1"},
      {{"phase.0.lambda1_fourth=-1"}, "phase.0.lambda1_fourth = -1: must be a finite number >= 0"},
      {plus(natural_gradient, {"phase.0.lambda1_fourth=1"}), "phase.0.lambda1_fourth = 1: is only read with method = "},
      {{"phase.0.lambda1_fourth=1", "observe.columns=[\"dual_bound\"]", "network.neuron=bounded-r"},
       "observe.columns: \"dual_bound\" needs a phase with lambda1 > 0, lambda2 > 0 and anchor = \"zero\", and in "
       "phase.0 the penalty has a fourth power (lambda1_fourth)"},
      {{"phase.0.step=sphere", "observe.columns=[\"free_energy\"]"},
       "observe.columns: \"free_energy\" needs a phase with lambda1 > 0, lambda2 > 0 and anchor = \"zero\", and in "
       "phase.0 the particles stay on a sphere (step)"},
      {{"phase.0.step=sphere", "phase.0.averaging=true"},
       "phase.0.step = \"sphere\": keeps the particles on spheres, and averages of them are inside; set averaging = "
       "false, or another step"},
      {plus(natural_gradient, {"phase.0.step=sphere"}),
       "phase.0.step = \"sphere\": keeps the particles in a set, and natural-gradient takes euler-maruyama only"},
      {{"phase.0.step=ball", "phase.0.radius=0"}, "phase.0.radius = 0: must be a finite number > 0"},
      {{"phase.0.radius=2"}, "phase.0.radius = 2: is only read with step = ball"},
      {{"phase.0.step=ball", "phase.0.radius=0.1"}, "phase.0.radius = 0.1: must be above "},
      {{"phase.0.step=ball"}, "phase.0.radius = 1.0: must be above "},
      {{"phase.0.method=pda", "phase.0.inner_steps=5", "phase.0.fresh_samples=9"},
       "phase.0.fresh_samples = 9: takes each of the 50 training samples once, and there are 6 outer iterations"},
      {{"phase.0.fresh_samples=5"}, "phase.0.fresh_samples = 5: is only read with method = pda"},
      {{"phase.0.step=sphere", "phase.0.until_gradient_norm=1"},
       "phase.0.until_gradient_norm = 1: is of the whole gradient, and its part along the radius does not vanish with "
       "step = \"sphere\""},
      {{"phase.0.label_noise=-1"}, "phase.0.label_noise = -1: must be a finite number >= 0"},
      {plus(parity, {"loss.kind=logistic", "phase.0.label_noise=1"}),
       "phase.0.label_noise = 1: is added to labels, and loss.kind = \"logistic\" needs them to be -1 and +1"},
      {{"phase.0.samples=[3, 3]"}, "phase.0.samples = [3, 3]: must be [first, end) with first < end, or [] for all"},
      {{"phase.0.samples=[3, 51]"},
       "phase.0.samples = [3, 51]: must end at 50, the number of training samples, or before"},
      {{"phase.0.method=sgd-mfld", "phase.0.batch_size=11", "phase.0.samples=[10, 20]"},
       "phase.0.batch_size = 11: must be at most 10, the number of samples of the phase"},
      {plus(svrg, {"phase.0.samples=[0, 9]"}), "phase.0.samples = [0, 9]: is only read with method = gd, gld, sgld, "},
      {plus(averaged_sgd, {"phase.0.samples=[0, 9]"}),
       "phase.0.samples = [0, 9]: cannot be given with sampling = \"one-pass\", which takes the samples that no such "
       "phase before has used"},
      {{"phase.0.inner_steps=5"}, "phase.0.inner_steps = 5: is only read with method = pda, p-sdca"},
      {{"phase.0.coordinate_steps=5"}, "phase.0.coordinate_steps = 5: is only read with method = p-sdca"},
      {plus(p_sdca, {"phase.0.effective_share=1.1"}), "phase.0.effective_share = 1.1: must be a number in [0, 1]"},
      {plus(p_sdca, {"phase.0.coordinate_steps=0"}), "phase.0.coordinate_steps = 0: must be an integer >= 1"},
      {plus(p_sdca, {"phase.0.batch_size=5"}), "phase.0.batch_size = 5: is only read with method = "},
      {plus(p_sdca, {"network.neuron=r-sigma"}),
       "phase.0.method = \"p-sdca\": needs a bounded neuron (bounded-r or sigma with activation tanh, erf or sigmoid; "
       "parity), and network.neuron is \"r-sigma\" with tanh"},
      {plus(p_sdca, {"network.activation=relu"}),
       "phase.0.method = \"p-sdca\": needs a bounded neuron (bounded-r or sigma with activation tanh, erf or sigmoid; "
       "parity), and network.neuron is \"bounded-r\" with relu"},
      {plus(p_sdca, {"network.train=[\"input\"]"}),
       "phase.0.method = \"p-sdca\": needs a network all of whose parameters are trained (network.train, and not the "
       "neuron fixed-sign)"},
      {plus(p_sdca, {"network.linearised=true"}),
       "phase.0.method = \"p-sdca\": needs a network that is not linearised: its neurons are not bounded"},
      {plus(p_sdca, {"network.scaling=ntk"}), "phase.0.method = \"p-sdca\": is defined in the mean-field scaling only"},
      {plus(p_sdca, {"phase.0.lambda1=0"}), "phase.0.lambda1 = 0: must be > 0 at every step with p-sdca"},
      {plus(p_sdca, {"phase.0.lambda2={value = 0.1, off_fraction = 0.2}"}),
       "phase.0.lambda2 = { value = 0.1, off_fraction = 0.2 }: must be > 0 at every step with p-sdca"},
      {plus(p_sdca, {"phase.0.anchor=start"}), "phase.0.anchor = \"start\": must be \"zero\" with p-sdca"},
      {plus(p_sdca, {"phase.0.averaging=true"}), "phase.0.averaging = true: must be false with p-sdca"},
      {plus(p_sdca, {"phase.0.label_noise=1"}), "phase.0.label_noise = 1: must be 0 with p-sdca"},
      {plus(p_sdca, {"phase.0.step=sphere"}), "phase.0.step = \"sphere\": keeps every particle at its own distance"},
      {{"observe.columns=[\"sdca_gap\"]"}, "observe.columns: \"sdca_gap\" needs a phase with method = \"p-sdca\""},
      {{"phase.0.method=pda", "phase.0.inner_steps=5", "phase.0.anchor=start"},
       "phase.0.anchor = \"start\": must be \"zero\" with pda, which averages the penalty from 0"},
      {{"phase.0.method=pda", "phase.0.inner_steps=5", "phase.0.averaging=true"},
       "phase.0.averaging = true: must be false with pda, which averages coefficients and predicts with its last "
       "iterate"},
      {{"phase.0.method=pda", "phase.0.inner_steps=5", "phase.0.until_gradient_norm=1"},
       "phase.0.until_gradient_norm = 1: is only read with method = gd, gld, mfld, underdamped-mfld"},
      {plus(gd, {"phase.0.anchor=strat"}),
       "phase.0.anchor = \"strat\": must be one of \"zero\", \"start\"; did you mean \"start\"?"},
      {plus(gd, {"phase.0.damping=1"}), "phase.0.damping = 1: is only read with method = natural-gradient"},
      {plus(natural_gradient, {"phase.0.damping=-1"}), "phase.0.damping = -1: must be a finite number >= 0"},
      {plus(natural_gradient, {"phase.0.damping=0"}),
       "phase.0.damping = 0: must be > 0 where training samples (50) are more than trained parameters (40)"},
      {plus(natural_gradient, {"loss.kind=huber"}),
       "phase.0.method = \"natural-gradient\": is defined for the squared loss, and loss.kind is \"huber\""},
      {plus(natural_gradient, {"task.num_train=1000000"}),
       "phase.0.method = \"natural-gradient\": two matrices of n x n numbers need 1.49e+04 GiB"},
      {plus(natural_gradient, {"phase.0.lambda1=1"}),
       "phase.0.lambda1 = 1: is only read with method = gd, gld, sgld, "},
      {plus(natural_gradient, {"phase.0.anchor=start"}), "phase.0.anchor = \"start\": is only read with method = gd, "},
      {{"phase.0.step=kinetik"},
       "phase.0.step = \"kinetik\": must be one of \"euler-maruyama\", \"leimkuhler-matthews\", \"sphere\", \"ball\", "
       "\"kinetic\"; did you mean \"kinetic\"?"},
      {{"phase.0.step=kinetic", "phase.0.friction=0"}, "phase.0.friction = 0: must be a finite number > 0"},
      {{"phase.0.friction=1"}, "phase.0.friction = 1: is only read with step = kinetic"},
      {{"phase.0.step=kinetic", "phase.0.averaging=true"},
       "phase.0.step = \"kinetic\": gives the particles momentum, and averaging takes the mean of their positions "
       "alone"},
      {plus(natural_gradient, {"phase.0.step=kinetic"}),
       "phase.0.step = \"kinetic\": gives the particles momentum, and natural-gradient takes euler-maruyama only"},
      {{"phase.0.method=underdamped-mfld", "phase.0.step=euler-maruyama"},
       "phase.0.step = \"euler-maruyama\": underdamped-mfld is mfld with step = kinetic; take method = mfld for "
       "another"},
      {plus(gd, {"phase.0.step=leimkuhler-matthews"}),
       "phase.0.step = \"leimkuhler-matthews\": averages the noise of two steps, and gd has none"},
      {{"phase.0.step=leimkuhler-matthews", "phase.0.lambda2=0"},
       "phase.0.step = \"leimkuhler-matthews\": averages the noise of two steps, and the temperature is 0"},
      {plus(natural_gradient, {"phase.0.batch_size=1"}), "phase.0.batch_size = 1: is only read with method = sgld, "},
      {{"observe={every = 2, at = [1]}"}, "observe.every = 2: only one of every, log_spaced and at can be given"},
      {{"observe.log_spaced=1"}, "observe.log_spaced = 1: must be an integer from 2 to 1000000"},
      {{"observe.columns=[\"trian_loss\"]"}, "observe.columns"},
      {{"observe.trajectory.particles=11"},
       "observe.trajectory.particles = 11: must be between 0 and network.width = 10"},
      {{"observe.trajectory.particles=[10]"},
       "observe.trajectory.particles = [10]: must be a list, each an integer from 0 to 9"},
      {{"observe.trajectory.particles=some"},
       "observe.trajectory.particles = \"some\": must be \"none\", \"all\", a count, or a list of particles"},
      {{"observe.trajectory={particles = 2, velocities = true}"},
       "observe.trajectory.velocities = true: is only read with particles and a phase of step = kinetic"},
      {{"phase.0.step=kinetic", "observe.trajectory.velocities=true"},
       "observe.trajectory.velocities = true: is only read with particles and a phase of step = kinetic"},
      {{"checkpoint.every_minutes=-1"}, "checkpoint.every_minutes = -1: must be a finite number >= 0"},
      {{"task.angles=[0]", "task.input_dim=3"}, "task.angles = [0]: needs task.input_dim = 2, not 3"},
      {{"task.directions=[[1, 2, 3]]"},
       "task.directions = [[1, 2, 3]]: has rows of 3 numbers, which must have input_dim = 2"},
      {{"task.directions=[[1, 2], [3]]"}, "task.directions = [[1, 2], [3]]: row 2 has 1 numbers, and row 1 has 2"},
      {{"task.directions=[[]]"}, "task.directions = [[]]: row 1 must not be empty"},
      {{"task.directions=[[0, 0]]"}, "task.directions = [[0, 0]]: row 1 has length 0, which must be finite and > 0"},
      {{"task.num_teachers=3"}, "task.num_teachers = 3: must be at most input_dim = 2, for orthonormal directions"},
      {{"task.amplitudes=[1]"}, "task.amplitudes = [1]: has 1 numbers and must have num_teachers = 2"},
      {{"task.noise_level=1"},
       "task.noise_level = 1: is only read with task.label_noise = \"uniform\" or \"gaussian\""},
      {plus(parity, {"task.sparsity=6"}), "task.sparsity = 6: must be between 1 and input_dim = 5"},
      {{"task={kind = \"multi-index\", link = \"staircase\", input_dim = 2}"},
       "task.input_dim = 2: must be at least 3, the coordinates that the link \"staircase\" reads"},
      {{"task={kind = \"harmonics\", input_dim = 1}"}, "task.input_dim = 1: must be at least 2, to have a sphere"},
      {{"task={kind = \"harmonics\", degrees = []}"}, "task.degrees = []: must name at least one degree"},
      {{"task={kind = \"harmonics\", degrees = [2, 2]}"}, "task.degrees = [2, 2]: 2 is listed twice"},
      {{"task={kind = \"harmonics\", degrees = [1, 2], amplitudes = [1]}"},
       "task.amplitudes = [1]: has 1 numbers and must have 2, one a degree"},
      {{"task={kind = \"single-index\", link = \"hermite2\", inputs = \"cube\"}"},
       "task.link = \"hermite2\": must have gaussian inputs: every label on the cube is 0"},
      {{"task={kind = \"file\", path = \"none.csv\"}"}, "task.path = \"none.csv\": there is no file "},
      {{"network=3"}, "network = 3: is an integer, must be a table"},
      {{"task=3"}, "task = 3: is an integer, must be a table"},
  };
  for (const Mistake& mistake : mistakes) {
    const std::string error = error_of(mistake.settings);
    EXPECT_TRUE(error.starts_with(mistake.sentence)) << error << "\nshould be: " << mistake.sentence;
    EXPECT_EQ(error.find('\n'), std::string::npos) << error;
  }
}

// Of several runs, wrong data concern one, and wrong options all.
TEST(Experiment, WhatIsWrongWithATableIsToldFromWhatIsWrongWithItsOptions) {
  const auto refusal = [](const std::string& options) -> std::pair<bool, std::string> {
    const std::string task = fmt::format("task={{kind = \"file\", path = \"{}/tests/support/data/table.npy\", {}}}",
                                         MFLD_SOURCE_DIR, options);
    try {
      build({task});
    } catch (const WrongData& error) {
      return {true, error.what()};
    } catch (const InvalidInput& error) {
      return {false, error.what()};
    }
    return {};
  };
  using Refusal = std::pair<bool, std::string>;
  EXPECT_EQ(refusal("skip_lines = 1"), Refusal(false, "task.skip_lines = 1: must be 0: only a .csv file has lines"));
  EXPECT_EQ(refusal("header = \"no\""),
            Refusal(false, "task.header = \"no\": must be \"auto\": only a .csv file has lines"));
  EXPECT_EQ(refusal("test_fraction = 1"), Refusal(false, "task.test_fraction = 1: must be a number in [0, 1)"));
  const auto [is_of_data, sentence] = refusal("target_column = 9");
  EXPECT_TRUE(is_of_data);
  EXPECT_TRUE(sentence.starts_with("task.target_column = 9: must be in -4..3: ")) << sentence;
}

TEST(Experiment, EveryTaskOfTheTableCanBeRead) {
  test::TemporaryDirectory folder;
  test::write_bytes(folder / "data.csv", "1,2,0\n3,4,1\n5,6,0\n7,8.5,1\n9,1,1\n");
  for (const TaskRow& row : tasks()) {
    Value root = config();
    Value task{Table{}};
    assign(task, "kind", {std::string(row.name)});
    if (row.name == "file") {
      assign(task, "path", {"data.csv"});
    }
    Surroundings surroundings(folder.path());
    if (row.name == "arrays") {
      const auto arrays = std::make_shared<GivenArrays>();
      assign(task, "train_inputs", {arrays->add(Inputs::Random(6, 3))});
      assign(task, "train_targets", {arrays->add(Inputs::Random(6, 1))});
      surroundings.arrays = arrays;
    }
    if (row.name == "mixture") {
      assign(task, "centres", parse_toml_value("[[0, 1]]"));
      assign(root, "objective.kind", {"mmd"});
      assign(root, "objective.kernel_width", {1.0});
    }
    assign(root, "task", task);
    const Experiment experiment = build_experiment(root, surroundings);
    EXPECT_GT(experiment.data.num_train(), 0) << row.name;
    // The resolved file stands in another folder, knows where its paths start, and is the same wherever that is.
    EXPECT_EQ(experiment.folder.empty(), row.name != "file");
    const std::filesystem::path start = experiment.folder.empty() ? "/" : experiment.folder;
    const Experiment again = build_experiment(parse_toml(experiment.resolved, "resolved.toml"), surroundings.in(start));
    EXPECT_EQ(again.data.train_inputs, experiment.data.train_inputs) << row.name;
    EXPECT_EQ(again.hash, experiment.hash) << row.name;
  }
}

TEST(Course, IsReadForAnObjectiveOfOnesOwn) {
  const auto read = [](const std::string& text) { return build_course(parse_toml(text, "course.toml"), 6); };
  const Course course = read("seed = 7\n[[phase]]\nmethod = \"mfld\"\nsteps = 3\nstep_size = 0.5\nlambda2 = 0.1\n");
  EXPECT_EQ(course.seeds.noise, 7U);
  ASSERT_EQ(course.phases.size(), 1U);
  EXPECT_EQ(course.phases.front().num_steps, 3);
  EXPECT_THROW(read("seed = 7\n"), InvalidInput);
  EXPECT_THROW(read("seed = 7\nphase = 3\n"), InvalidInput);
  for (const std::string phase :
       {"method = \"sgd\"\nbatch_size = 1", "method = \"natural-gradient\"", "method = \"kernel-regression\"",
        "method = \"none\"", "method = \"gd\"\nuntil = { column = \"step\", above = 1 }"}) {
    EXPECT_THROW(read("seed = 7\n[[phase]]\nsteps = 3\nstep_size = 0.5\n" + phase + "\n"), InvalidInput) << phase;
  }
}

TEST(Experiment, ANoiseRuleThatChangesNothingIsNoneInItsIdentity) {
  EXPECT_EQ(build({"noise.substeps=1"}).hash, build().hash);
  EXPECT_NE(build({"noise.substeps=2"}).hash, build().hash);
  EXPECT_NE(build({"noise.precision=double"}).hash, build().hash);
}

TEST(Experiment, SinglePrecisionStartsWhereItsParticlesAre) {
  const Experiment single = build({"network.precision=single"});
  EXPECT_EQ(single.initial, single.initial.cast<float>().cast<double>());
  EXPECT_TRUE(single.initial.isApprox(build().initial, 1e-6));
}

// The runner.

struct Row {
  std::int64_t step = 0;
  std::int64_t phase = 0;
  std::string rest;
};

std::vector<Row> read_rows(const std::filesystem::path& directory) {
  std::istringstream stream(test::read_bytes(directory / "metrics.csv"));
  std::vector<Row> rows;
  for (std::string line; std::getline(stream, line);) {
    if (!line.starts_with('#') && !line.starts_with("step")) {
      Row row;
      char comma = 0;
      std::istringstream(line) >> row.step >> comma >> row.phase >> comma >> row.rest;
      rows.push_back(row);
    }
  }
  return rows;
}

std::vector<std::int64_t> steps(const std::vector<Row>& rows) {
  std::vector<std::int64_t> result;
  for (const Row& row : rows) {
    result.push_back(row.step);
  }
  return result;
}

class Run : public testing::Test {
 protected:
  RunSummary run(const std::string& name, const std::vector<std::string>& settings, bool stopped = false) {
    const Experiment experiment = build(settings);
    RunDirectory directory = RunDirectory::create(folder_ / name);
    return run_experiment(experiment, directory, std::atomic<bool>(stopped));
  }

  test::TemporaryDirectory folder_;
};

TEST_F(Run, RecordsWhatTheMethodPredictsWith) {
  // The mean of the first iterate alone is that iterate; penalty 0 at the start it is measured from.
  const auto settings = plus(averaged_sgd, {"observe.every=1", "observe.columns=[\"train_loss\", \"objective\"]"});
  const RunSummary summary = run("a", settings);
  const auto rows = read_rows(folder_ / "a");
  ASSERT_EQ(rows.size(), 51U);
  const auto values = [](const Row& row) { return row.rest.substr(row.rest.rfind(',', row.rest.rfind(',') - 1)); };
  EXPECT_EQ(values(rows[0]), values(rows[1]));
  EXPECT_NE(values(rows[1]), values(rows[2]));
  EXPECT_EQ(summary.gradient_evaluations, 50);
  EXPECT_GT(summary.final_values[1], summary.final_values[0]);
}

TEST_F(Run, SaysThatThereIsNoNaturalGradient) {
  const RunSummary summary = run(
      "a", plus(natural_gradient,
                {"phase.0.damping=0",
                 "task={kind = \"single-index\", link = \"tanh\", input_dim = 3, num_train = 20, inputs = \"cube\"}"}));
  EXPECT_EQ(summary.end.ending, Ending::diverged);
  EXPECT_EQ(
      summary.message,
      "stopped at step 0: the tangent kernel matrix of the natural gradient is not finite and positive definite; a "
      "damping > 0, a larger one, or a smaller step_size keeps it so");
  EXPECT_EQ(summary.end.first_bad_particle, std::nullopt);
  EXPECT_EQ(read_rows(folder_ / "a").size(), 1U);
}

TEST_F(Run, ObservesWhereTheTriggerFiresAndAtTheEnds) {
  const RunSummary summary =
      run("a", {"observe.every=12",
                "phase=[{method = \"gd\", steps = 20, step_size = 0.1}, {method = \"mfld\", steps = 10, "
                "step_size = 0.2, lambda2 = 0.1}]"});
  const auto rows = read_rows(folder_ / "a");
  EXPECT_EQ(steps(rows), (std::vector<std::int64_t>{0, 12, 20, 24, 30}));
  EXPECT_EQ(rows[1].phase, 0);
  EXPECT_EQ(rows[2].phase, 1);
  EXPECT_EQ(rows[4].phase, 1);
  EXPECT_EQ(summary.end.ending, Ending::finished);
  EXPECT_EQ(summary.end.step, 30);
  EXPECT_NEAR(summary.time, 20 * 0.1 + 10 * 0.2, 1e-12);
  EXPECT_EQ(summary.gradient_evaluations, 30 * 50);
  for (const char* file : {"experiment.toml", "metrics.csv", "checkpoint.h5", "summary.json"}) {
    EXPECT_TRUE(std::filesystem::exists(folder_ / "a" / file)) << file;
  }
  EXPECT_FALSE(std::filesystem::exists(folder_ / "a" / "trajectory.h5"));
}

TEST_F(Run, LookingChangesNothing) {
  run("rarely", {"observe.every=30", "phase.0.method=sgd-mfld", "phase.0.batch_size=7"});
  run("often", {"observe.every=1", "observe.trajectory={particles = \"all\", every = 1}", "checkpoint.every_steps=1",
                "phase.0.method=sgd-mfld", "phase.0.batch_size=7"});
  EXPECT_EQ(read_rows(folder_ / "rarely").back().rest, read_rows(folder_ / "often").back().rest);
  EXPECT_EQ(load_checkpoint(folder_ / "rarely" / "checkpoint.h5").matrices.at("particles"),
            load_checkpoint(folder_ / "often" / "checkpoint.h5").matrices.at("particles"));
}

TEST_F(Run, IsTheSameOnAnyNumberOfThreads) {
  for (const std::string precision : {"double", "single"}) {
    const std::vector<std::string> settings = {"network.precision=" + precision, "network.width=1001"};
    with_threads(1, [&] { run(precision + "1", settings); });
    for (const int threads : {2, 3, 8}) {
      const std::string name = precision + std::to_string(threads);
      with_threads(threads, [&] { run(name, settings); });
      EXPECT_EQ(test::read_bytes(folder_ / name / "metrics.csv"),
                test::read_bytes(folder_ / (precision + "1") / "metrics.csv"));
    }
  }
}

TEST_F(Run, SinglePrecisionWithoutNoiseStaysNearDouble) {
  const RunSummary in_double = run("double", {"phase.0.lambda2=0"});
  const RunSummary in_single = run("single", {"phase.0.lambda2=0", "network.precision=single"});
  for (std::size_t i = 0; i < in_double.columns.size(); ++i) {
    EXPECT_NEAR(in_single.final_values[i], in_double.final_values[i], 1e-4) << in_double.columns[i];
  }
  EXPECT_NE(in_single.final_values, in_double.final_values);
}

TEST_F(Run, DivergenceIsAnOutcomeThatKeepsWhatWasRecorded) {
  const RunSummary summary = run("a", {"phase.0.step_size=1e200", "observe.every=1"});
  EXPECT_EQ(summary.end.ending, Ending::diverged);
  ASSERT_TRUE(summary.end.first_bad_particle);
  EXPECT_GE(*summary.end.first_bad_particle, 0);
  EXPECT_GE(summary.end.step, 1);
  EXPECT_EQ(summary.message, "diverged at step " + std::to_string(summary.end.step) + ": particle " +
                                 std::to_string(*summary.end.first_bad_particle) + " is not finite");
  const auto rows = read_rows(folder_ / "a");
  EXPECT_EQ(rows.front().step, 0);
  EXPECT_EQ(rows.back().step, summary.end.step);
  EXPECT_TRUE(test::mentions(test::read_bytes(folder_ / "a" / "summary.json"), "\"ending\": \"diverged\""));
  EXPECT_FALSE(std::filesystem::exists(folder_ / "a" / "checkpoint.h5"));
}

TEST_F(Run, AnInterruptionLeavesACheckpoint) {
  const RunSummary summary = run("a", {}, true);
  EXPECT_EQ(summary.end.ending, Ending::interrupted);
  EXPECT_EQ(summary.end.step, 0);
  const Checkpoint checkpoint = load_checkpoint(folder_ / "a" / "checkpoint.h5");
  EXPECT_EQ(checkpoint.step, 0);
  EXPECT_EQ(checkpoint.metrics_rows, 0);
  EXPECT_EQ(checkpoint.matrices.at("particles"), build().initial);
  EXPECT_EQ(checkpoint.experiment_hash, build().hash);
}

TEST_F(Run, ACheckpointHoldsEverythingThatChanges) {
  const std::vector<std::string> settings = plus(svrg, {"observe.every=8", "checkpoint.every_steps=10"});
  run("a", settings);
  const Checkpoint last = load_checkpoint(folder_ / "a" / "checkpoint.h5");
  EXPECT_EQ(last.step, 20);
  EXPECT_EQ(last.metrics_rows, 4);  // 0, 8, 16, 20
  EXPECT_EQ(last.step_in_phase, 20) << "a longer run goes on from there";
  EXPECT_TRUE(last.matrices.contains("snapshot/drift"));
  const Checkpoint previous = load_checkpoint(folder_ / "a" / "checkpoint.previous.h5");
  EXPECT_EQ(previous.step, 10);
  EXPECT_EQ(previous.metrics_rows, 2);
  EXPECT_EQ(previous.step_in_phase, 10);
  EXPECT_TRUE(previous.matrices.contains("snapshot/drift"));
}

TEST_F(Run, APhaseThatHasConvergedEndsEarlyAndIsRecordedOnce) {
  const RunSummary summary =
      run("a", {"network.neuron=linear", "observe.every=1000",
                "phase=[{method = \"gd\", steps = 100000, step_size = 0.5, until_gradient_norm = 1e-6}, "
                "{method = \"gd\", steps = 3, step_size = 0.1}]"});
  const auto rows = read_rows(folder_ / "a");
  ASSERT_EQ(rows.size(), 3U);  // the start, the end of the first phase, the end
  EXPECT_LT(rows[1].step, 1000);
  EXPECT_EQ(rows[1].phase, 1);
  EXPECT_EQ(rows[2].step, rows[1].step + 3);
  EXPECT_EQ(summary.end.step, rows[2].step);
}

}  // namespace
}  // namespace mfld

#include "mfld/config/experiment.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <set>

#include "config/identity.hpp"
#include "mfld/config/task_table.hpp"
#include "support/small_experiment.hpp"
#include "support/temporary_directory.hpp"

namespace mfld {
namespace {

using namespace small_experiment;

/// Experiments that reach every branch of the readers.
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
    {"noise.law=three-point", "phase.0.step=kinetic"},
    {"network.neuron=parity-unbounded", "network.bound=2", "observe.trajectory.particles=all", "seeds.noise=9"},
    {"task.angles=[0, 120.5]", "task.amplitudes=[1, -1]", "task.inputs=sphere", "task.input_norm=2",
     "task.label_noise=uniform", "task.noise_level=0.1", "observe.columns=[\"train_loss\", \"mean_r\"]"},
    {"task.directions=[[1, 0], [0.5, 2]]", "observe.trajectory={particles = 2, every = 5}", "checkpoint.every_steps=3",
     "checkpoint.keep_at=[3]"},
    plus(parity, {"network.neuron=parity", "observe.columns=[\"train_loss\", \"certified_gap\"]",
                  "observe.certified_gap_at=[0, 2]"}),
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
    {"phase.0.until={column = \"proximal_gap\", below = 1e-3}", "network.neuron=sigma",
     "observe.certificate_samples=8192"},
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

/// 50 + 20 samples in a look; a step of them all takes 50 forward and back, one of 7 takes 7.
TEST(Experiment, LookingCostsNoMoreThanTheStepsDo) {
  const auto looks = [](const std::string& method, int steps) {
    const Experiment experiment =
        build({fmt::format("phase.0={{method = \"{}\", steps = {}, step_size = 0.1}}", method, steps)});
    return std::get<std::int64_t>(find(parse_toml(experiment.resolved, "resolved.toml"), "observe.log_spaced")->data);
  };
  const std::string small_batches = "sgd\", batch_size = 7, name = \"small";
  EXPECT_EQ(looks(small_batches, 10), 20);
  EXPECT_EQ(looks(small_batches, 500), 2 * 500 * 7 / 70);
  EXPECT_EQ(looks(small_batches, 5000), 200);
  EXPECT_EQ(looks("gd", 70), 2 * 70 * 50 / 70);
  EXPECT_EQ(looks("gd", 1000), 200);
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
  EXPECT_NE(build({"noise.precision=single"}).hash, build().hash);
  EXPECT_EQ(build({"noise.law=gaussian"}).hash, build().hash);
  EXPECT_NE(build({"noise.law=three-point"}).hash, build().hash);
}

/// Runs that were made before there were laws of noise go on.
TEST(Experiment, NormalNoiseIsNoLawInTheIdentityOfOtherNoise) {
  const auto hash = [](const std::string& law) {
    return identity::hash_of_values(parse_toml("[noise]\nsubsteps = 2\nprecision = \"double\"\n" + law, "a.toml"));
  };
  EXPECT_EQ(hash("law = \"gaussian\"\n"), hash(""));
  EXPECT_NE(hash("law = \"three-point\"\n"), hash(""));
}

TEST(Experiment, SinglePrecisionStartsWhereItsParticlesAre) {
  const Experiment single = build({"network.precision=single"});
  EXPECT_EQ(single.initial, single.initial.cast<float>().cast<double>());
  EXPECT_TRUE(single.initial.isApprox(build().initial, 1e-6));
}

}  // namespace
}  // namespace mfld

// [objective]: experiments whose particles are points.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include "mfld/config/experiment.hpp"
#include "mfld/config/objective_table.hpp"
#include "mfld/core/error.hpp"
#include "mfld/observe/observables.hpp"
#include "support/file_text.hpp"
#include "support/temporary_directory.hpp"

namespace mfld {
namespace {

using test::mentions;

const std::string mmd =
    "seed = 1\n"
    "objective = { kind = \"mmd\" }\n"
    "task = { kind = \"mixture\", centres = [[0, 0], [3, 4], [0, 1]], std = 0.0 }\n"
    "network.width = 10\n"
    "[[phase]]\nmethod = \"mfld\"\nsteps = 30\nstep_size = 0.1\nlambda2 = 0.001\n";

Experiment build(const std::string& text, const std::vector<std::string>& settings = {},
                 const std::filesystem::path& folder = ".") {
  Value root = parse_toml(text, "test.toml");
  for (const std::string& setting : settings) {
    const std::size_t equals = setting.find('=');
    assign(root, setting.substr(0, equals), parse_toml_value(setting.substr(equals + 1)));
  }
  return build_experiment(root, folder);
}

std::string error_of(const std::string& text, const std::vector<std::string>& settings) {
  return test::message_of<InvalidInput>([&] { build(text, settings); });
}

TEST(Objective, HasPointsForParticles) {
  const Experiment experiment = build(mmd);
  ASSERT_TRUE(experiment.objective);
  EXPECT_EQ(experiment.objective->name, "mmd");
  EXPECT_EQ(experiment.objective->num_terms, 3);
  EXPECT_EQ(experiment.initial.rows(), 10);
  EXPECT_EQ(experiment.initial.cols(), 2);
  EXPECT_EQ(experiment.parameter_names(), (std::vector<std::string>{"x0", "x1"}));
  EXPECT_EQ(experiment.sizes().num_samples, 3);
  EXPECT_EQ(experiment.sizes().per_term, 0) << "nothing is kept for coefficients that there are not";
  const auto formulas = experiment.formulas();
  EXPECT_TRUE(mentions(formulas[1], "objective: R(mu) = MMD^2 of mu from the 3 points"));
}

// The middle one of 1, 4.24 and 5.
TEST(Objective, TakesTheMedianDistanceForItsWidth) {
  EXPECT_TRUE(mentions(build(mmd).resolved, "kernel_width = 4.24264"));
  EXPECT_TRUE(mentions(build(mmd, {"objective.kernel_width=0.5"}).resolved, "kernel_width = 0.5"));
}

TEST(Objective, DescribesItsKeys) {
  const auto keys = describe_keys();
  const auto width = std::find_if(keys.begin(), keys.end(), [](const KeyInfo& key) {
    return key.path == "objective.kernel_width" && key.where.starts_with("objective.kind = \"mmd\"");
  });
  ASSERT_NE(width, keys.end());
  EXPECT_EQ(width->fallback, "the median distance of two training points");
}

TEST(Objective, OfANetworkIsNotWrittenOut) {
  const std::string risk =
      "seed = 1\ntask = { kind = \"single-index\", num_train = 5 }\nnetwork.width = 3\n"
      "[[phase]]\nmethod = \"gd\"\nsteps = 3\nstep_size = 0.1\n";
  EXPECT_EQ(build(risk).resolved.find("[objective]"), std::string::npos);
  EXPECT_FALSE(build(risk).objective);
  EXPECT_FALSE(build(risk, {"objective.kind=risk"}).objective);
}

TEST(Objective, StartsInABox) {
  const Experiment experiment =
      build(mmd, {"network.init={input_law = \"box\", box_low = 2, box_high = 2.5}", "network.width=500"});
  EXPECT_GE(experiment.initial.minCoeff(), 2);
  EXPECT_LT(experiment.initial.maxCoeff(), 2.5);
  EXPECT_NEAR(experiment.initial.mean(), 2.25, 5 * 0.5 / std::sqrt(12.0 * 1000));
}

TEST(Objective, ObservesWhatPointsHave) {
  const Experiment experiment = build(mmd);
  const std::vector<std::string> defaults = {"objective",         "discrepancy", "movement_mean", "movement_max",
                                             "movement_relative", "mean_norm",   "norm_of_mean",  "second_moment"};
  EXPECT_EQ(experiment.observables, defaults);
  EXPECT_EQ(experiment.columns[1], "mmd");
  EXPECT_EQ(build(mmd, {"observe.columns=[\"entropy\", \"gradient_norm\"]"}).columns.size(), 2U);
  EXPECT_EQ(build(mmd, {"observe.columns=[\"free_energy\"]", "phase.0.lambda1=0.1"}).columns.size(), 1U);
  for (const char* name : {"train_loss", "test_loss", "dual_bound", "ntk_drift", "kernel_gradient_discrepancy",
                           "pattern_change", "kernel_profile", "log_sobolev_bound"}) {
    EXPECT_TRUE(mentions(error_of(mmd, {fmt::format("observe.columns=[\"{}\"]", name), "phase.0.lambda1=0.1"}),
                         fmt::format("observe.columns: \"{}\" needs a network, and the particles are points", name)));
  }
  const std::string hint = error_of(mmd, {"observe.columns=[\"mmd\"]"});
  EXPECT_TRUE(mentions(hint, "it is a column of \"discrepancy\""));
}

TEST(Objective, EndsAPhaseByItsColumn) {
  const Experiment experiment = build(mmd, {"phase.0.until={column = \"mmd\", below = 1e-3}"});
  EXPECT_TRUE(experiment.has_stop_rule());
}

TEST(Objective, EveryMistakeIsOneSentence) {
  const std::vector<std::pair<std::vector<std::string>, std::string>> mistakes = {
      {{"objective.kind=mdm"}, "objective.kind = \"mdm\": must be one of \"risk\", \"mmd\", \"ksd\""},
      {{"objective.width=1"}, "unknown key objective.width; did you mean network.width?"},
      {{"objective.kernel_width=0"},
       "objective.kernel_width = 0: must be positive, and not below a hundredth of the median distance of two training "
       "points, 4.243"},
      {{"objective.kernel_width=0.04"},
       "objective.kernel_width = 0.04: must be positive, and not below a hundredth of"},
      {{"objective.kernel_width=-1"}, "objective.kernel_width = -1: must be a finite number >= 0"},
      {{"objective.kernel=torus", "objective.kernel_width=1"},
       "objective.kernel_width = 1: is only read with objective.kernel = \"gaussian\""},
      {{"objective.kernel=torus", "phase.0.step=ball", "phase.0.radius=9"},
       "phase.0.step = \"ball\": keeps the particles in a set about 0"},
      {{"objective.kernel=torus", "observe.columns=[\"entropy\"]"},
       "observe.columns: \"entropy\" needs distances in R^d"},
      {{"objective.kernel=torus", "phase.0.lambda1=0.1"},
       "phase.0.lambda1 = 0.1: must be 0: the penalty |x|^2 is no function on the torus"},
      {{"objective.smoothing=-1"}, "objective.smoothing = -1: must be a finite number >= 0"},
      {{"network.neuron=linear"}, "network.neuron = \"linear\": is only read with objective.kind = \"risk\""},
      {{"network.scaling=ntk"}, "network.scaling = \"ntk\": is only read with objective.kind = \"risk\""},
      {{"network.init.output_std=1"}, "network.init.output_std = 1: is only read with objective.kind = \"risk\""},
      {{"network.init.box_low=1"}, "network.init.box_low = 1: is only read with network.init.input_law = \"box\""},
      {{"network.init={input_law = \"box\", input_std = 1}"},
       "network.init.input_std = 1: is only read with network.init.input_law = \"gaussian\" or \"sphere\""},
      {{"network.init={input_law = \"box\", box_low = 7}"},
       "network.init.box_high = 6.283185307179586: must be above network.init.box_low = 7"},
      {{"loss.kind=squared"}, "loss.kind = \"squared\": is only read with objective.kind = \"risk\""},
      {{"observe.predictions=true"}, "observe.predictions = true: needs a network, and the particles are points"},
      {{"phase.0={method = \"natural-gradient\", steps = 1, step_size = 1}"},
       "phase.0.method = \"natural-gradient\": needs the tangent kernel of a network, and objective.kind is \"mmd\""},
      {{"phase.0={method = \"kernel-regression\"}"},
       "phase.0.method = \"kernel-regression\": solves for the outputs of a network, and objective.kind is \"mmd\""},
      {{"phase.0.method=sgd-mfld", "phase.0.batch_size=4"},
       "phase.0.batch_size = 4: must be at most 3, the number of training samples"},
      {{"task.centres=[]"}, "task.centres = []: must have at least one row of one number"},
      {{"task.centres=[[1, 2], [1]]"}, "row 2 has 1 numbers, and row 1 has 2"},
      {{"objective.kind=risk"}, "task.kind = \"mixture\": gives points without labels"},
  };
  for (const auto& [settings, sentence] : mistakes) {
    const std::string error = error_of(mmd, settings);
    EXPECT_TRUE(mentions(error, sentence));
    EXPECT_EQ(error.find('\n'), std::string::npos) << error;
  }
}

const std::string ksd =
    "seed = 1\n"
    "objective = { kind = \"ksd\", target = \"banana\", kernel_width = 1.0 }\n"
    "network.width = 10\n"
    "[[phase]]\nmethod = \"mfld\"\nsteps = 30\nstep_size = 0.1\nlambda2 = 0.001\n";

TEST(Objective, OfATargetTakesNoData) {
  const Experiment experiment = build(ksd);
  EXPECT_EQ(experiment.objective->name, "ksd");
  EXPECT_EQ(experiment.objective->num_terms, 10) << "the particles as sources";
  EXPECT_EQ(experiment.initial.cols(), 2);
  EXPECT_EQ(experiment.columns[1], "ksd");
  EXPECT_TRUE(mentions(experiment.formulas()[1], "objective: R(mu) = KSD^2 of mu from pi = x_0 ~ N(0, 4)"));
  EXPECT_EQ(build(ksd, {"objective={kind = \"ksd\", target = \"gaussian-mixture\", centres = [[0, 1, 2]], std = 0.5, "
                        "kernel_width = 1.0}"})
                .initial.cols(),
            3);
}

TEST(Objective, OfAPosteriorTakesClasses) {
  const std::vector<std::string> posterior = {
      "objective={kind = \"ksd\", target = \"logistic-regression\", kernel_width = 1.0}",
      "task={kind = \"sparse-parity\", input_dim = 4, num_train = 20}"};
  EXPECT_EQ(build(ksd, posterior).initial.cols(), 5) << "with an intercept";
  std::vector<std::string> without = posterior;
  without[0].insert(without[0].size() - 1, ", intercept = false");
  EXPECT_EQ(build(ksd, without).initial.cols(), 4);
  EXPECT_TRUE(mentions(error_of(ksd, {posterior[0], "task={kind = \"single-index\", num_train = 20}"}),
                       "objective.target = \"logistic-regression\": needs labels -1 and +1, and the label of training "
                       "sample 0 is"));
  EXPECT_TRUE(mentions(error_of(ksd, {posterior[0]}), "task.kind: is missing"));
}

TEST(Objective, EveryMistakeAboutATargetIsOneSentence) {
  const std::vector<std::pair<std::vector<std::string>, std::string>> mistakes = {
      {{"task={kind = \"single-index\"}"}, "task.kind = \"single-index\": the objective takes nothing from a task"},
      {{"objective.target=bananna"},
       "objective.target = \"bananna\": must be one of \"gaussian-mixture\", \"banana\", "
       "\"logistic-regression\"; did you mean \"banana\"?"},
      {{"objective={kind = \"ksd\", kernel_width = 1}"}, "objective.target: is missing, must be one of"},
      {{"objective.kernel_width=0"},
       "objective.kernel_width = 0: must be positive, and not below a hundredth of the median distance of two first "
       "particles, "},
      {{"objective.kernel_width=0.001"},
       "objective.kernel_width = 0.001: must be positive, and not below a hundredth of the median distance of two "
       "first "
       "particles, "},
      {{"objective.std=1"},
       "objective.std = 1: is only read with objective.kind = \"ksd\", objective.target = \"gaussian-mixture\""},
      {{"objective.smoothing=1"}, "objective.smoothing = 1: is only read with objective.kind = \"mmd\""},
      {{"phase.0.method=sgd-mfld", "phase.0.batch_size=11"},
       "phase.0.batch_size = 11: must be at most 10, the number of particles"},
      {{"objective.scale=0"}, "objective.scale = 0: must be a finite number > 0"},
  };
  for (const auto& [settings, sentence] : mistakes) {
    EXPECT_TRUE(mentions(error_of(ksd, settings), sentence));
  }
}

TEST(Objective, TakesPointsFromAFileWithoutLabels) {
  test::TemporaryDirectory folder;
  test::write_bytes(folder / "data.csv", "1,2\n3,4\n5,6\n9,9\n0,1\n");
  const auto from_file = [&](const std::vector<std::string>& settings) {
    std::vector<std::string> all = {"task={kind = \"file\", path = \"data.csv\", test_fraction = 0.2}"};
    all.insert(all.end(), settings.begin(), settings.end());
    return build(mmd, all, folder.path());
  };
  const Experiment experiment = from_file({"task.labels=false"});
  EXPECT_EQ(experiment.initial.cols(), 2);
  EXPECT_EQ(experiment.data.num_train(), 4);
  EXPECT_TRUE(mentions(experiment.data.description, "points x = the 2 columns of \""));
  EXPECT_EQ(from_file({}).initial.cols(), 1) << "with labels, which are no coordinate";
  const auto refusal = [&](const std::vector<std::string>& settings) {
    return test::message_of<InvalidInput>([&] { from_file(settings); });
  };
  EXPECT_TRUE(mentions(refusal({"task.labels=false", "task.target_column=0"}),
                       "task.target_column = 0: is only read with task.labels = true"));
  EXPECT_TRUE(mentions(refusal({"task.labels=false", "objective.kind=risk"}), "gives points without labels"));
}

}  // namespace
}  // namespace mfld

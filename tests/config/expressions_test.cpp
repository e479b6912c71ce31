// Numbers of an experiment file that are written as expressions of its other keys.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "mfld/config/sweep.hpp"
#include "support/small_experiment.hpp"

namespace mfld {
namespace {

using small_experiment::plus;

Value config(const std::vector<std::string>& settings) {
  return small_experiment::config(plus({"task.input_dim=8"}, settings));
}

Value resolved(const std::vector<std::string>& settings) {
  return parse_toml(build_experiment(config(settings), ".").resolved, "resolved.toml");
}

double number(const Value& root, const std::string& path) { return std::get<double>(find(root, path)->data); }

std::string error_of(const std::vector<std::string>& settings) {
  return test::message_of<InvalidInput>([&] { build_experiment(config(settings), "."); });
}

TEST(Expressions, ResolveToNumbersOfTheSectionOrOfTheFile) {
  EXPECT_EQ(number(resolved({"phase.0.lambda2=0.1/task.input_dim"}), "phase.0.lambda2"), 0.1 / 8);
  EXPECT_EQ(number(resolved({"phase.0.lambda2=lambda1*step_size"}), "phase.0.lambda2"), 0.01 * 0.1);
  EXPECT_EQ(number(resolved({"phase.0.lambda2=1e-3*phase.0.lambda1^2"}), "phase.0.lambda2"), 1e-3 * 0.01 * 0.01);
  const Value schedule =
      resolved({"phase.0.step_size={kind = \"exponential\", value = \"1 / task.input_dim\", "
                "final = \"value / 10\"}"});
  EXPECT_EQ(number(schedule, "phase.0.step_size.final"), 1.0 / 8 / 10);
}

TEST(Expressions, MayBeOfExpressions) {
  const Value root = resolved({"phase.0.lambda2=lambda1/10", "phase.0.lambda1=step_size/10"});
  EXPECT_EQ(number(root, "phase.0.lambda2"), 0.1 / 10 / 10);
}

TEST(Expressions, OfIntegersAreIntegersToRounding) {
  const Value root =
      resolved({"network.width=\"0.1 * 30 * task.input_dim\"", "phase.0.steps=\"ceil(task.num_train / 7)\""});
  EXPECT_EQ(std::get<std::int64_t>(find(root, "network.width")->data), 24);
  EXPECT_EQ(std::get<std::int64_t>(find(root, "phase.0.steps")->data), 8);
  EXPECT_EQ(error_of({"network.width=\"task.num_train / 7\""}),
            "network.width = \"task.num_train / 7\": is a string, must be an integer from 1 to 2147483648; as an "
            "expression it is "
            "7.142857142857143");
}

TEST(Expressions, KnowDefaultsOfWhatIsReadBefore) {
  const Value root = resolved({"phase.0.lambda2=\"1e-3 * network.init.input_std\""});
  EXPECT_EQ(number(root, "phase.0.lambda2"), 1e-3 * number(root, "network.init.input_std"));
}

TEST(Expressions, GiveTheExperimentOfTheNumbers) {
  const std::string by_hand = build_experiment(config({"phase.0.lambda2=0.0125"}), ".").resolved;
  EXPECT_EQ(build_experiment(config({"phase.0.lambda2=\"0.1 / task.input_dim\""}), ".").resolved, by_hand);
}

TEST(Expressions, AreOfTheCellInASweep) {
  Value file = config({"phase.0.lambda2=\"0.1 / task.input_dim\""});
  assign(file, "sweep",
         parse_toml("task.input_dim = [4, 5]\nphase.0.lambda1 = [0.5, \"lambda2 / 2\"]\n", "sweep.toml"));
  const Plan plan = expand(file, ".");
  ASSERT_EQ(plan.runs.size(), 4U);
  EXPECT_EQ(plan.runs[3].name, "input_dim=5_lambda1=lambda2-2");
  const Value last = parse_toml(build_experiment(plan.runs[3].config, ".").resolved, "resolved.toml");
  EXPECT_EQ(number(last, "phase.0.lambda1"), 0.1 / 5 / 2);
}

TEST(Expressions, BadOnesSayWhatIsWrong) {
  const std::string start = "must be a finite number >= 0; as an expression";
  for (const auto& [text, why] : std::vector<std::pair<std::string, std::string>>{
           {"0.1 / task.input_dims",
            start + " of other keys: the file has no number called task.input_dims; did you mean task.input_dim?"},
           {"lambda", start + " of other keys: the file has no number called lambda; did you mean lambda1?"},
           {"2 * lambda2", start + " of other keys: it goes in a circle: phase.0.lambda2, phase.0.lambda2"},
           {"task", start + " of other keys: task is a table, not a number"},
           {"method", start + " of other keys: the file has no number called mfld"},
           {"0.1 // 2", start + " of other keys: what stands at place 6 is no number, name or parenthesis"},
           {"1 / (seed - 1)", start + " it is inf"},
           {"-seed", start + " it is -1"}}) {
    EXPECT_EQ(error_of({"phase.0.lambda2=\"" + text + '"'}), "phase.0.lambda2 = \"" + text + "\": is a string, " + why);
  }
  EXPECT_EQ(error_of({"phase.0.lambda2=\"lambda1\"", "phase.0.lambda1=\"1 + lambda2\""}),
            "phase.0.lambda1 = \"1 + lambda2\": is a string, must be a finite number >= 0; as an expression of other "
            "keys: it goes in a circle: phase.0.lambda1, phase.0.lambda2, phase.0.lambda1");
  EXPECT_EQ(error_of({"phase.0.lambda2=\"0.1\""}),
            "phase.0.lambda2 = \"0.1\": is a string, must be a finite number >= 0");
}

}  // namespace
}  // namespace mfld

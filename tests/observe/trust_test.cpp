#include <gtest/gtest.h>

#include <cmath>
#include <set>

#include "mfld/core/error.hpp"
#include "mfld/observe/observer.hpp"
#include "support/mean_field_world.hpp"

namespace mfld {
namespace {

const std::vector<std::string> all = {"entropy",  "free_energy",          "dual_bound",
                                      "dual_gap", "fixed_point_residual", "kernel_gradient_discrepancy"};

Phase langevin() {
  Phase phase;
  phase.method = find_method("mfld");
  phase.num_steps = 10;
  phase.temperature.value = 0.2;
  phase.lambda1.value = 0.1;
  return phase;
}

struct Stage {
  MeanFieldWorld world{
      {NeuronKind::bounded_r, Activation::tanh, false, 2}, random_normals(20, 1, 1), random_normals(20, 1, 2)};
  Particles<double> particles = random_normals(200, 2, 3);
  std::vector<Phase> phases = {langevin()};

  Scene scene() const { return {&world.network, &world.risk, &world.data, &particles, &phases}; }
};

std::string refusal(const Stage& stage, const std::string& name) {
  try {
    Observer(stage.scene(), {name}, "observe.columns");
  } catch (const InvalidInput& error) {
    return error.what();
  }
  return "";
}

TEST(TrustObservables, AreThoseOfTheLibrary) {
  const Stage stage;
  const Observer observer(stage.scene(), all, "observe.columns");
  ASSERT_EQ(observer.columns(),
            (std::vector<std::string>{"entropy", "free_energy", "dual_bound", "dual_bound_error", "dual_gap",
                                      "dual_gap_error", "fixed_point_residual", "kernel_gradient_discrepancy"}));
  Look look(stage.scene());
  look.move_to(stage.particles, {0.1}, 0.2);
  std::vector<double> values(observer.columns().size());
  observer.evaluate(look, values);
  const auto outputs = look.train_outputs();
  const Certificate expected = certificate(stage.world.problem(0.1, 0.2), stage.particles, outputs);
  EXPECT_EQ(values[0], entropy(stage.particles, 3).value);
  EXPECT_EQ(values[1], expected.free_energy);
  EXPECT_EQ(values[2], expected.dual_bound);
  EXPECT_EQ(values[3], expected.dual_bound_error);
  EXPECT_EQ(values[4], expected.dual_gap);
  EXPECT_EQ(values[5], expected.dual_gap_error);
  EXPECT_EQ(values[6], expected.fixed_point_residual);
  EXPECT_TRUE(std::isfinite(values[7]));
  // Other particles, other numbers.
  const Particles<double> others = 2 * stage.particles;
  look.move_to(others, {0.1}, 0.2);
  observer.evaluate(look, values);
  EXPECT_NE(values[2], expected.dual_bound);
}

TEST(TrustObservables, AreRefusedWhereThereIsNoGibbsLaw) {
  Stage cold;
  cold.phases[0].temperature.value = 0;
  Stage free;
  free.phases[0].lambda1.value = 0;
  Stage averaged;
  averaged.phases[0].averaging = true;
  Stage frozen;
  frozen.world.network = Network({NeuronKind::fixed_sign, Activation::tanh, false, 1}, 1, {});
  Stage single;
  single.particles = random_normals(1, 2, 1);
  Stage few;
  few.particles = random_normals(3, 2, 1);
  Stage quadratic;
  quadratic.world.network = Network({NeuronKind::r_sigma, Activation::relu, false, 1}, 1, {});
  Stage plain;
  plain.world.network = Network({NeuronKind::bounded_r, Activation::tanh, false, 2}, 1, {.kind = ScalingKind::ntk});
  const std::set<std::string> of_entropy = {"entropy", "free_energy", "dual_gap"};
  const std::set<std::string> of_integral = {"dual_bound", "dual_gap", "fixed_point_residual"};
  const auto expect_refused = [](const Stage& stage, const std::string& name, bool refused, const std::string& words) {
    const std::string said = refusal(stage, name);
    EXPECT_EQ(!said.empty(), refused) << name << ": " << said;
    EXPECT_TRUE(!refused || said.find("observe.columns: \"" + name + "\" " + words) != std::string::npos) << said;
  };
  for (const std::string& name : all) {
    const bool needs_law = name != "entropy";
    const std::string both = "needs lambda1 > 0 and lambda2 > 0 throughout, which phase.0";
    expect_refused(few, name, of_entropy.count(name) > 0, "needs network.width above 3");
    expect_refused(cold, name, needs_law, both);
    expect_refused(free, name, needs_law, both);
    expect_refused(averaged, name, needs_law, "needs phase.0.averaging = false");
    expect_refused(frozen, name, true, "needs a network all of whose parameters are trained");
    expect_refused(single, name, of_entropy.count(name) > 0 || name == "kernel_gradient_discrepancy",
                   "needs network.width");
    expect_refused(quadratic, name, of_integral.count(name) > 0, "needs a neuron that is bounded or grows linearly");
    expect_refused(plain, name, needs_law, "needs network.scaling = \"mean-field\"");
  }
}

// Without an integral: r ReLU(w.x).
TEST(TrustObservables, TheDiscrepancyExistsForUnboundedNeurons) {
  Stage stage;
  stage.world.network = Network({NeuronKind::r_sigma, Activation::relu, false, 1}, 1, {});
  const Observer observer(stage.scene(), {"free_energy", "kernel_gradient_discrepancy"}, "observe.columns");
  Look look(stage.scene());
  look.move_to(stage.particles, {0.1}, 0.2);
  std::vector<double> values(2);
  observer.evaluate(look, values);
  EXPECT_TRUE(std::isfinite(values[0]));
  EXPECT_GT(values[1], 0);  // far from stationary
}

TEST(TrustObservables, AreNoNumbersAtZeroTemperature) {
  const Stage stage;
  const Observer observer(stage.scene(), all, "observe.columns");
  Look look(stage.scene());
  look.move_to(stage.particles, {0.1}, 0);
  std::vector<double> values(observer.columns().size());
  observer.evaluate(look, values);
  for (std::size_t k = 1; k < values.size(); ++k) {
    EXPECT_TRUE(std::isnan(values[k])) << k;
  }
}

}  // namespace
}  // namespace mfld

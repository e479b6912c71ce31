#include <gtest/gtest.h>

#include <cmath>
#include <set>

#include "mfld/core/error.hpp"
#include "mfld/observe/notes.hpp"
#include "mfld/observe/observables.hpp"
#include "mfld/trust/certified_gap.hpp"
#include "mfld/trust/log_sobolev.hpp"
#include "support/oracles/mean_field_world.hpp"

namespace mfld {
namespace {

const std::vector<std::string> all = {"entropy",
                                      "free_energy",
                                      "dual_bound",
                                      "dual_gap",
                                      "fixed_point_residual",
                                      "certified_gap",
                                      "gibbs_distance",
                                      "kernel_gradient_discrepancy",
                                      "log_sobolev_bound",
                                      "proximal_gap"};

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
    ObservedColumns(stage.scene(), {name}, "observe.columns");
  } catch (const InvalidInput& error) {
    return error.what();
  }
  return "";
}

TEST(TrustObservables, AreThoseOfTheLibrary) {
  const Stage stage;
  const ObservedColumns observed(stage.scene(), all, "observe.columns");
  ASSERT_EQ(observed.columns(),
            (std::vector<std::string>{"entropy", "free_energy", "dual_bound", "dual_bound_error", "dual_bound_method",
                                      "dual_bound_samples", "dual_gap", "dual_gap_error", "fixed_point_residual",
                                      "certified_gap", "certified_gap_error", "certified_energy", "certified_bound",
                                      "gibbs_distance", "gibbs_distance_floor", "kernel_gradient_discrepancy",
                                      "log_sobolev_bound", "proximal_gap", "proximal_gap_error"}));
  Moment moment(stage.scene());
  moment.move_to(stage.particles, {0.1}, 0.2);
  std::vector<double> values(observed.columns().size());
  observed.evaluate(moment, values);
  const auto outputs = moment.train_outputs();
  const Certificate expected = certificate(stage.world.problem(0.1, 0.2), stage.particles, outputs);
  EXPECT_EQ(values[0], entropy(stage.particles, 3).value);
  EXPECT_EQ(values[1], expected.free_energy);
  EXPECT_EQ(values[2], expected.dual_bound);
  EXPECT_EQ(values[3], expected.dual_bound_error);
  EXPECT_EQ(values[4], 0);  // quadrature
  EXPECT_EQ(values[5], expected.gibbs.effective_sample_size);
  EXPECT_EQ(values[6], expected.dual_gap);
  EXPECT_EQ(values[7], expected.dual_gap_error);
  EXPECT_EQ(values[8], expected.fixed_point_residual);
  const CertifiedGap gap = certified_gap(stage.world.problem(0.1, 0.2), stage.particles, outputs);
  EXPECT_EQ(gap.reason, "");
  EXPECT_EQ(values[9], gap.gap);
  EXPECT_EQ(values[10], gap.error);
  EXPECT_EQ(values[11], gap.energy);
  EXPECT_EQ(values[12], gap.bound);
  EXPECT_GT(values[13], values[14]);
  EXPECT_GT(values[14], 0);
  EXPECT_TRUE(std::isfinite(values[15]));
  EXPECT_EQ(values[16],
            log_sobolev_bound(stage.world.problem(0.1, 0.2), dual_of(stage.world.problem(0.1, 0.2), outputs)));
  EXPECT_EQ(values[17], expected.proximal_gap);
  EXPECT_EQ(values[18], expected.proximal_gap_error);
  // Other particles, other numbers.
  const Particles<double> others = 2 * stage.particles;
  moment.move_to(others, {0.1}, 0.2);
  observed.evaluate(moment, values);
  EXPECT_NE(values[2], expected.dual_bound);
}

// Without data p_mu is the prior, N(0, I) here, whatever the outputs: particles of that law are as far from draws as
// these are from each other, and a shift of all coordinates by 1 has the length sqrt(2).
TEST(TrustObservables, ParticlesThatFollowTheProximalLawAreAtItsFloor) {
  Stage stage;
  stage.world.data.train_inputs.setZero();
  stage.world.data.train_targets.setZero();
  stage.particles = random_normals(500, 2, 7);  // lambda2 / (2 lambda1) = 1
  Moment moment(stage.scene());
  const ObservedColumns observed(stage.scene(), {"gibbs_distance"}, "observe.columns");
  const auto distances_after = [&](double shift) {
    const Particles<double> particles = stage.particles.array() + shift;
    moment.move_to(particles, {0.1}, 0.2);
    std::vector<double> values(2);
    observed.evaluate(moment, values);
    return values;
  };
  const auto there = distances_after(0);
  EXPECT_NEAR(there[0], there[1], 0.3 * there[1]);
  EXPECT_LT(there[1], 0.3);
  const auto away = distances_after(1);
  EXPECT_EQ(away[1], there[1]);
  EXPECT_NEAR(away[0], std::sqrt(2), 0.15);
}

TEST(TrustObservables, OfDualAscentAreThoseOfItsVariables) {
  Stage stage;
  stage.phases = {langevin(), langevin()};
  stage.phases[1].method = find_method("p-sdca");
  const std::vector<std::string> names = {"sdca_gap", "dual_objective"};
  State<double> state;
  state.particles = stage.particles;
  state.begin(stage.phases[0]);
  for (const double value : observe_now(stage.scene(), names, state)) {
    EXPECT_TRUE(std::isnan(value)) << "in another phase";
  }
  state.phase = 1;
  state.begin(stage.phases[1]);
  const MeanFieldProblem problem = stage.world.problem(0.1, 0.2);
  const Vector outputs = outputs_at(stage.world.network, stage.particles, stage.world.data.train_inputs);
  const Vector other = Vector::LinSpaced(20, -0.2, 0.3);
  for (const Vector& dual : {Vector(Vector::Zero(20)), other}) {
    const std::vector<double> values = observe_now(stage.scene(), names, state);
    const ProximalGibbs gibbs = proximal_gibbs(problem, dual);
    ASSERT_EQ(values.size(), 3U);
    EXPECT_EQ(values[0], fenchel_gap(problem, {outputs.data(), 20}, dual));
    EXPECT_EQ(values[1], -dual_value(problem, dual, gibbs));
    EXPECT_EQ(values[2], 0.2 * gibbs.standard_error);
    // As a checkpoint would.
    state.step_in_phase = 3;
    State<double>::for_each_matrix(
        state, {200, 2, 20},
        [&]<class Number>(std::string_view name, Particles<Number>& matrix, const MatrixShape& shape) {
          if (name == "dual/variables") {
            EXPECT_EQ(shape, (MatrixShape{20, 1}));
            matrix = other.template cast<Number>();
          }
        });
  }
  stage.phases.pop_back();
  EXPECT_NE(refusal(stage, "dual_objective").find("needs a phase with method = \"p-sdca\""), std::string::npos);
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
  Stage growing;
  growing.world.network = Network({NeuronKind::r_sigma, Activation::tanh, false, 1}, 1, {});
  Stage plain;
  plain.world.network = Network({NeuronKind::bounded_r, Activation::tanh, false, 2}, 1, {.kind = ScalingKind::ntk});
  const std::set<std::string> of_entropy = {"entropy", "free_energy", "dual_gap"};
  const std::set<std::string> of_integral = {"dual_bound",     "dual_gap",      "fixed_point_residual",
                                             "gibbs_distance", "certified_gap", "proximal_gap"};
  const auto expect_refused = [](const Stage& stage, const std::string& name, bool refused, const std::string& words) {
    const std::string said = refusal(stage, name);
    EXPECT_EQ(!said.empty(), refused) << name << ": " << said;
    EXPECT_TRUE(!refused || said.find("observe.columns: \"" + name + "\" " + words) != std::string::npos) << said;
  };
  for (const std::string& name : all) {
    const bool needs_law = name != "entropy";
    const std::string both = "needs a phase with lambda1 > 0, lambda2 > 0 and anchor = \"zero\", and in phase.0 lambda";
    expect_refused(few, name, of_entropy.count(name) > 0, "needs network.width above 3");
    expect_refused(cold, name, needs_law, both);
    expect_refused(free, name, needs_law, both);
    expect_refused(averaged, name, needs_law, "needs phase.0.averaging = false");
    expect_refused(frozen, name, true, "needs a network all of whose parameters are trained");
    expect_refused(single, name,
                   of_entropy.count(name) > 0 || name == "kernel_gradient_discrepancy" || name == "certified_gap",
                   "needs network.width");
    expect_refused(quadratic, name, of_integral.count(name) > 0 || name == "log_sobolev_bound",
                   "needs a neuron that is bounded");
    expect_refused(growing, name, name == "log_sobolev_bound", "needs a neuron that is bounded but for linear terms");
    expect_refused(plain, name, needs_law, "needs network.scaling = \"mean-field\"");
  }
}

// One phase with a Gibbs law is enough; the rows of the others are not numbers, and the run says why.
TEST(TrustObservables, AreNoNumbersInPhasesWithoutAGibbsLaw) {
  Stage stage;
  Phase descent = langevin();
  descent.temperature.value = 0;
  Phase returning = langevin();
  returning.anchor = Anchor::start;
  Phase cooled = langevin();
  cooled.temperature.off_fraction = 0.2;
  stage.phases = {descent, langevin(), returning, cooled};
  const ObservedColumns observed(stage.scene(), all, "observe.columns");
  EXPECT_EQ(
      observation_notes(stage.scene(), {"train_loss", "free_energy", "dual_gap"}),
      (std::vector<std::string>{
          "dual_gap: integral over 2 parameters, by quadrature with up to 32768 nodes (method 0); where that does not "
          "converge by 4096 samples of the prior (method 1), or where they are worth less than a tenth by 128 to 256 "
          "annealed "
          "chains (method 2); the nodes that are drawn come from the noise seed, alike in every row",
          "free_energy, dual_gap: not a number in phase 0, where lambda2 is 0",
          "free_energy, dual_gap: not a number in phase 2, where the penalty is from the start (anchor)",
          "free_energy, dual_gap: not a number in phase 3 once lambda2 is 0"}));
  EXPECT_TRUE(observation_notes(stage.scene(), {"train_loss", "entropy"}).empty());
  Moment moment(stage.scene());
  std::vector<double> values(observed.columns().size());
  for (const Penalty<double>& penalty : {Penalty<double>{0}, Penalty<double>{0.1, &stage.particles}}) {
    moment.move_to(stage.particles, penalty, 0.2);
    observed.evaluate(moment, values);
    EXPECT_TRUE(std::isfinite(values[0]));
    for (std::size_t k = 1; k < values.size(); ++k) {
      EXPECT_TRUE(std::isnan(values[k])) << k;
    }
  }
}

// The nodes are those of the noise seed, the same at every moment.
TEST(TrustObservables, DrawTheirNodesFromTheNoiseSeed) {
  Stage stage;
  stage.world = MeanFieldWorld({NeuronKind::bounded_r, Activation::tanh, true, 2}, random_normals(20, 4, 1),
                               random_normals(20, 1, 2));
  stage.particles = random_normals(200, 6, 3);
  const auto bound = [&](std::uint64_t seed) {
    Scene scene = stage.scene();
    scene.seeds.noise = seed;
    Moment moment(scene);
    std::vector<double> bounds;
    for (int step = 0; step < 2; ++step) {
      moment.move_to(stage.particles, {0.1}, 0.2, step);
      EXPECT_NE(moment.certificate().gibbs.method, Integration::quadrature);
      bounds.push_back(moment.certificate().dual_bound);
    }
    EXPECT_EQ(bounds[0], bounds[1]);
    return bounds[0];
  };
  EXPECT_EQ(bound(7), bound(7));
  EXPECT_NE(bound(7), bound(8));
  Moment moment(stage.scene());
  moment.move_to(stage.particles, {0.1}, 0.2);
  const auto outputs = moment.train_outputs();
  EXPECT_EQ(bound(7), certificate(stage.world.problem(0.1, 0.2), stage.particles, outputs, {.seed = 7}).dual_bound);
}

// By so many samples as the scene asks for.
TEST(TrustObservables, TakeTheSamplesThatAreAskedFor) {
  Stage stage;
  stage.world = MeanFieldWorld({NeuronKind::bounded_r, Activation::tanh, true, 2}, random_normals(20, 4, 1),
                               random_normals(20, 1, 2));
  stage.particles = random_normals(200, 6, 3);
  Scene scene = stage.scene();
  EXPECT_EQ(scene.integration().num_samples, IntegrationOptions{}.num_samples);
  for (const Index count : {1024, 8192}) {
    scene.certificate_samples = count;
    Moment moment(scene);
    moment.move_to(stage.particles, {0.1}, 0.2);
    ASSERT_EQ(moment.certificate().gibbs.method, Integration::annealed);
    EXPECT_EQ(moment.certificate().gibbs.nodes.rows(), count / 32);
    EXPECT_NE(observation_notes(scene, {"proximal_gap"}).front().find(std::to_string(count) + " samples of the prior"),
              std::string::npos);
  }
}

// Without a conjugate there is a certificate of p_mu, and none of mu.
TEST(TrustObservables, OfALossOfOnesOwnAreThoseWithoutItsConjugate) {
  LossInfo own = Loss{.kind = LossKind::logistic}.info();
  own.conjugate = own.value = own.derivative = own.second_derivative = nullptr;
  Stage stage;
  stage.world.risk = Risk(Loss{.own = &own}, Reduction::mean);
  const std::set<std::string> of_conjugate = {"dual_bound", "dual_gap", "certified_gap", "kernel_gradient_discrepancy"};
  for (const std::string& name : all) {
    const bool refused = of_conjugate.count(name) > 0;
    EXPECT_EQ(refusal(stage, name).find("needs a loss whose conjugate is known") != std::string::npos, refused) << name;
    EXPECT_EQ(refusal(stage, name).empty(), !refused) << name;
  }
  const auto gap_with = [&](const Loss& loss) {
    stage.world.risk = Risk(loss, Reduction::mean);
    Moment moment(stage.scene());
    moment.move_to(stage.particles, {0.1}, 0.2);
    return moment.certificate().proximal_gap;
  };
  EXPECT_EQ(gap_with({.own = &own}), gap_with({.kind = LossKind::logistic}));
}

// Without an integral: r ReLU(w.x).
TEST(TrustObservables, TheDiscrepancyExistsForUnboundedNeurons) {
  Stage stage;
  stage.world.network = Network({NeuronKind::r_sigma, Activation::relu, false, 1}, 1, {});
  const ObservedColumns observed(stage.scene(), {"free_energy", "kernel_gradient_discrepancy"}, "observe.columns");
  Moment moment(stage.scene());
  moment.move_to(stage.particles, {0.1}, 0.2);
  std::vector<double> values(2);
  observed.evaluate(moment, values);
  EXPECT_TRUE(std::isfinite(values[0]));
  EXPECT_GT(values[1], 0);  // far from stationary
}

TEST(TrustObservables, AreNoNumbersAtZeroTemperature) {
  const Stage stage;
  const ObservedColumns observed(stage.scene(), all, "observe.columns");
  Moment moment(stage.scene());
  moment.move_to(stage.particles, {0.1}, 0);
  std::vector<double> values(observed.columns().size());
  observed.evaluate(moment, values);
  for (std::size_t k = 1; k < values.size(); ++k) {
    EXPECT_TRUE(std::isnan(values[k])) << k;
  }
}

}  // namespace
}  // namespace mfld

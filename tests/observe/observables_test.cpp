#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <set>

#include "mfld/core/error.hpp"
#include "mfld/observe/observables.hpp"
#include "support/random_normals.hpp"

namespace mfld {
namespace {

Phase descent() {
  Phase phase;
  phase.method = find_method("gd");
  phase.num_steps = 10;
  phase.step_size.value = 0.1;
  return phase;
}

/// Everything a scene points to, so that it lives as long as the test.
struct World {
  Network network;
  Risk risk;
  Dataset data;
  Particles<double> initial;
  std::vector<Phase> phases = {descent()};

  Scene scene() const { return {&network, &risk, &data, &initial, &phases}; }
};

std::vector<std::string> available_names(const Scene& scene) {
  std::vector<std::string> names;
  for (const Observable& row : observables()) {
    if (!row.unavailable(scene)) {
      names.emplace_back(row.name);
    }
  }
  return names;
}

/// Every available column at `particles`.
std::map<std::string, double> observe(const World& world, const Particles<double>& particles, double penalty) {
  const Scene scene = world.scene();
  const ObservedColumns observed(scene, available_names(scene), "observe.columns");
  Moment moment(scene);
  moment.move_to(particles, penalty);
  std::vector<double> values(observed.columns().size(), -12345);
  observed.evaluate(moment, values);
  std::map<std::string, double> result;
  for (std::size_t i = 0; i < values.size(); ++i) {
    result[observed.columns()[i]] = values[i];
  }
  return result;
}

Neuron neuron_of(NeuronKind kind, Activation activation, bool bias) {
  return {.kind = kind, .activation = activation, .bias = bias, .bound = 1};
}

/// Three samples in the plane and three neurons (r, w_1, w_2), without bias.
World tiny_world(Loss loss, Vector targets, Scaling scaling = {}) {
  Dataset data;
  data.train_inputs.resize(3, 2);
  data.train_inputs << 0.6, -0.8, -1, 0.5, 0.3, 1.2;
  data.train_targets = std::move(targets);
  data.test_inputs.resize(0, 2);
  Particles<double> particles(3, 3);
  particles << 0.5, 1, -0.3, -1.2, 0.4, 0.9, 0.8, -0.7, 0.25;
  return {Network(neuron_of(NeuronKind::r_sigma, Activation::tanh, false), 2, scaling), Risk(loss, Reduction::mean),
          data, particles};
}

const Vector real_targets = (Vector(3) << 0.7, -0.4, 1.1).finished();
const Vector class_targets = (Vector(3) << 1, -1, 1).finished();

/// A teacher task with everything there is to observe: labels of both classes, teacher, subspace, test samples, unit
/// inputs, gradient descent with the squared loss.
World full_world(Activation activation = Activation::relu, Scaling scaling = {}, Reduction reduction = Reduction::mean,
                 Index num_particles = 30) {
  constexpr Index input_dim = 5;
  Dataset data;
  data.train_inputs = random_normals(41, input_dim, 1).rowwise().normalized();
  data.test_inputs = random_normals(23, input_dim, 2);
  const auto classes = [](const Inputs& x) -> Vector {
    return (x.col(0).array() * x.col(1).array()).unaryExpr([](double v) { return v > 0 ? 1.0 : -1.0; });
  };
  data.train_targets = classes(data.train_inputs);
  data.test_targets = classes(data.test_inputs);
  data.teacher = Teacher{Matrix::Identity(2, input_dim), Vector::Ones(2)};
  data.relevant_subspace = Matrix::Identity(input_dim, 2);
  return {Network(neuron_of(NeuronKind::r_sigma, activation, true), input_dim, scaling),
          Risk({.kind = LossKind::squared}, reduction), data, random_normals(num_particles, input_dim + 2, 3)};
}

std::string message_of(const Scene& scene, const std::vector<std::string>& names) {
  try {
    const ObservedColumns observed(scene, names, "observe.columns");
  } catch (const InvalidInput& error) {
    return error.what();
  }
  return "no error";
}

void expect_contains(const std::string& text, const std::string& part) {
  EXPECT_NE(text.find(part), std::string::npos) << "\"" << part << "\" is not in: " << text;
}

/// Rows that exist where a Gibbs law does (trust_test.cpp), which leaves out gradient descent.
const std::set<std::string_view> needs_langevin = {
    "free_energy",          "dual_bound",     "dual_gap",
    "fixed_point_residual", "gibbs_distance", "kernel_gradient_discrepancy",
    "log_sobolev_bound",    "certified_gap",  "proximal_gap"};

// The table.

TEST(Observables, NamesAndColumnsAreUniqueAndReasonsSayWhatIsNeeded) {
  const World rich = full_world();
  World poor = tiny_world({.kind = LossKind::squared}, real_targets);
  poor.network = Network(neuron_of(NeuronKind::sigma, Activation::tanh, false), 2, {});
  std::set<std::string_view> names;
  std::set<std::string> columns;
  for (const Observable& row : observables()) {
    EXPECT_TRUE(names.insert(row.name).second) << row.name;
    EXPECT_FALSE(row.formula.empty()) << row.name;
    if (needs_langevin.count(row.name) > 0 || row.needs.points || row.needs.batches || row.needs.dual_ascent ||
        row.needs.ridge) {
      EXPECT_TRUE(row.unavailable(rich.scene())) << row.name;
    } else {
      EXPECT_FALSE(row.unavailable(rich.scene())) << row.name << ": " << row.unavailable(rich.scene()).value_or("");
    }
    for (const auto& column : row.columns(rich.scene())) {
      EXPECT_TRUE(columns.insert(column).second) << column;
    }
    if (const auto reason = row.unavailable(poor.scene())) {
      EXPECT_EQ(reason->rfind("needs ", 0), 0U) << row.name << ": " << *reason;
    }
  }
}

TEST(Observables, ExistOnlyWhereTheirSceneHasWhatTheyNeed) {
  const World poor = tiny_world({.kind = LossKind::squared}, real_targets);
  const auto names = available_names(poor.scene());
  for (const auto* absent : {"test_loss", "train_accuracy", "test_accuracy", "teacher_cosines", "teacher_recovered",
                             "teacher_mass", "teacher_alignment", "relevant_mass"}) {
    EXPECT_EQ(std::count(names.begin(), names.end(), absent), 0) << absent;
  }
  for (const auto* present :
       {"train_loss", "objective", "gradient_norm", "movement_mean", "pattern_change", "mean_r"}) {
    EXPECT_EQ(std::count(names.begin(), names.end(), present), 1) << present;
  }
  World without_r = poor;
  without_r.network = Network(neuron_of(NeuronKind::sigma, Activation::tanh, false), 2, {});
  without_r.initial = random_normals(3, 2, 1);
  const auto fewer = available_names(without_r.scene());
  EXPECT_EQ(std::count(fewer.begin(), fewer.end(), "mean_r"), 0);
  EXPECT_EQ(fewer.size() + 2, names.size());
}

/// The full world without what a need asks for.
struct Absence {
  const char* what;
  bool Needs::*need;
  void (*remove)(World&, Scene&);
};

const std::vector<Absence> absences = {
    {"test samples", &Needs::test_samples,
     [](World& world, Scene&) {
       world.data.test_inputs.resize(0, 5);
       world.data.test_targets.resize(0);
     }},
    {"classes", &Needs::classes, [](World& world, Scene&) { world.data.train_targets[3] = 0.5; }},
    {"teacher", &Needs::teacher, [](World& world, Scene&) { world.data.teacher.reset(); }},
    {"subspace", &Needs::relevant_subspace, [](World& world, Scene&) { world.data.relevant_subspace.resize(5, 0); }},
    {"output parameter", &Needs::output_parameter,
     [](World& world, Scene&) {
       world.network = Network(neuron_of(NeuronKind::sigma, Activation::relu, true), 5, {});
       world.initial = random_normals(30, 6, 3);
     }},
    {"initial particles", &Needs::initial_particles, [](World&, Scene& scene) { scene.initial = nullptr; }},
    {"start that is not zero", &Needs::nonzero_start, [](World& world, Scene&) { world.initial.setZero(); }},
    {"unit inputs", &Needs::unit_inputs, [](World& world, Scene&) { world.data.train_inputs *= 2; }},
    {"plane", &Needs::plane,
     [](World& world, Scene&) {
       world.network = Network(neuron_of(NeuronKind::r_sigma, Activation::relu, true), 1, {});
       world.initial = random_normals(30, 3, 3);
       world.data.train_inputs = Inputs::Ones(41, 1);
       world.data.test_inputs = Inputs::Ones(23, 1);
       world.data.teacher->directions = Matrix::Ones(1, 1);
       world.data.relevant_subspace = Matrix::Ones(1, 1);
     }},
    {"linearised descent", &Needs::linearised_descent, [](World& world, Scene&) { world.phases.clear(); }},
};

TEST(Observables, AreRefusedWithoutWhatTheirRowNeedsAndWorkWithoutTheRest) {
  for (const Absence& absence : absences) {
    World world = full_world();
    Scene scene = world.scene();
    absence.remove(world, scene);
    Moment moment(scene);
    moment.move_to(world.initial, 0.1);
    Index num_refused = 0;
    for (const Observable& row : observables()) {
      const std::string message = message_of(scene, {std::string(row.name)});
      if (row.needs.*absence.need) {
        expect_contains(message, "observe.columns: \"" + std::string(row.name) + "\" needs ");
        ++num_refused;
      } else if (!row.unavailable(scene)) {
        EXPECT_EQ(message, "no error");
        std::vector<double> values(row.columns(scene).size(), -12345);
        row.evaluate(moment, values);
        EXPECT_EQ(std::count(values.begin(), values.end(), -12345), 0) << row.name << " without " << absence.what;
      }
    }
    EXPECT_GT(num_refused, 0) << "no row needs " << absence.what;
  }
}

TEST(Observables, ThatNeedNoParticlesAreMadeOfOutputsAlone) {
  const World world = full_world();
  const Scene scene = world.scene();
  Moment whole(scene);
  whole.move_to(world.initial, 0);
  const auto train = whole.train_outputs();
  const auto test = whole.test_outputs();
  Moment outputs(scene);
  outputs.move_to_outputs(Eigen::Map<const Vector>(train.data(), 41), Eigen::Map<const Vector>(test.data(), 23));
  Index num_rows = 0;
  for (const Observable& row : observables()) {
    if (!row.needs.particles) {
      std::vector<double> expected(row.columns(scene).size());
      std::vector<double> values(expected.size());
      row.evaluate(whole, expected);
      row.evaluate(outputs, values);
      EXPECT_EQ(values, expected) << row.name;
      ++num_rows;
    }
  }
  EXPECT_EQ(num_rows, 5);
}

TEST(ObservedColumns, DefaultsAreAllThatExistButTheCostlyOnes) {
  const World world = full_world();
  auto expected = available_names(world.scene());
  for (const std::string_view costly :
       {"gradient_norm", "pattern_change", "ntk_drift", "kernel_alignment", "linearisation_error", "residual_harmonics",
        "tangent_eigenvalues", "kernel_profile", "weight_spectrum", "feature_alignment", "entropy"}) {
    EXPECT_EQ(std::erase(expected, costly), 1U);
  }
  EXPECT_EQ(ObservedColumns::default_names(world.scene()), expected);
}

TEST(ObservedColumns, ColumnsFollowTheOrderAskedFor) {
  const World world = full_world();
  const ObservedColumns observed(world.scene(), {"mean_norm", "teacher_cosines", "train_loss"}, "observe.columns");
  EXPECT_EQ(observed.columns(),
            (std::vector<std::string>{"mean_norm", "teacher_cosine_1", "teacher_cosine_2", "train_loss"}));
}

TEST(ObservedColumns, RejectsNamesWithOneSentence) {
  const World rich = full_world();
  const World poor = tiny_world({.kind = LossKind::squared}, real_targets);
  const std::string misspelt = message_of(rich.scene(), {"train_loss", "test_los"});
  expect_contains(misspelt, "observe.columns: \"test_los\" is not an observable (did you mean \"test_loss\"?)");
  expect_contains(misspelt, "train_loss, test_loss, train_accuracy");
  expect_contains(message_of(rich.scene(), {"teacher_cosine_2"}), "it is a column of \"teacher_cosines\"");
  expect_contains(message_of(rich.scene(), {"entropy_of_everything"}), "is not an observable; this experiment has");
  expect_contains(message_of(poor.scene(), {"teacher_recovered"}),
                  "observe.columns: \"teacher_recovered\" needs a teacher (task teacher-student)");
  expect_contains(message_of(poor.scene(), {"train_accuracy"}), "needs labels that are all -1 or +1");
  expect_contains(message_of(poor.scene(), {"test_loss"}), "needs test samples");
  expect_contains(message_of(rich.scene(), {"objective", "objective"}), "listed twice");
}

// Risk. The reference numbers were computed independently with 40-digit arithmetic, penalty 0.01.

TEST(Observables, SquaredLossOfATinyNetwork) {
  const World world = tiny_world({.kind = LossKind::squared}, real_targets);
  const auto values = observe(world, world.initial, 0.01);
  const double penalty = 0.01 * world.initial.squaredNorm() / 3;
  EXPECT_NEAR(values.at("objective"), 0.433524262827012115, 1e-14);
  EXPECT_NEAR(values.at("train_loss"), 0.433524262827012115 - penalty, 1e-14);
  const double sum_of_squares =
      0.2040313158921 * 0.2040313158921 + 0.1035093114767 * 0.1035093114767 + 0.238028694193 * 0.238028694193 +
      0.3289616530737 * 0.3289616530737 + 0.3358359735819 * 0.3358359735819 + 0.0008716450210435 * 0.0008716450210435 +
      0.1712336407292 * 0.1712336407292 + 0.249573668459 * 0.249573668459 + 0.3326754196322 * 0.3326754196322;
  EXPECT_NEAR(values.at("gradient_norm"), std::sqrt(sum_of_squares / 3), 1e-12);
}

TEST(Observables, LogisticLossAndAccuracyOfATinyNetwork) {
  // Outputs 0.1458, 0.0245, -0.3195 against the classes +1, -1, +1: one of three is right.
  const World world = tiny_world({.kind = LossKind::logistic}, class_targets);
  const auto values = observe(world, world.initial, 0.01);
  EXPECT_NEAR(values.at("objective"), 0.747793072636007535, 1e-14);
  EXPECT_DOUBLE_EQ(values.at("train_accuracy"), 1.0 / 3);
}

TEST(Observables, LossesAreMeansAndOnlyTheObjectiveFollowsTheReduction) {
  const World mean = full_world();
  const World sum = full_world(Activation::relu, {}, Reduction::sum);
  const auto of_mean = observe(mean, mean.initial, 0.3);
  const auto of_sum = observe(sum, sum.initial, 0.3);
  EXPECT_EQ(of_mean.at("train_loss"), of_sum.at("train_loss"));
  EXPECT_EQ(of_mean.at("test_loss"), of_sum.at("test_loss"));
  const double penalty = 0.3 * mean.initial.squaredNorm() / 30;
  EXPECT_NEAR(of_mean.at("objective"), of_mean.at("train_loss") + penalty, 1e-12);
  EXPECT_NEAR(of_sum.at("objective"), 41 * of_mean.at("train_loss") + penalty, 1e-11);
}

TEST(Observables, ATieIsAWrongAnswer) {
  const World world = full_world();
  const auto values = observe(world, Particles<double>::Zero(30, 7), 0);
  EXPECT_EQ(values.at("train_accuracy"), 0);
  EXPECT_EQ(values.at("test_accuracy"), 0);
}

TEST(Observables, TheFullDriftIsTheGradientOfTheObjectiveOverThePenaltyFactor) {
  // Central differences of F: truncation and rounding below 1e-8 for h = 1e-5 on these smooth networks of order 1.
  for (const Scaling scaling : {Scaling{ScalingKind::mean_field}, Scaling{ScalingKind::ntk},
                                Scaling{ScalingKind::standard}, Scaling{ScalingKind::alpha, 2.5}}) {
    for (const Reduction reduction : {Reduction::mean, Reduction::sum}) {
      const World world = full_world(Activation::tanh, scaling, reduction, 6);
      Moment moment(world.scene());
      moment.move_to(world.initial, 0.2);
      const Drift drift = moment.full_drift();
      const double factor = scaling.penalty_factor(6);
      for (Index j = 0; j < 6; ++j) {
        for (Index k = 0; k < 7; ++k) {
          Particles<double> up = world.initial;
          Particles<double> down = world.initial;
          up(j, k) += 1e-5;
          down(j, k) -= 1e-5;
          const double slope =
              (observe(world, up, 0.2).at("objective") - observe(world, down, 0.2).at("objective")) / 2e-5;
          EXPECT_NEAR(drift(j, k), slope / factor, 1e-7 * (1 + std::abs(drift(j, k)))) << j << ", " << k;
        }
      }
    }
  }
}

TEST(Observables, FrozenParametersHaveNoPartInTheGradientNorm) {
  World world = full_world();
  world.network =
      Network(neuron_of(NeuronKind::r_sigma, Activation::relu, true), 5, {}, {.input = false, .bias = false});
  Moment moment(world.scene());
  moment.move_to(world.initial, 0.2);
  const Drift& drift = moment.full_drift();
  EXPECT_EQ(drift.rightCols(6).cwiseAbs().maxCoeff(), 0);
  EXPECT_GT(drift.col(0).cwiseAbs().minCoeff(), 0);
  EXPECT_DOUBLE_EQ(observe(world, world.initial, 0.2).at("gradient_norm"), std::sqrt(drift.col(0).squaredNorm() / 30));
}

// Movement, alignment, moments.

TEST(Observables, NothingHasMovedAtTheStart) {
  const World world = full_world();
  const auto values = observe(world, world.initial, 0);
  for (const auto* name : {"movement_mean", "movement_max", "movement_relative", "pattern_change"}) {
    EXPECT_EQ(values.at(name), 0) << name;
  }
}

TEST(Observables, MovementOfAKnownShift) {
  const World world = full_world();
  Particles<double> particles = world.initial;
  particles(4, 1) += 3;  // w of neuron 4
  particles(4, 2) -= 4;
  particles(9, 5) += 1;  // w of neuron 9
  particles(2, 0) += 7;  // r of neuron 2: no movement of w
  const auto values = observe(world, particles, 0);
  EXPECT_NEAR(values.at("movement_max"), 5, 1e-14);
  EXPECT_NEAR(values.at("movement_mean"), 6.0 / 30, 1e-15);
  EXPECT_NEAR(values.at("movement_relative"), std::sqrt(25 + 1 + 49) / world.initial.norm(), 1e-15);
}

TEST(Observables, AStudentThatContainsItsTeacherHasRecoveredIt) {
  const World world = full_world(Activation::relu, {}, Reduction::mean, 4);
  Particles<double> student = Particles<double>::Zero(4, 7);
  student(0, 0) = 1;
  student(0, 1) = 2;  // r = 1, w = 2 e_1
  student(1, 0) = -1;
  student(1, 2) = 5;  // r = -1, w = 5 e_2; the other two neurons are zero
  const auto values = observe(world, student, 0);
  EXPECT_EQ(values.at("teacher_cosine_1"), 1);
  EXPECT_EQ(values.at("teacher_cosine_2"), 1);
  EXPECT_EQ(values.at("teacher_cosine_min"), 1);
  EXPECT_EQ(values.at("teacher_recovered"), 2);
  EXPECT_EQ(values.at("teacher_mass"), 1);
  EXPECT_EQ(values.at("teacher_alignment"), 0.5);
  EXPECT_EQ(values.at("relevant_mass"), 1);
  EXPECT_EQ(values.at("mean_norm"), 7.0 / 4);
  EXPECT_EQ(values.at("norm_of_mean"), std::sqrt(29.0) / 4);
  EXPECT_EQ(values.at("second_moment"), 31.0 / 4);
  EXPECT_EQ(values.at("mean_r"), 0);
  EXPECT_EQ(values.at("second_moment_r"), 0.5);
}

TEST(Observables, TheOppositeOfATeacherIsTheTeacherForAnOddActivationOnly) {
  for (const bool odd : {true, false}) {
    const World world = full_world(odd ? Activation::tanh : Activation::relu, {}, Reduction::mean, 2);
    Particles<double> student = Particles<double>::Zero(2, 7);
    student(0, 0) = 1;
    student(0, 1) = 1;  // w = e_1
    student(1, 0) = -3;
    student(1, 2) = -1;  // w = -e_2
    const auto values = observe(world, student, 0);
    EXPECT_EQ(values.at("teacher_recovered"), odd ? 2 : 1);
    EXPECT_EQ(values.at("teacher_cosine_min"), odd ? 1 : 0);
    EXPECT_EQ(values.at("teacher_mass"), odd ? 1 : 0.25);
  }
}

TEST(Observables, MassOfNeuronsWithoutAnOutputWeightIsTheirLength) {
  World world = full_world(Activation::relu, {}, Reduction::mean, 2);
  world.network = Network(neuron_of(NeuronKind::sigma, Activation::relu, false), 5, {});
  world.initial = Particles<double>::Zero(2, 5);
  world.initial(0, 0) = 3;  // on teacher 1
  world.initial(1, 4) = 1;  // on neither
  EXPECT_EQ(observe(world, world.initial, 0).at("teacher_mass"), 0.75);
}

// Identities over all rows.

TEST(Observables, PermutingParticlesChangesNothing) {
  const World world = full_world();
  World permuted = world;
  permuted.initial = world.initial.colwise().reverse();
  const Particles<double> particles = world.initial + 0.3 * random_normals(30, 7, 9);
  const auto values = observe(world, particles, 0.1);
  const auto others = observe(permuted, particles.colwise().reverse(), 0.1);
  for (const auto& [name, value] : values) {
    EXPECT_NEAR(others.at(name), value, 1e-13 * (1 + std::abs(value))) << name;
  }
}

TEST(Observables, DuplicatingAllParticlesChangesNothingInTheMeanFieldScaling) {
  const World world = full_world();
  World twice = world;
  twice.initial.resize(60, 7);
  twice.initial << world.initial, world.initial;
  const Particles<double> particles = world.initial + 0.3 * random_normals(30, 7, 9);
  Particles<double> both(60, 7);
  both << particles, particles;
  const auto values = observe(world, particles, 0.1);
  const auto others = observe(twice, both, 0.1);
  for (const auto& [name, value] : values) {
    // Entropy is of a law that has a density: copies are not drawn from one. Weights twice are sqrt(2) times as long.
    if (name != "entropy" && !name.starts_with("singular_value")) {
      EXPECT_NEAR(others.at(name), value, 1e-13 * (1 + std::abs(value))) << name;
    }
  }
}

TEST(Observables, AllAreFiniteWhereEveryParticleIsZero) {
  for (const Activation activation : {Activation::relu, Activation::tanh}) {
    const World world = full_world(activation);
    for (const auto& [name, value] : observe(world, Particles<double>::Zero(30, 7), 0.1)) {
      EXPECT_EQ(std::isfinite(value), name != "entropy") << name;  // that of one point is -infinity
    }
  }
}

TEST(Observables, RelativeMovementNeedsAStartToCompareWith) {
  World world = full_world();
  world.initial.setZero();
  expect_contains(message_of(world.scene(), {"movement_relative"}), "needs initial particles that are not all zero");
}

TEST(Moment, ForgetsWhenItMovesAndAnswersTheSameInAnyOrder) {
  const World world = full_world(Activation::tanh, {}, Reduction::mean, 700);
  const Particles<double> moved = world.initial + 0.3 * random_normals(700, 7, 9);
  const ObservedColumns forwards(world.scene(), {"gradient_norm", "train_loss", "objective", "test_loss"},
                                 "observe.columns");
  const ObservedColumns backwards(world.scene(), {"test_loss", "objective", "train_loss", "gradient_norm"},
                                  "observe.columns");
  Moment reused(world.scene());
  for (const auto* particles : {&world.initial, &moved, &world.initial}) {
    std::vector<double> one(4);
    std::vector<double> other(4);
    reused.move_to(*particles, 0.1);
    backwards.evaluate(reused, one);
    Moment fresh(world.scene());
    fresh.move_to(*particles, 0.1);
    forwards.evaluate(fresh, other);
    std::reverse(other.begin(), other.end());
    EXPECT_EQ(one, other);
  }
}

}  // namespace
}  // namespace mfld

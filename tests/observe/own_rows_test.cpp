// On ranks observables read the rows of their own rank: with those of others poisoned they have the bits of one process.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <bit>
#include <limits>
#include <set>
#include <type_traits>

#include "mfld/config/experiment.hpp"
#include "mfld/core/parallel.hpp"
#include "mfld/dynamics/simulation.hpp"
#include "mfld/model/shares.hpp"
#include "mfld/model/tangent_network.hpp"
#include "mfld/objective/curvature.hpp"
#include "mfld/observe/observables.hpp"
#include "mfld/trust/width_bias.hpp"
#include "support/random_normals.hpp"
#include "support/thread_ranks.hpp"

namespace mfld {
namespace {

constexpr double none = std::numeric_limits<double>::quiet_NaN();

std::vector<std::uint64_t> bits_of(const std::vector<double>& numbers) {
  std::vector<std::uint64_t> bits;
  for (const double number : numbers) {
    bits.push_back(std::isnan(number) ? 1 : std::bit_cast<std::uint64_t>(number));
  }
  return bits;
}

Experiment experiment_of(const std::string& text) { return build_experiment(parse_toml(text, "test.toml"), "."); }

template <class Scalar>
class LastState : public Listener<Scalar> {
 public:
  void hear(const State<Scalar>& state, Ending /*ending*/) override { last = state; }
  State<Scalar> last;
};

/// After so many steps.
template <class Scalar>
State<Scalar> state_after(const Experiment& experiment, std::int64_t steps) {
  State<Scalar> start;
  start.particles = experiment.initial.cast<Scalar>();
  Simulation<Scalar> simulation(
      std::make_unique<EmpiricalRisk<Scalar>>(*experiment.model, experiment.risk, experiment.data), experiment.phases,
      experiment.seeds, std::move(start), &experiment.initial);
  LastState<Scalar> listener;
  simulation.run(listener, std::atomic<bool>(false), steps);
  return listener.last;
}

/// The rows of others <- not numbers. A rank has its own and those that observers share in double.
template <class Scalar, class Number>
void poison(const Ranks& ranks, Particles<Number>& matrix) {
  const RowRange held = held_rows<Scalar>(matrix.rows(), ranks.count(), ranks.rank());
  matrix.topRows(held.first).setConstant(static_cast<Number>(none));
  matrix.bottomRows(matrix.rows() - held.last).setConstant(static_cast<Number>(none));
}

/// What a rank has of a run: its rows alone, in all that has one a particle.
template <class Scalar>
struct OfRank {
  OfRank(Ranks& ranks, const Experiment& experiment, const State<Scalar>& whole)
      : state(whole), initial(experiment.initial), model(experiment.model), scene(experiment.scene()) {
    const RunSizes sizes = experiment.sizes();
    State<Scalar>::for_each_matrix(
        state, sizes, [&]<class Number>(std::string_view, Particles<Number>& matrix, const MatrixShape& shape) {
          if (shape == sizes.per_parameter() && matrix.size() > 0) {
            poison<Scalar>(ranks, matrix);
          }
        });
    poison<Scalar>(ranks, initial);
    if (model->tangent_point() != nullptr) {
      model = std::make_shared<TangentNetwork>(model->network(), initial);
    }
    scene.model = model.get();
    scene.initial = &initial;
    scene.ranks = &ranks;
  }
  OfRank(const OfRank&) = delete;
  OfRank& operator=(const OfRank&) = delete;

  State<Scalar> state;
  Particles<double> initial;
  std::shared_ptr<const Model> model;
  Scene scene;
};

std::vector<std::string> names_of_own_rows(const Scene& scene) {
  std::vector<std::string> names;
  for (const Observable& row : observables()) {
    if (!row.needs.all_rows && !row.unavailable(scene)) {
      names.emplace_back(row.name);
    }
  }
  return names;
}

struct Case {
  std::string_view network;
  std::string_view task;
  std::string_view phase;
  std::int64_t steps = 4;
};

constexpr std::string_view teacher = "kind = \"teacher-student\"\ninput_dim = 5\nnum_train = 40\nnum_test = 7\n";
constexpr std::string_view parity = "kind = \"sparse-parity\"\ninput_dim = 6\nnum_train = 30\nnum_test = 5\n";
constexpr std::string_view svrg =
    "method = \"svrg-mfld\"\nsteps = 9\nstep_size = 0.1\nlambda1 = 0.1\nlambda2 = 0.01\nbatch_size = 4\n"
    "snapshot_every = 3\n";
constexpr std::string_view pulled =
    "method = \"sgld\"\nsteps = 7\nstep_size = 0.1\nbeta = 100\nbatch_size = 2\nlambda1 = 0.1\nlambda1_fourth = 0.01\n"
    "anchor = \"start\"\naveraging = true\n";
constexpr std::string_view solved =
    "method = \"gd\"\nsteps = 9\nstep_size = 0.1\nlambda1 = 0.1\nreadout = \"ridge\"\nridge = 0.1\ntrain = "
    "[\"input\"]\n";
constexpr std::string_view descent = "method = \"gd\"\nsteps = 9\nstep_size = 0.1\n";
constexpr std::string_view langevin =
    "method = \"sgd-mfld\"\nsteps = 9\nstep_size = 0.1\nlambda1 = 0.1\nlambda2 = 0.1\nbatch_size = 4\n";
constexpr std::string_view ascent =
    "method = \"p-sdca\"\nsteps = 9\nstep_size = 0.1\nlambda1 = 0.1\nlambda2 = 0.1\ninner_steps = 2\n";

const std::vector<Case> cases = {
    {"1", teacher, svrg},
    {"3", teacher, svrg, 5},
    {"100", teacher, svrg},
    {"100\nprecision = \"single\"", teacher, svrg, 5},
    {"133\nactivation = \"tanh\"", teacher, pulled},
    {"133\nprecision = \"single\"\nlinearised = true", teacher, pulled},
    {"200\nneuron = \"r-sigma\"\nactivation = \"relu\"\nscaling = \"ntk\"", teacher, solved},
    {"2000\nneuron = \"bounded-r\"", parity, langevin},
    {"70\nneuron = \"bounded-r\"\nprecision = \"single\"", parity, ascent},
    {"50", "kind = \"teacher-student\"\ninput_dim = 70\nnum_train = 300\nnum_test = 3\n", descent},
    {"64\nscaling = \"standard\"\nneuron = \"sigma\"\nactivation = \"softplus\"",
     "kind = \"harmonics\"\ninput_dim = 3\nnum_train = 20\n", descent},
    {"300\ntrain = [\"bias\", \"output\"]", parity, descent},
};

std::string text_of(const Case& each) {
  return fmt::format("seed = 3\n[task]\n{}[network]\nwidth = {}\n[[phase]]\n{}", each.task, each.network, each.phase);
}

template <class Scalar>
std::vector<int> some_ranks(const Experiment& experiment) {
  std::vector<int> counts = {1, 2, 3, 5};
  std::erase_if(counts, [&](int count) { return count > most_ranks<Scalar>(experiment.initial.rows()); });
  return counts;
}

/// The columns at the state, and twice: what was computed is kept.
template <class Scalar>
std::vector<double> values_at(const Scene& scene, const std::vector<std::string>& names, const State<Scalar>& state) {
  const ObservedColumns observed(scene, names, "names");
  EXPECT_FALSE(observed.needs_all_rows());
  Moment moment(scene);
  moment.move_to(state);
  std::vector<double> values(observed.columns().size());
  std::vector<double> again(observed.columns().size());
  observed.evaluate(moment, values);
  observed.evaluate(moment, again);
  EXPECT_EQ(bits_of(values), bits_of(again));
  return values;
}

template <class Scalar>
void expect_bits_of_one(const Experiment& experiment, const State<Scalar>& state) {
  const std::vector<std::string> names = names_of_own_rows(experiment.scene());
  const std::vector<double> expected = with_threads(1, [&] { return values_at(experiment.scene(), names, state); });
  EXPECT_EQ(bits_of(with_threads(3, [&] { return values_at(experiment.scene(), names, state); })), bits_of(expected));
  for (const int num_ranks : some_ranks<Scalar>(experiment)) {
    ThreadRanks(num_ranks).run([&](Ranks& ranks) {
      const OfRank<Scalar> own(ranks, experiment, state);
      EXPECT_EQ(names_of_own_rows(own.scene), names);
      const auto values = with_threads(1 + ranks.rank() % 2, [&] { return values_at(own.scene, names, own.state); });
      const std::vector<std::string> columns = ObservedColumns(own.scene, names, "names").columns();
      for (std::size_t k = 0; k < values.size(); ++k) {
        EXPECT_EQ(bits_of({values[k]}), bits_of({expected[k]})) << columns[k] << ", " << num_ranks << " ranks";
      }
    });
  }
}

TEST(OwnRows, OfEveryRankTellWhatOneProcessSees) {
  for (const Case& each : cases) {
    SCOPED_TRACE(text_of(each));
    const Experiment experiment = experiment_of(text_of(each));
    for (const std::int64_t steps : {std::int64_t{0}, each.steps}) {
      if (experiment.precision == Precision::single_precision) {
        expect_bits_of_one(experiment, state_after<float>(experiment, steps));
      } else {
        expect_bits_of_one(experiment, state_after<double>(experiment, steps));
      }
    }
  }
}

// All rows of the table that do not say that they need all rows have been among them, and no default says so.
TEST(OwnRows, AreEnoughForEveryColumnThatDoesNotSayOtherwise) {
  std::set<std::string> seen;
  for (const Case& each : cases) {
    const Experiment experiment = experiment_of(text_of(each));
    for (std::string& name : names_of_own_rows(experiment.scene())) {
      seen.insert(std::move(name));
    }
    const auto defaults = ObservedColumns::default_names(experiment.scene());
    EXPECT_FALSE(ObservedColumns(experiment.scene(), defaults, "names").needs_all_rows()) << text_of(each);
  }
  for (const Observable& row : observables()) {
    EXPECT_EQ(seen.contains(std::string(row.name)), !row.needs.all_rows && !row.needs.points) << row.name;
  }
  const Experiment points = experiment_of(
      "seed = 3\nobjective = {kind = \"mmd\", smoothing = 0.2}\n[task]\nkind = \"sparse-parity\"\ninput_dim = 3\n"
      "num_train = 30\n[network]\nwidth = 70\n[[phase]]\nmethod = \"mfld\"\nsteps = 2\nstep_size = 0.1\nlambda2 = "
      "0.1\n");
  EXPECT_TRUE(ObservedColumns(points.scene(), {"objective"}, "names").needs_all_rows());
  EXPECT_TRUE(ObservedColumns(points.scene(), {"discrepancy"}, "names").needs_all_rows());
}

// What needs all rows sees the poison, and where all ranks have them it is what one process sees.
TEST(OwnRows, AreNotEnoughForTheOthers) {
  const Experiment experiment = experiment_of(text_of(cases[7]));
  const State<double> state = state_after<double>(experiment, 4);
  const std::vector<std::string> names = {"entropy", "dual_gap", "kernel_gradient_discrepancy", "feature_alignment"};
  const ObservedColumns observed(experiment.scene(), names, "names");
  EXPECT_TRUE(observed.needs_all_rows());
  const std::vector<double> expected = observe_now(experiment.scene(), names, state);
  ThreadRanks(3).run([&](Ranks& ranks) {
    const OfRank<double> own(ranks, experiment, state);
    const std::vector<double> values = observe_now(own.scene, names, own.state);
    for (std::size_t k = 0; k < values.size(); ++k) {
      EXPECT_NE(bits_of({values[k]}), bits_of({expected[k]})) << observed.columns()[k];
    }
    Scene scene = experiment.scene();
    scene.ranks = &ranks;
    EXPECT_EQ(bits_of(observe_now(scene, names, state)), bits_of(expected));
  });
}

// In single precision the rows of others are cast when they are asked for.
TEST(OwnRows, AreAllRowsWhereTheWholeIsAskedFor) {
  const Experiment experiment = experiment_of(text_of(cases[3]));
  const State<float> state = state_after<float>(experiment, 5);
  const Particles<double> particles = state.particles.cast<double>();
  Moment alone(experiment.scene());
  alone.move_to(state);
  const Drift drift = alone.full_drift();
  ThreadRanks(3).run([&](Ranks& ranks) {
    Scene scene = experiment.scene();
    scene.ranks = &ranks;
    Moment moment(scene);
    moment.move_to(state);
    const RowRange rows = moment.sums().own(particles.rows());
    EXPECT_EQ(moment.particles().middleRows(rows.first, rows.count()), particles.middleRows(rows.first, rows.count()));
    EXPECT_EQ(moment.full_drift().middleRows(rows.first, rows.count()), drift.middleRows(rows.first, rows.count()));
    EXPECT_EQ(moment.whole_particles(), particles);
    EXPECT_EQ(moment.whole_drift(), drift);
    EXPECT_EQ(moment.whole_drift(), drift);
  });
}

/// Columns that are not numbers where one particle is none.
const std::vector<std::string> of_every_row = {"train_loss",
                                               "test_loss",
                                               "objective",
                                               "gradient_norm",
                                               "movement_mean",
                                               "movement_max",
                                               "movement_relative",
                                               "teacher_cosines",
                                               "teacher_cosine_min",
                                               "teacher_mass",
                                               "teacher_alignment",
                                               "relevant_mass",
                                               "weight_spectrum",
                                               "mean_norm",
                                               "norm_of_mean",
                                               "second_moment",
                                               "mean_r",
                                               "second_moment_r"};

TEST(OwnRows, OneThatIsNotANumberShowsOnAllRanks) {
  const Experiment experiment = experiment_of(text_of(cases[4]));
  State<double> state;
  for (const int num_ranks : {1, 2, 3}) {
    for (const Index row : {0, 15, 66, 97, 132}) {
      state.particles = experiment.initial;
      state.particles.row(row).setConstant(none);
      ThreadRanks(num_ranks).run([&](Ranks& ranks) {
        const OfRank<double> own(ranks, experiment, state);
        for (const std::string& name : of_every_row) {
          for (const double value : observe_now(own.scene, {name}, own.state)) {
            EXPECT_TRUE(std::isnan(value)) << name << ", row " << row << ", " << num_ranks << " ranks";
          }
        }
      });
    }
  }
}

// The formulas once more, with whole matrices.
TEST(OwnRows, SumToThePlainFormulas) {
  const Experiment experiment = experiment_of(
      text_of({"1000", teacher, "method = \"gd\"\nsteps = 5\nstep_size = 0.1\nlambda1 = 0.1\nlambda1_fourth = 0.2\n"}));
  State<double> state;
  state.particles = experiment.initial + 0.3 * random_normals(1000, experiment.initial.cols(), 7);
  const ParameterLayout& layout = experiment.network().layout();
  const Matrix& theta = state.particles;
  const Matrix w = theta.middleCols(layout.input, layout.input_dim);
  const Matrix moved = w - experiment.initial.middleCols(layout.input, layout.input_dim);
  const Vector r = theta.col(layout.output);
  const Matrix& basis = experiment.data.relevant_subspace;
  const Vector projected = (w * basis).rowwise().squaredNorm();
  const Vector squares = theta.rowwise().squaredNorm();
  const Eigen::JacobiSVD<Matrix> svd(w);
  Moment moment(experiment.scene());
  moment.move_to(state);
  const std::vector<std::pair<std::string, double>> expected = {
      {"objective", moment.data_part() + (0.1 * squares.sum() + 0.2 * squares.squaredNorm()) / 1000},
      {"gradient_norm", std::sqrt(moment.full_drift().squaredNorm() / 1000)},
      {"movement_mean", moved.rowwise().norm().mean()},
      {"movement_max", moved.rowwise().norm().maxCoeff()},
      {"movement_relative", (theta - experiment.initial).norm() / experiment.initial.norm()},
      {"teacher_alignment", (projected.array() / w.rowwise().squaredNorm().array()).mean()},
      {"relevant_mass", projected.sum() / w.squaredNorm()},
      {"mean_norm", w.rowwise().norm().mean()},
      {"norm_of_mean", w.colwise().mean().norm()},
      {"second_moment", squares.mean()},
      {"mean_r", r.mean()},
      {"second_moment_r", r.squaredNorm() / 1000}};
  for (const auto& [name, value] : expected) {
    EXPECT_NEAR(observe_now(experiment.scene(), {name}, state)[0], value, 1e-13 * std::abs(value) + 1e-15) << name;
  }
  const std::vector<double> spectrum = observe_now(experiment.scene(), {"weight_spectrum"}, state);
  for (Index k = 0; k < 5; ++k) {
    EXPECT_NEAR(spectrum[static_cast<std::size_t>(k)], svd.singularValues()[k], 1e-12 * svd.singularValues()[0]);
  }
}

// What advice measures, from own rows alone, too.
TEST(OwnRows, TellTheCurvatureAndTheBiasOfTheWidth) {
  const Experiment experiment = experiment_of(text_of(cases[7]));
  const std::vector<unsigned char>& trained = experiment.network().trained();
  const auto measure = [&](const Particles<double>& particles, Ranks* ranks) {
    EmpiricalRisk<double> risk(*experiment.model, experiment.risk, experiment.data, ranks);
    RowSums<double> sums(ranks);
    std::vector<double> outputs(static_cast<std::size_t>(experiment.data.num_train()));
    risk.outputs(particles, outputs);
    const MeanFieldProblem problem = {&experiment.network(), &experiment.risk, &experiment.data, 0.1, 0.1};
    const WidthBias bias = width_bias(problem, *experiment.model, particles, outputs, sums);
    return std::vector<double>{largest_curvature(risk, particles, {0.1}, trained, {}, ranks), bias.gap, bias.residual};
  };
  const std::vector<double> expected = measure(experiment.initial, nullptr);
  for (const int num_ranks : {1, 2, 3, 5}) {
    ThreadRanks(num_ranks).run([&](Ranks& ranks) {
      Particles<double> own = experiment.initial;
      poison<double>(ranks, own);
      EXPECT_EQ(bits_of(measure(own, &ranks)), bits_of(expected)) << num_ranks;
    });
  }
}

}  // namespace
}  // namespace mfld

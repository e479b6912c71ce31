#pragma once
#include <cassert>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "mfld/dynamics/state.hpp"
#include "mfld/objective/empirical_risk.hpp"
#include "mfld/objective/penalty.hpp"
#include "mfld/observe/linearisation.hpp"
#include "mfld/observe/needs.hpp"
#include "mfld/trust/certificate.hpp"

namespace mfld {

/// One moment of a run. Expensive quantities are computed when first asked for and kept for the other observers;
/// always in double, whatever the precision of the run.
class Look {
 public:
  explicit Look(const Scene& scene);

  /// Points the look at what a state predicts with, at the penalty and temperature of its next step; forgets what was
  /// computed. The scene has phases and first particles. average: false, and it is the particles though a phase averages.
  /// Refers to the state, but for one in single precision.
  template <class Scalar>
  void move_to(const State<Scalar>& state, bool average = true);

  /// Points the look at new particles and forgets what was computed. penalty, temperature: those of this moment.
  /// step: steps made since the start of the run.
  void move_to(const Particles<double>& particles, const Penalty<double>& penalty, double temperature = 0,
               std::int64_t step = 0);

  /// Points the look at the outputs [n], [n_test] of a predictor without particles: nothing else can be asked for.
  void move_to_outputs(const Vector& train, const Vector& test);

  const Scene& scene() const { return scene_; }
  const Particles<double>& particles() const {
    assert(particles_ != nullptr);
    return *particles_;
  }
  const Penalty<double>& penalty() const { return penalty_; }
  double temperature() const { return temperature_; }
  std::int64_t step() const { return step_; }

  std::span<const double> train_outputs();  // [n]
  std::span<const double> test_outputs();   // [n_test]
  double objective();                       // F = R + penalty_value
  const Drift& full_drift();                // [N x p] g_j, data part and penalty, trained columns
  /// Seconds in the passes of the network that these needed, over all moments.
  double pass_seconds() const { return pass_seconds_; }

  /// The empirical tangent kernel on the training inputs, now and at the start [n x n] (ntk/empirical.hpp).
  const Matrix& tangent_kernel();
  const Matrix& initial_tangent_kernel();
  /// The problem of the mean field at this penalty and temperature, and how far from its optimum the particles are, where
  /// both are positive (trust/certificate.hpp). Node or chain k draws from stream (noise seed, certificate, k), alike at
  /// every moment of a run: differences in time are smooth.
  MeanFieldProblem mean_field_problem() const;
  const Certificate& certificate();
  /// Gradient descent on the linearised network, where has_linearised_descent().
  const LinearisedDescent& linearised_descent();

 private:
  Scene scene_;
  const Particles<double>* particles_ = nullptr;
  Penalty<double> penalty_;
  double temperature_ = 0;
  Particles<double> in_double_;  // of a state that is not
  std::int64_t step_ = 0;
  bool have_train_ = false;
  bool have_test_ = false;
  bool have_drift_ = false;
  bool have_kernel_ = false;
  double pass_seconds_ = 0;
  std::vector<double> train_outputs_;
  std::vector<double> test_outputs_;
  Drift drift_;
  Matrix kernel_;
  Matrix initial_kernel_;                                // empty until first asked for
  std::shared_ptr<const LinearisedDescent> linearised_;  // likewise
  std::optional<Certificate> certificate_;
  EmpiricalRisk<double> risk_;
  PackedInputs<double> test_;
  KernelWorkspace<double> workspace_;
};

/// An observable is a row of a table: named columns, each a number computed from a look.
struct Observable {
  std::string_view name;     // what the experiment file lists
  std::string_view formula;  // with its source where it is not the definition
  Needs needs;
  /// Names of its columns of metrics.csv for this scene; a name is unique over the table.
  std::function<std::vector<std::string>(const Scene&)> columns;
  /// Fills one value per column.
  std::function<void(Look&, std::span<double>)> evaluate;
  bool by_default = true;  // false: only on request, for it costs more than the outputs on the data

  /// Why it does not exist for this scene ("needs a teacher"), or nullopt.
  std::optional<std::string> unavailable(const Scene& scene) const { return what_is_lacking(needs, scene); }
};

/// The table behind `mfld list observables` and [observe] columns.
const std::vector<Observable>& observables();
/// Its row of that name, or nullptr.
const Observable* find_observable(std::string_view name);

/// The observable that says how far the training is.
inline constexpr std::string_view train_loss_name = "train_loss";

/// The observables of one run, in order.
class Observer {
 public:
  /// names: rows of the table; throws InvalidInput naming `key` for an unknown, unavailable or repeated one.
  Observer(const Scene& scene, const std::vector<std::string>& names, std::string_view key);

  /// Those of the table that exist for this scene and cost no more than a pass over the data.
  static std::vector<std::string> default_names(const Scene& scene);

  const std::vector<std::string>& columns() const { return columns_; }
  /// values [columns().size()]
  void evaluate(Look& look, std::span<double> values) const;

 private:
  std::vector<const Observable*> observables_;
  std::vector<std::size_t> widths_;
  std::vector<std::string> columns_;
};

/// The columns of these observables (InvalidInput as above) at a state, in one call.
template <class Scalar>
std::vector<double> observe_now(const Scene& scene, const std::vector<std::string>& names, const State<Scalar>& state);

}  // namespace mfld

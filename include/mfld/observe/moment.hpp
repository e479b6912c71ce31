#pragma once
#include <cassert>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "mfld/core/watch.hpp"
#include "mfld/dynamics/state.hpp"
#include "mfld/model/row_sums.hpp"
#include "mfld/objective/empirical_risk.hpp"
#include "mfld/objective/penalty.hpp"
#include "mfld/observe/alignment.hpp"
#include "mfld/observe/gradient_noise.hpp"
#include "mfld/observe/linearisation.hpp"
#include "mfld/observe/movement.hpp"
#include "mfld/observe/needs.hpp"
#include "mfld/trust/certificate.hpp"

namespace mfld {

/// One moment of a run. Expensive quantities are computed when first asked for and kept for the other observers. The
/// outputs have the precision of the run, with sums over particles in double; all else is in double.
///
/// Of ranks, each has rows of its own, those that shares_of<double> gives it, and of a state in single precision those
/// of shares_of<float> as well, which give the outputs; it reads no others, now or at the start: what all particles say
/// is added up (sums()). What is called whole, and the kernels, the certificate, the linearised descent and the
/// objectives of points, read all rows, which all ranks must have then (Needs::all_rows).
class Moment {
 public:
  explicit Moment(const Scene& scene);
  Moment(const Moment&) = delete;  // what it points at may be its own
  Moment& operator=(const Moment&) = delete;

  /// Becomes that of what a state predicts with, at the penalty and temperature of its next step; forgets what was
  /// computed. The scene has phases and first particles. average: false, and it is the particles though a phase
  /// averages. Refers to the state.
  template <class Scalar>
  void move_to(const State<Scalar>& state, bool average = true);

  /// Becomes that of new particles and forgets what was computed. penalty, temperature: those of this moment.
  /// step: steps made since the start of the run.
  void move_to(const Particles<double>& particles, const Penalty<double>& penalty, double temperature = 0,
               std::int64_t step = 0);

  /// Becomes that of the outputs [n], [n_test] of a predictor without particles: nothing else can be asked for.
  void move_to_outputs(const Vector& train, const Vector& test);

  /// Has those of a network at its particles, as train_outputs() would compute them, from who has.
  void know_train_outputs(std::span<const double> outputs);  // [n]

  const Scene& scene() const { return scene_; }
  /// Who can stop what takes long.
  Watch watch() const { return {scene_.stop, "observing"}; }
  const Particles<double>& particles() const {
    assert(particles_ != nullptr);
    return *particles_;
  }
  /// The same with all rows.
  const Particles<double>& whole_particles();
  /// What adds up rows over all particles, on all ranks.
  RowSums<double>& sums() { return sums_; }
  const Penalty<double>& penalty() const { return penalty_; }
  double temperature() const { return temperature_; }
  std::int64_t step() const { return step_; }

  std::span<const double> train_outputs();  // [n]
  std::span<const double> test_outputs();   // [n_test]
  /// Whether the outputs are those of double precision.
  bool outputs_are_in_double() const { return in_single_ == nullptr; }
  double data_part();  // R, of a network or of points
  /// F = R + penalty_value; where r is solved for, + (ridge / 2) penalty_factor sum_j r_j^2.
  double objective();
  const Drift& full_drift();              // [N x p] g_j, data part and penalty, of the columns that the phase moves
  const Drift& whole_drift();             // the same with all rows
  const Movement& movement();             // since the first particles
  const TeacherMatch& teacher_match();    // of a network and a task that has a teacher
  const SubspaceMatch& subspace_match();  // likewise, and whose relevant directions are known
  /// Of the readout that the phase solves; 0 where it solves none.
  double ridge() const { return ridge_; }
  /// Of the step that follows, at these particles; nothing where no state was moved to, or its batches are no fresh
  /// ones of all samples (has_gradient_noise).
  const std::optional<GradientNoise>& gradient_noise();
  /// The dual variables of a phase that ascends in them [n], 0 where it begins; nothing elsewhere.
  const std::optional<Vector>& dual_variables() const { return dual_variables_; }
  /// Seconds in the passes over data and pairs that these needed, over all moments.
  double pass_seconds() const { return pass_seconds_; }

  /// The empirical tangent kernel on the training inputs, now and at the start [n x n] (ntk/empirical.hpp).
  const Matrix& tangent_kernel();
  const Matrix& initial_tangent_kernel();
  /// The first-layer kernel on the training inputs [n x n] (ntk/empirical.hpp).
  const Matrix& first_layer_kernel();
  /// The problem of the mean field at this penalty and temperature, and how far from its optimum the particles are,
  /// where both are positive (trust/certificate.hpp). Node or chain k draws from stream (noise seed, certificate, k),
  /// alike at every moment of a run: differences in time are smooth.
  MeanFieldProblem mean_field_problem() const;
  const Certificate& certificate();
  /// The part of it that the outputs alone tell: the rest is not a number, unless it is known.
  const Certificate& certificate_of_outputs();
  /// Gradient descent on the linearised network, where has_linearised_descent().
  const LinearisedDescent& linearised_descent();

 private:
  template <class Scalar>
  void look_ahead(const State<Scalar>& state, const Phase& phase, std::int64_t step_in_phase);

  /// What passes over the samples in one precision: made where it is first asked for.
  template <class Scalar>
  struct Passes {
    explicit Passes(const Scene& scene)
        : risk(*scene.model, *scene.risk, *scene.data, scene.ranks),
          test(scene.data->test_inputs),
          workspace(scene.ranks) {}

    EmpiricalRisk<Scalar> risk;
    PackedInputs<Scalar> test;
    KernelWorkspace<Scalar> workspace;
  };
  EmpiricalRisk<double>& risk() { return made(in_double_passes_).risk; }
  template <class Scalar>
  Passes<Scalar>& made(std::optional<Passes<Scalar>>& passes) {
    return passes ? *passes : passes.emplace(scene_);
  }
  /// Calls body(passes, particles) in the precision of the run.
  template <class Body>
  void pass(const Body& body);

  Scene scene_;
  RowSums<double> sums_;
  const Particles<double>* particles_ = nullptr;
  Penalty<double> penalty_;
  double temperature_ = 0;
  double ridge_ = 0;
  std::vector<unsigned char> moved_;             // columns
  Particles<double> in_double_;                  // of a state that is not, its own rows or all of them
  const Particles<float>* in_single_ = nullptr;  // of that state, which in_double_ has rounded nothing of
  bool has_own_rows_alone_ = false;              // in_double_, of ranks
  NextEstimate next_;
  Particles<double> snapshot_in_double_;
  std::optional<GradientNoise> gradient_noise_;
  std::optional<Vector> dual_variables_;
  std::int64_t step_ = 0;
  bool have_train_ = false;
  bool have_test_ = false;
  bool have_drift_ = false;
  bool have_whole_drift_ = false;
  bool have_kernel_ = false;
  bool have_features_ = false;
  double pass_seconds_ = 0;
  std::vector<double> train_outputs_;
  std::vector<double> test_outputs_;
  Drift drift_;
  Matrix kernel_;
  Matrix features_;                                      // the first-layer kernel
  Matrix initial_kernel_;                                // empty until first asked for
  std::shared_ptr<const LinearisedDescent> linearised_;  // likewise
  std::optional<Certificate> certificate_;
  bool have_gap_ = false;  // in it, and all else that is not of the outputs alone
  std::optional<Movement> movement_;
  std::optional<TeacherMatch> teacher_match_;
  std::optional<SubspaceMatch> subspace_match_;
  std::optional<double> data_part_;
  std::optional<Passes<double>> in_double_passes_;  // of a network
  std::optional<Passes<float>> in_single_passes_;   // likewise
  std::unique_ptr<Objective<double>> points_;       // of points
};

}  // namespace mfld

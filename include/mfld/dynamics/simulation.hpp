#pragma once
#include <atomic>
#include <cstdint>
#include <limits>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "mfld/core/ranks.hpp"
#include "mfld/dynamics/ending.hpp"
#include "mfld/dynamics/state.hpp"
#include "mfld/objective/objective.hpp"
#include "mfld/objective/penalty.hpp"

namespace mfld {

struct Outcome {
  RunEnd end;
  std::string failure;         // in words, where a run could not go on for another reason than numbers
  double step_seconds = 0;     // in the gradient estimator and the step, estimates before a look included
  double observe_seconds = 0;  // in the listener
};

/// Who watches a simulation. Const looks only: a listener cannot change the state, but may end the phase.
template <class Scalar>
class Listener {
 public:
  virtual ~Listener() = default;
  /// Asked before the ranks agree, once for each call of `hear`: whether this one wishes that all of them do there what
  /// only they know the time of; and told whether any does, before `looks` is asked. Of one process, neither.
  virtual bool wishes(const StateNumbers& /*state*/) const { return false; }
  virtual void agreed(bool /*any_wishes*/) {}
  /// Asked before each call of `hear`, on every rank: whether it will look at matrices of the state there, whose rows
  /// are then those of all ranks, or in a divided run those that are the rank's own in double precision.
  virtual bool looks(const StateNumbers& /*state*/, Ending /*ending*/) { return true; }
  /// Asked before `looks`, where the step that follows makes the outputs on all samples at the present particles:
  /// whether `hear` will read them, on every rank alike. If so the step makes them now, and this takes them [n], to the
  /// bits of a pass of its own in the precision of the run; valid until `hear` returns.
  virtual bool reads_outputs(const StateNumbers& /*state*/) const { return false; }
  virtual void take_outputs(std::span<const double> /*outputs*/) {}
  /// Called with the state before every step, while the run is running, and once with its ending. Of one process it may
  /// end with Interrupted where `stop` came while it looked: the run is then interrupted at this state, which whoever
  /// goes on from it hears of anew.
  virtual void hear(const State<Scalar>& state, Ending ending) = 0;
  /// Asked after each call but the one at the end: whether the phase ends with the state just heard. It does as after
  /// its last step.
  virtual bool ends_phase() const { return false; }
};

/// tell, estimate, step: the one loop that every method, scaling and phase runs through. Where the listener reads
/// outputs that the estimate makes on its way, the estimate comes first. A phase that averages ends with the average of
/// its iterates theta^(0), ..., theta^(T-1) as the particles, and the next one starts from there; so does one whose
/// iterate is weighted, with the sample that keep_iterate keeps.
template <class Scalar>
class Simulation {
 public:
  /// state: in the middle of a phase, one that has begun it (State::begin). first_particles [N x p]: those at step 0,
  /// which penalties may have as their anchor; none: the state is at step 0. ranks: who simulates together, each with
  /// its own objective that knows them, too; none: this process alone. divided: of state and first particles each rank
  /// has its own rows alone, by row_cuts(); nothing in the run may then read those of others. Else it has all.
  Simulation(std::unique_ptr<Objective<Scalar>> objective, std::vector<Phase> phases, Seeds seeds, State<Scalar> state,
             const Particles<double>* first_particles = nullptr, NoiseRule noise = {}, Ranks* ranks = nullptr,
             bool divided = false);

  /// Runs from the state to the end of the last phase, or until `stop` becomes true (checked before each step), or
  /// until step_limit steps are made since the start of the run, exactly, or until a coordinate is not finite or there
  /// is no estimate of the drift. May be called again after an interruption, which a limit is, too: it goes on, to the
  /// same bits. The listener hears of the end before the last phase is left: with more steps in it, what the state then
  /// holds would go on, too. Of ranks, all run: the wish of one to stop is that of all.
  Outcome run(Listener<Scalar>& listener, const std::atomic<bool>& stop,
              std::int64_t step_limit = std::numeric_limits<std::int64_t>::max());

  const State<Scalar>& state() const { return state_; }
  /// [P + 1] where the rows of each rank begin; none: there are no ranks.
  const std::vector<Index>& row_cuts() const { return row_cuts_; }

  /// Puts the particles elsewhere, [N x p] as they are, between two steps; all else of the state stays.
  void set_particles(const Particles<Scalar>& particles);
  /// Goes on with other phases, as many as there are. Of the phase that has begun, estimator, step, averaging and
  /// sampling are the same, and it is no shorter than the steps made. first_particles as for the constructor.
  void set_phases(std::vector<Phase> phases, const Particles<double>* first_particles = nullptr);

 private:
  void share_particles();
  void share_rows();
  bool begin(const Phase& phase, const StepContext<Scalar>& context, Outcome& outcome);
  bool in_last_phase() const;
  void keep_anchor(const Particles<double>* first_particles);
  bool enter_phase();
  void leave_phase();
  const Phase& present_phase() const { return phases_[static_cast<std::size_t>(state_.phase)]; }
  bool begin_readout(Outcome& outcome);
  bool solve_readout(Outcome& outcome);
  Penalty<Scalar> penalty(const Phase& phase) const;
  EstimateContext<Scalar> question(const Phase& phase, const Finish& finish);
  Estimate estimate(const Phase& phase, const Finish& finish, SampleSpan<double> outputs = {});
  Estimate estimate_whole(const Phase& phase, SampleSpan<double> outputs = {});
  std::optional<Estimate> estimate_ahead(Listener<Scalar>& listener, Outcome& outcome);
  void tell(Listener<Scalar>& listener, Outcome& outcome);
  void agree(Listener<Scalar>& listener, const std::atomic<bool>& stop, Outcome& outcome);
  bool stops(Listener<Scalar>& listener, const std::atomic<bool>& stop, Outcome& outcome);
  void step(const std::optional<Estimate>& ahead, Listener<Scalar>& listener, const std::atomic<bool>& stop,
            Outcome& outcome);
  bool move_particles(const std::optional<Estimate>& ahead, Outcome& outcome);
  void end_step(Outcome& outcome);
  StepOptions step_options(const Phase& phase) const;
  bool gradient_vanishes(const Phase& phase);
  void count_step(double step_size);
  void keep_weighted(const Phase& phase);
  void add_time(double step_size);

  std::vector<Phase> phases_;
  Seeds seeds_;
  NoiseRule noise_;
  State<Scalar> state_;
  std::unique_ptr<Objective<Scalar>> objective_;
  bool readout_is_due_ = true;  // of a phase that solves it: before its first step here
  Particles<Scalar> anchor_;    // the first particles, if some penalty is on the distance from them
  Drift drift_;
  std::vector<double> outputs_;  // [n] of the present particles, from the estimate of the coming step
  Drift with_penalty_;           // where the gradient norm can end a phase
  RowSums<Scalar> row_sums_;     // likewise
  Ranks* ranks_;
  bool divided_;
  std::vector<Index> row_cuts_;
  RowRange rows_;             // that this process has
  bool have_agreed_ = false;  // on the present state
  bool any_stops_ = false;    // what came of it
};

}  // namespace mfld

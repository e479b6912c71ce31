#include "mfld/dynamics/simulation.hpp"

#include <algorithm>
#include <array>
#include <cassert>
#include <functional>
#include <limits>
#include <optional>
#include <string_view>
#include <utility>
#include <variant>

#include "mfld/core/divided_rows.hpp"
#include "mfld/core/error.hpp"
#include "mfld/core/stopwatch.hpp"
#include "mfld/dynamics/readout.hpp"
#include "mfld/model/shares.hpp"

namespace mfld {

namespace {

bool pulls_to_start(const Phase& phase) {
  return phase.anchor == Anchor::start && (phase.lambda1.value != 0 || phase.lambda1_fourth.value != 0);
}

/// The least of what the ranks found.
std::optional<Index> first_of_all(Ranks* ranks, std::optional<Index> found) {
  constexpr Index none = std::numeric_limits<Index>::max();
  if (ranks != nullptr) {
    const Index least = ranks->least(found.value_or(none));
    found = least == none ? std::nullopt : std::optional(least);
  }
  return found;
}

/// Why it cannot begin; empty if it has.
template <class Scalar>
std::string begin_rule(AnyStep<Scalar>& step, const StepContext<Scalar>& context, Ranks* ranks) {
  return std::visit(
      [&context, ranks](auto& rule) -> std::string {
        rule.begin(context);
        if constexpr (requires { rule.first_bad(context.rows); }) {
          const std::optional<Index> bad = first_of_all(ranks, rule.first_bad(context.rows));
          return bad ? rule.failure(*bad) : std::string();
        }
        return {};
      },
      step);
}

}  // namespace

template <class Scalar>
Simulation<Scalar>::Simulation(std::unique_ptr<Objective<Scalar>> objective, std::vector<Phase> phases, Seeds seeds,
                               State<Scalar> state, const Particles<double>* first_particles, NoiseRule noise,
                               Ranks* ranks, bool divided)
    : phases_(std::move(phases)),
      seeds_(seeds),
      noise_(noise),
      state_(std::move(state)),
      objective_(std::move(objective)),
      row_sums_(ranks),
      ranks_(ranks),
      divided_(divided),
      rows_{0, state_.particles.rows()} {
  assert(ranks_ != nullptr || !divided_);
  if (ranks_ != nullptr) {
    row_cuts_ = objective_->row_cuts(state_.particles.rows(), ranks_->count());
  }
  if (divided_) {
    rows_ = rows_of(row_cuts_, ranks_->rank());
  }
  make_room(state_.particles.rows(), state_.particles.cols(), drift_);
  if (state_.step_in_phase > 0) {
    const Phase& phase = phases_[static_cast<std::size_t>(state_.phase)];
    assert(state_.estimator.index() == static_cast<std::size_t>(phase.method->estimator));
    assert(state_.rule.index() == static_cast<std::size_t>(phase.step_rule) &&
           state_.averaging == phase.keeps_average());
    static_cast<void>(phase);
  }
  keep_anchor(first_particles);
}

/// Where some penalty is on the distance from them.
template <class Scalar>
void Simulation<Scalar>::keep_anchor(const Particles<double>* first_particles) {
  if (anchor_.size() == 0 && std::any_of(phases_.begin(), phases_.end(), pulls_to_start)) {
    assert(first_particles != nullptr || state_.step == 0);
    if (first_particles == nullptr) {
      copy_rows(rows_, state_.particles, anchor_);
    } else {
      copy_rows(rows_, *first_particles, anchor_);
    }
  }
}

template <class Scalar>
void Simulation<Scalar>::set_particles(const Particles<Scalar>& particles) {
  assert(particles.rows() == state_.particles.rows() && particles.cols() == state_.particles.cols());
  state_.particles = particles;
}

template <class Scalar>
void Simulation<Scalar>::set_phases(std::vector<Phase> phases, const Particles<double>* first_particles) {
  assert(phases.size() == phases_.size());
  phases_ = std::move(phases);
  keep_anchor(first_particles);
}

template <class Scalar>
Outcome Simulation<Scalar>::run(Listener<Scalar>& listener, const std::atomic<bool>& stop, std::int64_t step_limit) {
  Outcome outcome;
  Ending& ending = outcome.end.ending;
  have_agreed_ = false;
  while (ending == Ending::running) {
    if (!enter_phase()) {
      ending = Ending::finished;
    } else if (stops(listener, stop, outcome) || state_.step >= step_limit) {
      ending = Ending::interrupted;
    } else if (begin_readout(outcome)) {
      const std::optional<Estimate> ahead = estimate_ahead(listener, outcome);
      tell(listener, outcome);
      if (ending == Ending::running && listener.ends_phase()) {
        leave_phase();
      } else if (ending == Ending::running) {
        step(ahead, listener, stop, outcome);
      }
    }
  }
  tell(listener, outcome);
  if (ending == Ending::finished && in_last_phase()) {
    leave_phase();
  }
  outcome.end.step = state_.step;
  return outcome;
}

/// Gives every rank the particles of the others: what a step can read beyond its own rows.
template <class Scalar>
void Simulation<Scalar>::share_particles() {
  if (ranks_ != nullptr && !divided_) {
    exchange_rows(*ranks_, row_cuts_, state_.particles);
  }
}

/// Gives every rank the rows of the others, in all that the state carries for each particle; in a divided run those
/// that observers share in double precision, whose groups of particles are smaller.
template <class Scalar>
void Simulation<Scalar>::share_rows() {
  if (ranks_ == nullptr) {
    return;
  }
  const std::vector<Index> observed = shares_of<double>(state_.particles.rows(), ranks_->count()).rows;
  const RunSizes sizes = {state_.particles.rows(), state_.particles.cols(), objective_->num_terms(),
                          objective_->num_coefficients()};
  State<Scalar>::for_each_matrix(
      state_, sizes, [&]<class Number>(std::string_view /*name*/, Particles<Number>& matrix, const MatrixShape& shape) {
        if (!shape.of_particles || matrix.size() == 0) {
          return;
        }
        if (divided_) {
          pass_rows(*ranks_, row_cuts_, observed, matrix);
        } else {
          exchange_rows(*ranks_, row_cuts_, matrix);
        }
      });
}

template <class Scalar>
bool Simulation<Scalar>::in_last_phase() const {
  return state_.phase + 1 == static_cast<std::int64_t>(phases_.size());
}

/// Moves to the phase that makes the next step; false after the last, which is left once its end is told: until then
/// the state has all that a longer one would go on from.
template <class Scalar>
bool Simulation<Scalar>::enter_phase() {
  while (state_.phase < static_cast<std::int64_t>(phases_.size()) &&
         state_.step_in_phase >= phases_[static_cast<std::size_t>(state_.phase)].num_steps) {
    if (in_last_phase() && state_.step_in_phase > 0) {
      return false;
    }
    leave_phase();
  }
  const bool unfinished = state_.phase < static_cast<std::int64_t>(phases_.size());
  if (unfinished && state_.step_in_phase == 0) {
    state_.begin(phases_[static_cast<std::size_t>(state_.phase)]);
  }
  return unfinished;
}

template <class Scalar>
void Simulation<Scalar>::leave_phase() {
  if (state_.is_averaged()) {
    // Those that observers share as well, who may be asked once more after the end.
    const RowRange held =
        divided_ ? held_rows<Scalar>(state_.particles.rows(), ranks_->count(), ranks_->rank()) : rows_;
    copy_rows(held, state_.average, state_.particles);
  }
  state_.average.resize(0, 0);
  readout_is_due_ = true;
  ++state_.phase;
  state_.step_in_phase = 0;
}

/// Solves the readout that a phase begins with. Again where a run goes on: the same bits, unless its labels have other
/// noise now. False where there is no solution.
template <class Scalar>
bool Simulation<Scalar>::begin_readout(Outcome& outcome) {
  const Phase& phase = present_phase();
  const bool is_due = std::exchange(readout_is_due_, false) && phase.solves_readout();
  return !is_due || phase.method->estimator == Estimator::at_rest || solve_readout(outcome);
}

/// The readout of the particles, with the labels of the next step. False where there is none, which ends the run.
template <class Scalar>
bool Simulation<Scalar>::solve_readout(Outcome& outcome) {
  const Phase& phase = present_phase();
  share_particles();
  objective_->set_label_noise(phase.label_noise, seeds_.batches, state_.step);
  const std::string_view failure = mfld::solve_readout(phase, *objective_, state_.particles);
  if (!failure.empty()) {
    outcome.end.ending = Ending::diverged;
    outcome.failure = failure;
  }
  return failure.empty();
}

template <class Scalar>
Penalty<Scalar> Simulation<Scalar>::penalty(const Phase& phase) const {
  const double factor = penalty_factor(state_.estimator, phase, state_.step_in_phase);
  return {factor * phase.penalty_at(state_.step_in_phase), pulls_to_start(phase) ? &anchor_ : nullptr,
          factor * phase.fourth_penalty_at(state_.step_in_phase)};
}

template <class Scalar>
void Simulation<Scalar>::tell(Listener<Scalar>& listener, Outcome& outcome) {
  const Stopwatch watch(outcome.observe_seconds);
  if (listener.looks(state_, outcome.end.ending)) {
    share_rows();
  }
  try {
    listener.hear(state_, outcome.end.ending);
  } catch (const Interrupted&) {
    assert(ranks_ == nullptr);
    if (outcome.end.ending != Ending::diverged) {  // nothing can go on from there
      outcome.end.ending = Ending::interrupted;
    }
  }
}

/// What ranks have to agree on at every state, in one round: the first particle that is not finite, whether any is to
/// stop, and what the listener of any wishes.
template <class Scalar>
void Simulation<Scalar>::agree(Listener<Scalar>& listener, const std::atomic<bool>& stop, Outcome& outcome) {
  if (ranks_ == nullptr) {
    return;
  }
  constexpr Index none = std::numeric_limits<Index>::max();
  std::optional<Index>& first_bad = outcome.end.first_bad_particle;
  std::array<std::int64_t, 3> least = {first_bad.value_or(none), stop ? 0 : 1, listener.wishes(state_) ? 0 : 1};
  ranks_->least(least);
  first_bad = least[0] == none ? std::nullopt : std::optional<Index>(least[0]);
  any_stops_ = least[1] == 0;
  listener.agreed(least[2] == 0);
  have_agreed_ = true;
}

/// Whether the run is to stop at this state. Ranks have agreed at the end of the step, or do so now.
template <class Scalar>
bool Simulation<Scalar>::stops(Listener<Scalar>& listener, const std::atomic<bool>& stop, Outcome& outcome) {
  if (ranks_ == nullptr) {
    return stop;
  }
  if (!std::exchange(have_agreed_, false)) {
    agree(listener, stop, outcome);
    have_agreed_ = false;
  }
  return any_stops_;
}

template <class Scalar>
EstimateContext<Scalar> Simulation<Scalar>::question(const Phase& phase, const Finish& finish) {
  return {*objective_, phase,  state_.step, state_.step_in_phase, seeds_.batches, state_.particles,
          drift_,      finish, rows_};
}

template <class Scalar>
Estimate Simulation<Scalar>::estimate(const Phase& phase, const Finish& finish, SampleSpan<double> outputs) {
  objective_->set_label_noise(phase.label_noise, seeds_.batches, state_.step);
  EstimateContext<Scalar> context = question(phase, finish);
  context.outputs = outputs;
  return std::visit([&context](auto& estimator) { return estimator.estimate(context); }, state_.estimator);
}

/// Before any particle moves.
template <class Scalar>
Estimate Simulation<Scalar>::estimate_whole(const Phase& phase, SampleSpan<double> outputs) {
  const auto leave = [](Index /*first*/, Index /*last*/) {};
  return estimate(phase, divided_ ? Finish(leave) : Finish(), outputs);  // undivided, all have all of it
}

/// The estimate of the step that follows, where the listener reads outputs that it makes on its way: between here and
/// the step is the listener alone, and the estimate is a function of the particles, so that it may as well be dropped
/// again. None where the listener looks at an average. Ranks that have all particles move all rows of a whole estimate,
/// but not all of them have these yet: they make none.
template <class Scalar>
std::optional<Estimate> Simulation<Scalar>::estimate_ahead(Listener<Scalar>& listener, Outcome& outcome) {
  const Phase& phase = present_phase();
  const bool makes_outputs = objective_->has_outputs() && gives_outputs(state_.estimator, phase) &&
                             !state_.is_averaged() && (ranks_ == nullptr || divided_);
  if (!makes_outputs || !listener.reads_outputs(state_)) {
    return std::nullopt;
  }
  const Stopwatch watch(outcome.step_seconds);
  outputs_.resize(static_cast<std::size_t>(objective_->num_terms()));
  const Estimate made = estimate_whole(phase, outputs_);
  listener.take_outputs(outputs_);
  return made;
}

template <class Scalar>
void Simulation<Scalar>::step(const std::optional<Estimate>& ahead, Listener<Scalar>& listener,
                              const std::atomic<bool>& stop, Outcome& outcome) {
  const Stopwatch watch(outcome.step_seconds);
  if (move_particles(ahead, outcome)) {
    agree(listener, stop, outcome);
    end_step(outcome);
  }
}

/// The drift of all particles from one frozen configuration, and every particle moves as soon as it has its own; where
/// the norm of the gradient can end the phase, once that is known; or by the estimate made ahead. False where there is
/// no step.
template <class Scalar>
bool Simulation<Scalar>::move_particles(const std::optional<Estimate>& ahead, Outcome& outcome) {
  const Phase& phase = present_phase();
  const bool is_first = state_.step_in_phase == 0;
  if (ranks_ != nullptr &&
      (is_first || objective_->reads_all_particles() || phase.reads_all_particles(state_.step_in_phase))) {
    share_particles();
  }
  state_.gradient_evaluations += prepare(state_.estimator, question(phase, {}), state_.particles);
  const Penalty<Scalar> of_step = penalty(phase);
  const StepContext<Scalar> context = {step_options(phase), drift_,         phase.moved_of(objective_->trained()),
                                       state_.particles,    of_step.anchor, rows_};
  StepOfAll<Scalar> next(state_.rule, context);
  if (is_first && !begin(phase, context, outcome)) {
    return false;
  }
  const auto move = [&](Index first, Index last) {
    if (phase.averaging && !is_first) {
      add_to_average(state_.step_in_phase, first, last, state_.particles, state_.average);
    }
    if (of_step.fourth != 0) {
      add_fourth_penalty(context.trained, state_.particles, of_step, first, last, drift_);
    }
    next.move(first, last);
  };
  const bool waits = ahead || phase.until_gradient_norm > 0;
  Estimate made = {};
  if (!waits) {
    made = estimate(phase, std::cref(move));
  } else {
    made = ahead ? *ahead : estimate_whole(phase);
  }
  if (!made.failure.empty()) {
    outcome.end.ending = Ending::diverged;
    outcome.failure = made.failure;
    return false;
  }
  state_.gradient_evaluations += made.evaluations;
  if (phase.until_gradient_norm > 0 && gradient_vanishes(phase)) {
    state_.step_in_phase = phase.num_steps;
    return false;
  }
  if (waits) {
    for_each_run(rows_, std::cref(move));
  }
  outcome.end.first_bad_particle = next.first_bad_particle();
  count_step(context.options.step_size);
  return true;
}

/// What follows once the particles have moved, and all ranks know whether they are finite.
template <class Scalar>
void Simulation<Scalar>::end_step(Outcome& outcome) {
  const Phase& phase = present_phase();
  if (outcome.end.first_bad_particle) {
    outcome.end.ending = Ending::diverged;
  }
  keep_weighted(phase);
  if (phase.solves_readout() && outcome.end.ending == Ending::running) {
    state_.gradient_evaluations += phase.takes_all_samples() ? objective_->num_terms() : phase.num_samples();
    solve_readout(outcome);
  }
}

/// What a phase carries has what it begins with. False where it cannot begin.
template <class Scalar>
bool Simulation<Scalar>::begin(const Phase& phase, const StepContext<Scalar>& context, Outcome& outcome) {
  outcome.failure = begin_rule(state_.rule, context, ranks_);
  if (!outcome.failure.empty()) {
    outcome.end.ending = Ending::diverged;
    return false;
  }
  if (phase.keeps_average()) {
    copy_rows(rows_, state_.particles, state_.average);
  }
  return true;
}

template <class Scalar>
StepOptions Simulation<Scalar>::step_options(const Phase& phase) const {
  StepOptions options;
  options.step_size = phase.step_size_at(state_.step_in_phase);
  options.penalty = penalty(phase).coefficient;
  options.temperature = phase.temperature_at(state_.step_in_phase);
  options.noise_seed = seeds_.noise;
  options.noise = noise_;
  options.step = state_.step;
  options.friction = phase.friction;
  options.radius = phase.radius;
  return options;
}

/// Of the gradient with the penalty, from the rows that each rank has.
template <class Scalar>
bool Simulation<Scalar>::gradient_vanishes(const Phase& phase) {
  const std::vector<unsigned char>& moved = phase.moved_of(objective_->trained());
  const RowRange rows = row_sums_.own(drift_.rows());
  copy_rows(rows, drift_, with_penalty_);
  add_penalty(moved, state_.particles, penalty(phase), rows, with_penalty_);
  set_unmoved_to_zero(moved, rows, with_penalty_);
  return drift_norm(with_penalty_, row_sums_) < phase.until_gradient_norm;
}

template <class Scalar>
void Simulation<Scalar>::count_step(double step_size) {
  ++state_.step;
  ++state_.step_in_phase;
  add_time(step_size);
}

/// Where an outer iteration has ended. One that is cut short adds nothing, so that a longer phase goes on from the
/// same.
template <class Scalar>
void Simulation<Scalar>::keep_weighted(const Phase& phase) {
  if (phase.iterate == Iterate::weighted && state_.step_in_phase % phase.inner_steps == 0) {
    const std::int64_t num_iterations = state_.step_in_phase / phase.inner_steps;
    keep_iterate(static_cast<double>(num_iterations),
                 {seeds_.batches, Purpose::iterate, static_cast<std::uint64_t>(state_.step)}, rows_, state_.particles,
                 state_.average);
  }
}

/// Kahan's sum: the time of a long run stays exact to rounding.
template <class Scalar>
void Simulation<Scalar>::add_time(double step_size) {
  const double term = step_size - state_.time_compensation;
  const double sum = state_.time + term;
  state_.time_compensation = (sum - state_.time) - term;
  state_.time = sum;
}

template class Simulation<double>;
template class Simulation<float>;

}  // namespace mfld

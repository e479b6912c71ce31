#pragma once
#include <cstdint>
#include <type_traits>

#include "kernels/kernels.hpp"
#include "mfld/steps/step.hpp"

namespace mfld {

/// The counters of the noise have 32 bits for the particle: a larger number would draw what another one draws. Throws
/// InvalidInput.
void check_counters(std::int64_t step, Index first, Index num_particles);

inline kernels::NoiseKind noise_kind(const NoiseRule& rule, bool particles_are_double) {
  using kernels::NoiseKind;
  return rule.law == NoiseLaw::three_point         ? NoiseKind::three_point
         : rule.draws_double(particles_are_double) ? NoiseKind::normal_double
                                                   : NoiseKind::normal_single;
}

/// The Euler-Maruyama step of the particles [first, last), to be changed into another.
template <class Scalar>
kernels::StepTask step_task(const StepContext<Scalar>& context, Index first, Index last) {
  const StepOptions& options = context.options;
  return {.first = first,
          .last = last,
          .num_particles = context.particles.rows(),
          .num_columns = context.particles.cols(),
          .trained = context.trained.data(),
          .drift = context.drift.data(),
          .step_size = options.step_size,
          .penalty = options.penalty,
          .noise_amplitude = overdamped_noise(options),
          .averages_noise = false,
          .velocity_decay = 0,
          .noise_key = stream_key(options.noise_seed, Purpose::noise),
          .step = static_cast<std::uint64_t>(options.step),
          .noise_substeps = static_cast<std::uint64_t>(options.noise.substeps),
          .noise_kind = noise_kind(options.noise, std::is_same_v<Scalar, double>)};
}

template <class Scalar>
Index run_step(const kernels::StepTask& task, const StepContext<Scalar>& context, Scalar* velocities = nullptr) {
  const Scalar* anchor = context.anchor == nullptr ? nullptr : context.anchor->data();
  return kernels::table<Scalar>().step(task, anchor, context.particles.data(), velocities);
}

}  // namespace mfld

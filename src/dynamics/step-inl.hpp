// The update rule, with its noise, for a run of particles.
#if defined(MFLD_DYNAMICS_STEP_INL_HPP) == defined(HWY_TARGET_TOGGLE)
#ifdef MFLD_DYNAMICS_STEP_INL_HPP
#undef MFLD_DYNAMICS_STEP_INL_HPP
#else
#define MFLD_DYNAMICS_STEP_INL_HPP
#endif

#include <cmath>
#include <limits>

#include "dynamics/noise-inl.hpp"
#include "model/kernels.hpp"

HWY_BEFORE_NAMESPACE();
namespace mfld::HWY_NAMESPACE {

/// theta <- theta - eta (v + 2 lambda1 theta) + amplitude xi for one column of `count` particles.
/// Returns whether all results are finite.
template <class Scalar>
bool euler_maruyama_column(const kernels::StepTask& task, Index count, const double* HWY_RESTRICT drift,
                           const double* HWY_RESTRICT xi, Scalar* HWY_RESTRICT theta) {
  int not_finite = 0;
  for (Index i = 0; i < count; ++i) {
    const auto old = static_cast<double>(theta[i]);
    double next = old - task.step_size * (drift[i] + 2 * task.penalty * old);
    if (xi != nullptr) {
      next += task.noise_amplitude * xi[i];
    }
    theta[i] = static_cast<Scalar>(next);
    not_finite |= static_cast<int>(!(std::abs(theta[i]) <= std::numeric_limits<Scalar>::max()));
  }
  return not_finite == 0;
}

template <class Scalar>
Index first_not_finite(const kernels::StepTask& task, const Scalar* particles) {
  for (Index j = task.first; j < task.last; ++j) {
    for (Index column = 0; column < task.num_columns; ++column) {
      if (!std::isfinite(particles[column * task.num_particles + j])) {
        return j;
      }
    }
  }
  return -1;
}

/// Two columns share one Philox block, so they are handled together, a strip of particles at a time.
template <class Scalar>
Index euler_maruyama(const kernels::StepTask& task, Scalar* particles) {
  constexpr Index strip = 128;
  alignas(64) double xi[2][strip + 64];
  bool finite = true;
  for (Index j = task.first; j < task.last; j += strip) {
    const Index count = HWY_MIN(strip, task.last - j);
    for (Index pair = 0; 2 * pair < task.num_columns; ++pair) {
      const Index columns[2] = {2 * pair, 2 * pair + 1};
      const bool moves[2] = {task.trained[columns[0]] != 0,
                             columns[1] < task.num_columns && task.trained[columns[1]] != 0};
      if (task.noise_amplitude > 0 && (moves[0] || moves[1])) {
        normal_pairs(task.noise_key, task.step, static_cast<std::uint32_t>(pair), j, count, xi[0], xi[1]);
      }
      for (int side = 0; side < 2; ++side) {
        if (moves[side]) {
          const Index offset = columns[side] * task.num_particles + j;
          finite &= euler_maruyama_column(task, count, task.drift + offset,
                                          task.noise_amplitude > 0 ? xi[side] : nullptr, particles + offset);
        }
      }
    }
  }
  return finite ? -1 : first_not_finite(task, particles);
}

}  // namespace mfld::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();
#endif

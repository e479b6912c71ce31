// The update rules, with their noise, for a run of particles.
#if defined(MFLD_KERNELS_STEP_INL_HPP) == defined(HWY_TARGET_TOGGLE)
#ifdef MFLD_KERNELS_STEP_INL_HPP
#undef MFLD_KERNELS_STEP_INL_HPP
#else
#define MFLD_KERNELS_STEP_INL_HPP
#endif

#include <cmath>
#include <limits>

#include "kernels/kernels.hpp"
#include "kernels/vector/noise-inl.hpp"

HWY_BEFORE_NAMESPACE();
namespace mfld::HWY_NAMESPACE {

/// theta <- theta - eta (v + 2 lambda1 (theta - anchor)) + amplitude xi for one column of `count` particles; without
/// anchor, 0 in its place. Returns whether all results are finite.
template <bool has_anchor, class Scalar>
bool euler_maruyama_column(const kernels::StepTask& task, Index count, const double* HWY_RESTRICT drift,
                           const Scalar* HWY_RESTRICT xi, const Scalar* HWY_RESTRICT anchor,
                           Scalar* HWY_RESTRICT theta) {
  int not_finite = 0;
  for (Index i = 0; i < count; ++i) {
    const auto old = static_cast<double>(theta[i]);
    double distance = old;
    if constexpr (has_anchor) {
      distance -= static_cast<double>(anchor[i]);
    }
    double next = old - task.step_size * (drift[i] + 2 * task.penalty * distance);
    if (xi != nullptr) {
      next += task.noise_amplitude * static_cast<double>(xi[i]);
    }
    theta[i] = static_cast<Scalar>(next);
    not_finite |= static_cast<int>(!(std::abs(theta[i]) <= std::numeric_limits<Scalar>::max()));
  }
  return not_finite == 0;
}

/// The kinetic rule for one column: a kick, half a drift, friction and noise, half a drift,
///   u <- u - eta (v + 2 lambda1 (theta - anchor)),   theta <- theta + eta u / 2,
///   u <- e u + amplitude xi,                         theta <- theta + eta u / 2,
/// u the velocities. Returns whether all results are finite.
template <bool has_anchor, class Scalar>
bool kinetic_column(const kernels::StepTask& task, Index count, const double* HWY_RESTRICT drift,
                    const Scalar* HWY_RESTRICT xi, const Scalar* HWY_RESTRICT anchor, Scalar* HWY_RESTRICT theta,
                    Scalar* HWY_RESTRICT velocity) {
  int not_finite = 0;
  const double half = task.step_size / 2;
  for (Index i = 0; i < count; ++i) {
    const auto old = static_cast<double>(theta[i]);
    double distance = old;
    if constexpr (has_anchor) {
      distance -= static_cast<double>(anchor[i]);
    }
    const double kicked = static_cast<double>(velocity[i]) - task.step_size * (drift[i] + 2 * task.penalty * distance);
    double next = task.velocity_decay * kicked;
    if (xi != nullptr) {
      next += task.noise_amplitude * static_cast<double>(xi[i]);
    }
    velocity[i] = static_cast<Scalar>(next);
    theta[i] = static_cast<Scalar>(old + half * (kicked + next));
    not_finite |= static_cast<int>(!(std::abs(theta[i]) <= std::numeric_limits<Scalar>::max()));
  }
  return not_finite == 0;
}

constexpr Index step_strip = 128;  // particles at a time

inline constexpr double square_root_of_3 = 1.7320508075688772935;

/// xi for the columns that share a Philox block: two where they are normals of double precision, four of other kinds
/// and where they are rounded.
HWY_INLINE void draw_normals(const kernels::StepTask& task, std::uint64_t at, std::uint32_t block, Index first,
                             Index count, double* const (&xi)[2]) {
  normals_of_block(task.noise_key, at, block, first, count, xi);
}
HWY_INLINE void draw_normals(const kernels::StepTask& task, std::uint64_t at, std::uint32_t block, Index first,
                             Index count, double* const (&xi)[4]) {
  if (task.noise_kind == kernels::NoiseKind::three_point) {
    widened_quads<ThreePointQuads>(task.noise_key, at, block, first, count, square_root_of_3, xi);
  } else {
    widened_quads<NormalQuads>(task.noise_key, at, block, first, count, 1, xi);
  }
}
HWY_INLINE void draw_normals(const kernels::StepTask& task, std::uint64_t at, std::uint32_t block, Index first,
                             Index count, float* const (&xi)[4]) {
  if (task.noise_kind == kernels::NoiseKind::normal_double) {
    rounded_normals_of_block(task.noise_key, at, block, first, count, xi);
  } else if (task.noise_kind == kernels::NoiseKind::normal_single) {
    normals_of_block(task.noise_key, at, block, first, count, xi);
  } else {
    quads<ThreePointQuads>(task.noise_key, at, block, first, count, xi);
    for (float* const column : xi) {
      for (Index i = 0; i < count; ++i) {
        column[i] *= static_cast<float>(square_root_of_3);
      }
    }
  }
}

/// The same for a step, by the rule of steps/noise.hpp.
template <class Scalar, Index num>
void normals_of_step(const kernels::StepTask& task, std::uint64_t step, Index block, Index first, Index count,
                     Scalar* const (&xi)[num]) {
  const auto draw = [&](std::uint64_t at)
                        HWY_ATTR { draw_normals(task, at, static_cast<std::uint32_t>(block), first, count, xi); };
  if (task.noise_substeps == 1) {
    return draw(step);
  }
  double sum[num][step_strip] = {};
  for (std::uint64_t part = 0; part < task.noise_substeps; ++part) {
    draw(step * task.noise_substeps + part);
    for (Index k = 0; k < num; ++k) {
      for (Index i = 0; i < count; ++i) {
        sum[k][i] += static_cast<double>(xi[k][i]);
      }
    }
  }
  const double scale = 1 / std::sqrt(static_cast<double>(task.noise_substeps));
  for (Index k = 0; k < num; ++k) {
    for (Index i = 0; i < count; ++i) {
      xi[k][i] = static_cast<Scalar>(scale * sum[k][i]);
    }
  }
}

/// xi <- (xi + other) / 2 for `num` columns.
template <Index num, class Scalar>
void average_into(Index count, Scalar* const (&other)[num], Scalar* const (&xi)[num]) {
  for (Index k = 0; k < num; ++k) {
    for (Index i = 0; i < count; ++i) {
      xi[k][i] = (xi[k][i] + other[k][i]) / 2;
    }
  }
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

/// The `num` columns that share a Philox block are handled together, a strip of particles at a time.
template <Index num, class Scalar>
Index step_columns(const kernels::StepTask& task, const Scalar* anchor, Scalar* particles, Scalar* velocities) {
  constexpr Index strip = step_strip;
  static_assert(strip <= most_rounded);
  const auto move = [&](Index offset, Index count, const Scalar* xi) HWY_ATTR {
    const double* drift = task.drift + offset;
    Scalar* theta = particles + offset;
    if (velocities != nullptr) {
      return anchor == nullptr
                 ? kinetic_column<false, Scalar>(task, count, drift, xi, nullptr, theta, velocities + offset)
                 : kinetic_column<true, Scalar>(task, count, drift, xi, anchor + offset, theta, velocities + offset);
    }
    return anchor == nullptr ? euler_maruyama_column<false, Scalar>(task, count, drift, xi, nullptr, theta)
                             : euler_maruyama_column<true, Scalar>(task, count, drift, xi, anchor + offset, theta);
  };
  alignas(64) Scalar memory[2 * num][strip + 64];
  Scalar* xi[num];
  Scalar* xi_after[num];
  for (Index k = 0; k < num; ++k) {
    xi[k] = memory[k];
    xi_after[k] = memory[num + k];
  }
  bool finite = true;
  for (Index j = task.first; j < task.last; j += strip) {
    const Index count = HWY_MIN(strip, task.last - j);
    for (Index block = 0; num * block < task.num_columns; ++block) {
      const Index first = num * block;
      const Index last = HWY_MIN(first + num, task.num_columns);
      bool moves = false;
      for (Index column = first; column < last; ++column) {
        moves |= task.trained[column] != 0;
      }
      if (task.noise_amplitude > 0 && moves) {
        normals_of_step(task, task.step, block, j, count, xi);
        if (task.averages_noise) {
          normals_of_step(task, task.step + 1, block, j, count, xi_after);
          average_into<num>(count, xi_after, xi);
        }
      }
      for (Index column = first; column < last; ++column) {
        if (task.trained[column] != 0) {
          finite &=
              move(column * task.num_particles + j, count, task.noise_amplitude > 0 ? xi[column - first] : nullptr);
        }
      }
    }
  }
  return finite ? -1 : first_not_finite(task, particles);
}

template <class Scalar>
Index step_particles(const kernels::StepTask& task, const Scalar* anchor, Scalar* particles, Scalar* velocities) {
  constexpr Index num_single = noise_columns<float>;
  return task.noise_kind == kernels::NoiseKind::normal_double
             ? step_columns<noise_columns<Scalar>>(task, anchor, particles, velocities)
             : step_columns<num_single>(task, anchor, particles, velocities);
}

}  // namespace mfld::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();
#endif

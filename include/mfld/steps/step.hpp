#pragma once
#include <cmath>
#include <cstdint>
#include <functional>
#include <string_view>
#include <vector>

#include "mfld/core/particles.hpp"
#include "mfld/core/random.hpp"
#include "mfld/steps/noise.hpp"

namespace mfld {

struct StepOptions {
  double step_size = 0;    // eta > 0
  double penalty = 0;      // lambda1 >= 0, coefficient of |theta - anchor|^2
  double temperature = 0;  // >= 0; 0 = gradient descent, no draws
  std::uint64_t noise_seed = 0;
  std::int64_t step = 0;  // global step k
  double friction = 1;    // > 0, kinetic steps only
  double radius = 1;      // > 0, of the ball
  NoiseRule noise = {};
};

/// sqrt(2 T eta), the amplitude of the noise of an overdamped step.
inline double overdamped_noise(const StepOptions& options) {
  return std::sqrt(2 * options.temperature * options.step_size);
}

/// A step in words. v: the drift with its penalty.
struct StepWords {
  std::string_view name;
  std::string_view update;
  std::string_view cold_update;  // the same without noise, at T = 0
  std::string_view noise;        // its amplitude
  std::string_view source;
  /// What the velocities are where a phase with noise begins (without noise, 0). Empty: it has none, and no friction.
  std::string_view first_velocities = {};

  constexpr bool has_velocities() const { return !first_velocities.empty(); }
};

/// What a step moves, and by what: every particle j and every trained coordinate by its drift
///   g_j = v_j + 2 lambda1 (theta_j - anchor_j),
/// v the data part from one frozen configuration. Particle j reads only its own noise, drift and numbers, so that each
/// may be moved as soon as its drift is known: all of them once, in any order, to the same bits. Refers to its
/// arguments, which must outlive it.
template <class Scalar>
struct StepContext {
  StepOptions options;
  const Drift& drift;                         // [N x p] v
  const std::vector<unsigned char>& trained;  // [p] which columns move
  Particles<Scalar>& particles;               // [N x p]
  const Particles<Scalar>* anchor = nullptr;  // [N x p], none: 0
  RowRange rows = {0, particles.rows()};      // the particles that this process moves
};

/// Calls body(first, last) for runs of particles that make up `rows`, in parallel.
void for_each_run(RowRange rows, const std::function<void(Index first, Index last)>& body);
inline void for_each_run(Index num_particles, const std::function<void(Index first, Index last)>& body) {
  for_each_run(RowRange{0, num_particles}, body);
}

/// average <- average + (particles - average) / (num_before + 1) for the particles [first, last): the mean of
/// num_before + 1 iterates from that of the num_before >= 1 ones before, in double.
template <class Scalar>
void add_to_average(std::int64_t num_before, Index first, Index last, const Particles<Scalar>& particles,
                    Particles<double>& average);

/// xi of step k for particles first..first+rows: independent N(0, 1), a pure function of (seed, purpose, step,
/// particle, column): Philox4x32-10 with the key of (seed, purpose) and Box-Muller. xi [rows x p].
///   double   counter (column / 2, particle, step low, step high); the four words give two uniforms of 52 bits and two
///            normals, the even and the odd column; |xi| <= 8.6
///   single   counter (column / 4, particle, step low, step high); words 0 and 1, of 31 and 32 bits, give the columns
///            4q and 4q + 1, words 2 and 3 the next two; |xi| <= 6.7
/// Runs of the two precisions share their noise where NoiseRule says so only. Throws InvalidInput for a step below 0
/// and a particle from 2^32 on.
void langevin_noise(std::uint64_t seed, std::int64_t step, Index first, Eigen::Ref<Matrix> xi,
                    Purpose purpose = Purpose::noise);
void langevin_noise(std::uint64_t seed, std::int64_t step, Index first, Eigen::Ref<Eigen::MatrixXf> xi,
                    Purpose purpose = Purpose::noise);

}  // namespace mfld

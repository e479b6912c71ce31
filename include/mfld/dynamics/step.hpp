#pragma once
#include <atomic>
#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "mfld/core/particles.hpp"

namespace mfld {

struct StepOptions {
  double step_size = 0;    // eta > 0
  double penalty = 0;      // lambda1 >= 0, coefficient of |theta - anchor|^2
  double temperature = 0;  // >= 0; 0 = gradient descent, no draws
  std::uint64_t noise_seed = 0;
  std::int64_t step = 0;  // global step k
};

/// The Euler-Maruyama step of the Langevin SDE, for every particle j and every trained coordinate:
///   theta_j <- theta_j - eta (v_j + 2 lambda1 (theta_j - anchor_j)) + sqrt(2 T eta) xi_j,   xi_j ~ N(0, I)
/// (src/README.md, equation 5). particles [N x p] updated in place; drift [N x p] v, the data part of the drift, from
/// one frozen configuration; trained [p] says which columns move; anchor [N x p], none: 0. Strong order 1 (additive
/// noise); stationary law biased O(eta). Particle j reads only langevin_noise(seed, k, j), its drift and itself, so
/// that each may be moved as soon as its drift is known: all of them once, in any order, to the same bits. Refers to
/// its arguments, which must outlive it.
template <class Scalar>
class EulerMaruyama {
 public:
  EulerMaruyama(const StepOptions& options, const Drift& drift, const std::vector<unsigned char>& trained,
                Particles<Scalar>& particles, const Particles<Scalar>* anchor = nullptr);

  /// Moves the particles [first, last). May be called at once for different particles.
  void move(Index first, Index last);
  /// Of the particles moved so far the first with a non-finite coordinate, or -1.
  Index first_bad_particle() const;

 private:
  StepOptions options_;
  const Drift* drift_;
  const std::vector<unsigned char>* trained_;
  Particles<Scalar>* particles_;
  const Particles<Scalar>* anchor_;
  std::atomic<Index> first_bad_;
};

/// Calls body(first, last) for runs of particles that make up all of them, in parallel.
void for_each_run(Index num_particles, const std::function<void(Index first, Index last)>& body);

/// The step of all particles, in parallel. Returns the first particle with a non-finite coordinate, or -1.
template <class Scalar>
Index euler_maruyama_step(const StepOptions& options, const Drift& drift, const std::vector<unsigned char>& trained,
                          Particles<Scalar>& particles, const Particles<Scalar>* anchor = nullptr);

/// average <- average + (particles - average) / (num_before + 1) for the particles [first, last): the mean of
/// num_before + 1 iterates from that of the num_before >= 1 ones before, in double.
template <class Scalar>
void add_to_average(std::int64_t num_before, Index first, Index last, const Particles<Scalar>& particles,
                    Particles<double>& average);

/// xi of step k for particles first..first+rows: independent N(0, 1), a pure function of (seed, step, particle,
/// column): Philox4x32-10 with the key of (seed, noise) and Box-Muller. xi [rows x p].
///   double   counter (column / 2, particle, step low, step high); the four words give two uniforms of 52 bits and two
///            normals, the even and the odd column; |xi| <= 8.6
///   single   counter (column / 4, particle, step low, step high); words 0 and 1, of 31 and 32 bits, give the columns
///            4q and 4q + 1, words 2 and 3 the next two; |xi| <= 6.7
/// Runs of the two precisions do not share their noise. Throws InvalidInput for a step below 0 and a particle from 2^32
/// on.
void langevin_noise(std::uint64_t seed, std::int64_t step, Index first, Eigen::Ref<Matrix> xi);
void langevin_noise(std::uint64_t seed, std::int64_t step, Index first, Eigen::Ref<Eigen::MatrixXf> xi);

}  // namespace mfld

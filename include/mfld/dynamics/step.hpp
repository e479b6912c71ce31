#pragma once
#include <cstdint>
#include <span>
#include <vector>

#include "mfld/core/particles.hpp"

namespace mfld {

struct StepOptions {
  double step_size = 0;    // eta > 0
  double penalty = 0;      // lambda1 >= 0, coefficient of |theta|^2
  double temperature = 0;  // >= 0; 0 = gradient descent, no draws
  std::uint64_t noise_seed = 0;
  std::int64_t step = 0;  // global step k
};

/// One Euler-Maruyama step of the Langevin SDE, for every particle j and every trained coordinate:
///   theta_j <- theta_j - eta (v_j + 2 lambda1 theta_j) + sqrt(2 T eta) xi_j,   xi_j ~ N(0, I)     (README, equation 5)
/// particles [N x p] updated in place; drift [N x p] v, the data part of the drift, from one frozen configuration;
/// trained [p] says which columns move. Strong order 1 (additive noise); stationary law biased O(eta).
/// Particle j reads only langevin_noise(seed, k, j). Parallel over particles; the same bits on any thread count.
/// Returns the first particle with a non-finite coordinate, or -1.
template <class Scalar>
Index euler_maruyama_step(const StepOptions& options, const Drift& drift, const std::vector<unsigned char>& trained,
                          Particles<Scalar>& particles);

/// xi of step k for particles first..first+rows: independent N(0, 1), a pure function of (seed, step, particle,
/// column): Philox4x32-10 at counter (column / 2, particle, step low, step high) with the key of (seed, noise); its
/// four words give two uniforms of 52 bits and Box-Muller two normals, the even and the odd column. |xi| <= 8.6. The
/// same in single precision, rounded. xi [rows x p].
void langevin_noise(std::uint64_t seed, std::int64_t step, Index first, Eigen::Ref<Matrix> xi);

}  // namespace mfld

#pragma once
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "mfld/objective/objective.hpp"

namespace mfld {

/// k of a maximum mean discrepancy:
///   gaussian  exp(-|x - z|^2 / (2 width^2))
///   torus     prod_c (1 + 2 sum_{m=1}^5 cos(m (x_c - z_c)) / (1 + m)), of period 2 pi in every coordinate
///             [Chizat, TMLR 2022]
enum class MmdKernel { gaussian, torus };

struct MmdOptions {
  MmdKernel kernel = MmdKernel::gaussian;
  double width = 1;      // tau > 0; gaussian only
  double smoothing = 0;  // sigma >= 0
};

/// Coordinates that a torus can have.
inline constexpr Index most_torus_dimensions = 16;

/// The squared maximum mean discrepancy of a mixture with the particles as its centres, its density g * mu with g =
/// N(0, sigma^2 I), from n points x_i (src/README.md, equation 13):
///   R = (1/N^2) sum_jl k_2(theta_j, theta_l) - (2 / (N n)) sum_ji k_1(theta_j, x_i) + (1/n^2) sum_ii' k_0(x_i, x_i'),
/// k_m the kernel k smoothed by m times g, in closed form. A particle is a point, p = d, mean-field scaling: v_j =
/// N dR / dtheta_j. Its terms are the points: v_I has the pairs of particles in full and the points I alone, which is
/// unbiased. Not through coefficients. Cost O((N^2 + N n) d), of v_I O((N^2 + N |I|) d). Sums over 32 pairs are in the
/// precision of the particles, all others in double.
template <class Scalar>
class Mmd final : public Objective<Scalar> {
 public:
  /// points [n x d], n >= 1; refers to them. ranks: who shares the pairs; none: this process alone.
  Mmd(const MmdOptions& options, const Inputs& points, Ranks* ranks = nullptr);
  ~Mmd() override;

  Index num_terms() const override;
  const std::vector<unsigned char>& trained() const override { return trained_; }
  std::string describe(Index num_particles) const override;
  bool reads_all_particles() const override { return true; }
  std::vector<Index> row_cuts(Index num_particles, int num_ranks) const override;

  double value(const Particles<Scalar>& particles) override;
  void drift(const Particles<Scalar>& particles, Drift& drift, SampleSpan<double> coefficients = {},
             const Finish& finish = {}) override;
  void drift_of(std::span<const Index> terms, const Particles<Scalar>& particles, Drift& drift,
                const Finish& finish = {}) override;
  void subtract(std::span<const Index> terms, SampleSpan<const double> coefficients, const Particles<Scalar>& particles,
                Drift& drift, const Finish& finish = {}) override;

 private:
  struct Parts;

  MmdOptions options_;
  std::vector<unsigned char> trained_;  // [d] 1
  std::unique_ptr<Parts> parts_;
};

}  // namespace mfld

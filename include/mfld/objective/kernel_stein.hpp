#pragma once
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "mfld/objective/objective.hpp"
#include "mfld/objective/score_target.hpp"

namespace mfld {

/// The squared kernel Stein discrepancy of the particles from a target known through its score s (src/README.md,
/// equation 14) [Liu, Lee & Jordan, ICML 2016], diagonal included, with k = exp(-|z - z'|^2 / (2 width^2)):
///   R = (1/N^2) sum_jl W(z_j, z_l),
///   W(z, z') = s(z).s(z') k + s(z).grad' k + s(z').grad k + tr grad grad' k.
/// A particle is a point, p = d, mean-field scaling: v_j = N dR / dz_j = (2/N) sum_l grad_1 W(z_j, z_l). Its terms are
/// the N particles as sources: v_I has the pairs (j, l) with l in I alone, which is unbiased [random batches: Jin, Li &
/// Liu, J. Comput. Phys. 2020]. Not through coefficients. Cost O(N^2 d) and N scores and products with their Jacobians;
/// of v_I O(N |I| d). Scores are in double; sums over 32 pairs are in the precision of the particles, all others in
/// double. A pass allocates a few small matrices for every 32 particles.
template <class Scalar>
class KernelStein final : public Objective<Scalar> {
 public:
  /// width > 0; num_particles >= 1, that of all particles it is asked about.
  /// ranks: who shares the pairs; none: this process alone.
  KernelStein(std::shared_ptr<const ScoreTarget> target, double width, Index num_particles, Ranks* ranks = nullptr);
  ~KernelStein() override;

  Index num_terms() const override { return num_particles_; }
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

  Index num_particles_;
  std::vector<unsigned char> trained_;  // [d] 1
  std::unique_ptr<Parts> parts_;
};

}  // namespace mfld

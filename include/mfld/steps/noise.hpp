#pragma once
#include <cstdint>
#include <string>

namespace mfld {

/// Of which precision the normals of a run are: of its particles', or of one of the two whatever those are in, so that
/// runs in different precisions share them. Those of single precision take a third of the time; their law ends at 6.7
/// deviations instead of 8.6 (langevin_noise).
enum class NormalPrecision { own, in_double, in_single };

/// The law of xi: normal; or -sqrt 3, 0, sqrt 3 with probabilities 1/6, 2/3, 1/6 (to 1e-10), which has the moments of
/// N(0, 1) to the fifth, so that a step has its weak order with either [Milstein & Tretyakov, Stochastic Numerics for
/// Mathematical Physics, 2004], for a fraction of the time. For laws at a time and not for paths: sums of such steps
/// are no finer or coarser motion, so no two step sizes share it; the two precisions do.
enum class NoiseLaw { gaussian, three_point };

/// How a run draws the Brownian motion, where it is to share it with a run that steps or rounds otherwise. One rule for
/// all phases, for else one of them would draw again what another has drawn.
struct NoiseRule {
  /// m >= 1: step k takes (xi^(mk) + ... + xi^(mk + m - 1)) / sqrt(m), the motion over m steps of a run with m times
  /// smaller steps and m = 1, or over m/2 of one with m = 2. Costs m times the normals.
  std::int64_t substeps = 1;
  NormalPrecision precision = NormalPrecision::own;
  NoiseLaw law = NoiseLaw::gaussian;

  static constexpr std::int64_t most_substeps = 1024;  // so that counters cannot overflow

  bool is_plain() const { return substeps == 1 && precision == NormalPrecision::own && law == NoiseLaw::gaussian; }
  bool draws_double(bool particles_are_double) const {
    return precision == NormalPrecision::own ? particles_are_double : precision == NormalPrecision::in_double;
  }
  /// In words, as runs print it.
  std::string describe() const;
};

}  // namespace mfld

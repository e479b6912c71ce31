#pragma once
#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include "mfld/core/matrix_list.hpp"
#include "mfld/dynamics/estimate.hpp"

namespace mfld {

/// A mini-batch corrected by a snapshot (src/README.md, equation 7; Suzuki, Wu & Nitanda, NeurIPS 2023): v_I here,
/// minus v_I at the snapshot with the coefficients it had, plus the full v there. The snapshot is taken at multiples of
/// snapshot_every within the phase; there the estimate is the full drift, exactly. Draws from the stream (seed, batch,
/// step). Cost: n per-sample gradients at a snapshot, else 2B.
template <class Scalar>
class Svrg {
 public:
  static constexpr std::string_view formula = "v = v_I(theta) - v_I(snapshot) + v(snapshot)";

  Estimate estimate(const EstimateContext<Scalar>& context);

  static std::string describe(const Phase& phase);

  template <class Self, class Visit>
  static void for_each_matrix(Self& self, const RunSizes& sizes, const Visit& visit) {
    visit("snapshot/particles", self.particles_, sizes.per_parameter());
    visit("snapshot/drift", self.drift_, sizes.per_parameter());
    visit("snapshot/field", self.field_, sizes.coefficients());
  }

  /// The particles of the snapshot [N x p], and the coefficients there; empty before the first one.
  const Particles<Scalar>& snapshot() const { return particles_; }
  SampleSpan<const double> snapshot_coefficients() const {
    return {{field_.data(), static_cast<std::size_t>(field_.size())}, std::max<Index>(1, field_.cols())};
  }

 private:
  void take_snapshot(const EstimateContext<Scalar>& context);
  void correct(const EstimateContext<Scalar>& context);
  SampleSpan<double> field();

  Particles<Scalar> particles_;  // [N x p]
  Drift drift_;                  // [N x p] v at the snapshot, over all samples
  Matrix field_;                 // [n x K] the coefficients there, l'(f(x_i), y_i), in the order of SampleSpan
  std::vector<Index> batch_;
};

}  // namespace mfld

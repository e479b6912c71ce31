#pragma once
#include <span>
#include <vector>

#include "mfld/core/particles.hpp"

namespace mfld {

/// Weights by which a sample of one law is a sample of another, w_j proportional to the ratio of their densities at
/// particle j; their sum is 1. Kept as logarithms, the largest of which is 0, so that none overflows and only those
/// that count for nothing vanish. Summed in order by one thread: the same bits on any number of them.
class ImportanceWeights {
 public:
  /// All equal.
  void reset(Index num_particles);

  /// sum_j w_j values_j. values [N].
  template <class Scalar>
  double mean(std::span<const Scalar> values) const;
  /// From the law p to that proportional to p exp(slope value): w_j <- w_j exp(slope values_j), normalised.
  template <class Scalar>
  void tilt(double slope, std::span<const Scalar> values);

  /// 1 / sum_j w_j^2: so many equally weighted particles are worth as much. Not a number once a weight is none.
  double effective_size() const;
  const Vector& weights() const { return weights_; }

 private:
  Vector logarithms_;  // [N] up to a common constant
  Vector weights_;     // [N]
};

/// counts[j] <- how often particle j stays in systematic resampling: N places (k + offset) / N, k = 0..N-1, along the
/// cumulated weights [Kitagawa, J. Comput. Graph. Statist. 1996]. Their sum is N, each is N w_j rounded up or down, and
/// N w_j in the mean over offsets, uniform on [0, 1): means over the resampled particles are unbiased.
void systematic_counts(const Vector& weights, double offset, std::vector<Index>& counts);

/// particles <- counts[j] copies of particle j each. Who stays keeps its place; further copies, in order, take those of
/// particles that do not. Consumes the counts.
template <class Scalar>
void resample(std::vector<Index>& counts, Particles<Scalar>& particles);

}  // namespace mfld

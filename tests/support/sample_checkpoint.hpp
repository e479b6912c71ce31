#pragma once
#include <algorithm>
#include <bit>
#include <cstdint>
#include <limits>
#include <vector>

#include "mfld/record/checkpoint.hpp"

namespace mfld::test {

/// Doubles that a careless writer changes: signed zeros, denormals, the extremes, infinities, quiet NaNs with a
/// payload.
inline std::vector<double> awkward_doubles() {
  using Limits = std::numeric_limits<double>;
  return {0.0,
          -0.0,
          Limits::denorm_min(),
          -3 * Limits::denorm_min(),
          Limits::min(),
          Limits::max(),
          Limits::lowest(),
          Limits::infinity(),
          -Limits::infinity(),
          Limits::quiet_NaN(),
          std::bit_cast<double>(0xFFF8000000ABCDEFU),
          0.1,
          1.0 / 3,
          std::bit_cast<double>(0x3FF0000000000001U)};
}

/// Filled with awkward doubles in turn, beginning with number `first`.
inline Particles<double> awkward_particles(Index rows, Index columns, std::size_t first) {
  const std::vector<double> values = awkward_doubles();
  Particles<double> result(rows, columns);
  for (Index i = 0; i < result.size(); ++i) {
    result.data()[i] = values[(first + static_cast<std::size_t>(i)) % values.size()];
  }
  return result;
}

/// A different number in every field.
inline Checkpoint sample_checkpoint(bool has_snapshot = true) {
  Checkpoint checkpoint;
  checkpoint.experiment_hash = 0xFEDCBA9876543210U;
  checkpoint.matrices["particles"] = awkward_particles(5, 3, 0);
  checkpoint.matrices["average"] = awkward_particles(5, 3, 3);
  checkpoint.step = (std::int64_t{1} << 53) + 1;
  checkpoint.phase = 2;
  checkpoint.step_in_phase = 345;
  checkpoint.time = 0.1 + 0.2;
  checkpoint.time_compensation = -4 * std::numeric_limits<double>::denorm_min();
  checkpoint.gradient_evaluations = std::numeric_limits<std::int64_t>::max();
  checkpoint.metrics_rows = 67;
  checkpoint.trajectory_frames = 8;
  if (has_snapshot) {
    checkpoint.matrices["snapshot/particles"] = awkward_particles(5, 3, 1);
    checkpoint.matrices["snapshot/field"] = awkward_particles(14, 1, 0);
    checkpoint.matrices["snapshot/drift"] = awkward_particles(5, 3, 2);
  }
  return checkpoint;
}

inline std::vector<std::uint64_t> bits(const double* values, std::size_t size) {
  std::vector<std::uint64_t> result(size);
  for (std::size_t i = 0; i < size; ++i) {
    result[i] = std::bit_cast<std::uint64_t>(values[i]);
  }
  return result;
}

inline bool same_bits(const Particles<double>& a, const Particles<double>& b) {
  const auto size = static_cast<std::size_t>(a.size());
  return a.rows() == b.rows() && a.cols() == b.cols() && bits(a.data(), size) == bits(b.data(), size);
}

inline bool same_bits(const Checkpoint& a, const Checkpoint& b) {
  return a.experiment_hash == b.experiment_hash && a.step == b.step && a.phase == b.phase &&
         a.step_in_phase == b.step_in_phase && bits(&a.time, 1) == bits(&b.time, 1) &&
         bits(&a.time_compensation, 1) == bits(&b.time_compensation, 1) &&
         a.gradient_evaluations == b.gradient_evaluations && a.metrics_rows == b.metrics_rows &&
         a.trajectory_frames == b.trajectory_frames &&
         std::equal(a.matrices.begin(), a.matrices.end(), b.matrices.begin(), b.matrices.end(),
                    [](const auto& x, const auto& y) { return x.first == y.first && same_bits(x.second, y.second); });
}

}  // namespace mfld::test

// Compiled once for each instruction set.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/nearest.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "kernels/nearest.hpp"

HWY_BEFORE_NAMESPACE();
namespace mfld::HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;
using Lanes = hn::ScalableTag<double>;
using Numbers = hn::Vec<Lanes>;

/// Inserts into the lanes of an ascending list, `stride` numbers from one to the next.
HWY_INLINE void insert_square(Numbers square, Index num_least, double* HWY_RESTRICT least) {
  const Lanes d;
  if (hn::AllFalse(d, hn::Lt(square, hn::LoadU(d, least + (num_least - 1) * kernels::nearest_tile)))) {
    return;
  }
  for (Index k = 0; k < num_least; ++k) {
    double* const place = least + k * kernels::nearest_tile;
    const Numbers there = hn::LoadU(d, place);
    hn::StoreU(hn::Min(there, square), d, place);
    square = hn::Max(there, square);
  }
}

/// Queries are lanes, two vectors by four candidates at a time; candidates past the last one are computed and not read.
void nearest_squares(const kernels::NearestTask& task) {
  const Lanes d;
  constexpr Index tile = kernels::nearest_tile;
  const auto lanes = static_cast<Index>(hn::Lanes(d));
  for (Index i = 0; i < tile; i += 2 * lanes) {
    for (Index j = 0; j < task.num_candidates; j += 4) {
      Numbers low[4] = {hn::Zero(d), hn::Zero(d), hn::Zero(d), hn::Zero(d)};
      Numbers high[4] = {hn::Zero(d), hn::Zero(d), hn::Zero(d), hn::Zero(d)};
      for (Index k = 0; k < task.num_columns; ++k) {
        const Numbers query_low = hn::LoadU(d, task.queries + k * tile + i);
        const Numbers query_high = hn::LoadU(d, task.queries + k * tile + i + lanes);
        for (Index c = 0; c < 4; ++c) {
          const Numbers candidate = hn::Set(d, task.candidates[k * tile + j + c]);
          const Numbers from_low = hn::Sub(query_low, candidate);
          const Numbers from_high = hn::Sub(query_high, candidate);
          low[c] = hn::MulAdd(from_low, from_low, low[c]);
          high[c] = hn::MulAdd(from_high, from_high, high[c]);
        }
      }
      const Index count = HWY_MIN(Index{4}, task.num_candidates - j);
      for (Index c = 0; c < count; ++c) {
        insert_square(low[c], task.num_least, task.least + i);
        insert_square(high[c], task.num_least, task.least + i + lanes);
      }
    }
  }
}

}  // namespace mfld::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace mfld::kernels {
namespace {
HWY_EXPORT(nearest_squares);
}
void nearest_squares(const NearestTask& task) { HWY_DYNAMIC_DISPATCH(nearest_squares)(task); }
}  // namespace mfld::kernels
#endif

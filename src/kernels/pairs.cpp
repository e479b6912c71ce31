// Compiled once for each instruction set.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/pairs.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include <algorithm>

#include "kernels/vector/pairs-inl.hpp"

HWY_BEFORE_NAMESPACE();
namespace mfld::HWY_NAMESPACE {

template <class Scalar>
void sum_pairs_of(const kernels::PairTask<Scalar>& task) {
  std::fill_n(task.values, kernels::pair_tile, 0.0);
  if (task.gradients != nullptr) {
    std::fill_n(task.gradients, task.dimension * kernels::pair_tile, 0.0);
  }
  const auto gradients_at = [&](Index lane) { return task.gradients == nullptr ? nullptr : task.gradients + lane; };
  if (task.kernel.kind == kernels::PairKernelKind::periodic) {
    Scalar polynomial[kernels::num_harmonics + 1];
    std::transform(task.kernel.polynomial, task.kernel.polynomial + kernels::num_harmonics + 1, polynomial,
                   [](double coefficient) { return static_cast<Scalar>(coefficient); });
    for_each_strip(task.particles, task.sources, task.num_sources, task.dimension, 2 * task.dimension,
                   [&](const PairStrip<Scalar>& strip, Index lane)
                       HWY_ATTR { periodic_strip(strip, polynomial, task.values + lane, gradients_at(lane)); });
    return;
  }
  with_radial(task.kernel.kind, [&](auto phi) HWY_ATTR {
    for_each_strip(task.particles, task.sources, task.num_sources, task.dimension, task.dimension,
                   [&](const PairStrip<Scalar>& strip, Index lane) HWY_ATTR {
                     radial_strip<decltype(phi)>(strip, static_cast<Scalar>(task.kernel.rate), task.values + lane,
                                                 gradients_at(lane));
                   });
  });
}

template <class Scalar>
void sum_pairs_of(const kernels::SteinTask<Scalar>& task) {
  std::fill_n(task.values, kernels::pair_tile, 0.0);
  for (double* sums : {task.through, task.direct}) {
    if (sums != nullptr) {
      std::fill_n(sums, task.dimension * kernels::pair_tile, 0.0);
    }
  }
  with_radial(task.kernel.kind, [&](auto phi) HWY_ATTR {
    for_each_strip(task.particles, task.sources, task.num_sources, task.dimension, 2 * task.dimension,
                   [&](const PairStrip<Scalar>& strip, Index lane) HWY_ATTR {
                     double* through = task.through == nullptr ? nullptr : task.through + lane;
                     double* direct = task.direct == nullptr ? nullptr : task.direct + lane;
                     stein_strip<decltype(phi)>(strip, static_cast<Scalar>(task.kernel.rate), task.values + lane,
                                                through, direct);
                   });
  });
}

void pairs_double(const kernels::PairTask<double>& task) { sum_pairs_of(task); }
void pairs_single(const kernels::PairTask<float>& task) { sum_pairs_of(task); }
void stein_double(const kernels::SteinTask<double>& task) { sum_pairs_of(task); }
void stein_single(const kernels::SteinTask<float>& task) { sum_pairs_of(task); }

}  // namespace mfld::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace mfld::kernels {
namespace {
HWY_EXPORT(pairs_double);
HWY_EXPORT(pairs_single);
HWY_EXPORT(stein_double);
HWY_EXPORT(stein_single);
}  // namespace
void sum_pairs(const PairTask<double>& task) { HWY_DYNAMIC_DISPATCH(pairs_double)(task); }
void sum_pairs(const PairTask<float>& task) { HWY_DYNAMIC_DISPATCH(pairs_single)(task); }
void sum_pairs(const SteinTask<double>& task) { HWY_DYNAMIC_DISPATCH(stein_double)(task); }
void sum_pairs(const SteinTask<float>& task) { HWY_DYNAMIC_DISPATCH(stein_single)(task); }
}  // namespace mfld::kernels
#endif

// One table of kernels per instruction set: this file is compiled once for each of them.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/kernels.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "kernels/kernels.hpp"
#include "kernels/vector/map-inl.hpp"
#include "kernels/vector/reduce-inl.hpp"
#include "kernels/vector/step-inl.hpp"

HWY_BEFORE_NAMESPACE();
namespace mfld::HWY_NAMESPACE {

/// values = sigma(z), slopes = sigma'(z), `count` a multiple of the vector length.
template <class Scalar>
void evaluate(Activation kind, Index count, const Scalar* z, Scalar* values, Scalar* slopes) {
  const Tag<Scalar> d;
  with_activation(kind, [&](auto sigma) HWY_ATTR {
    using Sigma = decltype(sigma);
    for (Index i = 0; i < count; i += lanes<Scalar>()) {
      const auto input = hn::LoadU(d, z + i);
      const auto value = Sigma::value(d, input);
      hn::StoreU(value, d, values + i);
      hn::StoreU(slope_at<Sigma>(d, input, value), d, slopes + i);
    }
  });
}

template <class Scalar>
void heads(const Neuron& neuron, Index count, const Scalar* r, Scalar* values) {
  const Tag<Scalar> d;
  for (Index i = 0; i < count; i += lanes<Scalar>()) {
    store_head(d, head(d, neuron.kind, neuron.bound, hn::LoadU(d, r + i)), count, values + i);
  }
}

template <class Scalar>
const kernels::Table<Scalar>* make_table() {
  static const kernels::Table<Scalar> table = {group_size<Scalar>(),  &Scratch<Scalar>::size, &reduce<false, Scalar>,
                                               &reduce<true, Scalar>, &map<Scalar>,           &step_particles<Scalar>,
                                               &heads<Scalar>,        &evaluate<Scalar>};
  return &table;
}

const kernels::Table<double>* table_double() { return make_table<double>(); }
const kernels::Table<float>* table_single() { return make_table<float>(); }

template <class Scalar, Index num>
void normals(PhiloxKey key, std::uint64_t step, std::uint32_t block, Index first, Index count,
             Scalar* const (&xi)[num]) {
  constexpr Index strip = 128;
  Scalar memory[num][strip + 64];
  Scalar* buffer[num];
  for (Index k = 0; k < num; ++k) {
    buffer[k] = memory[k];
  }
  for (Index i = 0; i < count; i += strip) {
    const Index length = HWY_MIN(strip, count - i);
    normals_of_block(key, step, block, first + i, length, buffer);
    for (Index k = 0; k < num; ++k) {
      for (Index j = 0; j < length; ++j) {
        xi[k][i + j] = buffer[k][j];
      }
    }
  }
}

void normals_double(PhiloxKey key, std::uint64_t step, std::uint32_t block, Index first, Index count,
                    double* const (&xi)[2]) {
  normals<double, 2>(key, step, block, first, count, xi);
}
void normals_single(PhiloxKey key, std::uint64_t step, std::uint32_t block, Index first, Index count,
                    float* const (&xi)[4]) {
  normals<float, 4>(key, step, block, first, count, xi);
}

}  // namespace mfld::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
#include <hwy/targets.h>

#include <algorithm>

#include "mfld/core/error.hpp"

namespace mfld {

namespace kernels {

namespace {
HWY_EXPORT(table_double);
HWY_EXPORT(table_single);
HWY_EXPORT(normals_double);
HWY_EXPORT(normals_single);
}  // namespace

template <>
const Table<double>& table<double>() {
  return *HWY_DYNAMIC_DISPATCH(table_double)();
}
template <>
const Table<float>& table<float>() {
  return *HWY_DYNAMIC_DISPATCH(table_single)();
}

void normals(PhiloxKey key, std::uint64_t step, std::uint32_t block, Index first, Index count, double* const (&xi)[2]) {
  HWY_DYNAMIC_DISPATCH(normals_double)(key, step, block, first, count, xi);
}
void normals(PhiloxKey key, std::uint64_t step, std::uint32_t block, Index first, Index count, float* const (&xi)[4]) {
  HWY_DYNAMIC_DISPATCH(normals_single)(key, step, block, first, count, xi);
}

bool needs_slopes(Activation kind) {
  bool from_value = true;
  HWY_STATIC_DISPATCH(with_activation)(kind, [&](auto sigma) { from_value = decltype(sigma)::slope_from_value; });
  return !from_value;
}

}  // namespace kernels

std::vector<std::string> available_instruction_sets() {
  std::vector<std::string> names;
  // A lower bit is a better target.
  for (std::int64_t bit = 1; bit > 0; bit = bit > (INT64_MAX >> 1) ? 0 : bit << 1) {
    if ((hwy::SupportedTargets() & (HWY_TARGETS)&bit) != 0) {
      names.emplace_back(hwy::TargetName(bit));
    }
  }
  return names;
}

std::string instruction_set() {
  const std::vector<std::string> names = available_instruction_sets();
  return names.empty() ? "none" : names.front();
}

void force_instruction_set(const std::string& name) {
  hwy::DisableTargets(0);
  if (name.empty() || name == "best") {
    return;
  }
  for (std::int64_t bit = 1; bit > 0; bit = bit > (INT64_MAX >> 1) ? 0 : bit << 1) {
    if ((hwy::SupportedTargets() & (HWY_TARGETS)&bit) != 0 && name == hwy::TargetName(bit)) {
      hwy::DisableTargets(~bit);
      return;
    }
  }
  std::string allowed = "best";
  for (const std::string& each : available_instruction_sets()) {
    allowed += ", " + each;
  }
  throw InvalidInput("instruction set '" + name + "' is not available here: choose one of " + allowed);
}

}  // namespace mfld
#endif

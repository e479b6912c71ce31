#pragma once
#include <cassert>
#include <cstddef>
#include <span>
#include <type_traits>

#include "mfld/core/particles.hpp"

namespace mfld {

/// Numbers of n samples, K of each, sample by sample: value k of sample i stands at i K + k. Outputs of a model,
/// coefficients of a field, targets. Refers to the memory of its owner. A plain range of n numbers is one of K = 1.
template <class Number>
class SampleSpan {
 public:
  SampleSpan() = default;
  SampleSpan(std::span<Number> values, Index per_sample) : values_(values), per_sample_(per_sample) {
    assert(per_sample > 0 && std::ssize(values) % per_sample == 0);
  }
  template <class Range>
  requires(std::is_constructible_v<std::span<Number>, Range&>) SampleSpan(Range& range) : values_(range) {}
  template <class Range>
  requires(std::is_constructible_v<std::span<Number>, const Range&>) SampleSpan(const Range& range) : values_(range) {}
  SampleSpan(Number* first, std::size_t num_samples) : values_(first, num_samples) {}
  /// To read only what may be written.
  operator SampleSpan<const Number>() const requires(!std::is_const_v<Number>) { return {values_, per_sample_}; }

  bool empty() const { return values_.empty(); }
  Index num_samples() const { return std::ssize(values_) / per_sample_; }
  Index per_sample() const { return per_sample_; }  // K
  /// All n K numbers.
  std::span<Number> values() const { return values_; }
  /// Those of `count` samples from `first` on.
  SampleSpan samples(Index first, Index count) const {
    return {
        values_.subspan(static_cast<std::size_t>(first * per_sample_), static_cast<std::size_t>(count * per_sample_)),
        per_sample_};
  }

 private:
  std::span<Number> values_;
  Index per_sample_ = 1;
};

}  // namespace mfld

#include "mfld/core/packed_inputs.hpp"

#include <algorithm>
#include <cassert>

namespace mfld {

template <class Scalar>
PackedInputs<Scalar>::PackedInputs(Index capacity, Index input_dim)
    : capacity_(capacity),
      input_dim_(input_dim),
      values_(static_cast<std::size_t>((input_dim + tile_inputs - 1) / tile_inputs * tile_inputs * capacity)) {}

template <class Scalar>
PackedInputs<Scalar>::PackedInputs(const Inputs& inputs) : PackedInputs(inputs.rows(), inputs.cols()) {
  num_samples_ = inputs.rows();
  for (Index k = 0; k < input_dim_; ++k) {
    Scalar* column = values_.data() + k / tile_inputs * tile_inputs * capacity_;
    for (Index i = 0; i < num_samples_; ++i) {
      column[i * tile_inputs + k % tile_inputs] = static_cast<Scalar>(inputs(i, k));
    }
  }
}

template <class Scalar>
void PackedInputs<Scalar>::gather(const PackedInputs& source, std::span<const Index> samples) {
  assert(static_cast<Index>(samples.size()) <= capacity_ && input_dim_ == source.input_dim_);
  num_samples_ = static_cast<Index>(samples.size());
  for (Index first = 0; first < input_dim_; first += tile_inputs) {
    Scalar* to = values_.data() + first * capacity_;
    const Scalar* from = source.values_.data() + first * source.capacity_;
    for (const Index sample : samples) {
      to = std::copy_n(from + sample * tile_inputs, tile_inputs, to);
    }
  }
}

template class PackedInputs<double>;
template class PackedInputs<float>;

}  // namespace mfld

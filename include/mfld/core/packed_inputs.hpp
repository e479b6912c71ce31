#pragma once
#include <span>
#include <vector>

#include "mfld/core/particles.hpp"

namespace mfld {

/// Inputs in the layout the kernels stream: [tile of inputs][sample][inputs of the tile], in the precision of the
/// particles. Packed once for a data set, or gathered for a mini-batch without allocating.
template <class Scalar>
class PackedInputs {
 public:
  /// Inputs per tile: what the map pass keeps in registers for each vector of particles.
  static constexpr Index tile_inputs = 10;

  PackedInputs() = default;
  /// Room for `capacity` samples of dimension `input_dim`; holds none yet.
  PackedInputs(Index capacity, Index input_dim);
  explicit PackedInputs(const Inputs& inputs);

  Index num_samples() const { return num_samples_; }
  Index input_dim() const { return input_dim_; }
  Index num_tiles() const { return (input_dim_ + tile_inputs - 1) / tile_inputs; }

  /// Becomes the rows `samples` of `source`, in that order. samples.size() <= capacity.
  void gather(const PackedInputs& source, std::span<const Index> samples);

  /// First input of tile `index` of the first sample; samples follow each other.
  const Scalar* tile(Index index) const { return values_.data() + index * tile_inputs * capacity_; }

 private:
  Index num_samples_ = 0;
  Index capacity_ = 0;
  Index input_dim_ = 0;
  std::vector<Scalar> values_;
};

}  // namespace mfld

#pragma once
#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "mfld/core/particles.hpp"

namespace mfld {

/// Inputs in the layout the kernels stream, in the precision of the particles. Packed once for a data set, or gathered
/// for a mini-batch, which allocates the first time only.
///
/// Usually [tile of inputs][sample][inputs of the tile]. Where no column has more than two values, a_k and b_k, exactly
/// (parity, binary tables; a constant is one value twice), there are bits instead, and the passes add sums of four
/// inputs where they would multiply each:
///   w.x_i = sum_q T_q[bits of sample i],   T_q[16] the sums of w_k x_k over the four inputs of quad q, made once for
///                                          many samples;
///   sum_i v_i x_ik = a_k sum_i v_i + (b_k - a_k) sum_t U_t[bits of input k],   U_t[16] the sums of any of the v_i of
///                                          the four samples of quad t, made once for all inputs.
/// An entry of T holds the very products that it stands for, and |a_k| <= |b_k|: both sums are as accurate as without
/// tables, relative to sum_k |w_k x_ik| and sum_i |v_i x_ik|. It is all or nothing: a data set with one column of three
/// values, few samples or few inputs is packed as usual. A batch of few samples has its values as usual, but w.x_i is
/// added up in the same quads: a sample has the same outputs, bit for bit, in the data set and in any batch of it.
/// Memory: n d numbers, or n d / 2 bytes.
template <class Scalar>
class PackedInputs {
 public:
  /// Inputs per tile: what the map pass keeps in registers for each vector of particles.
  static constexpr Index tile_inputs = 10;
  /// Inputs, and samples, that share a table of two-valued inputs.
  static constexpr Index quad = 4;
  /// Samples whose bits lie together.
  static constexpr Index page_samples = 64;
  static constexpr Index page_quads = page_samples / quad;
  /// With less of either, tables take longer than they save.
  static constexpr Index least_inputs = 12;
  static constexpr Index least_samples = 32;

  PackedInputs() = default;
  /// Room for `capacity` samples of dimension `input_dim`; holds none yet.
  PackedInputs(Index capacity, Index input_dim) : capacity_(capacity), input_dim_(input_dim) {}
  explicit PackedInputs(const Inputs& inputs);

  Index num_samples() const { return num_samples_; }
  Index input_dim() const { return input_dim_; }
  Index num_tiles() const { return (input_dim_ + tile_inputs - 1) / tile_inputs; }

  /// Becomes the rows `samples` of `source`, in that order. samples.size() <= capacity; `source` is no batch of few
  /// samples of two values.
  void gather(const PackedInputs& source, std::span<const Index> samples);

  /// First input of tile `index` of the first sample; samples follow each other. Not where there are bits.
  const Scalar* tile(Index index) const { return values_.data() + index * tile_inputs * capacity_; }

  /// Sums over the inputs are made in quads: of two-valued data, and of what is gathered from them.
  bool two_valued() const { return !pairs_.empty(); }
  /// By tables, from bits instead of values.
  bool has_bits() const { return two_valued() && num_samples_ >= least_samples; }
  Index num_quads() const { return (input_dim_ + quad - 1) / quad; }
  /// a_k and b_k.
  const std::array<Scalar, 2>& pair(Index input) const { return pairs_[static_cast<std::size_t>(input)]; }
  /// Sixteen times the bits of a sample in the first quad of inputs, bit j set where input j is b. The samples behind
  /// it in its page follow, the next quad comes page_samples later.
  const std::uint8_t* bits_of_sample(Index sample) const {
    return sample_bits_.data() + sample / page_samples * page_samples * num_quads() + sample % page_samples;
  }
  /// Sixteen times the bits of the first input in the quad of samples that begins with `sample`. The quads behind it in
  /// its page follow, the next input comes page_quads later.
  const std::uint8_t* bits_of_input(Index sample) const {
    return input_bits_.data() + sample / page_samples * page_quads * input_dim_ + sample % page_samples / quad;
  }

 private:
  void reserve_values();
  void reserve_bits();
  void pack_bits(const Inputs& inputs);
  void transpose_bits();
  void gather_bits(const PackedInputs& source, std::span<const Index> samples);
  void gather_values_of_bits(const PackedInputs& source, std::span<const Index> samples);

  Index num_samples_ = 0;
  Index capacity_ = 0;
  Index input_dim_ = 0;
  std::vector<Scalar> values_;
  std::vector<std::array<Scalar, 2>> pairs_;  // [d], of two-valued inputs
  std::vector<std::uint8_t> sample_bits_;     // [page][quad of inputs][sample of the page]
  std::vector<std::uint8_t> input_bits_;      // [page][input][quad of samples of the page]
};

}  // namespace mfld

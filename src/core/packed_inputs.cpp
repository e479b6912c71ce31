#include "mfld/core/packed_inputs.hpp"

#include <algorithm>
#include <cassert>
#include <cmath>
#include <cstring>

namespace mfld {

namespace {

/// The values of every column, the one nearer to 0 first; nothing if some column has three, or two whose difference
/// overflows.
template <class Scalar>
std::vector<std::array<Scalar, 2>> pairs_of(const Inputs& inputs) {
  std::vector<std::array<Scalar, 2>> pairs;
  for (Index k = 0; k < inputs.cols(); ++k) {
    const double one = inputs(0, k);
    double other = one;
    for (Index i = 1; i < inputs.rows(); ++i) {
      const double x = inputs(i, k);
      if (x != one && x != other) {
        if (other != one) {
          return {};
        }
        other = x;
      }
    }
    const bool in_order = std::abs(one) <= std::abs(other);
    pairs.push_back({static_cast<Scalar>(in_order ? one : other), static_cast<Scalar>(in_order ? other : one)});
    if (!std::isfinite(pairs.back()[1] - pairs.back()[0])) {
      return {};
    }
  }
  return pairs;
}

/// Bit j of a number below 16, in bit 4 of byte j.
constexpr std::uint32_t spread(unsigned bits) {
  return (bits & 1U) << 4U | (bits & 2U) << 11U | (bits & 4U) << 18U | (bits & 8U) << 25U;
}

}  // namespace

template <class Scalar>
PackedInputs<Scalar>::PackedInputs(const Inputs& inputs) : PackedInputs(inputs.rows(), inputs.cols()) {
  num_samples_ = inputs.rows();
  if (num_samples_ >= least_samples && input_dim_ >= least_inputs) {
    pairs_ = pairs_of<Scalar>(inputs);
  }
  if (two_valued()) {
    pack_bits(inputs);
    return;
  }
  reserve_values();
  for (Index k = 0; k < input_dim_; ++k) {
    Scalar* column = values_.data() + k / tile_inputs * tile_inputs * capacity_;
    for (Index i = 0; i < num_samples_; ++i) {
      column[i * tile_inputs + k % tile_inputs] = static_cast<Scalar>(inputs(i, k));
    }
  }
}

template <class Scalar>
void PackedInputs<Scalar>::reserve_values() {
  values_.resize(static_cast<std::size_t>(num_tiles() * tile_inputs * capacity_));
}

template <class Scalar>
void PackedInputs<Scalar>::reserve_bits() {
  const Index num_pages = (capacity_ + page_samples - 1) / page_samples;
  sample_bits_.resize(static_cast<std::size_t>(num_pages * num_quads() * page_samples));
  input_bits_.resize(static_cast<std::size_t>(num_pages * input_dim_ * page_quads));
}

template <class Scalar>
void PackedInputs<Scalar>::pack_bits(const Inputs& inputs) {
  reserve_bits();
  for (Index i = 0; i < num_samples_; ++i) {
    std::uint8_t* bits = sample_bits_.data() + (bits_of_sample(i) - sample_bits_.data());
    for (Index k = 0; k < input_dim_; ++k) {
      const bool second = static_cast<Scalar>(inputs(i, k)) != pair(k)[0];
      bits[k / quad * page_samples] |=
          static_cast<std::uint8_t>((second ? 16U : 0U) << static_cast<unsigned>(k % quad));
    }
  }
  transpose_bits();
}

/// The bits of the inputs from those of the samples, four times four at a time.
template <class Scalar>
void PackedInputs<Scalar>::transpose_bits() {
  for (Index first = 0; first < num_samples_; first += quad) {
    const std::uint8_t* from = bits_of_sample(first);
    std::uint8_t* to = input_bits_.data() + (bits_of_input(first) - input_bits_.data());
    for (Index k = 0; k < input_dim_; k += quad, from += page_samples) {
      std::uint32_t four = 0;
      for (unsigned i = 0; i < quad; ++i) {
        four |= spread(from[i] / 16U) << i;
      }
      for (Index j = 0; j < std::min(quad, input_dim_ - k); ++j, four >>= 8U) {
        to[(k + j) * page_quads] = static_cast<std::uint8_t>(four & 0xffU);
      }
    }
  }
}

template <class Scalar>
void PackedInputs<Scalar>::gather_bits(const PackedInputs& source, std::span<const Index> samples) {
  reserve_bits();
  for (Index i = 0; i < num_samples_; ++i) {
    const std::uint8_t* from = source.bits_of_sample(samples[static_cast<std::size_t>(i)]);
    std::uint8_t* to = sample_bits_.data() + (bits_of_sample(i) - sample_bits_.data());
    for (Index q = 0; q < num_quads(); ++q) {
      to[q * page_samples] = from[q * page_samples];
    }
  }
  transpose_bits();
}

template <class Scalar>
void PackedInputs<Scalar>::gather_values_of_bits(const PackedInputs& source, std::span<const Index> samples) {
  reserve_values();
  for (Index i = 0; i < num_samples_; ++i) {
    const std::uint8_t* from = source.bits_of_sample(samples[static_cast<std::size_t>(i)]);
    for (Index k = 0; k < input_dim_; ++k) {
      const unsigned bit = from[k / quad * page_samples] / 16U >> static_cast<unsigned>(k % quad) & 1U;
      values_[static_cast<std::size_t>(k / tile_inputs * tile_inputs * capacity_ + i * tile_inputs + k % tile_inputs)] =
          pair(k)[bit];
    }
  }
}

template <class Scalar>
void PackedInputs<Scalar>::gather(const PackedInputs& source, std::span<const Index> samples) {
  assert(static_cast<Index>(samples.size()) <= capacity_ && input_dim_ == source.input_dim_);
  assert(!source.two_valued() || source.has_bits());
  num_samples_ = static_cast<Index>(samples.size());
  pairs_.assign(source.pairs_.begin(), source.pairs_.end());
  if (has_bits()) {
    gather_bits(source, samples);
    return;
  }
  if (two_valued()) {
    gather_values_of_bits(source, samples);
    return;
  }
  reserve_values();
  for (Index first = 0; first < input_dim_; first += tile_inputs) {
    Scalar* to = values_.data() + first * capacity_;
    const Scalar* from = source.values_.data() + first * source.capacity_;
    for (const Index sample : samples) {
      std::memcpy(to, from + sample * tile_inputs, tile_inputs * sizeof(Scalar));  // no call, as its size is known
      to += tile_inputs;
    }
  }
}

template class PackedInputs<double>;
template class PackedInputs<float>;

}  // namespace mfld

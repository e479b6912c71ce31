#include "mfld/core/random.hpp"

namespace mfld {

namespace {

constexpr std::uint32_t multiplier_0 = 0xD2511F53U;
constexpr std::uint32_t multiplier_1 = 0xCD9E8D57U;
constexpr std::uint32_t weyl_0 = 0x9E3779B9U;
constexpr std::uint32_t weyl_1 = 0xBB67AE85U;

constexpr std::uint32_t low(std::uint64_t word) { return static_cast<std::uint32_t>(word); }
constexpr std::uint32_t high(std::uint64_t word) { return static_cast<std::uint32_t>(word >> 32U); }

}  // namespace

PhiloxBlock philox4x32(PhiloxBlock counter, PhiloxKey key) {
  for (int round = 0; round < 10; ++round) {
    const std::uint64_t product_0 = std::uint64_t{multiplier_0} * counter[0];
    const std::uint64_t product_1 = std::uint64_t{multiplier_1} * counter[2];
    counter = {high(product_1) ^ counter[1] ^ key[0], low(product_1), high(product_0) ^ counter[3] ^ key[1],
               low(product_0)};
    key[0] += weyl_0;
    key[1] += weyl_1;
  }
  return counter;
}

PhiloxKey stream_key(std::uint64_t seed, Purpose purpose) {
  // Any fixed key does; this one is the fractional part of sqrt(2).
  constexpr PhiloxKey derivation_key = {0x6A09E667U, 0xF3BCC908U};
  const PhiloxBlock words = philox4x32({low(seed), high(seed), static_cast<std::uint32_t>(purpose), 0}, derivation_key);
  return {words[0], words[1]};
}

RandomStream::RandomStream(std::uint64_t seed, Purpose purpose, std::uint64_t index)
    : key_(stream_key(seed, purpose)), counter_{0, 0, low(index), high(index)} {}

RandomStream::result_type RandomStream::operator()() {
  if (num_left_ == 0) {
    words_ = philox4x32(counter_, key_);
    num_left_ = 4;
    if (++counter_[0] == 0) {
      ++counter_[1];
    }
  }
  return words_[static_cast<std::size_t>(4 - num_left_--)];
}

}  // namespace mfld

#pragma once
#include <cstddef>
#include <cstdint>

namespace mfld::tables {

inline std::uint64_t little_endian(const unsigned char* bytes, std::size_t size) {
  std::uint64_t word = 0;
  for (std::size_t i = size; i-- > 0;) {
    word = word << 8U | bytes[i];
  }
  return word;
}

}  // namespace mfld::tables

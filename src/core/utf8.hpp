#pragma once
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace mfld::utf8 {

/// One character of a text.
struct Character {
  std::uint32_t code;
  std::size_t length;  // in bytes; 0: the first byte begins no valid character
};

/// The first character of a text that is not empty: UTF-8 without overlong forms, surrogates and codes beyond Unicode.
inline Character first_character(std::string_view text) {
  const auto byte = [&text](std::size_t k) { return static_cast<unsigned char>(text[k]); };
  const unsigned char lead = byte(0);
  if (lead < 0x80) {
    return {lead, 1};
  }
  const std::size_t length = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : 2;
  if (lead < 0xC2 || lead > 0xF4 || text.size() < length) {
    return {0, 0};
  }
  std::uint32_t code = lead & (0xFFU >> (length + 1));
  for (std::size_t k = 1; k < length; ++k) {
    if ((byte(k) & 0xC0U) != 0x80U) {
      return {0, 0};
    }
    code = code << 6U | (byte(k) & 0x3FU);
  }
  constexpr std::uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
  const bool valid = code >= least[length] && code <= 0x10FFFF && (code < 0xD800 || code > 0xDFFF);
  return {code, valid ? length : 0};
}

}  // namespace mfld::utf8

#include "mfld/core/printable.hpp"

#include <algorithm>
#include <charconv>
#include <cstdint>

#include "core/utf8.hpp"

namespace mfld {

namespace {

/// What a terminal or a reader of lines would act upon.
bool is_control(std::uint32_t code) {
  return code < 0x20 || (code >= 0x7F && code < 0xA0) || code == 0x2028 || code == 0x2029 ||
         (code >= 0x202A && code <= 0x202E) || (code >= 0x2066 && code <= 0x2069) || code == 0x200E || code == 0x200F;
}

void append_escape(std::string& result, unsigned char byte) {
  constexpr char digits[] = "0123456789abcdef";
  result += {'\\', 'x', digits[byte >> 4U], digits[byte & 0xFU]};
}

std::string without_controls(std::string_view text, std::string_view backslash) {
  std::string result;
  result.reserve(text.size());
  while (!text.empty()) {
    const utf8::Character character = utf8::first_character(text);
    const std::size_t length = std::max<std::size_t>(character.length, 1);
    if (character.length == 0 || is_control(character.code)) {
      for (const char c : text.substr(0, length)) {
        append_escape(result, static_cast<unsigned char>(c));
      }
    } else if (character.code == '\\') {
      result += backslash;
    } else {
      result += text.substr(0, length);
    }
    text.remove_prefix(length);
  }
  return result;
}

}  // namespace

std::string escaped(std::string_view text) { return without_controls(text, "\\\\"); }

std::string unescaped(std::string_view text) {
  std::string result;
  while (!text.empty()) {
    unsigned byte = 0;
    if (text.starts_with("\\\\")) {
      result += '\\';
      text.remove_prefix(2);
    } else if (text.size() >= 4 && text.starts_with("\\x") &&
               std::from_chars(text.data() + 2, text.data() + 4, byte, 16).ptr == text.data() + 4) {
      result += static_cast<char>(byte);
      text.remove_prefix(4);
    } else {
      result += text.front();
      text.remove_prefix(1);
    }
  }
  return result;
}

std::string printable(std::string_view text, std::size_t max_bytes) {
  constexpr std::string_view gap = "...";
  std::string result = without_controls(text, "\\");
  if (result.size() <= max_bytes || max_bytes < gap.size()) {
    return result;
  }
  const auto is_inside = [&result](std::size_t k) { return (static_cast<unsigned char>(result[k]) & 0xC0U) == 0x80U; };
  std::size_t end = (max_bytes - gap.size()) / 2;
  std::size_t start = result.size() - end;
  while (end > 0 && is_inside(end)) {
    --end;
  }
  while (start < result.size() && is_inside(start)) {
    ++start;
  }
  return result.substr(0, end).append(gap).append(result, start);
}

}  // namespace mfld

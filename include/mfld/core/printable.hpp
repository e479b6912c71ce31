#pragma once
#include <cstddef>
#include <string>
#include <string_view>

namespace mfld {

/// Text from elsewhere (names of files and columns, environment, command line) is any sequence of bytes. These write it
/// as UTF-8 on one line: a control character, a line or paragraph separator, a character that turns the direction of
/// writing, and a byte that is no part of valid UTF-8 become \xNN, byte by byte.

/// For files: a backslash is doubled, so that `unescaped` gives the same bytes again.
std::string escaped(std::string_view text);
/// The inverse of `escaped`; a backslash that begins no escape stands for itself.
std::string unescaped(std::string_view text);

/// For people: a backslash stays, and what is longer than `max_bytes` loses its middle, with "..." in its place.
std::string printable(std::string_view text, std::size_t max_bytes = 400);

}  // namespace mfld

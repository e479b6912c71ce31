#include "tables/text/table_header.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <iterator>
#include <limits>
#include <string>
#include <system_error>

#include "core/utf8.hpp"
#include "mfld/core/printable.hpp"
#include "tables/text/number_characters.hpp"

namespace mfld::tables {

namespace {

template <std::size_t size>
bool is_in(const std::array<CodeRange, size>& ranges, std::uint32_t code) {
  const auto next = std::upper_bound(ranges.begin(), ranges.end(), code,
                                     [](std::uint32_t value, const CodeRange& range) { return value < range.first; });
  return next != ranges.begin() && code <= std::prev(next)->last;
}

/// Of any script; superscripts, fractions, Roman numerals and numbers in circles are digits as well.
bool is_digit(std::uint32_t code) { return is_in(number_characters, code); }

/// Whatever is beyond ASCII and no digit, sign, blank, punctuation or symbol of a currency.
bool is_letter(std::uint32_t code) {
  constexpr std::array<CodeRange, 10> symbols = {{{0x80, 0xBF},
                                                  {0xD7, 0xD7},
                                                  {0xF7, 0xF7},
                                                  {0x609, 0x60D},
                                                  {0x66A, 0x66D},
                                                  {0x2000, 0x2BFF},
                                                  {0x3000, 0x3003},
                                                  {0xFE00, 0xFE6B},
                                                  {0xFEFF, 0xFEFF},
                                                  {0xFF00, 0xFF0F}}};
  return code < 0x80 ? std::isalpha(static_cast<int>(code)) != 0 : !is_digit(code) && !is_in(symbols, code);
}

struct Contents {
  int num_letters = 0;
  int num_numerals = 0;      // of the letters
  bool digit_first = false;  // before any letter
};

/// Takes the first character off. A byte that is no part of UTF-8 counts as the character of Latin-1.
std::uint32_t take_character(std::string_view& text) {
  const utf8::Character character = utf8::first_character(text);
  const std::uint32_t code = character.length > 0 ? character.code : static_cast<unsigned char>(text.front());
  text.remove_prefix(std::max<std::size_t>(character.length, 1));
  return code;
}

Contents contents(std::string_view field) {
  Contents result;
  while (!field.empty()) {
    const std::uint32_t code = take_character(field);
    if (is_digit(code)) {
      result.digit_first = result.digit_first || result.num_letters == 0;
    } else if (is_letter(code)) {
      ++result.num_letters;
      result.num_numerals += is_in(numerals, code) ? 1 : 0;
    }
  }
  return result;
}

/// "1,5", "0x10", "12 %", "2020-01-01T00:00:00Z", or digits of another script; not "x1" nor "1st floor". Chinese
/// numbers are letters that words have as well: a word is what has another beside them.
bool looks_like_number(std::string_view field) {
  constexpr int max_letters = 4;
  const Contents found = contents(field);
  const bool is_numeral = found.num_letters > 0 && found.num_numerals == found.num_letters;
  return parse_number(field) || is_numeral || (found.digit_first && found.num_letters <= max_letters);
}

std::string lower_case(std::string_view text) {
  std::string result(text);
  std::transform(result.begin(), result.end(), result.begin(), [](unsigned char c) { return std::tolower(c); });
  return result;
}

/// "n.v.", "k. A.", "n/b": single letters with points or slashes between, in any language.
bool is_abbreviation(std::string_view field) {
  int num_letters = 0;
  bool has_mark = false;
  for (bool was_letter = false; !field.empty();) {
    const std::uint32_t code = take_character(field);
    const bool is_mark = code == '.' || code == '/';
    const bool is_next_letter = is_letter(code) && !was_letter;
    if (!is_next_letter && !is_mark && code != ' ') {
      return false;
    }
    num_letters += is_next_letter ? 1 : 0;
    has_mark = has_mark || is_mark;
    was_letter = is_next_letter;
  }
  return has_mark && num_letters > 1;
}

/// "<LOD", "> max", "~2": a bound or a rough value.
bool is_comparison(std::string_view field) {
  constexpr std::array<std::string_view, 7> signs = {"<",           ">", "=", "~", "\xE2\x89\x88", "\xE2\x89\xA4",
                                                     "\xE2\x89\xA5"};
  return std::any_of(signs.begin(), signs.end(), [field](std::string_view sign) { return field.starts_with(sign); });
}

/// n/a, N.A., <NA>, #N/A, #DIV/0!, -nan, (unknown), n.v.: what programs and people write where nothing is.
bool is_code(std::string_view field) {
  constexpr std::array<std::string_view, 24> codes = {
      "na",           "nan",           "null",    "none",   "nil", "missing", "unknown", "nd",   "undefined",
      "undef",        "nat",           "ka",      "void",   "bdl", "blank",   "tbd",     "true", "false",
      "notavailable", "notapplicable", "novalue", "nodata", "ind", "empty"};
  const bool is_error = field.starts_with('#') && (field.ends_with('!') || field.ends_with('?'));
  if (is_error || is_abbreviation(field)) {
    return true;
  }
  std::string letters = lower_case(field);
  std::erase_if(letters, [](unsigned char c) { return c < 0x80 && std::isalpha(c) == 0; });
  return std::find(codes.begin(), codes.end(), letters) != codes.end();
}

/// And <LOD: what stands in place of a number.
bool is_missing_code(std::string_view field) { return is_comparison(field) || is_code(field); }

/// How many fields 0, 1, 2, .. the row begins with.
std::size_t num_numbered(const std::vector<std::string_view>& fields) {
  std::size_t place = 0;
  while (place < fields.size() && fields[place] == std::to_string(place)) {
    ++place;
  }
  return place;
}

bool has_twice(std::vector<std::string_view> words) {
  std::sort(words.begin(), words.end());
  return std::adjacent_find(words.begin(), words.end()) != words.end();
}

/// 0, 1, .., k and then what targets are called.
bool is_numbered_with_target(const std::vector<std::string_view>& fields) {
  constexpr std::array<std::string_view, 13> targets = {"target",  "targets",  "label",    "labels", "class",
                                                        "classes", "y",        "response", "output", "outcome",
                                                        "quality", "category", "species"};
  const auto rest = fields.begin() + static_cast<std::ptrdiff_t>(num_numbered(fields));
  return std::all_of(rest, fields.end(), [&](std::string_view field) {
    return std::find(targets.begin(), targets.end(), lower_case(field)) != targets.end();
  });
}

/// Of a decimal number that is not 0, whether it is below 1 in magnitude.
bool is_below_one(std::string_view number) {
  const std::size_t mark = std::min(number.find_first_of("eE"), number.size());
  const std::string_view mantissa = number.substr(0, mark);
  std::string_view exponent = number.substr(std::min(mark + 1, number.size()));
  exponent.remove_prefix(exponent.starts_with('+') ? 1 : 0);
  std::int64_t power = 0;
  if (std::from_chars(exponent.data(), exponent.data() + exponent.size(), power).ec == std::errc::result_out_of_range) {
    return exponent.starts_with('-');  // no mantissa is that long
  }
  const auto point = static_cast<std::int64_t>(std::min(mantissa.find('.'), mantissa.size()));
  const auto first_digit = static_cast<std::int64_t>(mantissa.find_first_of("123456789"));
  power = std::clamp<std::int64_t>(power, -(std::int64_t{1} << 62), std::int64_t{1} << 62);  // so that the sum is one
  return power + point - first_digit + (first_digit > point ? 1 : 0) <= 0;
}

}  // namespace

std::optional<double> parse_number(std::string_view text) {
  if (text.starts_with('+') && !text.starts_with("+-")) {
    text.remove_prefix(1);
  }
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error == std::errc::result_out_of_range && end == text.data() + text.size()) {
    return std::copysign(is_below_one(text) ? 0 : std::numeric_limits<double>::infinity(), text[0] == '-' ? -1 : 1);
  }
  return error == std::errc() && end == text.data() + text.size() ? std::optional(value) : std::nullopt;
}

bool is_numbered(const std::vector<std::string_view>& fields) {
  return fields.size() >= 2 && num_numbered(fields) == fields.size();
}

bool is_word(std::string_view field) {
  return contents(field).num_letters > 0 && !looks_like_number(field) && !is_missing_code(field);
}

bool is_logical(std::string_view field) {
  const std::string word = lower_case(field);
  return word == "true" || word == "false";
}

bool is_true(std::string_view logical) { return lower_case(logical) == "true"; }

bool is_class(std::string_view field) {
  const bool is_sign = field == "+" || field == "-";
  return is_sign || is_logical(field) || (contents(field).num_letters > 0 && !is_code(field));
}

FirstRow kind_of_first_row(const std::vector<std::string_view>& fields) {
  std::vector<std::string_view> words;
  std::size_t num_numbers = 0;
  std::size_t num_empty = 0;
  for (const std::string_view field : fields) {
    if (is_word(field)) {
      words.push_back(field);
    } else if (looks_like_number(field)) {
      ++num_numbers;
    } else if (field.empty()) {
      ++num_empty;
    }
  }
  if (words.empty()) {
    return FirstRow::numbers;
  }
  if (num_numbers > 0) {
    return is_numbered_with_target(fields) ? FirstRow::names : FirstRow::doubtful;
  }
  const bool is_measured =
      std::all_of(words.begin(), words.end(), [](auto word) { return contents(word).digit_first; });
  const std::size_t num_codes = fields.size() - words.size() - num_empty;
  const std::size_t num_unnamed = num_empty - (fields[0].empty() ? 1 : 0);  // an index in front has no name
  return words.size() > num_codes && words.size() > num_unnamed && !is_measured && !has_twice(words)
             ? FirstRow::names
             : FirstRow::doubtful;
}

bool looks_like_row(std::string_view comment, Separator separator) {
  const std::vector<std::string_view> fields = split_fields(comment, separator);
  const auto others = fields.begin() + 1;
  if (fields[0].size() < 2 || fields[0].find_first_of(" \t") != fields[0].npos || others == fields.end() ||
      std::any_of(others, fields.end(), is_word)) {
    return false;
  }
  return !is_word(fields[0]) ||
         std::any_of(others, fields.end(), [](std::string_view field) { return !field.empty(); });
}

}  // namespace mfld::tables

#include "task/table_header.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>
#include <cstdint>
#include <limits>
#include <string>
#include <system_error>

#include "core/utf8.hpp"
#include "mfld/core/printable.hpp"

namespace mfld::tables {

namespace {

/// The zeros of the decimal digits of Unicode 15 beyond ASCII; 1 to 9 follow each.
constexpr std::array<std::uint32_t, 65> zeros = {
    0x660,   0x6F0,   0x7C0,   0x966,   0x9E6,   0xA66,   0xAE6,   0xB66,   0xBE6,   0xC66,   0xCE6,
    0xD66,   0xDE6,   0xE50,   0xED0,   0xF20,   0x1040,  0x1090,  0x17E0,  0x1810,  0x1946,  0x19D0,
    0x1A80,  0x1A90,  0x1B50,  0x1BB0,  0x1C40,  0x1C50,  0xA620,  0xA8D0,  0xA900,  0xA9D0,  0xA9F0,
    0xAA50,  0xABF0,  0xFF10,  0x104A0, 0x10D30, 0x11066, 0x110F0, 0x11136, 0x111D0, 0x112F0, 0x11450,
    0x114D0, 0x11650, 0x116C0, 0x11730, 0x118E0, 0x11950, 0x11C50, 0x11D50, 0x11DA0, 0x16A60, 0x16AC0,
    0x16B50, 0x1D7CE, 0x1D7D8, 0x1D7E2, 0x1D7EC, 0x1D7F6, 0x1E140, 0x1E2F0, 0x1E950, 0x1FBF0};

struct Range {
  std::uint32_t first;
  std::uint32_t last;
};

template <std::size_t size>
bool is_in(const std::array<Range, size>& ranges, std::uint32_t code) {
  return std::any_of(ranges.begin(), ranges.end(),
                     [code](const Range& range) { return code >= range.first && code <= range.last; });
}

/// Of any script; superscripts, fractions, Roman numerals and numbers in circles are digits as well.
bool is_digit(std::uint32_t code) {
  constexpr std::array<Range, 9> others = {{{'0', '9'},
                                            {0xB2, 0xB3},
                                            {0xB9, 0xB9},
                                            {0xBC, 0xBE},
                                            {0x2070, 0x2089},
                                            {0x2150, 0x218B},
                                            {0x2460, 0x249B},
                                            {0x24EA, 0x24FF},
                                            {0x2776, 0x2793}}};
  return is_in(others, code) ||
         std::any_of(zeros.begin(), zeros.end(), [code](std::uint32_t zero) { return code - zero < 10; });
}

/// Whatever is beyond ASCII and no digit, sign, blank, punctuation or symbol of a currency.
bool is_letter(std::uint32_t code) {
  constexpr std::array<Range, 10> symbols = {{{0x80, 0xBF},
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
  int num_digits = 0;
  bool digit_first = false;  // before any letter
};

/// A byte that is no part of UTF-8 counts as the character of Latin-1.
Contents contents(std::string_view field) {
  Contents result;
  while (!field.empty()) {
    const Character character = first_character(field);
    const std::uint32_t code = character.length > 0 ? character.code : static_cast<unsigned char>(field.front());
    if (is_digit(code)) {
      result.digit_first = result.digit_first || result.num_letters == 0;
      ++result.num_digits;
    } else if (is_letter(code)) {
      ++result.num_letters;
    }
    field.remove_prefix(std::max<std::size_t>(character.length, 1));
  }
  return result;
}

/// "1,5", "0x10", "12 %", "2020-01-01T00:00:00Z", or digits of another script; not "x1" nor "1st floor".
bool looks_like_number(std::string_view field) {
  constexpr int max_letters = 4;
  const Contents found = contents(field);
  return parse_number(field) || (found.digit_first && found.num_letters <= max_letters);
}

std::string lower_case(std::string_view text) {
  std::string result(text);
  std::transform(result.begin(), result.end(), result.begin(), [](unsigned char c) { return std::tolower(c); });
  return result;
}

/// n/a, N.A., <NA>, #N/A, #DIV/0!, -nan, (unknown): the codes that programs and people write.
bool is_missing_code(std::string_view field) {
  constexpr std::array<std::string_view, 24> codes = {
      "na",           "nan",           "null",    "none",   "nil", "missing", "unknown", "nd",   "undefined",
      "undef",        "nat",           "ka",      "void",   "bdl", "blank",   "tbd",     "true", "false",
      "notavailable", "notapplicable", "novalue", "nodata", "ind", "empty"};
  if (field.starts_with('#') && (field.ends_with('!') || field.ends_with('?'))) {
    return true;
  }
  std::string letters = lower_case(field);
  std::erase_if(letters, [](unsigned char c) { return c < 0x80 && std::isalpha(c) == 0; });
  return std::find(codes.begin(), codes.end(), letters) != codes.end();
}

/// How many fields 0, 1, 2, .. the row begins with.
std::size_t num_numbered(const std::vector<std::string_view>& fields) {
  std::size_t place = 0;
  while (place < fields.size() && fields[place] == std::to_string(place)) {
    ++place;
  }
  return place;
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

/// Where `name` stands in names, which hold it once.
Index place_of(const std::string& name, const Table& table, const Table& model) {
  const auto found = std::find(table.names.begin(), table.names.end(), name);
  if (found == table.names.end()) {
    throw table.source.invalid(
        fmt::format("it has no column {}, which \"{}\" has", quoted_field(name), printable(model.source.path, 100)));
  }
  return found - table.names.begin();
}

void check_distinct(const Table& table) {
  std::vector<std::string> names = table.names;
  std::sort(names.begin(), names.end());
  if (const auto twice = std::adjacent_find(names.begin(), names.end()); twice != names.end()) {
    throw table.source.invalid(
        fmt::format("it has the column {} twice, and columns of two tables are matched by their names ({} and skipped "
                    "lines match them by place)",
                    quoted_field(*twice), table.source.with("header", "no")));
  }
}

}  // namespace

std::optional<double> parse_number(std::string_view text) {
  if (text.starts_with('+') && !text.starts_with("+-")) {
    text.remove_prefix(1);
  }
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error == std::errc::result_out_of_range) {
    return std::numeric_limits<double>::infinity();
  }
  return error == std::errc() && end == text.data() + text.size() ? std::optional(value) : std::nullopt;
}

bool is_numbered(const std::vector<std::string_view>& fields) {
  return fields.size() >= 3 && num_numbered(fields) == fields.size();
}

bool is_word(std::string_view field) {
  return contents(field).num_letters > 0 && !looks_like_number(field) && !is_missing_code(field);
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
  const std::size_t num_codes = fields.size() - words.size() - num_empty;
  const bool all_same = words.size() > 1 && std::count(words.begin(), words.end(), words[0]) == std::ssize(words);
  return words.size() > num_codes && words.size() >= num_empty && !all_same ? FirstRow::names : FirstRow::doubtful;
}

bool looks_like_row(std::string_view comment) {
  const std::vector<std::string_view> fields = split_fields(comment);
  const auto others = fields.begin() + 1;
  if (fields[0].size() < 2 || fields[0].find_first_of(" \t") != fields[0].npos || others == fields.end() ||
      std::any_of(others, fields.end(), is_word)) {
    return false;
  }
  return !is_word(fields[0]) ||
         std::any_of(others, fields.end(), [](std::string_view field) { return !field.empty(); });
}

bool sort_columns(Table& table, const Table& model) {
  if (table.names.empty() || model.names.empty()) {
    return false;
  }
  check_distinct(model);
  check_distinct(table);
  std::vector<Index> columns;
  for (const std::string& name : model.names) {
    columns.push_back(place_of(name, table, model));
  }
  for (const std::string& name : table.names) {
    place_of(name, model, table);
  }
  if (table.names == model.names) {
    return false;
  }
  Vector row(table.values.cols());
  for (Index k = 0; k < table.values.rows(); ++k) {  // in place: a copy of the table might not fit
    row = table.values.row(k).transpose();
    table.values.row(k) = row(columns).transpose();
  }
  table.names = model.names;
  return true;
}

}  // namespace mfld::tables

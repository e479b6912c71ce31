#include "tables/text/fields.hpp"

#include <algorithm>
#include <array>
#include <string>
#include <utility>

#include "tables/text/table_header.hpp"

namespace mfld::tables {

namespace {

/// Those that can be found, what most programs write first.
constexpr std::array<Separator, 5> candidates = {Separator::comma, Separator::semicolon, Separator::tab, Separator::bar,
                                                 Separator::blanks};

/// How well a separator fits: one that splits both lines alike, then one that splits both, by numbers and fields.
struct Fit {
  bool alike = false;
  double numbers = 0;  // their share in the last line
  std::size_t fields = 0;

  bool operator<(const Fit& other) const {
    if (alike != other.alike) {
      return other.alike;
    }
    return alike ? numbers < other.numbers : fields < other.fields;
  }
};

Fit fit_of(Separator separator, std::string_view first, const std::optional<std::string_view>& second) {
  const auto above = split_fields(first, separator);
  const auto below = second ? split_fields(*second, separator) : above;
  const auto is_number = [separator](std::string_view field) {
    return parse_number(field) || (separator != Separator::comma && has_decimal_comma(field));
  };
  const auto count = std::count_if(below.begin(), below.end(), is_number);
  return {above.size() > 1 && above.size() == below.size(),
          static_cast<double>(count) / static_cast<double>(below.size()), std::min(above.size(), below.size())};
}

std::string_view unquoted(std::string_view field) {
  field = trimmed(field);
  const bool quoted = field.size() >= 2 && field.front() == '"' && field.back() == '"';
  return quoted ? trimmed(field.substr(1, field.size() - 2)) : field;
}

}  // namespace

std::string_view trimmed(std::string_view text) {
  constexpr std::string_view blanks = " \t\r\v\f";
  const std::size_t first = text.find_first_not_of(blanks);
  return first == text.npos ? std::string_view() : text.substr(first, text.find_last_not_of(blanks) - first + 1);
}

char sign_of(Separator separator) {
  switch (separator) {
    case Separator::automatic:
    case Separator::comma:
      return ',';
    case Separator::semicolon:
      return ';';
    case Separator::tab:
      return '\t';
    case Separator::bar:
      return '|';
    case Separator::blanks:
      break;
  }
  return ' ';
}

std::string_view words_of(Separator separator) {
  return std::find_if(separators.begin(), separators.end(),
                      [separator](const SeparatorInfo& row) { return row.value == separator; })
      ->words;
}

std::vector<std::string_view> split_fields(std::string_view line, Separator separator) {
  const bool by_blanks = separator == Separator::blanks;
  const char sign = sign_of(separator);
  std::vector<std::string_view> fields;
  bool inside_quotes = false;
  std::size_t start = 0;
  if (by_blanks) {
    line = trimmed(line);
  }
  for (std::size_t i = 0; i < line.size(); ++i) {
    if (line[i] == '"') {
      inside_quotes = !inside_quotes;
    } else if (!inside_quotes && (line[i] == sign || (by_blanks && line[i] == '\t'))) {
      fields.push_back(unquoted(line.substr(start, i - start)));
      i = by_blanks ? line.find_first_not_of(" \t", i) - 1 : i;  // the line does not end with a blank
      start = i + 1;
    }
  }
  fields.push_back(unquoted(line.substr(start)));
  return fields;
}

Separator find_separator(std::string_view first, const std::optional<std::string_view>& second, Separator preferred) {
  Separator best = preferred;
  Fit best_fit = fit_of(preferred, first, second);
  for (const Separator candidate : candidates) {
    if (const Fit fit = fit_of(candidate, first, second); best_fit < fit) {
      best = candidate;
      best_fit = fit;
    }
  }
  return best_fit.fields > 1 ? best : Separator::comma;
}

bool has_decimal_comma(std::string_view field) {
  if (std::count(field.begin(), field.end(), ',') != 1 || field.front() == ',' || field.back() == ',') {
    return false;
  }
  std::string number(field);
  const auto comma = std::find(number.begin(), number.end(), ',');
  *comma = '.';
  number.erase(std::remove(number.begin(), comma, '.'), comma);  // that part thousands
  return parse_number(number).has_value();
}

}  // namespace mfld::tables

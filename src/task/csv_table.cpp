#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <optional>
#include <utility>

#include "task/table.hpp"

namespace mfld::tables {

namespace {

/// Infinite where the text is a number that double precision cannot hold (either way: 1e400 and 1e-400).
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

/// Starts like a word, and is not one of the words that stand for a missing number.
bool is_name(std::string_view field) {
  constexpr std::array<std::string_view, 6> missing = {"na", "n/a", "null", "none", "missing", "nil"};
  std::string word(field);
  std::transform(word.begin(), word.end(), word.begin(), [](unsigned char c) { return std::tolower(c); });
  const auto starts_word = [](unsigned char c) { return std::isalpha(c) != 0 || c == '_' || c == '#' || c >= 0x80; };
  return !word.empty() && starts_word(static_cast<unsigned char>(word.front())) && !parse_number(field) &&
         std::find(missing.begin(), missing.end(), word) == missing.end();
}

class CsvReader {
 public:
  explicit CsvReader(const Source& source) : table_{source, {}, 1, {}} {}

  Table read(Index skip_lines) {
    std::ifstream file = open_file(table_.source);
    std::string line;
    for (Index number = 1; std::getline(file, line); ++number) {
      std::string_view text = line;
      constexpr std::string_view byte_order_mark = "\xEF\xBB\xBF";
      if (number == 1 && text.starts_with(byte_order_mark)) {
        text.remove_prefix(byte_order_mark.size());
      }
      if (number > skip_lines) {
        add_line(number, text);
      }
    }
    if (file.bad()) {
      throw table_.source.file_error("the system reports an error in the middle of it");
    }
    const std::size_t num_rows = values_.empty() ? 0 : values_.size() / num_columns_;
    check_shape(table_.source, num_rows, num_columns_);
    table_.values =
        Eigen::Map<const Inputs>(values_.data(), static_cast<Index>(num_rows), static_cast<Index>(num_columns_));
    return std::move(table_);
  }

 private:
  void add_line(Index number, std::string_view line) {
    if (trimmed(line).empty()) {
      blank_line_ = values_.empty() || blank_line_ != 0 ? blank_line_ : number;
      return;
    }
    if (blank_line_ != 0) {
      throw table_.source.invalid(fmt::format("line {} is empty and rows follow it (line {})", blank_line_, number));
    }
    const std::vector<std::string_view> fields = split_fields(line);
    if (num_columns_ == 0) {
      first_line_ = number;
      num_columns_ = fields.size();
      if (std::any_of(fields.begin(), fields.end(), is_name)) {
        table_.names.assign(fields.begin(), fields.end());
        return;
      }
    }
    if (fields.size() != num_columns_) {
      throw ragged(number, fields.size());
    }
    if (values_.empty()) {
      table_.first_line = number;
    }
    for (std::size_t column = 0; column < fields.size(); ++column) {
      values_.push_back(number_in(fields[column], number, static_cast<Index>(column + 1)));
    }
  }

  InvalidInput ragged(Index line, std::size_t num_fields) const {
    const bool is_short = num_fields < num_columns_;
    return table_.source.invalid_at(
        line, static_cast<Index>(is_short ? num_fields : num_columns_) + 1,
        fmt::format("is {}: {} fields where line {} has {} (commas separate fields, task.skip_lines skips lines before "
                    "the table)",
                    is_short ? "missing" : "one too many", num_fields, first_line_, num_columns_));
  }

  double number_in(std::string_view field, Index line, Index column) const {
    const std::optional<double> value = parse_number(field);
    if (!value || !std::isfinite(*value)) {
      throw table_.source.invalid_at(line, column,
                                     field.empty()
                                         ? "is empty and must hold a finite number"
                                         : fmt::format("holds {} and must hold a finite number", quoted_field(field)));
    }
    return *value;
  }

  Table table_;
  std::vector<double> values_;
  std::size_t num_columns_ = 0;  // 0: no line read yet
  Index first_line_ = 0;         // header or first row
  Index blank_line_ = 0;         // first blank line after a row; 0: none
};

}  // namespace

Table read_csv(const Source& source, Index skip_lines) { return CsvReader(source).read(skip_lines); }

}  // namespace mfld::tables

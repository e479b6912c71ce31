#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <string>
#include <system_error>
#include <utility>

#include "mfld/core/printable.hpp"
#include "tables/table_file.hpp"
#include "tables/table_header.hpp"

namespace mfld::tables {

namespace {

/// Integers are exact in double precision up to here, and not all beyond.
constexpr double largest_exact = 0x1p53;

/// The digits alone, without sign, zeros in front, and an exponent that takes none of them behind the point; empty
/// where the field is no integer.
std::string_view digits_of_integer(std::string_view field) {
  if (const std::size_t mark = field.find_first_of("eE"); mark != field.npos && field.substr(mark + 1, 1) != "-") {
    field = field.substr(0, mark);
  }
  field.remove_prefix(std::min(field.find_first_not_of("+-"), field.size()));
  field.remove_prefix(std::min(field.find_first_not_of('0'), field.empty() ? 0 : field.size() - 1));
  return field.find_first_not_of("0123456789") == field.npos ? field : std::string_view();
}

class CsvReader {
 public:
  CsvReader(const Source& source, const TableOptions& options)
      : table_{source, {}, 1, {}}, header_(options.header), num_copies_(options.num_copies), lines_(source) {
    read(options.skip_lines);
  }

  Table take() {
    check_shape(table_.source, static_cast<std::uint64_t>(num_rows_), num_columns_);
    table_.values.conservativeResize(num_rows_, Eigen::NoChange);
    return std::move(table_);
  }

 private:
  void read(Index skip_lines) {
    std::string_view line;
    for (Index number = 1; lines_.next(line); ++number) {
      if (number == 1) {
        line = without_mark(line);
      }
      if (number > skip_lines && !(num_rows_ > 1 && gap_.empty() && add_plain_row(line))) {
        add_line(number, line);
      }
    }
  }

  std::string_view without_mark(std::string_view line) const {
    constexpr std::string_view byte_order_mark = "\xEF\xBB\xBF";
    if (line.starts_with("\xFF\xFE") || line.starts_with("\xFE\xFF")) {
      throw table_.source.invalid("it is text in UTF-16 and must be in UTF-8 or ASCII");
    }
    line.remove_prefix(line.starts_with(byte_order_mark) ? byte_order_mark.size() : 0);
    return line;
  }

  /// The row of numbers that `line` is, without the checks of `add_line`; false, and nothing added, if it is another.
  bool add_plain_row(std::string_view line) {
    make_room();
    double* row = table_.values.row(num_rows_).data();
    const char* place = line.data();
    const char* end = place + line.size();
    for (std::size_t column = 0; column < num_columns_; ++column) {
      place = std::find_if(place, end, [](char c) { return c != ' '; });
      const auto [stop, error] = std::from_chars(place, end, row[column]);
      if (error != std::errc() || !(std::abs(row[column]) < largest_exact)) {
        return false;
      }
      place = std::find_if(stop, end, [](char c) { return c != ' '; });
      if (column + 1 < num_columns_ && (place == end || *place++ != ',')) {
        return false;
      }
    }
    place += place != end && *place == '\r' ? 1 : 0;
    num_rows_ += place == end ? 1 : 0;
    return place == end;
  }

  /// So many rows as the file seems to have; by its length so far, a twentieth or more at a time.
  void make_room() {
    if (num_rows_ < table_.values.rows()) {
      return;
    }
    const auto rows = static_cast<double>(num_rows_);
    const double wanted = std::clamp(1.01 * rows * lines_.times_as_long(), 1.25 * rows, 2 * rows) + 1;
    check_fits(table_.source, static_cast<std::uint64_t>(wanted), num_columns_, num_copies_);
    table_.values.conservativeResize(static_cast<Index>(wanted), static_cast<Index>(num_columns_));
  }

  void add_line(Index number, std::string_view line) {
    line = trimmed(line);
    check_text(number, line);
    if (line.empty() || line.starts_with('#')) {
      add_gap(number, line);
      return;
    }
    if (num_rows_ > 0 && !gap_.empty()) {
      throw table_.source.invalid(fmt::format("line {} {} and rows follow it (line {})", gap_line_, gap_, number));
    }
    const std::vector<std::string_view> fields = split_fields(line);
    if (num_columns_ == 0 && add_header(number, fields)) {
      return;
    }
    if (fields.size() != num_columns_) {
      throw ragged(number, fields.size());
    }
    if (num_rows_ == 0) {
      table_.first_line = number;
    } else if (num_rows_ == 1 && is_numbered_) {
      throw doubtful_numbers();
    }
    make_room();
    for (std::size_t column = 0; column < fields.size(); ++column) {
      table_.values(num_rows_, static_cast<Index>(column)) =
          number_in(fields[column], number, static_cast<Index>(column + 1));
    }
    ++num_rows_;
  }

  /// A line without numbers, which may stand before the rows or behind them.
  void add_gap(Index number, std::string_view line) {
    if (line.starts_with('#')) {
      if (looks_like_row(line)) {
        throw table_.source.invalid_at(
            number, 1,
            fmt::format("holds {}: is the line a comment or a row? ({} skips lines before "
                        "the table)",
                        quoted_field(split_fields(line)[0]), table_.source.option("skip_lines")));
      }
      if (num_rows_ == 0) {
        comment_ = line;
      }
    }
    if (num_rows_ > 0 && gap_.empty()) {
      gap_line_ = number;
      gap_ = line.empty() ? "is empty" : "is a comment";
    }
  }

  /// What no text has that is made of lines and fields as they are read here.
  void check_text(Index number, std::string_view line) const {
    const std::size_t strange = line.find_first_of(std::string_view("\r\0", 2));
    if (strange != line.npos) {
      const bool is_return = line[strange] == '\r';
      throw table_.source.invalid_at(number, std::ssize(split_fields(line.substr(0, strange))),
                                     is_return ? "holds a carriage return: lines must end in \"\\n\" or \"\\r\\n\""
                                               : "holds a zero byte: the text must be in UTF-8 or ASCII");
    }
    if (!line.starts_with('#') && std::count(line.begin(), line.end(), '"') % 2 != 0) {
      throw table_.source.invalid_at(number, std::ssize(split_fields(line)),
                                     "holds a quotation mark without another: a field must end on its line");
    }
  }

  /// Whether the first line that is neither empty nor a comment is the header. The names may stand in a comment above
  /// the first row as well.
  bool add_header(Index number, const std::vector<std::string_view>& fields) {
    first_line_ = number;
    num_columns_ = fields.size();
    const FirstRow kind = kind_of_first_row(fields);
    if (header_ == Header::yes || (header_ == Header::automatic && kind == FirstRow::names)) {
      set_names(fields);
      table_.header_line = number;
      return true;
    }
    if (header_ == Header::automatic && kind == FirstRow::doubtful) {
      const auto word = std::find_if(fields.begin(), fields.end(), is_word);
      throw table_.source.invalid_at(
          number, word - fields.begin() + 1,
          fmt::format("holds {} and must hold a finite number{}", quoted_field(*word), ways_out()));
    }
    std::string_view text = comment_;
    text.remove_prefix(std::min(text.find_first_not_of("# \t"), text.size()));
    const std::vector<std::string_view> names = split_fields(text);
    if (header_ == Header::automatic && names.size() == num_columns_ && kind_of_first_row(names) == FirstRow::names) {
      set_names(names);
    }
    is_numbered_ = header_ == Header::automatic && table_.names.empty() && is_numbered(fields);
    const bool has_index = fields[0].empty() && is_numbered({fields.begin() + 1, fields.end()});
    may_be_header_ =
        header_ == Header::automatic && (has_index || std::none_of(fields.begin(), fields.end(), parse_number));
    return false;
  }

  /// 0, 1, .., k above rows: names that pandas gives, or numbers.
  InvalidInput doubtful_numbers() const {
    return table_.source.invalid(fmt::format(
        "line {} is 0, 1{} and could be names that a program gave to the columns: is it a header ({}) or a row ({})?",
        first_line_, num_columns_ > 2 ? fmt::format(", .., {}", num_columns_ - 1) : "",
        table_.source.with("header", "yes"), table_.source.with("header", "no")));
  }

  /// For who knows better what the first line is.
  std::string ways_out() const {
    return fmt::format(" ({} makes a header of the line, {} skips lines before the table)",
                       table_.source.with("header", "yes"), table_.source.option("skip_lines"));
  }

  void set_names(const std::vector<std::string_view>& fields) {
    std::transform(fields.begin(), fields.end(), std::back_inserter(table_.names), escaped);
  }

  InvalidInput ragged(Index line, std::size_t num_fields) const {
    const bool is_short = num_fields < num_columns_;
    return table_.source.invalid_at(
        line, static_cast<Index>(is_short ? num_fields : num_columns_) + 1,
        fmt::format("is {}: {} fields where line {} has {} (commas separate fields, {} skips lines before the table)",
                    is_short ? "missing" : "one too many", num_fields, first_line_, num_columns_,
                    table_.source.option("skip_lines")));
  }

  double number_in(std::string_view field, Index line, Index column) const {
    const std::optional<double> value = parse_number(field);
    if (!value || !std::isfinite(*value)) {
      throw table_.source.invalid_at(
          line, column,
          fmt::format("{} and must hold a finite number{}",
                      field.empty() ? "is empty" : fmt::format("holds {}", quoted_field(field)),
                      line == first_line_ && may_be_header_ ? ways_out() : ""));
    }
    const std::string_view digits = digits_of_integer(field);
    if (const double integer = parse_number(digits).value_or(0);
        integer >= largest_exact && fmt::format("{:.0f}", integer) != digits) {
      throw table_.source.invalid_at(
          line, column,
          fmt::format("holds the integer {}, which is none of double precision (with \".0\" behind it, it is rounded)",
                      quoted_field(field)));
    }
    return *value;
  }

  Table table_;  // more rows than there are, until `take`
  Header header_;
  int num_copies_;
  LineReader lines_;
  Index num_rows_ = 0;
  std::size_t num_columns_ = 0;  // 0: no line read yet
  Index first_line_ = 0;         // header or first row
  bool is_numbered_ = false;     // the first row: 0, 1, .., k
  bool may_be_header_ = false;   // the first row: it has no number, or 0, 1, .., k alone
  std::string comment_;          // the last before the first row
  std::string gap_;              // what the first line without numbers after a row is; empty: there is none
  Index gap_line_ = 0;
};

}  // namespace

Table read_csv(const Source& source, const TableOptions& options) { return CsvReader(source, options).take(); }

}  // namespace mfld::tables

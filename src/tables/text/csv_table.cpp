#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <iterator>
#include <optional>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include "tables/table_file.hpp"
#include "tables/text/csv_layout.hpp"
#include "tables/text/table_header.hpp"

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

/// The first lines of a text that wait until it is known what separates their fields.
constexpr std::size_t most_waiting = 100;

/// What stands between numbers.
struct Signs {
  char separator = ',';    // a blank where that is
  char other_blank = ' ';  // beside ' '
  bool by_blanks = false;
};

class CsvReader {
 public:
  CsvReader(const Source& source, const TableOptions& options)
      : table_{source, {}, 1, {}}, options_(options), separator_(options.csv.separator), lines_(source) {
    std::string_view line;
    for (Index number = 1; lines_.next(line); ++number) {
      if (number == 1) {
        line = without_mark(line);
      }
      if (number > options.csv.skip_lines && !(num_rows_ > 1 && gap_.empty() && add_plain_row(line))) {
        take_line(number, line);
      }
    }
    add_waiting();
  }

  Table take() {
    check_shape(table_.source, static_cast<std::uint64_t>(num_rows_), num_columns_);
    table_.values.conservativeResize(num_rows_, Eigen::NoChange);
    return std::move(table_);
  }

 private:
  std::string_view without_mark(std::string_view line) const {
    constexpr std::string_view byte_order_mark = "\xEF\xBB\xBF";
    if (line.starts_with("\xFF\xFE") || line.starts_with("\xFE\xFF")) {
      throw table_.source.invalid("it is text in UTF-16 and must be in UTF-8 or ASCII");
    }
    line.remove_prefix(line.starts_with(byte_order_mark) ? byte_order_mark.size() : 0);
    return line;
  }

  // --- Rows like the ones before

  static const char* behind_blanks(const char* place, const char* end, char other_blank) {
    return std::find_if(place, end, [other_blank](char c) { return c != ' ' && c != other_blank; });
  }

  /// The row of numbers that `line` is, without the checks of `add_line`; false, and nothing added, if it is another.
  bool add_plain_row(std::string_view line) {
    make_room();
    double* row = table_.values.row(num_rows_).data();
    const char* place = line.data();
    const char* end = place + line.size();
    const auto [sign, other_blank, by_blanks] = signs_;  // a copy that no store into the row could change
    const Index* slots = layout_.slots.data();
    for (std::size_t column = 0; column < num_columns_; ++column) {
      place = behind_blanks(place, end, other_blank);
      const Index slot = slots[column];
      const char* stop =
          column == class_column_ || slot < 0 ? pass_word(place, end, column, row) : pass_number(place, end, row[slot]);
      if (stop == nullptr) {
        return false;
      }
      place = behind_blanks(stop, end, other_blank);
      if (column + 1 < num_columns_ && (place == end || (by_blanks ? place == stop : *place++ != sign))) {
        return false;
      }
    }
    place += place != end && *place == '\r' ? 1 : 0;
    num_rows_ += place == end ? 1 : 0;
    return place == end;
  }

  /// Behind the number that begins there; null: there is none that needs no other look.
  static const char* pass_number(const char* place, const char* end, double& number) {
    const auto [stop, error] = std::from_chars(place, end, number);
    return error == std::errc() && std::abs(number) < largest_exact ? stop : nullptr;
  }

  /// The same for a class, or for whatever a column holds that is not read.
  const char* pass_word(const char* place, const char* end, std::size_t column, double* row) {
    if (column == 0 && (place == end || *place == '#')) {
      return nullptr;
    }
    const char* stop = std::find_if(place, end, [signs = signs_](char c) {
      return c == signs.separator || c == '"' || c == '\r' || c == '\0' || (signs.by_blanks && c == '\t');
    });
    const bool is_plain = stop == end || (*stop != '"' && *stop != '\0');
    if (!is_plain || column != class_column_) {
      return is_plain ? stop : nullptr;
    }
    const std::string_view word = trimmed({place, static_cast<std::size_t>(stop - place)});
    const auto known = std::find(table_.classes.begin(), table_.classes.end(), word);
    if (known == table_.classes.end()) {
      return nullptr;
    }
    row[layout_.slots[column]] = static_cast<double>(known - table_.classes.begin());
    return stop;
  }

  /// So many rows as the file seems to have; by its length so far, a twentieth or more at a time.
  void make_room() {
    if (num_rows_ < table_.values.rows()) {
      return;
    }
    const auto rows = static_cast<double>(num_rows_);
    const double wanted = std::clamp(1.01 * rows * lines_.times_as_long(), 1.25 * rows, 2 * rows) + 1;
    check_fits(table_.source, static_cast<std::uint64_t>(wanted), num_kept_, options_.num_copies);
    table_.values.conservativeResize(static_cast<Index>(wanted), static_cast<Index>(num_kept_));
  }

  // --- The first lines

  static bool is_gap(std::string_view line) {
    line = trimmed(line);
    return line.empty() || line.starts_with('#');
  }

  void take_line(Index number, std::string_view line) {
    const bool gap = is_gap(line);
    if (separator_ != Separator::automatic || (gap && waiting_.empty())) {
      add_line(number, line);
      return;
    }
    waiting_.emplace_back(number, line);
    if ((!gap && waiting_.size() > 1) || waiting_.size() == most_waiting) {
      add_waiting();
    }
  }

  void add_waiting() {
    if (waiting_.empty()) {
      return;
    }
    const std::string& last = waiting_.back().second;
    separator_ =
        find_separator(waiting_.front().second,
                       waiting_.size() > 1 && !is_gap(last) ? std::optional<std::string_view>(last) : std::nullopt,
                       table_.source.extension() == ".tsv" ? Separator::tab : Separator::comma);
    if (const auto& [number, line] = suspects_[static_cast<std::size_t>(separator_)]; number > 0) {
      throw doubtful_comment(number, line);
    }
    for (const auto& [number, line] : std::exchange(waiting_, {})) {
      add_line(number, line);
    }
  }

  // --- Any line

  void add_line(Index number, std::string_view text) {
    const std::string_view line = trimmed(text);
    check_text(number, line);
    if (line.empty() || line.starts_with('#')) {
      add_gap(number, line);
      return;
    }
    if (num_rows_ > 0 && !gap_.empty()) {
      throw table_.source.invalid(fmt::format("line {} {} and rows follow it (line {})", gap_line_, gap_, number));
    }
    // Tabs at the ends of a line may have empty fields before and behind.
    const CsvLine parts{number, split_fields(separator_ == Separator::tab ? text : line, separator_)};
    if (num_columns_ == 0) {
      begin_table(parts);
      if (layout_.has_header) {
        return;
      }
    }
    if (parts.fields.size() != num_columns_) {
      throw ragged(parts, line);
    }
    if (num_rows_ == 0) {
      table_.first_line = number;
    } else if (num_rows_ == 1 && layout_.is_numbered) {
      throw doubtful_numbers();
    }
    make_room();
    for (std::size_t column = 0; column < num_columns_; ++column) {
      if (const Index slot = layout_.slots[column]; slot >= 0) {
        table_.values(num_rows_, slot) = column == class_column_              ? class_in(parts, column)
                                         : is_of_logical(parts, column, slot) ? logical_in(parts, column)
                                                                              : number_in(parts, column);
      }
    }
    ++num_rows_;
  }

  /// A line without numbers, which may stand before the rows or behind them.
  void add_gap(Index number, std::string_view line) {
    if (line.starts_with('#')) {
      check_comment(number, line);
      if (num_rows_ == 0) {
        comment_ = line;
      }
    }
    if (num_rows_ > 0 && gap_.empty()) {
      gap_line_ = number;
      gap_ = line.empty() ? "is empty" : "is a comment";
    }
  }

  /// Above the first line of the table, what separates its fields is not known yet.
  void check_comment(Index number, std::string_view line) {
    if (separator_ != Separator::automatic) {
      if (looks_like_row(line, separator_)) {
        throw doubtful_comment(number, line);
      }
      return;
    }
    for (const SeparatorInfo& row : separators) {
      auto& [first, suspect] = suspects_[static_cast<std::size_t>(row.value)];
      if (first == 0 && looks_like_row(line, row.value)) {
        first = number;
        suspect = line;
      }
    }
  }

  InvalidInput doubtful_comment(Index number, std::string_view line) const {
    return table_.source.invalid_at(
        number, 1,
        fmt::format("holds {}: is the line a comment or a row? ({} skips lines before the table)",
                    quoted_field(split_fields(line, separator_)[0]), table_.source.option("skip_lines")));
  }

  /// What no text has that is made of lines and fields as they are read here.
  void check_text(Index number, std::string_view line) const {
    const std::size_t strange = line.find_first_of(std::string_view("\r\0", 2));
    if (strange != line.npos) {
      const bool is_return = line[strange] == '\r';
      throw table_.source.invalid_at(number, std::ssize(split_fields(line.substr(0, strange), separator_)),
                                     is_return ? "holds a carriage return: lines must end in \"\\n\" or \"\\r\\n\""
                                               : "holds a zero byte: the text must be in UTF-8 or ASCII");
    }
    if (!line.starts_with('#') && std::count(line.begin(), line.end(), '"') % 2 != 0) {
      throw table_.source.invalid_at(number, std::ssize(split_fields(line, separator_)),
                                     "holds a quotation mark without another: a field must end on its line");
    }
  }

  /// With the first line that is neither empty nor a comment.
  void begin_table(const CsvLine& line) {
    check_split(line);
    first_line_ = line.number;
    num_columns_ = line.fields.size();
    const bool by_blanks = separator_ == Separator::blanks;
    signs_ = {sign_of(separator_), by_blanks ? '\t' : ' ', by_blanks};
    layout_ = lay_out(table_.source, options_, line, comment_, separator_);
    table_.header_line = layout_.has_header ? line.number : 0;
    keep_columns();
  }

  /// What `table_` says of the columns that are kept.
  void keep_columns() {
    const Selection& chosen = layout_.selection;
    for (std::size_t column = 0; column < num_columns_; ++column) {
      if (layout_.slots[column] >= 0) {
        table_.places.push_back(static_cast<Index>(column));
        if (!layout_.names.empty()) {
          table_.names.push_back(layout_.names[column]);
        }
      }
    }
    num_kept_ = table_.places.size();
    const auto slot_of = [this](Index column) { return layout_.slots[static_cast<std::size_t>(column)]; };
    std::transform(chosen.inputs.begin(), chosen.inputs.end(), std::back_inserter(table_.selection.inputs), slot_of);
    if (chosen.target >= 0) {
      const auto target = static_cast<std::size_t>(chosen.target);
      table_.selection.target = slot_of(chosen.target);
      table_.target = Column(chosen.target, layout_.names.empty() ? "" : layout_.names[target]);
      class_column_ = options_.labels == Labels::classes ? target : no_column;
    }
  }

  /// A separator that somebody chose must split the line, unless nothing does.
  void check_split(const CsvLine& line) const {
    if (options_.csv.separator == Separator::automatic || line.fields.size() > 1) {
      return;
    }
    for (const SeparatorInfo& other : separators) {
      const std::size_t count = split_fields(line.fields[0], other.value).size();
      if (other.value != Separator::automatic && count > 1) {
        const auto chosen = std::find_if(separators.begin(), separators.end(),
                                         [this](const SeparatorInfo& row) { return row.value == separator_; });
        throw table_.source.invalid(fmt::format("{} splits nothing: line {} is one field, {}, in which {} separate {}",
                                                table_.source.with("separator", chosen->name), line.number,
                                                quoted_field(line.fields[0]), words_of(other.value), count));
      }
    }
  }

  /// 0, 1, .., k above rows: names that pandas gives, or numbers.
  InvalidInput doubtful_numbers() const {
    return table_.source.invalid(fmt::format(
        "line {} is 0, 1{} and could be names that a program gave to the columns: is it a header ({}) or a row ({})?",
        first_line_, num_columns_ > 2 ? fmt::format(", .., {}", num_columns_ - 1) : "",
        table_.source.with("header", "yes"), table_.source.with("header", "no")));
  }

  InvalidInput ragged(const CsvLine& parts, std::string_view line) const {
    const std::size_t num_fields = parts.fields.size();
    const bool is_short = num_fields < num_columns_;
    const bool lacks_name = layout_.has_header && num_rows_ == 0 && num_fields == num_columns_ + 1;
    const auto other = std::find_if(separators.begin(), separators.end(), [&](const SeparatorInfo& row) {
      return num_columns_ > 1 && row.value != Separator::automatic &&
             split_fields(line, row.value).size() == num_columns_;
    });
    return table_.source.invalid_at(
        parts.number, static_cast<Index>(is_short ? num_fields : num_columns_) + 1,
        fmt::format("is {}: {} fields where line {} has {} ({} separate fields{}, {} skips lines before the table)",
                    is_short ? "missing" : "one too many", num_fields, first_line_, num_columns_, words_of(separator_),
                    other != separators.end() ? fmt::format(", and {} in this line", other->words)
                    : lacks_name              ? ", so that a column may have no name"  // as R writes those of its rows
                                              : "",
                    table_.source.option("skip_lines")));
  }

  InvalidInput no_value(const CsvLine& parts, std::size_t column, std::string_view wanted) const {
    const std::string_view field = parts.fields[column];
    const bool is_target = static_cast<Index>(column) == layout_.selection.target;
    return table_.source.invalid_at(
        parts.number, static_cast<Index>(column) + 1,
        fmt::format("{} and must hold {}{}", field.empty() ? "is empty" : fmt::format("holds {}", quoted_field(field)),
                    wanted,
                    parts.number == first_line_ && layout_.may_be_header
                        ? ways_out(table_.source)
                        : way_out_of(table_.source, options_, field, is_target)));
  }

  double number_in(const CsvLine& parts, std::size_t column) const {
    const std::string_view field = parts.fields[column];
    const std::optional<double> value = parse_number(field);
    if (!value || !std::isfinite(*value)) {
      throw no_value(parts, column, "a finite number");
    }
    const std::string_view digits = digits_of_integer(field);
    if (const double integer = parse_number(digits).value_or(0);
        integer >= largest_exact && fmt::format("{:.0f}", integer) != digits) {
      throw table_.source.invalid_at(
          parts.number, static_cast<Index>(column) + 1,
          fmt::format("holds the integer {}, which is none of double precision (with \".0\" behind it, it is rounded)",
                      quoted_field(field)));
    }
    return *value;
  }

  /// Whether the column holds TRUE and FALSE, of inputs alone: the first row decides.
  bool is_of_logical(const CsvLine& parts, std::size_t column, Index slot) {
    if (num_rows_ == 0 && static_cast<Index>(column) != layout_.selection.target && is_logical(parts.fields[column])) {
      table_.logical.push_back(slot);
    }
    return std::find(table_.logical.begin(), table_.logical.end(), slot) != table_.logical.end();
  }

  double logical_in(const CsvLine& parts, std::size_t column) const {
    const std::string_view field = parts.fields[column];
    if (!is_logical(field)) {
      throw no_value(parts, column, "TRUE or FALSE, as in its first row");
    }
    return is_true(field) ? 1 : 0;
  }

  /// Which class the word is; the first row decides whether the column has words or numbers.
  double class_in(const CsvLine& parts, std::size_t column) {
    constexpr std::size_t most_classes = 100;
    const std::string_view field = parts.fields[column];
    if (num_rows_ == 0 ? parse_number(field).has_value() : table_.classes.empty()) {
      class_column_ = no_column;
      return number_in(parts, column);
    }
    const auto known = std::find(table_.classes.begin(), table_.classes.end(), field);
    if (known != table_.classes.end()) {
      return static_cast<double>(known - table_.classes.begin());
    }
    if (!is_class(field) && !parse_number(field)) {
      throw no_value(parts, column, "a class, a word or a number");
    }
    if (table_.classes.size() == most_classes) {
      throw table_.source.invalid_at(
          parts.number, static_cast<Index>(column) + 1,
          fmt::format("holds {}, a class beside {} others", quoted_field(field), most_classes));
    }
    table_.classes.emplace_back(field);
    return static_cast<double>(table_.classes.size() - 1);
  }

  static constexpr std::size_t no_column = static_cast<std::size_t>(-1);

  Table table_;  // more rows than there are, until `take`
  TableOptions options_;
  Separator separator_;  // automatic: not known yet
  LineReader lines_;
  CsvLayout layout_;
  Index num_rows_ = 0;
  std::size_t num_columns_ = 0;           // of the file; 0: no line read yet
  std::size_t num_kept_ = 0;              // of these
  std::size_t class_column_ = no_column;  // that holds words
  Signs signs_;
  Index first_line_ = 0;  // header or first row
  std::string comment_;   // the last before the first row
  std::string gap_;       // what the first line without numbers after a row is; empty: there is none
  Index gap_line_ = 0;
  std::vector<std::pair<Index, std::string>> waiting_;
  /// The first comment that would be a row, for each separator; its number is 0 where there is none.
  std::array<std::pair<Index, std::string>, separators.size()> suspects_;
};

}  // namespace

Table read_csv(const Source& source, const TableOptions& options) { return CsvReader(source, options).take(); }

}  // namespace mfld::tables

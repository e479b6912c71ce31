#include "mfld/task/file_dataset.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <bit>
#include <boost/random/uniform_int_distribution.hpp>
#include <cctype>
#include <cerrno>
#include <charconv>
#include <cmath>
#include <concepts>
#include <cstddef>
#include <filesystem>
#include <fstream>
#include <limits>
#include <numeric>
#include <optional>
#include <span>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include "mfld/core/error.hpp"
#include "mfld/core/hdf5_file.hpp"
#include "mfld/core/random.hpp"

namespace mfld {

namespace {

/// A file and the key that named it.
struct Source {
  std::string key;
  std::string path;

  std::string extension() const {
    std::string text = std::filesystem::path(path).extension().string();
    std::transform(text.begin(), text.end(), text.begin(), [](unsigned char c) { return std::tolower(c); });
    return text;
  }
  bool is_csv() const { return extension() == ".csv"; }
  bool is_npy() const { return extension() == ".npy"; }
  bool is_hdf5() const { return extension() == ".h5" || extension() == ".hdf5"; }

  FileError file_error(std::string_view reason) const {
    return FileError(fmt::format("{} = \"{}\" cannot be read: {}", key, path, reason));
  }
  InvalidInput invalid(std::string_view reason) const {
    return InvalidInput(fmt::format("{} = \"{}\": {}", key, path, reason));
  }
  /// Line (csv) or row of a file, and column, from 1.
  InvalidInput invalid_at(Index line, Index column, std::string_view reason) const {
    return invalid(fmt::format("{} {}, column {} {}", is_csv() ? "line" : "row", line, column, reason));
  }
};

struct Table {
  Source source;
  Inputs values;                   // [rows x columns], finite
  Index first_line = 1;            // where row 0 is in the file; the other rows follow without a gap
  std::vector<std::string> names;  // of the columns; empty if the file has none
};

std::ifstream open_file(const Source& source) {
  std::error_code unknown;
  if (std::filesystem::is_directory(source.path, unknown)) {
    throw source.file_error("it is a folder");
  }
  errno = 0;
  std::ifstream file(source.path, std::ios::binary);
  if (!file) {
    throw source.file_error(std::generic_category().message(errno));
  }
  return file;
}

/// rows x columns doubles, or a sentence where that is no table.
void check_shape(const Source& source, std::uint64_t rows, std::uint64_t columns) {
  constexpr std::uint64_t max_numbers = std::numeric_limits<Index>::max() / sizeof(double);
  if (rows == 0 || columns == 0) {
    throw source.invalid("the table is empty");
  }
  if (rows > max_numbers / columns) {
    throw source.invalid(fmt::format("a table of {} x {} numbers is too large", rows, columns));
  }
  if (columns < 2) {
    throw source.invalid("the table has 1 column and needs at least 2, an input and the target");
  }
}

void check_finite(const Table& table) {
  for (Index row = 0; row < table.values.rows(); ++row) {
    for (Index column = 0; column < table.values.cols(); ++column) {
      const double value = table.values(row, column);
      if (!std::isfinite(value)) {
        throw table.source.invalid_at(table.first_line + row, column + 1,
                                      fmt::format("holds {} and must hold a finite number", value));
      }
    }
  }
}

// --- csv -------------------------------------------------------------------------------------------------------------

std::string_view trimmed(std::string_view text) {
  constexpr std::string_view blanks = " \t\r\v\f";
  const std::size_t first = text.find_first_not_of(blanks);
  return first == text.npos ? std::string_view() : text.substr(first, text.find_last_not_of(blanks) - first + 1);
}

/// The fields of a line; commas inside double quotes belong to the field.
std::vector<std::string_view> split_fields(std::string_view line) {
  std::vector<std::string_view> fields;
  const auto add = [&fields](std::string_view field) {
    field = trimmed(field);
    const bool quoted = field.size() >= 2 && field.front() == '"' && field.back() == '"';
    fields.push_back(quoted ? trimmed(field.substr(1, field.size() - 2)) : field);
  };
  bool inside_quotes = false;
  std::size_t start = 0;
  for (std::size_t i = 0; i < line.size(); ++i) {
    if (line[i] == '"') {
      inside_quotes = !inside_quotes;
    } else if (line[i] == ',' && !inside_quotes) {
      add(line.substr(start, i - start));
      start = i + 1;
    }
  }
  add(line.substr(start));
  return fields;
}

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

/// What an error message shows of a field that may hold anything.
std::string quoted_field(std::string_view field) {
  constexpr std::size_t max_shown = 40;
  std::string shown(field.substr(0, max_shown));
  std::replace_if(
      shown.begin(), shown.end(), [](unsigned char c) { return std::iscntrl(c) != 0; }, '?');
  return fmt::format("\"{}{}\"", shown, field.size() > max_shown ? "..." : "");
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

// --- npy: numpy.lib.format, versions 1 to 3 -------------------------------------------------------------------------

std::uint64_t little_endian(const unsigned char* bytes, std::size_t size) {
  std::uint64_t word = 0;
  for (std::size_t i = size; i-- > 0;) {
    word = word << 8U | bytes[i];
  }
  return word;
}

template <class Number, std::unsigned_integral Word>
double load(const unsigned char* bytes) {
  return static_cast<double>(std::bit_cast<Number>(static_cast<Word>(little_endian(bytes, sizeof(Word)))));
}

struct NpyType {
  std::string_view name;
  std::size_t size;
  double (*load)(const unsigned char*);
};

constexpr std::array<NpyType, 10> npy_types = {{
    {"<f8", 8, load<double, std::uint64_t>},
    {"<f4", 4, load<float, std::uint32_t>},
    {"|i1", 1, load<std::int8_t, std::uint8_t>},
    {"<i2", 2, load<std::int16_t, std::uint16_t>},
    {"<i4", 4, load<std::int32_t, std::uint32_t>},
    {"<i8", 8, load<std::int64_t, std::uint64_t>},
    {"|u1", 1, load<std::uint8_t, std::uint8_t>},
    {"<u2", 2, load<std::uint16_t, std::uint16_t>},
    {"<u4", 4, load<std::uint32_t, std::uint32_t>},
    {"<u8", 8, load<std::uint64_t, std::uint64_t>},
}};

class NpyReader {
 public:
  explicit NpyReader(const Source& source) : source_(source), file_(open_file(source)) {
    file_.seekg(0, std::ios::end);
    bytes_left_ = static_cast<std::uint64_t>(std::max<std::streamoff>(file_.tellg(), 0));
    file_.seekg(0);
  }

  Table read() {
    const std::string header = read_header();
    const NpyType& type = parse_type(entry(header, "descr"));
    const bool by_columns = entry(header, "fortran_order").starts_with("True");
    const auto [rows, columns] = parse_shape(entry(header, "shape"));
    check_shape(source_, rows, columns);
    if (rows * columns > bytes_left_ / type.size || rows * columns * type.size != bytes_left_) {
      throw source_.file_error(fmt::format("its header promises {} x {} numbers of {} bytes and {} bytes follow", rows,
                                           columns, type.size, bytes_left_));
    }
    Table table{source_, Inputs(static_cast<Index>(rows), static_cast<Index>(columns)), 1, {}};
    const Index num_lines = static_cast<Index>(by_columns ? columns : rows);
    const Index length = static_cast<Index>(by_columns ? rows : columns);
    for (Index line = 0; line < num_lines; ++line) {
      const std::string bytes = take(static_cast<std::size_t>(length) * type.size);
      for (Index k = 0; k < length; ++k) {
        const auto* number =
            reinterpret_cast<const unsigned char*>(bytes.data()) + static_cast<std::size_t>(k) * type.size;
        (by_columns ? table.values(k, line) : table.values(line, k)) = type.load(number);
      }
    }
    check_finite(table);
    return table;
  }

 private:
  std::string take(std::uint64_t num_bytes) {
    if (num_bytes > bytes_left_) {
      throw source_.file_error("it ends within its header");
    }
    std::string bytes(num_bytes, '\0');
    if (!file_.read(bytes.data(), static_cast<std::streamsize>(num_bytes))) {
      throw source_.file_error("the system reports an error in the middle of it");
    }
    bytes_left_ -= num_bytes;
    return bytes;
  }

  /// The text of the dictionary that says how the data lie.
  std::string read_header() {
    const std::string start = take(8);
    const auto version = static_cast<unsigned char>(start[6]);
    if (!start.starts_with("\x93NUMPY") || version < 1 || version > 3) {
      throw source_.file_error("it does not start like a .npy file of version 1, 2 or 3");
    }
    const std::string length = take(version == 1 ? 2 : 4);
    return take(little_endian(reinterpret_cast<const unsigned char*>(length.data()), length.size()));
  }

  /// The text that follows 'key': in the dictionary.
  std::string_view entry(std::string_view header, std::string_view key) const {
    const std::string quoted = fmt::format("'{}':", key);
    const std::size_t place = header.find(quoted);
    if (place == header.npos) {
      throw source_.file_error(fmt::format("its header has no entry '{}'", key));
    }
    return trimmed(header.substr(place + quoted.size()));
  }

  const NpyType& parse_type(std::string_view text) const {
    const std::string_view name =
        text.starts_with('\'') ? text.substr(1, std::min(text.find('\'', 1), text.size()) - 1) : text;
    const auto found =
        std::find_if(npy_types.begin(), npy_types.end(), [name](const NpyType& type) { return type.name == name; });
    if (found == npy_types.end()) {
      throw source_.invalid(
          fmt::format("its numbers are of type {} and must be little-endian floats of 4 or 8 bytes, "
                      "or integers",
                      quoted_field(name)));
    }
    return *found;
  }

  std::pair<std::uint64_t, std::uint64_t> parse_shape(std::string_view text) const {
    const std::size_t end = text.find(')');
    if (!text.starts_with('(') || end == text.npos) {
      throw source_.file_error("the shape in its header is no tuple");
    }
    std::vector<std::string_view> extents = split_fields(text.substr(1, end - 1));
    if (extents.back().empty()) {
      extents.pop_back();
    }
    if (extents.size() != 2) {
      throw source_.invalid(fmt::format("its array has {} dimensions and must have 2", extents.size()));
    }
    std::array<std::uint64_t, 2> shape{};
    for (std::size_t k = 0; k < 2; ++k) {
      const char* last = extents[k].data() + extents[k].size();
      const auto [stop, error] = std::from_chars(extents[k].data(), last, shape[k]);
      if (error != std::errc() || stop != last) {
        throw source_.file_error(fmt::format("{} in its header is no extent of an array", quoted_field(extents[k])));
      }
    }
    return {shape[0], shape[1]};
  }

  Source source_;
  std::ifstream file_;
  std::uint64_t bytes_left_ = 0;
};

// --- hdf5 ------------------------------------------------------------------------------------------------------------

Table read_hdf5(const Source& source, const std::string& data_set) {
  const Hdf5File file = Hdf5File::open(source.path);
  if (data_set.empty() || !file.has_data_set(data_set)) {
    throw InvalidInput(
        fmt::format("task.dataset = \"{}\" must name a data set of the file \"{}\"", data_set, source.path));
  }
  const Hdf5File::Shape shape = file.shape(data_set);
  if (shape.size() != 2) {
    throw source.invalid(fmt::format("its data set \"{}\" has {} dimensions and must have 2", data_set, shape.size()));
  }
  check_shape(source, static_cast<std::uint64_t>(shape[0]), static_cast<std::uint64_t>(shape[1]));
  Table table{source, Inputs(shape[0], shape[1]), 1, {}};
  file.read<double>(data_set, {table.values.data(), static_cast<std::size_t>(table.values.size())});
  check_finite(table);
  return table;
}

// --- from tables to a data set ---------------------------------------------------------------------------------------

Table read_table(const Source& source, const FileDatasetOptions& options) {
  if (source.is_csv()) {
    return CsvReader(source).read(options.skip_lines);
  }
  return source.is_npy() ? NpyReader(source).read() : read_hdf5(source, options.dataset);
}

std::vector<Source> sources_of(const FileDatasetOptions& options) {
  std::vector<Source> sources = {{"task.path", options.path}};
  if (!options.test_path.empty()) {
    sources.push_back({"task.test_path", options.test_path});
  }
  for (const Source& source : sources) {
    if (!source.is_csv() && !source.is_npy() && !source.is_hdf5()) {
      throw source.invalid("the name must end in .csv, .npy, .h5 or .hdf5");
    }
  }
  return sources;
}

void check_options(const FileDatasetOptions& options, const std::vector<Source>& sources) {
  if (!(options.test_fraction >= 0 && options.test_fraction < 1)) {
    throw InvalidInput(fmt::format("task.test_fraction = {} must be in [0, 1)", options.test_fraction));
  }
  if (!std::isfinite(options.input_scale) || options.input_scale == 0) {
    throw InvalidInput(fmt::format("task.input_scale = {} must be finite and not 0", options.input_scale));
  }
  if (options.skip_lines < 0) {
    throw InvalidInput(fmt::format("task.skip_lines = {} must be at least 0", options.skip_lines));
  }
  if (options.skip_lines > 0 &&
      std::none_of(sources.begin(), sources.end(), [](const Source& s) { return s.is_csv(); })) {
    throw InvalidInput(fmt::format("task.skip_lines = {} must be 0: only a .csv file has lines", options.skip_lines));
  }
}

/// From 0, counted from the left.
Index target_column(const FileDatasetOptions& options, Index num_columns) {
  const Index column = options.target_column + (options.target_column < 0 ? num_columns : 0);
  if (column < 0 || column >= num_columns) {
    throw InvalidInput(fmt::format("task.target_column = {} must be in {}..{}: \"{}\" has {} columns",
                                   options.target_column, -num_columns, num_columns - 1, options.path, num_columns));
  }
  return column;
}

/// The two labels of all tables become -1 and +1. Returns what became what.
std::string map_to_signs(std::vector<Table>& tables, Index target) {
  std::vector<double> classes;
  for (const Table& table : tables) {
    for (Index row = 0; row < table.values.rows(); ++row) {
      const double label = table.values(row, target);
      if (std::find(classes.begin(), classes.end(), label) != classes.end()) {
        continue;
      }
      if (classes.size() == 2) {
        throw table.source.invalid_at(table.first_line + row, target + 1,
                                      fmt::format("holds a third label {} beside {} and {}, and task.binary_labels = "
                                                  "true needs exactly two",
                                                  label, classes[0], classes[1]));
      }
      classes.push_back(label);
    }
  }
  if (classes.size() < 2) {
    throw tables[0].source.invalid(fmt::format(
        "every label in column {} is {}, and task.binary_labels = true needs exactly two", target + 1, classes[0]));
  }
  const auto [smaller, larger] = std::minmax(classes[0], classes[1]);
  for (Table& table : tables) {
    for (double& label : table.values.col(target)) {
      label = label == larger ? 1 : -1;
    }
  }
  return fmt::format(", labels {} -> -1 and {} -> +1", smaller, larger);
}

/// Rows of the training part and of the test part, ascending: the first `num_test` places of a random permutation are
/// the test part, so that a larger test part contains a smaller one of the same seed.
std::pair<std::vector<Index>, std::vector<Index>> split_rows(Index num_rows, Index num_test, std::uint64_t seed) {
  std::vector<Index> rows(static_cast<std::size_t>(num_rows));
  std::iota(rows.begin(), rows.end(), Index{0});
  RandomStream stream(seed, Purpose::split, 0);
  const auto boundary = rows.begin() + num_test;
  for (Index place = 0; place < num_test; ++place) {
    std::swap(
        rows[static_cast<std::size_t>(place)],
        rows[static_cast<std::size_t>(boost::random::uniform_int_distribution<Index>(place, num_rows - 1)(stream))]);
  }
  std::sort(rows.begin(), boundary);
  std::sort(boundary, rows.end());
  return {{boundary, rows.end()}, {rows.begin(), boundary}};
}

void fill_parts(const std::vector<Table>& tables, const FileDatasetOptions& options, Index target, std::uint64_t seed,
                Dataset& data) {
  std::vector<Index> columns;
  for (Index column = 0; column < tables[0].values.cols(); ++column) {
    if (column != target) {
      columns.push_back(column);
    }
  }
  if (tables.size() == 2) {
    data.train_inputs = tables[0].values(Eigen::all, columns);
    data.train_targets = tables[0].values.col(target);
    data.test_inputs = tables[1].values(Eigen::all, columns);
    data.test_targets = tables[1].values.col(target);
    return;
  }
  const Index num_rows = tables[0].values.rows();
  const auto num_test = static_cast<Index>(std::llround(options.test_fraction * static_cast<double>(num_rows)));
  if (num_test >= num_rows) {
    throw InvalidInput(fmt::format("task.test_fraction = {} must leave a training row: \"{}\" has {} rows",
                                   options.test_fraction, options.path, num_rows));
  }
  const auto [train, test] = split_rows(num_rows, num_test, seed);
  data.train_inputs = tables[0].values(train, columns);
  data.train_targets = tables[0].values(train, target);
  data.test_inputs = tables[0].values(test, columns);
  data.test_targets = tables[0].values(test, target);
}

/// x <- (x - mean) / standard deviation (of the n training rows, denominator n), column by column.
void standardise(Dataset& data) {
  const auto n = static_cast<double>(data.num_train());
  for (Index column = 0; column < data.input_dim(); ++column) {
    const Vector train = data.train_inputs.col(column);
    const bool is_constant = train.minCoeff() == train.maxCoeff();
    const double mean = (train / n).sum();
    const double deviation = ((train.array() - mean).matrix() / std::sqrt(n)).stableNorm();
    for (Inputs* part : {&data.train_inputs, &data.test_inputs}) {
      for (Index row = 0; row < part->rows(); ++row) {
        double& x = (*part)(row, column);
        x = is_constant ? 0 : (x - mean) / deviation;
      }
    }
  }
}

void scale_inputs(const FileDatasetOptions& options, Dataset& data) {
  if (options.standardise) {
    standardise(data);
  }
  data.train_inputs *= options.input_scale;
  data.test_inputs *= options.input_scale;
  if (!data.train_inputs.allFinite() || !data.test_inputs.allFinite()) {
    throw InvalidInput(fmt::format(
        "task.input_scale = {} and task.standardise = {} must keep every input finite, and with the numbers "
        "of \"{}\" they do not",
        options.input_scale, options.standardise, options.path));
  }
}

std::string describe(const Table& table, const FileDatasetOptions& options, Index target, const Dataset& data,
                     std::string_view labels) {
  const std::string name =
      table.names.empty() ? "" : fmt::format(" \"{}\"", table.names[static_cast<std::size_t>(target)]);
  const std::string test =
      options.test_path.empty() ? "drawn from the same file" : fmt::format("of \"{}\"", options.test_path);
  return fmt::format(
      "y = column {}{} of \"{}\"{}, x = its other {} columns{}{}; {} training rows, {} test rows {}", target + 1, name,
      options.path, labels, data.input_dim(),
      options.standardise ? ", each minus the mean and divided by the standard deviation of the training part" : "",
      options.input_scale != 1 ? fmt::format(", times {}", options.input_scale) : "", data.num_train(), data.num_test(),
      test);
}

}  // namespace

Dataset make_file_dataset(const FileDatasetOptions& options, std::uint64_t seed) {
  const std::vector<Source> sources = sources_of(options);
  check_options(options, sources);
  std::vector<Table> tables;
  tables.reserve(sources.size());
  for (const Source& source : sources) {
    tables.push_back(read_table(source, options));
  }
  const Index num_columns = tables[0].values.cols();
  const Index target = target_column(options, num_columns);
  if (tables.back().values.cols() != num_columns) {
    throw tables.back().source.invalid(fmt::format("its table has {} columns and must have {} as \"{}\"",
                                                   tables.back().values.cols(), num_columns, options.path));
  }
  const std::string labels = options.binary_labels ? map_to_signs(tables, target) : "";

  Dataset data;
  fill_parts(tables, options, target, seed, data);
  data.relevant_subspace.resize(data.input_dim(), 0);
  scale_inputs(options, data);
  data.description = describe(tables[0], options, target, data, labels);
  return data;
}

}  // namespace mfld

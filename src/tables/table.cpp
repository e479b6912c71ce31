#include "tables/table.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <cmath>
#include <filesystem>
#include <limits>

#include "mfld/core/memory.hpp"
#include "mfld/core/printable.hpp"

namespace mfld::tables {

namespace {

std::string lower_extension(const std::filesystem::path& path) {
  std::string text = path.extension().string();
  std::transform(text.begin(), text.end(), text.begin(), [](unsigned char c) { return std::tolower(c); });
  return text;
}

}  // namespace

bool Source::is_gzip() const { return lower_extension(path) == ".gz"; }

std::string Source::extension() const {
  const std::string last = lower_extension(path);
  const std::string before = last == ".gz" ? lower_extension(std::filesystem::path(path).stem()) : last;
  return before == ".csv" || before == ".tsv" || before == ".txt" ? before : last;
}

FileError Source::file_error(std::string_view reason) const {
  return FileError(fmt::format("{} = \"{}\" cannot be read: {}", key, printable(path, 200), reason));
}

InvalidInput Source::invalid(std::string_view reason) const {
  return InvalidInput(fmt::format("{} = \"{}\": {}", key, printable(path, 200), reason));
}

InvalidInput Source::invalid_at(Index line, Index column, std::string_view reason) const {
  return invalid(fmt::format("{} {}, column {} {}", is_text() ? "line" : "row", line, column, reason));
}

std::string Source::doing() const { return fmt::format("reading {} = \"{}\"", key, printable(path, 200)); }

void Source::go_on_unless_stopped() const {
  if (stop != nullptr && *stop) {
    stop_if_asked(stop, doing());
  }
}

std::string Source::option(std::string_view name) const {
  if (section) {
    return fmt::format("{}{}", *section, name);
  }
  std::string text = fmt::format("--{}", name);
  std::replace(text.begin(), text.end(), '_', '-');
  return text;
}

std::string Source::with(std::string_view name, std::string_view value) const {
  return section ? fmt::format("{} = \"{}\"", option(name), value) : fmt::format("{} {}", option(name), value);
}

void check_extension(const Source& source) {
  if (!source.is_text() && !source.is_npy() && !source.is_npz() && !source.is_hdf5()) {
    throw source.invalid(
        "the name must end in .csv, .tsv or .txt (which may be compressed, .csv.gz), .npy, .npz, .h5 or .hdf5");
  }
}

Table read_table(const Source& source, const TableOptions& options) {
  check_file(source);
  if (source.is_text()) {
    return read_csv(source, options);
  }
  return source.is_npy()   ? read_npy(source, options)
         : source.is_npz() ? read_npz(source, options)
                           : read_hdf5(source, options);
}

void check_shape(const Source& source, std::uint64_t rows, std::uint64_t columns) {
  constexpr std::uint64_t max_numbers = std::numeric_limits<Index>::max() / sizeof(double);
  if (rows == 0 || columns == 0) {
    throw source.invalid("the table is empty");
  }
  if (rows > max_numbers / columns) {
    throw source.invalid(fmt::format("a table of {} x {} numbers is too large", rows, columns));
  }
}

void check_fits(const Source& source, std::uint64_t rows, std::uint64_t columns, int num_copies) {
  constexpr double always_there = 0x1p24;  // bytes
  const double needed = static_cast<double>(rows) * static_cast<double>(columns) * sizeof(double) * num_copies;
  const double available = needed > always_there ? available_memory() : needed;
  if (needed > available) {
    throw source.invalid(fmt::format("{} x {} numbers need {:.3g} GiB{} and {:.3g} GiB are available", rows, columns,
                                     needed / 0x1p30, num_copies > 1 ? fmt::format(" in {} copies", num_copies) : "",
                                     available / 0x1p30));
  }
}

std::vector<Index> Table::read_columns() const {
  std::vector<Index> columns = selection.inputs;
  if (selection.target >= 0) {
    columns.push_back(selection.target);
  }
  std::sort(columns.begin(), columns.end());
  return columns;
}

void check_finite(const Table& table) {
  const std::vector<Index> columns = table.read_columns();
  for (Index row = 0; row < table.values.rows(); ++row) {
    for (const Index column : columns) {
      const double value = table.values(row, column);
      if (!std::isfinite(value)) {
        throw table.source.invalid_at(table.first_line + row, column + 1,
                                      fmt::format("holds {} and must hold a finite number", value));
      }
    }
  }
}

std::string quoted_field(std::string_view field) { return fmt::format("\"{}\"", printable(field, 43)); }

}  // namespace mfld::tables

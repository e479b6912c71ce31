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

std::string Source::extension() const {
  std::string text = std::filesystem::path(path).extension().string();
  std::transform(text.begin(), text.end(), text.begin(), [](unsigned char c) { return std::tolower(c); });
  return text;
}

FileError Source::file_error(std::string_view reason) const {
  return FileError(fmt::format("{} = \"{}\" cannot be read: {}", key, printable(path, 200), reason));
}

InvalidInput Source::invalid(std::string_view reason) const {
  return InvalidInput(fmt::format("{} = \"{}\": {}", key, printable(path, 200), reason));
}

InvalidInput Source::invalid_at(Index line, Index column, std::string_view reason) const {
  return invalid(fmt::format("{} {}, column {} {}", is_csv() ? "line" : "row", line, column, reason));
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
  if (!source.is_csv() && !source.is_npy() && !source.is_hdf5()) {
    throw source.invalid("the name must end in .csv, .npy, .h5 or .hdf5");
  }
}

Table read_table(const Source& source, const TableOptions& options) {
  check_file(source);
  if (source.is_csv()) {
    return read_csv(source, options);
  }
  return source.is_npy() ? read_npy(source, options) : read_hdf5(source, options);
}

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

std::string quoted_field(std::string_view field) { return fmt::format("\"{}\"", printable(field, 43)); }

std::string_view trimmed(std::string_view text) {
  constexpr std::string_view blanks = " \t\r\v\f";
  const std::size_t first = text.find_first_not_of(blanks);
  return first == text.npos ? std::string_view() : text.substr(first, text.find_last_not_of(blanks) - first + 1);
}

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

}  // namespace mfld::tables

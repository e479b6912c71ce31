#include "mfld/task/file_dataset.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <boost/random/uniform_int_distribution.hpp>
#include <cmath>
#include <numeric>
#include <utility>
#include <vector>

#include "mfld/core/printable.hpp"
#include "mfld/core/random.hpp"
#include "tables/table_header.hpp"
#include "task/check_option.hpp"

namespace mfld {

using tables::Source;
using tables::Table;

namespace {

std::vector<Source> sources_of(const FileDatasetOptions& options) {
  const auto source = [&options](const char* key, const std::string& path) {
    return Source{options.section + key, path, options.stop, options.section};
  };
  std::vector<Source> sources = {source("path", options.path)};
  if (!options.test_path.empty()) {
    sources.push_back(source("test_path", options.test_path));
  }
  for (const Source& each : sources) {
    check_extension(each);
  }
  return sources;
}

void check_options(const FileDatasetOptions& options, const std::vector<Source>& sources) {
  check_option(options.test_fraction >= 0 && options.test_fraction < 1, "test_fraction", options.test_fraction,
               "must be a number in [0, 1)");
  check_option(std::isfinite(options.input_scale) && options.input_scale > 0, "input_scale", options.input_scale,
               "must be finite and above 0");
  check_option(options.skip_lines >= 0, "skip_lines", options.skip_lines, "must be at least 0");
  const bool some_csv = std::any_of(sources.begin(), sources.end(), [](const Source& s) { return s.is_csv(); });
  check_option(options.skip_lines == 0 || some_csv, "skip_lines", options.skip_lines,
               "must be 0: only a .csv file has lines");
  check_option(options.header == Header::automatic || some_csv, "header",
               "must be \"auto\": only a .csv file has lines");
}

/// From 0, counted from the left; -1: there is none.
Index target_column(const FileDatasetOptions& options, Index num_columns) {
  if (!options.labels) {
    return -1;
  }
  const Index column = options.target_column + (options.target_column < 0 ? num_columns : 0);
  if (column < 0 || column >= num_columns) {
    throw InvalidInput(fmt::format("{}target_column = {}: must be in {}..{}: \"{}\" has {} columns", options.section,
                                   options.target_column, -num_columns, num_columns - 1, options.path, num_columns));
  }
  return column;
}

/// Of the numbers of a table and their places: 64 bits at a time, for a table is hashed once for every run.
std::uint64_t checksum_of(const Table& table) {
  std::uint64_t sum = 0xCBF29CE484222325U;
  const auto add = [&sum](std::uint64_t bits) {
    sum = (sum ^ bits) * 0x9E3779B97F4A7C15U;
    sum ^= sum >> 32U;
  };
  add(static_cast<std::uint64_t>(table.values.cols()));
  std::for_each(table.values.data(), table.values.data() + table.values.size(),
                [&add](double value) { add(std::bit_cast<std::uint64_t>(value)); });
  return sum;
}

/// The two labels of all tables become -1 and +1. Returns what became what.
std::string map_to_signs(std::vector<Table>& tables, Index target) {
  const std::string needed_by = tables[0].source.option("binary_labels") + " = true";
  std::vector<double> classes;
  for (const Table& table : tables) {
    for (Index row = 0; row < table.values.rows(); ++row) {
      const double label = table.values(row, target);
      if (std::find(classes.begin(), classes.end(), label) != classes.end()) {
        continue;
      }
      if (classes.size() == 2) {
        throw table.source.invalid_at(table.first_line + row, target + 1,
                                      fmt::format("holds a third label {} beside {} and {}, and {} needs exactly two",
                                                  label, classes[0], classes[1], needed_by));
      }
      classes.push_back(label);
    }
  }
  if (classes.size() < 2) {
    throw tables[0].source.invalid(
        fmt::format("every label in column {} is {}, and {} needs exactly two", target + 1, classes[0], needed_by));
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
  const auto targets_of = [target](const Table& table, const auto& rows, Index count) {
    return target < 0 ? Vector(Vector::Zero(count)) : Vector(table.values(rows, target));
  };
  if (tables.size() == 2) {
    data.train_inputs = tables[0].values(Eigen::all, columns);
    data.train_targets = targets_of(tables[0], Eigen::all, tables[0].values.rows());
    data.test_inputs = tables[1].values(Eigen::all, columns);
    data.test_targets = targets_of(tables[1], Eigen::all, tables[1].values.rows());
    return;
  }
  const Index num_rows = tables[0].values.rows();
  const auto num_test = static_cast<Index>(std::llround(options.test_fraction * static_cast<double>(num_rows)));
  if (num_test >= num_rows) {
    throw InvalidInput(fmt::format("{}test_fraction = {}: must leave a training row: \"{}\" has {} rows",
                                   options.section, options.test_fraction, options.path, num_rows));
  }
  const auto [train, test] = split_rows(num_rows, num_test, seed);
  data.train_inputs = tables[0].values(train, columns);
  data.train_targets = targets_of(tables[0], train, std::ssize(train));
  data.test_inputs = tables[0].values(test, columns);
  data.test_targets = targets_of(tables[0], test, std::ssize(test));
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
        "{0}input_scale = {1}: with {0}standardise = {2} it must keep every input finite, and with the numbers of "
        "\"{3}\" it does not",
        options.section, options.input_scale, options.standardise, options.path));
  }
}

/// How the columns of the test table were found.
std::string describe_match(const std::vector<Table>& tables, bool sorted) {
  if (tables.size() < 2 || tables[0].names.empty() == tables[1].names.empty()) {
    return sorted ? ", its columns in the order of the names" : "";
  }
  return fmt::format(", columns by place ({} has no names)", tables[0].names.empty() ? "the first" : "it");
}

/// Of each file that has one: a row of it that is no row of the data.
std::string describe_header(const Table& table) {
  return table.header_line > 0 ? fmt::format(" (its header is line {})", table.header_line) : "";
}

std::string describe(const std::vector<Table>& tables, const FileDatasetOptions& options, Index target,
                     const Dataset& data, std::string_view labels, std::string_view match) {
  const std::vector<std::string>& names = tables[0].names;
  const std::string name = names.empty() || target < 0
                               ? ""
                               : fmt::format(" \"{}\"", printable(names[static_cast<std::size_t>(target)], 100));
  const std::string columns = target < 0 ? fmt::format("points x = the {} columns of", data.input_dim())
                                         : fmt::format("y = column {}{} of", target + 1, name);
  const std::string inputs = target < 0 ? "" : fmt::format(", x = its other {} columns", data.input_dim());
  const std::string test = options.test_path.empty() ? "drawn from the same file"
                                                     : fmt::format("of \"{}\"{}{}", escaped(options.test_path),
                                                                   describe_header(tables.back()), match);
  return fmt::format(
      "{} \"{}\"{}{}{}{}{}; {} training rows, {} test rows {}", columns, escaped(options.path),
      describe_header(tables[0]), labels, inputs,
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
    tables.push_back(read_table(options.tables.get(), source,
                                {.skip_lines = options.skip_lines,
                                 .data_set = options.dataset,
                                 .header = options.header,
                                 .external = options.external}));
  }
  Dataset data;
  const Index num_columns = tables[0].values.cols();
  const Index target = target_column(options, num_columns);
  const bool sorted = tables.size() > 1 && sort_columns(tables[1], tables[0]);
  if (tables.back().values.cols() != num_columns) {
    throw tables.back().source.invalid(fmt::format("its table has {} columns and must have {} as \"{}\"",
                                                   tables.back().values.cols(), num_columns, options.path));
  }
  for (const Table& table : tables) {
    data.files.push_back({table.source.key, table.source.path, checksum_of(table)});
  }
  const std::string labels = options.binary_labels ? map_to_signs(tables, target) : "";

  fill_parts(tables, options, target, seed, data);
  data.relevant_subspace.resize(data.input_dim(), 0);
  data.has_labels = options.labels;
  data.description = describe(tables, options, target, data, labels, describe_match(tables, sorted));
  tables.clear();
  scale_inputs(options, data);
  return data;
}

}  // namespace mfld

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
#include "tables/columns.hpp"
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
  check_option(options.csv.skip_lines >= 0, "skip_lines", options.csv.skip_lines, "must be at least 0");
  check_option(options.columns.inputs.empty() || options.columns.dropped.empty(), "drop_columns",
               "must be left out where input_columns are given");
  const bool some_text = std::any_of(sources.begin(), sources.end(), [](const Source& s) { return s.is_text(); });
  constexpr const char* no_lines = "only a .csv file has lines";
  check_option(options.csv.skip_lines == 0 || some_text, "skip_lines", options.csv.skip_lines,
               fmt::format("must be 0: {}", no_lines));
  check_option(options.csv.header == Header::automatic || some_text, "header",
               fmt::format("must be \"auto\": {}", no_lines));
  check_option(options.csv.separator == Separator::automatic || some_text, "separator",
               fmt::format("must be \"auto\": {}", no_lines));
}

/// Of the numbers of a table that are read, and their places: 64 bits at a time, for a table is hashed once for every
/// run.
std::uint64_t checksum_of(const Table& table) {
  std::uint64_t sum = 0xCBF29CE484222325U;
  const auto add = [&sum](std::uint64_t bits) {
    sum = (sum ^ bits) * 0x9E3779B97F4A7C15U;
    sum ^= sum >> 32U;
  };
  const std::vector<Index> columns = table.read_columns();
  add(columns.size());
  for (Index row = 0; row < table.values.rows(); ++row) {
    for (const Index column : columns) {
      add(std::bit_cast<std::uint64_t>(table.values(row, column)));
    }
  }
  return sum;
}

/// A class as a sentence has it.
std::string class_text(const Table& table, double label) {
  return table.classes.empty() ? fmt::format("{}", label)
                               : fmt::format("\"{}\"", printable(table.classes[static_cast<std::size_t>(label)], 43));
}

/// The same words have the same numbers in all tables: their places in the list of the first.
void unite_classes(std::vector<Table>& tables) {
  Table& first = tables[0];
  for (Table& table : tables) {
    if (table.classes.empty() != first.classes.empty()) {
      const auto kind = [](const Table& one) { return one.classes.empty() ? "numbers" : "words"; };
      throw table.source.invalid(fmt::format("its labels are {} and those of \"{}\" are {}", kind(table),
                                             printable(first.source.path, 200), kind(first)));
    }
    std::vector<double> numbers;
    for (const std::string& word : table.classes) {
      const auto known = std::find(first.classes.begin(), first.classes.end(), word);
      numbers.push_back(static_cast<double>(known - first.classes.begin()));
      if (known == first.classes.end()) {
        first.classes.push_back(word);
      }
    }
    if (!numbers.empty() && &table != &first) {
      for (double& label : table.values.col(table.selection.target)) {
        label = numbers[static_cast<std::size_t>(label)];
      }
    }
  }
  for (Table& table : tables) {
    table.classes = first.classes;
  }
}

/// The two labels of all tables become -1 and +1. Returns what became what.
std::string map_to_signs(std::vector<Table>& tables) {
  unite_classes(tables);
  const Table& first = tables[0];
  const std::string needed_by = first.source.option("binary_labels") + " = true";
  std::vector<double> classes;
  for (const Table& table : tables) {
    const Index target = table.selection.target;
    for (Index row = 0; row < table.values.rows(); ++row) {
      const double label = table.values(row, target);
      if (std::find(classes.begin(), classes.end(), label) != classes.end()) {
        continue;
      }
      if (classes.size() == 2) {
        throw table.source.invalid_at(
            table.first_line + row, table.place_in_file(target) + 1,
            fmt::format("holds a third label {} beside {} and {}, and {} needs exactly two", class_text(first, label),
                        class_text(first, classes[0]), class_text(first, classes[1]), needed_by));
      }
      classes.push_back(label);
    }
  }
  if (classes.size() < 2) {
    throw first.source.invalid(fmt::format("every label in column {} is {}, and {} needs exactly two",
                                           first.place_in_file(first.selection.target) + 1,
                                           class_text(first, classes[0]), needed_by));
  }
  const auto comes_first = [&first](double a, double b) {
    if (first.classes.empty()) {
      return a < b;
    }
    const std::string& one = first.classes[static_cast<std::size_t>(a)];
    const std::string& other = first.classes[static_cast<std::size_t>(b)];
    return one == "-" || (one < other && other != "-");  // - is the negative class, whatever its code
  };
  const auto [smaller, larger] = std::minmax(classes[0], classes[1], comes_first);
  for (Table& table : tables) {
    for (double& label : table.values.col(table.selection.target)) {
      label = label == larger ? 1 : -1;
    }
  }
  return fmt::format(", labels {} -> -1 and {} -> +1", class_text(first, smaller), class_text(first, larger));
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

void fill_parts(const std::vector<Table>& tables, const FileDatasetOptions& options, std::uint64_t seed,
                Dataset& data) {
  const auto targets_of = [](const Table& table, const auto& rows, Index count) {
    const Index target = table.selection.target;
    return target < 0 ? Vector(Vector::Zero(count)) : Vector(table.values(rows, target));
  };
  const auto inputs_of = [](const Table& table, const auto& rows) {
    return Inputs(table.values(rows, table.selection.inputs));
  };
  if (tables.size() == 2) {
    data.train_inputs = inputs_of(tables[0], Eigen::all);
    data.train_targets = targets_of(tables[0], Eigen::all, tables[0].values.rows());
    data.test_inputs = inputs_of(tables[1], Eigen::all);
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
  data.train_inputs = inputs_of(tables[0], train);
  data.train_targets = targets_of(tables[0], train, std::ssize(train));
  data.test_inputs = inputs_of(tables[0], test);
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

std::string name_in(const Table& table, Index column) {
  const std::vector<std::string>& names = table.names;
  return names.empty() ? "" : fmt::format(" \"{}\"", printable(names[static_cast<std::size_t>(column)], 100));
}

/// Columns by number and name, where some were chosen.
std::string list_columns(const Table& table) {
  constexpr std::size_t most = 10;
  const std::vector<Index>& inputs = table.selection.inputs;
  std::string text;
  for (std::size_t k = 0; k < std::min(inputs.size(), most); ++k) {
    text += fmt::format("{}{}{}", k > 0 ? ", " : "", table.place_in_file(inputs[k]) + 1, name_in(table, inputs[k]));
  }
  return inputs.size() > most ? fmt::format("{} and {} others", text, inputs.size() - most) : text;
}

/// What became of the words TRUE and FALSE.
std::string describe_logical(const std::vector<Table>& tables) {
  const auto found = std::find_if(tables.begin(), tables.end(), [](const Table& one) { return !one.logical.empty(); });
  if (found == tables.end()) {
    return "";
  }
  constexpr std::size_t most = 10;
  std::string columns;
  for (std::size_t k = 0; k < std::min(found->logical.size(), most); ++k) {
    columns += fmt::format("{}{}{}", k > 0 ? ", " : "", found->place_in_file(found->logical[k]) + 1,
                           name_in(*found, found->logical[k]));
  }
  const std::size_t others = found->logical.size() - std::min(found->logical.size(), most);
  return fmt::format(", TRUE -> 1 and FALSE -> 0 in {} {}{}", found->logical.size() > 1 ? "columns" : "column", columns,
                     others > 0 ? fmt::format(" and {} others", others) : "");
}

std::string describe_columns(const Table& table, const FileDatasetOptions& options, std::string_view labels) {
  const auto count = table.selection.inputs.size();
  const Index target = table.selection.target;
  const std::string file = fmt::format("\"{}\"{}", escaped(options.path), describe_header(table));
  const bool all = options.columns.is_plain();
  if (target < 0) {
    return all ? fmt::format("points x = the {} columns of {}", count, file)
               : fmt::format("points x = columns {} of {}", list_columns(table), file);
  }
  return fmt::format("y = column {}{} of {}{}, x = its {}", table.place_in_file(target) + 1, name_in(table, target),
                     file, labels, all ? fmt::format("other {} columns", count) : "columns " + list_columns(table));
}

std::string describe(const std::vector<Table>& tables, const FileDatasetOptions& options, const Dataset& data,
                     std::string_view labels, std::string_view match) {
  const std::string test = options.test_path.empty() ? "drawn from the same file"
                                                     : fmt::format("of \"{}\"{}{}", escaped(options.test_path),
                                                                   describe_header(tables.back()), match);
  return fmt::format(
      "{}{}{}{}; {} training rows, {} test rows {}", describe_columns(tables[0], options, labels),
      describe_logical(tables),
      options.standardise ? ", each minus the mean and divided by the standard deviation of the training part" : "",
      options.input_scale != 1 ? fmt::format(", times {}", options.input_scale) : "", data.num_train(), data.num_test(),
      test);
}

/// The training table, and the test table with the columns of that.
std::vector<Table> read_tables(const FileDatasetOptions& options, const std::vector<Source>& sources) {
  tables::TableOptions how{.csv = options.csv,
                           .data_set = options.dataset,
                           .columns = options.columns,
                           .labels = options.binary_labels ? tables::Labels::classes : tables::Labels::numbers,
                           .external = options.external};
  if (!options.labels) {
    how.columns.target.reset();
  }
  std::vector<Table> tables;
  tables.reserve(sources.size());
  for (const Source& source : sources) {
    tables.push_back(read_table(options.tables.get(), source, how));
    how.columns = same_columns(tables[0], how.columns);
  }
  return tables;
}

}  // namespace

Dataset make_file_dataset(const FileDatasetOptions& options, std::uint64_t seed) {
  const std::vector<Source> sources = sources_of(options);
  check_options(options, sources);
  std::vector<Table> tables = read_tables(options, sources);
  Dataset data;
  const bool is_plain = options.columns.is_plain();
  const bool sorted = tables.size() > 1 && is_plain && sort_columns(tables[1], tables[0]);
  if (is_plain && tables.back().values.cols() != tables[0].values.cols()) {
    throw tables.back().source.invalid(fmt::format("its table has {} columns and must have {} as \"{}\"",
                                                   tables.back().values.cols(), tables[0].values.cols(), options.path));
  }
  for (const Table& table : tables) {
    data.files.push_back({table.source.key, table.source.path, checksum_of(table)});
    const std::vector<std::string> warnings = warnings_of(table);
    data.warnings.insert(data.warnings.end(), warnings.begin(), warnings.end());
  }
  const std::string labels = options.binary_labels ? map_to_signs(tables) : "";

  fill_parts(tables, options, seed, data);
  data.relevant_subspace.resize(data.input_dim(), 0);
  data.has_labels = options.labels;
  data.description = describe(tables, options, data, labels, describe_match(tables, sorted));
  tables.clear();
  scale_inputs(options, data);
  return data;
}

}  // namespace mfld

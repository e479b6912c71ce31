#include "tables/columns.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>

#include "mfld/core/nearest_name.hpp"
#include "mfld/core/printable.hpp"

namespace mfld {

std::string Column::text() const { return name.empty() ? std::to_string(*place) : fmt::format("\"{}\"", name); }

namespace tables {

namespace {

/// What a key says, and where.
std::string saying(const Source& source, std::string_view key, const Column& column) {
  const std::string value = printable(column.text(), 100);
  return source.section ? fmt::format("{} = {}", source.option(key), value)
                        : fmt::format("{} {}", source.option(key), column.name.empty() ? value : column.name);
}

std::string file_of(const Source& source) { return printable(source.path, 200); }

/// Names of a file are written as `escaped` does, those of an experiment are not.
bool is_called(const Column& column, const std::string& name) {
  return !name.empty() && (column.name == name || escaped(column.name) == name);
}

/// Of a column that is chosen by its name.
Index place_by_name(const Source& source, std::string_view key, const Column& column,
                    const std::vector<std::string>& names) {
  const auto is_meant = [&column](const std::string& name) { return is_called(column, name); };
  const auto found = std::find_if(names.begin(), names.end(), is_meant);
  if (found == names.end()) {
    const std::vector<std::string_view> candidates(names.begin(), names.end());
    const auto meant = nearest_name(column.name, candidates);
    throw InvalidInput(fmt::format(
        "{}: \"{}\" {}", saying(source, key, column), file_of(source),
        names.empty() ? fmt::format("has no names of columns; they are chosen by number, from 0{}",
                                    source.is_text() ? fmt::format(" ({} makes a header of its first line)",
                                                                   source.with("header", "yes"))
                                                     : "")
                      : fmt::format("has no column \"{}\"{}", printable(column.name, 100),
                                    meant ? fmt::format("; did you mean \"{}\"?", printable(*meant, 100))
                                          : fmt::format("; its first is \"{}\"", printable(names[0], 100)))));
  }
  const Index place = found - names.begin();
  if (const auto second = std::find_if(std::next(found), names.end(), is_meant); second != names.end()) {
    throw InvalidInput(fmt::format("{}: \"{}\" has two columns of that name, which are chosen by number, {} or {}",
                                   saying(source, key, column), file_of(source), place, second - names.begin()));
  }
  return place;
}

Index place_of(const Source& source, std::string_view key, const Column& column, const std::vector<std::string>& names,
               Index num_columns) {
  if (!column.name.empty() && (!names.empty() || !column.place)) {
    return place_by_name(source, key, column, names);
  }
  const Index place = *column.place + (*column.place < 0 ? num_columns : 0);
  if (place < 0 || place >= num_columns) {
    throw InvalidInput(fmt::format("{}: must be in {}..{}: \"{}\" has {} columns",
                                   saying(source, key, Column(*column.place)), -num_columns, num_columns - 1,
                                   file_of(source), num_columns));
  }
  return place;
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

/// The part that a column plays so far.
enum class Part { none, target, input, dropped };

class Parts {
 public:
  Parts(const Source& source, const std::vector<std::string>& names, Index num_columns)
      : source_(source), names_(names), parts_(static_cast<std::size_t>(num_columns), Part::none) {}

  Index take(std::string_view key, const Column& column, Part part) {
    const Index place = place_of(source_, key, column, names_, std::ssize(parts_));
    Part& taken = parts_[static_cast<std::size_t>(place)];
    if (taken != Part::none) {
      throw InvalidInput(fmt::format("{}: {}", saying(source_, key, column),
                                     taken == Part::target ? "that is the target" : "the column is there twice"));
    }
    taken = part;
    return place;
  }

  std::vector<Index> without_part() const {
    std::vector<Index> places;
    for (std::size_t place = 0; place < parts_.size(); ++place) {
      if (parts_[place] == Part::none) {
        places.push_back(static_cast<Index>(place));
      }
    }
    return places;
  }

 private:
  const Source& source_;
  const std::vector<std::string>& names_;
  std::vector<Part> parts_;
};

bool counts_from(const Table& table, Index column, double first) {
  for (Index row = 0; row < table.values.rows(); ++row) {
    if (table.values(row, column) != first + static_cast<double>(row)) {
      return false;
    }
  }
  return table.values.rows() > 1;
}

}  // namespace

Selection select_columns(const Source& source, const ColumnChoice& choice, const std::vector<std::string>& names,
                         Index num_columns) {
  Parts parts(source, names, num_columns);
  Selection selection;
  if (choice.target) {
    selection.target = parts.take("target_column", *choice.target, Part::target);
  }
  for (const Column& column : choice.inputs) {
    selection.inputs.push_back(parts.take("input_columns", column, Part::input));
  }
  for (const Column& column : choice.dropped) {
    parts.take("drop_columns", column, Part::dropped);
  }
  if (choice.inputs.empty()) {
    selection.inputs = parts.without_part();
  }
  if (selection.inputs.empty()) {
    throw source.invalid(
        num_columns == 1 && choice.target
            ? "the table has 1 column and needs at least 2, an input and the target"
            : fmt::format("{} leaves no input of its {} columns", source.option("drop_columns"), num_columns));
  }
  return selection;
}

bool needs_names(const ColumnChoice& choice) { return !has_needed_names({}, choice); }

bool has_needed_names(const std::vector<std::string>& names, const ColumnChoice& choice) {
  const auto is_there = [&names](const Column& column) {
    return column.place || std::any_of(names.begin(), names.end(),
                                       [&column](const std::string& name) { return is_called(column, name); });
  };
  return (!choice.target || is_there(*choice.target)) &&
         std::all_of(choice.inputs.begin(), choice.inputs.end(), is_there) &&
         std::all_of(choice.dropped.begin(), choice.dropped.end(), is_there);
}

ColumnChoice same_columns(const Table& table, const ColumnChoice& choice) {
  ColumnChoice same;
  same.target.reset();
  if (choice.target) {
    same.target = Column(choice.target->place ? choice.target->place : table.target->place, table.target->name);
  }
  if (!choice.is_plain()) {
    for (const Index column : table.selection.inputs) {
      same.inputs.emplace_back(table.place_in_file(column),
                               table.names.empty() ? "" : table.names[static_cast<std::size_t>(column)]);
    }
  }
  return same;
}

void select_from_all(Table& table, const TableOptions& options) {
  table.selection = select_columns(table.source, options.columns, table.names, table.values.cols());
  if (options.columns.target) {
    table.target = Column(table.selection.target, "");
  }
  if (options.labels == Labels::unread) {
    table.selection.target = -1;
  }
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
  std::vector<Index> places;
  std::transform(columns.begin(), columns.end(), std::back_inserter(places),
                 [&table](Index column) { return table.place_in_file(column); });
  std::vector<Index> logical;
  for (const Index place : table.logical) {
    logical.push_back(std::find(columns.begin(), columns.end(), place) - columns.begin());
  }
  table.logical = std::move(logical);
  table.places = std::move(places);
  table.names = model.names;
  table.selection = model.selection;
  return true;
}

std::vector<std::string> warnings_of(const Table& table) {
  if (table.names.empty() || table.place_in_file(0) != 0 ||
      std::count(table.selection.inputs.begin(), table.selection.inputs.end(), Index{0}) == 0) {
    return {};
  }
  const std::string& name = table.names[0];
  const bool counts_from_1 = counts_from(table, 0, 1);
  if (!(name.empty() || name == "Unnamed: 0") || !(counts_from_1 || counts_from(table, 0, 0))) {
    return {};
  }
  return {fmt::format(
      "warning: the first column of \"{}\" has no name{}, counts {}, .. and is read as an input ({}{} "
      "leaves it out)",
      escaped(table.source.path), name.empty() ? "" : " (\"" + name + "\")", counts_from_1 ? "1, 2" : "0, 1",
      table.source.option("drop_columns"), table.source.section ? " = [0]" : " 0")};
}

}  // namespace tables

}  // namespace mfld

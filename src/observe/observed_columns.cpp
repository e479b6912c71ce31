#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cassert>

#include "mfld/core/error.hpp"
#include "mfld/core/nearest_name.hpp"
#include "mfld/observe/observables.hpp"
#include "mfld/observe/own_columns.hpp"
#include "mfld/trust/certified_gap.hpp"

namespace mfld {

namespace {

/// The rows of the table, then the scene's own.
std::vector<const Observable*> rows_of(const Scene& scene) {
  std::vector<const Observable*> rows;
  for (const Observable& row : observables()) {
    rows.push_back(&row);
  }
  if (scene.own != nullptr) {
    for (const Observable& row : *scene.own) {
      rows.push_back(&row);
    }
  }
  return rows;
}

/// Of the caller's own, which come from outside: a name that a file can have, and that no other row has.
void check_own(const Scene& scene) {
  if (scene.own == nullptr) {
    return;
  }
  for (const Observable& row : *scene.own) {
    const auto is_word = [](char c) {
      return c == '_' || (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
    };
    if (row.name.empty() || !std::all_of(row.name.begin(), row.name.end(), is_word)) {
      throw InvalidInput(fmt::format("observables: \"{}\" is no name of a column: letters, digits and _", row.name));
    }
    if (std::find(own_columns.begin(), own_columns.end(), row.name) != own_columns.end() ||
        find_observable(row.name) != nullptr ||
        std::count_if(scene.own->begin(), scene.own->end(),
                      [&row](const Observable& each) { return each.name == row.name; }) > 1) {
      throw InvalidInput(fmt::format("observables: \"{}\" is there already; give it another name", row.name));
    }
  }
}

/// Those names that exist for the scene.
std::vector<std::string_view> available_names(const Scene& scene) {
  std::vector<std::string_view> names;
  for (const Observable* row : rows_of(scene)) {
    if (!row->unavailable(scene)) {
      names.push_back(row->name);
    }
  }
  return names;
}

/// The row that has `column` among its columns, if it is a row of several.
const Observable* row_of_column(const Scene& scene, std::string_view column) {
  for (const Observable* row : rows_of(scene)) {
    if (!row->unavailable(scene)) {
      const auto columns = row->columns(scene);
      if (std::find(columns.begin(), columns.end(), column) != columns.end()) {
        return row;
      }
    }
  }
  return nullptr;
}

std::string hint(const Scene& scene, std::string_view name) {
  if (const Observable* row = row_of_column(scene, name)) {
    return fmt::format(" (it is a column of \"{}\")", row->name);
  }
  std::vector<std::string_view> all;
  for (const Observable* row : rows_of(scene)) {
    all.push_back(row->name);
  }
  const auto nearest = nearest_name(name, all);
  return nearest ? fmt::format(" (did you mean \"{}\"?)", *nearest) : "";
}

const Observable& find_row(const Scene& scene, std::string_view name, std::string_view key) {
  const Observable* row = find_observable(scene, name);
  if (row == nullptr) {
    throw InvalidInput(fmt::format("{}: \"{}\" is not an observable{}; this experiment has {}", key, name,
                                   hint(scene, name), fmt::join(available_names(scene), ", ")));
  }
  if (const auto reason = row->unavailable(scene)) {
    throw InvalidInput(fmt::format("{}: \"{}\" {}; this experiment has {}", key, name, *reason,
                                   fmt::join(available_names(scene), ", ")));
  }
  return *row;
}

/// The column of the scene that was meant, the file's own ones included.
std::string column_hint(const Scene& scene, std::string_view column) {
  std::vector<std::string> all(own_columns.begin(), own_columns.end());
  for (const std::string_view name : available_names(scene)) {
    const auto columns = find_observable(scene, name)->columns(scene);
    all.insert(all.end(), columns.begin(), columns.end());
  }
  const auto nearest = nearest_name(column, std::vector<std::string_view>(all.begin(), all.end()));
  return nearest ? fmt::format(" (did you mean \"{}\"?)", *nearest) : "";
}

}  // namespace

ObservedColumns::ObservedColumns(const Scene& scene, const std::vector<std::string>& names, std::string_view key) {
  check_own(scene);
  for (const std::string& name : names) {
    const Observable& row = find_row(scene, name, key);
    if (std::find(observables_.begin(), observables_.end(), &row) != observables_.end()) {
      throw InvalidInput(fmt::format("{}: \"{}\" is listed twice; a name may appear once", key, name));
    }
    const auto columns = row.columns(scene);
    observables_.push_back(&row);
    widths_.push_back(columns.size());
    columns_.insert(columns_.end(), columns.begin(), columns.end());
    needs_all_rows_ = needs_all_rows_ || row.needs.all_rows || (row.needs.particles && scene.objective != nullptr);
  }
}

std::vector<std::string> ObservedColumns::default_names(const Scene& scene) {
  std::vector<std::string> names;
  for (const Observable* row : rows_of(scene)) {
    if (row->by_default && !row->unavailable(scene)) {
      names.emplace_back(row->name);
    }
  }
  return names;
}

std::string ObservedColumns::observable_of(const Scene& scene, std::string_view column, std::string_view key) {
  if (const Observable* row = row_of_column(scene, column)) {
    return std::string(row->name);
  }
  if (const Observable* row = find_observable(scene, column)) {
    const auto reason = row->unavailable(scene);
    throw InvalidInput(fmt::format(
        "{}: \"{}\" {}", key, column,
        reason ? *reason : fmt::format("has the columns {}; name one", fmt::join(row->columns(scene), ", "))));
  }
  throw InvalidInput(fmt::format("{}: \"{}\" is no column of metrics.csv{}; this experiment has {} and those of {}",
                                 key, column, column_hint(scene, column), fmt::join(own_columns, ", "),
                                 fmt::join(available_names(scene), ", ")));
}

void ObservedColumns::evaluate(Moment& moment, std::span<double> values) const {
  assert(values.size() == columns_.size());
  std::size_t first = 0;
  for (std::size_t i = 0; i < observables_.size(); ++i) {
    observables_[i]->evaluate(moment, values.subspan(first, widths_[i]));
    first += widths_[i];
  }
}

double num_doubles_of(const Scene& scene, const std::vector<std::string>& names) {
  double num_of_kernels = 0;
  double of_integrals = 0;
  double of_certified_gap = 0;
  for (const std::string& name : names) {
    const Observable* row = find_observable(scene, name);
    if (row == nullptr) {
      continue;
    }
    const auto p = static_cast<double>(scene.initial->cols());
    if (row->needs.training_kernels) {
      ++num_of_kernels;
    }
    if (row->needs.gibbs_integral && row->needs.pairs) {
      of_certified_gap = 5 * 2 * static_cast<double>(CertifiedGapOptions{}.num_pairs) * p;
    } else if (row->needs.gibbs_integral) {
      of_integrals = (4 * p + 12) * static_cast<double>(scene.certificate_samples);  // with the streams of their draws
    }
  }
  // Two that are computed with, and at most three that are kept: now, at the start, and of the first layer.
  const auto n = static_cast<double>(scene.data->num_train());
  const double num_kernels = num_of_kernels > 0 ? std::min(3 + num_of_kernels, 5.0) : 0;
  return num_kernels * n * n + of_integrals + of_certified_gap;
}

template <class Scalar>
std::vector<double> observe_now(const Scene& scene, const std::vector<std::string>& names, const State<Scalar>& state) {
  const ObservedColumns observed(scene, names, "names");
  Moment moment(scene);
  moment.move_to(state);
  std::vector<double> values(observed.columns().size());
  observed.evaluate(moment, values);
  return values;
}

template std::vector<double> observe_now(const Scene&, const std::vector<std::string>&, const State<double>&);
template std::vector<double> observe_now(const Scene&, const std::vector<std::string>&, const State<float>&);

}  // namespace mfld

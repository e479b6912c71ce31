#pragma once
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "mfld/observe/moment.hpp"
#include "mfld/observe/needs.hpp"

namespace mfld {

/// An observable is a row of a table: named columns, each a number computed from a moment.
struct Observable {
  std::string_view name;     // what the experiment file lists
  std::string_view formula;  // with its source where it is not the definition
  Needs needs;
  /// Names of its columns of metrics.csv for this scene; a name is unique over the table.
  std::function<std::vector<std::string>(const Scene&)> columns;
  /// Fills one value per column.
  std::function<void(Moment&, std::span<double>)> evaluate;
  bool by_default = true;  // false: only on request, for it costs more than the outputs on the data

  /// Why it does not exist for this scene ("needs a teacher"), or nullopt.
  std::optional<std::string> unavailable(const Scene& scene) const { return what_is_lacking(needs, scene); }
};

/// The table behind `mfld list observables` and [observe] columns.
const std::vector<Observable>& observables();
/// Its row of that name, or nullptr; and that of the table or of the scene's own.
const Observable* find_observable(std::string_view name);
const Observable* find_observable(const Scene& scene, std::string_view name);

/// The observable that says how far the training is.
inline constexpr std::string_view train_loss_name = "train_loss";

/// The observables of one run, in order.
class ObservedColumns {
 public:
  /// names: rows of the table, or of the scene's own; throws InvalidInput naming `key` for an unknown, unavailable or
  /// repeated one, and for one of the caller's own that cannot be a column.
  ObservedColumns(const Scene& scene, const std::vector<std::string>& names, std::string_view key);

  /// Those of the table that exist for this scene and cost no more than a pass over the data; then the scene's own.
  static std::vector<std::string> default_names(const Scene& scene);

  /// The observable that has the column; throws InvalidInput naming `key` where none of the scene has.
  static std::string observable_of(const Scene& scene, std::string_view column, std::string_view key);

  const std::vector<std::string>& columns() const { return columns_; }
  /// Whether one of them reads all rows, which then all ranks must have; an objective of points does.
  bool needs_all_rows() const { return needs_all_rows_; }
  /// values [columns().size()]. Of ranks, all evaluate.
  void evaluate(Moment& moment, std::span<double> values) const;

 private:
  std::vector<const Observable*> observables_;
  std::vector<std::size_t> widths_;
  std::vector<std::string> columns_;
  bool needs_all_rows_ = false;
};

/// Doubles, about, that these observables keep and compute with beside data and particles: n x n kernels, and samples
/// that integrals are taken by.
double num_doubles_of(const Scene& scene, const std::vector<std::string>& names);

/// The columns of these observables (InvalidInput as above) at a state, in one call.
template <class Scalar>
std::vector<double> observe_now(const Scene& scene, const std::vector<std::string>& names, const State<Scalar>& state);

}  // namespace mfld

#pragma once
#include <string>
#include <vector>

#include "mfld/tables/columns.hpp"
#include "tables/table.hpp"

namespace mfld::tables {

/// The columns that a choice means, of a file with so many, from 0. Throws InvalidInput naming the key and what it says
/// where there is no such column, or one has two parts to play.
Selection select_columns(const Source& source, const ColumnChoice& choice, const std::vector<std::string>& names,
                         Index num_columns);

/// Those of `choice`, for another table: by the names that they have in `table`, or else by place.
ColumnChoice same_columns(const Table& table, const ColumnChoice& choice);

/// Whether the choice can only be made in a table with names.
bool needs_names(const ColumnChoice& choice);
/// Whether all that it needs are among these.
bool has_needed_names(const std::vector<std::string>& names, const ColumnChoice& choice);

/// Says what the columns of a table are that holds all of its file.
void select_from_all(Table& table, const TableOptions& options);

/// Where both tables have names: the columns of `table` in the order that they have in `model`. Whether that was
/// another order. Throws InvalidInput naming a column that only one of them has, or that one has twice.
bool sort_columns(Table& table, const Table& model);

/// What may be no input although it is read as one: a first column without a name that counts 0, 1, 2, .. or 1, 2, 3, ..
std::vector<std::string> warnings_of(const Table& table);

}  // namespace mfld::tables

#pragma once
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "mfld/core/particles.hpp"

// Tables of numbers as bytes of a file, one after another to whoever keeps them. What a .csv says is read back to the
// same double.
namespace mfld {

using TakeBytes = std::function<void(std::string_view bytes)>;

/// Version 1.0 of the format (numpy.lib.format): matrices of one shape column by column, as an array [n, m] of one, or
/// [n, m, k] of k.
void write_npy(const TakeBytes& take, std::span<const Matrix* const> matrices);

/// A line "# text" each, in printable characters.
void write_comments(const TakeBytes& take, const std::vector<std::string>& comments);
/// Rows of numbers with commas between.
void write_rows(const TakeBytes& take, const Matrix& numbers);
/// The names of the columns, which are of one length, and their rows.
void write_columns(const TakeBytes& take, std::string_view names, const std::vector<Vector>& columns);

}  // namespace mfld

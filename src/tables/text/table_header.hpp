#pragma once
#include <optional>
#include <string_view>
#include <vector>

#include "tables/table.hpp"

namespace mfld::tables {

/// What a first row is, as far as its words tell.
enum class FirstRow { names, numbers, doubtful };

/// names    words only, all different; some fields may be empty. Or 0, 1, .., k and then words that targets are called
///          by, as pandas names columns.
/// numbers  no word in it: numbers, signs, codes for missing values, what looks like a number and cannot be read
/// doubtful words beside any of those, one of them twice, or all as "12 minutes": names, or a row with codes for
///          missing values that nobody knows
FirstRow kind_of_first_row(const std::vector<std::string_view>& fields);

/// 0, 1, .., k: what pandas calls columns without a name.
bool is_numbered(const std::vector<std::string_view>& fields);

/// A word that is no number, does not look like one, and is no code for a missing value.
bool is_word(std::string_view field);

/// TRUE or FALSE, in letters of any size.
bool is_logical(std::string_view field);
/// Which of them.
bool is_true(std::string_view logical);

/// What a class may be called: whatever has a letter and is no code for a missing value, TRUE, FALSE, + and -.
bool is_class(std::string_view field);

/// Whether a line that starts with '#' could be a row: a word such as #N/A or #1, and then nothing but numbers and
/// codes for missing values.
bool looks_like_row(std::string_view comment, Separator separator);

/// The number that is the whole of a field, rounded to double precision: 1e400 is infinite, 1e-400 is 0.
std::optional<double> parse_number(std::string_view text);

}  // namespace mfld::tables

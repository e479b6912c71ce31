#pragma once
#include <optional>
#include <string_view>
#include <vector>

#include "mfld/tables/csv_format.hpp"

namespace mfld::tables {

/// Without blanks at the ends.
std::string_view trimmed(std::string_view text);

/// The fields of a line; separators inside double quotes belong to the field. An automatic separator is a comma.
std::vector<std::string_view> split_fields(std::string_view line, Separator separator = Separator::comma);

/// The sign between two fields; a blank for blanks.
char sign_of(Separator separator);

/// "semicolons"
std::string_view words_of(Separator separator);

/// What separates the fields of the first lines of a table (see Separator); `second` if there is one. Of what fits
/// equally well, `preferred`, or else what most programs write. A comma where nothing splits both lines.
Separator find_separator(std::string_view first, const std::optional<std::string_view>& second, Separator preferred);

/// "1,5" or "1.000,25": a number whose decimal sign is a comma.
bool has_decimal_comma(std::string_view field);

}  // namespace mfld::tables

#pragma once
#include <array>
#include <string_view>

#include "mfld/core/particles.hpp"
#include "mfld/tables/header.hpp"

namespace mfld {

/// What stands between the fields of a line. automatic: what splits the first two lines of the table into the same
/// number of fields, two at least; of several, what leaves the most numbers; a tab in a .tsv. blanks: one or more blanks
/// or tabs.
enum class Separator { automatic, comma, semicolon, tab, bar, blanks };

struct SeparatorInfo {
  Separator value;
  std::string_view name;   // in an experiment file
  std::string_view words;  // in a sentence
};

inline constexpr std::array<SeparatorInfo, 6> separators = {{{Separator::automatic, "auto", "separators"},
                                                             {Separator::comma, ",", "commas"},
                                                             {Separator::semicolon, ";", "semicolons"},
                                                             {Separator::tab, "tab", "tabs"},
                                                             {Separator::bar, "|", "bars"},
                                                             {Separator::blanks, "blanks", "blanks"}}};

/// How a table is written as text: a .csv, .tsv or .txt, also compressed as .gz. Lines that start with '#' before the
/// first row or behind the last are comments; without a header line, names can stand in the last comment before the
/// first row.
struct CsvFormat {
  Index skip_lines = 0;  // before the table
  Header header = Header::automatic;
  Separator separator = Separator::automatic;
};

}  // namespace mfld

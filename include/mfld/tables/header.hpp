#pragma once

namespace mfld {

/// Whether the first line of a .csv that is neither empty nor a comment has the names of the columns. automatic: if it
/// has words, all different, and neither a number of any script nor a code for a missing value; or begins with 0, 1,
/// .., k and goes on with a name of targets, as pandas writes. A line that could be either is refused: one with numbers
/// and other words, with a word twice, or of 0, 1, .., k alone above other rows.
enum class Header { automatic, yes, no };

}  // namespace mfld

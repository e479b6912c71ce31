#pragma once
#include <optional>
#include <span>
#include <string_view>

namespace mfld {

/// The candidate that a misspelt `name` most likely meant: the first of smallest edit distance (insertions, deletions,
/// substitutions and swaps of neighbours, each 1; upper and lower case alike), if that is at most a third of the longer
/// of the two names and at least one; otherwise none.
std::optional<std::string_view> nearest_name(std::string_view name, std::span<const std::string_view> candidates);

}  // namespace mfld

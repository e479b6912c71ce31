// numpy.savez: a zip archive of .npy files.
#include <fmt/format.h>

#include <algorithm>
#include <iterator>

#include "mfld/core/nearest_name.hpp"
#include "mfld/core/printable.hpp"
#include "tables/npy_table.hpp"
#include "tables/packed/zip_archive.hpp"

namespace mfld::tables {

namespace {

/// As numpy calls it.
std::string_view array_name(const ZipMember& member) {
  std::string_view name = member.name;
  name.remove_suffix(name.ends_with(".npy") ? 4 : 0);
  return name;
}

/// "a", "b" and 7 others
std::string list_of(const std::vector<ZipMember>& members) {
  constexpr std::size_t most = 8;
  std::string text;
  for (std::size_t k = 0; k < std::min(members.size(), most); ++k) {
    text += fmt::format("{}\"{}\"", k > 0 ? ", " : "", printable(array_name(members[k]), 40));
  }
  return members.size() > most ? fmt::format("{} and {} others", text, members.size() - most) : text;
}

/// The array of that name; without a choice of one, the only array.
const ZipMember& choose(const Source& source, const std::vector<ZipMember>& members, const std::string& name) {
  if (members.empty()) {
    throw source.invalid("it holds no array");
  }
  const auto found = std::find_if(members.begin(), members.end(),
                                  [&name](const ZipMember& member) { return array_name(member) == name; });
  if (found != members.end()) {
    return *found;
  }
  if (members.size() == 1 && name == TableOptions().data_set) {
    return members[0];
  }
  std::vector<std::string_view> names;
  std::transform(members.begin(), members.end(), std::back_inserter(names), array_name);
  const auto meant = nearest_name(name, names);
  throw InvalidInput(fmt::format("{} must name an array of the file \"{}\", which holds {}{}",
                                 source.with("dataset", printable(name, 100)), printable(source.path, 200),
                                 list_of(members),
                                 meant ? fmt::format("; did you mean \"{}\"?", printable(*meant, 40)) : ""));
}

}  // namespace

Table read_npz(const Source& source, const TableOptions& options) {
  const ZipArchive archive(source);
  const ZipMember& member = choose(source, archive.members(), options.data_set);
  return read_npy(source, *archive.open(member), member.size, options);
}

}  // namespace mfld::tables

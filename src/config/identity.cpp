#include "config/identity.hpp"

#include <algorithm>
#include <string_view>

#include "config/readers/readers.hpp"

namespace mfld::identity {

namespace {

constexpr std::uint64_t hash_start = 0xCBF29CE484222325U;

/// Fowler-Noll-Vo 1a.
std::uint64_t hash_of(std::string_view bytes, std::uint64_t hash) {
  for (const char c : bytes) {
    hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001B3U;
  }
  return hash;
}

/// A noise rule that changes nothing: of runs that were made before there were any.
bool is_plain_noise(const Member& section) {
  const auto* table = section.value.as<Table>();
  const auto is_default = [](const Member& key) {
    const auto* substeps = key.value.as<std::int64_t>();
    const auto* precision = key.value.as<std::string>();
    return (substeps != nullptr && *substeps == 1) ||
           (precision != nullptr && *precision == readers::noise_precisions[0].name);
  };
  return section.key == "noise" && table != nullptr &&
         std::all_of(table->members.begin(), table->members.end(), is_default);
}

}  // namespace

std::uint64_t hash_of_values(Value resolved) {
  std::erase_if(std::get<Table>(resolved.data).members, is_plain_noise);
  for (Member& section : std::get<Table>(resolved.data).members) {
    if (auto* table = section.value.as<Table>(); table != nullptr && section.key == "task") {
      std::erase_if(table->members,
                    [](const Member& member) { return member.key == "path" || member.key == "test_path"; });
    }
  }
  return hash_of(to_toml_inline(resolved), hash_start);
}

std::uint64_t hash_of(const Dataset& data, std::uint64_t hash) {
  const auto add = [&hash](const auto& values) {
    hash = hash_of(
        {reinterpret_cast<const char*>(values.data()), sizeof(double) * static_cast<std::size_t>(values.size())}, hash);
  };
  add(data.train_inputs);
  add(data.train_targets);
  add(data.test_inputs);
  add(data.test_targets);
  return hash;
}

}  // namespace mfld::identity

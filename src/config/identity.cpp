#include "config/identity.hpp"

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>

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
           (precision != nullptr &&
            (*precision == readers::noise_precisions[0].name || *precision == readers::noise_laws[0].name));
  };
  return section.key == "noise" && table != nullptr &&
         std::all_of(table->members.begin(), table->members.end(), is_default);
}

/// Of runs that were made before there were laws.
bool is_plain_law(const Member& key) {
  const auto* name = key.value.as<std::string>();
  return key.key == "law" && name != nullptr && *name == readers::noise_laws[0].name;
}

/// Keys that say where files lie.
constexpr auto paths = std::to_array<std::pair<std::string_view, std::string_view>>(
    {{"task", "path"}, {"task", "test_path"}, {"network.init", "from"}});

template <class Numbers>
std::uint64_t hash_of_numbers(const Numbers& numbers, std::uint64_t hash) {
  return hash_of(
      {reinterpret_cast<const char*>(numbers.data()), sizeof(double) * static_cast<std::size_t>(numbers.size())}, hash);
}

}  // namespace

std::uint64_t hash_of_values(Value resolved) {
  std::erase_if(std::get<Table>(resolved.data).members, is_plain_noise);
  if (auto* noise = const_cast<Value*>(find(resolved, "noise")); noise != nullptr && noise->as<Table>() != nullptr) {
    std::erase_if(noise->as<Table>()->members, is_plain_law);
  }
  for (const auto& [section, key] : paths) {
    if (auto* value = const_cast<Value*>(find(resolved, section)); value != nullptr && value->as<Table>() != nullptr) {
      std::erase_if(value->as<Table>()->members, [&key = key](const Member& member) { return member.key == key; });
    }
  }
  return hash_of(to_toml_inline(resolved), hash_start);
}

std::uint64_t hash_of(const Dataset& data, std::uint64_t hash) {
  hash = hash_of_numbers(data.train_inputs, hash);
  hash = hash_of_numbers(data.train_targets, hash);
  hash = hash_of_numbers(data.test_inputs, hash);
  return hash_of_numbers(data.test_targets, hash);
}

std::uint64_t hash_of(const Particles<double>& particles, std::uint64_t hash) {
  return hash_of_numbers(particles, hash);
}

}  // namespace mfld::identity

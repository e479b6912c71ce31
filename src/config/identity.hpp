#pragma once
#include <cstdint>

#include "mfld/config/value.hpp"
#include "mfld/task/dataset.hpp"

namespace mfld::identity {

/// Of what an experiment computes, and not of where its files lie: Fowler-Noll-Vo 1a of its resolved values.
std::uint64_t hash_of_values(Value resolved);

/// Goes on with the data, or with the first particles.
std::uint64_t hash_of(const Dataset& data, std::uint64_t hash);
std::uint64_t hash_of(const Particles<double>& particles, std::uint64_t hash);

}  // namespace mfld::identity

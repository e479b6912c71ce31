#pragma once
#include <string>
#include <vector>

#include "mfld/observe/needs.hpp"

namespace mfld {

/// What a run says of its columns beside their formulas, one line each: how their integrals are taken, and where they
/// are not a number and why. names: rows of the table of observables that exist for the scene.
std::vector<std::string> observation_notes(const Scene& scene, const std::vector<std::string>& names);

}  // namespace mfld

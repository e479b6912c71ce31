#include "mfld/steps/noise.hpp"

#include <fmt/format.h>

namespace mfld {

std::string NoiseRule::describe() const {
  const std::string sum =
      substeps == 1 ? "xi^(k)" : fmt::format("(xi^({0}k) + ... + xi^({0}k + {1})) / sqrt({0})", substeps, substeps - 1);
  return fmt::format("in step k of the run {}{}", sum, in_double ? ", the normals of double precision" : "");
}

}  // namespace mfld

#include "mfld/steps/noise.hpp"

#include <fmt/format.h>

#include <string_view>

namespace mfld {

std::string NoiseRule::describe() const {
  if (law == NoiseLaw::three_point) {
    return "in step k of the run xi^(k), -sqrt(3), 0 or sqrt(3) with probabilities 1/6, 2/3, 1/6";
  }
  const std::string sum =
      substeps == 1 ? "xi^(k)" : fmt::format("(xi^({0}k) + ... + xi^({0}k + {1})) / sqrt({0})", substeps, substeps - 1);
  const std::string_view normals = precision == NormalPrecision::own         ? ""
                                   : precision == NormalPrecision::in_double ? ", the normals of double precision"
                                                                             : ", the normals of single precision";
  return fmt::format("in step k of the run {}{}", sum, normals);
}

}  // namespace mfld

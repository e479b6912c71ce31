#include "mfld/model/activation.hpp"

#include <algorithm>
#include <cassert>

#include "kernels/kernels.hpp"

namespace mfld {

const ActivationInfo& info(Activation kind) {
  return *std::find_if(activations.begin(), activations.end(),
                       [kind](const ActivationInfo& row) { return row.kind == kind; });
}

void evaluate(Activation kind, std::span<const double> z, std::span<double> values, std::span<double> slopes) {
  assert(z.size() == values.size() && z.size() == slopes.size());
  constexpr std::size_t strip = 64;  // a multiple of every vector length
  double input[strip] = {};
  double value[strip];
  double slope[strip];
  for (std::size_t i = 0; i < z.size(); i += strip) {
    const std::size_t count = std::min(strip, z.size() - i);
    std::copy_n(z.begin() + static_cast<std::ptrdiff_t>(i), count, input);
    kernels::table<double>().evaluate(kind, strip, input, value, slope);
    std::copy_n(value, count, values.begin() + static_cast<std::ptrdiff_t>(i));
    std::copy_n(slope, count, slopes.begin() + static_cast<std::ptrdiff_t>(i));
  }
}

}  // namespace mfld

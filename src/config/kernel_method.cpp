#include "mfld/config/kernel_method.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <boost/algorithm/string/join.hpp>

namespace mfld {

const RegressionKernelInfo& info(RegressionKernel kind) {
  return *std::find_if(regression_kernels.begin(), regression_kernels.end(),
                       [kind](const RegressionKernelInfo& row) { return row.kind == kind; });
}

std::vector<std::string> KernelMethod::describe() const {
  std::vector<std::string> lines = {
      fmt::format("{}{}, ridge = {}: the minimum of (1/(2n)) sum_i (f(x_i) - y_i)^2 + ridge/2 |f - f_0|_k^2, whatever "
                  "loss.half and loss.reduction{}",
                  name == method_name ? "" : fmt::format("{}: ", name), fmt::format("{}: {}", method_name, update),
                  ridge, ridge == 0 ? "; the interpolation of least norm" : ""),
      fmt::format("kernel: {}, {}", info(kind).name, info(kind).formula)};
  if (is_infinite()) {
    const auto row = std::find_if(kernel_conventions.begin(), kernel_conventions.end(),
                                  [this](const auto& each) { return each.name == convention_name; });
    lines.push_back(fmt::format(
        "convention: {}, {}; {} layers of weights, activation {}, K^1 = {} x.x' + {}, then {} E[sigma sigma] + {}; "
        "network.width, scaling and init are not used",
        row->name, row->formula, convention.num_weight_layers, mfld::info(activation).name, convention.input_variance,
        convention.input_bias_variance, convention.weight_variance, convention.bias_variance));
  }
  if (!other_law.empty()) {
    lines.push_back(fmt::format(
        "warning: the kernel is that of the convention's own start, and this network starts otherwise: {}", other_law));
  }
  if (!left_out.empty()) {
    lines.push_back(
        fmt::format("left out, for there are no particles that move: {}", boost::algorithm::join(left_out, ", ")));
  }
  return lines;
}

double num_doubles(const KernelMethod& method, Index num_train, Index num_test, bool with_std) {
  const auto n = static_cast<double>(num_train);
  const auto m = static_cast<double>(num_test);
  // The kernel and its factor; without a ridge the kernel, and its eigenvectors twice. Of the tests, the kernel.
  // Standard deviations need one or two more of each: a product, and the covariance of the starts.
  double numbers = (method.ridge > 0 ? 2 : 3) * n * n + m * n;
  if (with_std && method.kind == RegressionKernel::infinite_features) {
    numbers += m * n;
  }
  if (with_std && method.kind == RegressionKernel::infinite_tangent) {
    numbers += 5 * m * n;
  }
  return numbers;
}

}  // namespace mfld

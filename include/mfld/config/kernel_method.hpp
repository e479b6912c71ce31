#pragma once
#include <array>
#include <string>
#include <string_view>
#include <vector>

#include "mfld/ntk/kernel_convention.hpp"

namespace mfld {

/// What [[phase]] method = "kernel-regression" calls its kernels. The network ones are those of the first particles.
enum class RegressionKernel { tangent, features, infinite_tangent, infinite_features };

struct RegressionKernelInfo {
  RegressionKernel kind;
  std::string_view name;
  bool infinite;  // of a network of infinite width, in a convention
  std::string_view formula;
};

inline constexpr std::array<RegressionKernelInfo, 4> regression_kernels = {{
    {RegressionKernel::tangent, "tangent", false,
     "k(x, x') = output_factor drift_factor sum_j grad h(theta_j; x) . grad h(theta_j; x') over trained parameters at "
     "the first particles, f_0 their outputs"},
    {RegressionKernel::features, "features", false,
     "k(x, x') = 1/N sum_j h(theta_j; x) h(theta_j; x') at the first particles (random features), f_0 = 0"},
    {RegressionKernel::infinite_tangent, "infinite-tangent", true,
     "k the tangent kernel of a network of infinite width, f_0 = 0"},
    {RegressionKernel::infinite_features, "infinite-features", true,
     "k the covariance of the outputs of a network of infinite width at its start, f_0 = 0"},
}};

const RegressionKernelInfo& info(RegressionKernel kind);

/// The method that is no sequence of steps: the minimum of
///   1/(2n) sum_i (f(x_i) - y_i)^2 + ridge/2 |f - f_0|_k^2
/// over the Hilbert space of the kernel,
///   f(x) = f_0(x) + k_x' (K + n ridge I)^-1 (y - f_0(X)),    the interpolation of least norm where ridge = 0.
struct KernelMethod {
  static constexpr std::string_view method_name = "kernel-regression";
  static constexpr std::string_view update = "f(x) = f_0(x) + k_x' (K + n ridge I)^-1 (y - f_0(X)), in one solution";
  static constexpr std::string_view source = "Rasmussen & Williams 2006, ch. 2; Jacot, Gabriel & Hongler, NeurIPS 2018";

  std::string name;  // shown in plots
  RegressionKernel kind = RegressionKernel::tangent;
  double ridge = 0;
  std::string convention_name = {};  // of infinite kernels
  KernelConvention convention = {};
  Activation activation = Activation::relu;
  std::vector<std::string> left_out = {};  // observables asked for that need particles
  bool starts_at_zero = false;             // symmetric: f_0 = 0 whatever the first particles
  std::string other_law = {};              // what of network.init an infinite kernel does not follow, if anything

  bool is_infinite() const { return info(kind).infinite; }
  /// Formulas in words, as runs print them, one a line.
  std::vector<std::string> describe() const;
};

/// Numbers that the solution keeps in memory at once, at most; with_std: test outputs with standard deviations.
double num_doubles(const KernelMethod& method, Index num_train, Index num_test, bool with_std);

/// The column of metrics.csv that interpolation adds, sqrt(2 |f - f_0|_k^2 / n) (Arora, Du, Hu, Li & Wang 2019, eq. 2).
inline constexpr std::string_view generalisation_column = "generalisation_measure";

}  // namespace mfld

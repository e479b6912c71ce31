#pragma once
#include <array>
#include <optional>
#include <string_view>

#include "mfld/core/particles.hpp"
#include "mfld/model/activation.hpp"

namespace mfld {

/// How a fully connected network of infinite width is scaled, started and trained. With L = num_weight_layers,
///   K^1 = input_variance x.x' + input_bias_variance,
///   K^(l+1) = weight_variance E[sigma(u) sigma(v)] + bias_variance,      (u, v) ~ N(0, K^l restricted to x, x'),
///   Theta^1 = K^1,  Theta^(l+1) = K^(l+1) + weight_variance E[sigma'(u) sigma'(v)] Theta^l
/// (Jacot et al. 2018, thm. 1), where parameters that are not trained leave out their term of K^l in Theta^l.
/// K^L is the covariance of the outputs at the start, Theta^L the tangent kernel.
struct KernelConvention {
  double input_variance = 1;
  double input_bias_variance = 0;
  double weight_variance = 1;
  double bias_variance = 0;
  int num_weight_layers = 2;
  bool train_hidden = true;  // every weight but the output layer's
  bool train_output = true;
  bool train_bias = true;                         // every bias, of both kinds
  std::optional<Activation> closed_form_of = {};  // the kernel is a formula that holds for this activation alone

  /// Jacot, Gabriel & Hongler 2018: weights over sqrt(fan-in), biases times beta. `depth` = weight layers.
  static KernelConvention jacot(int depth, double beta, Index input_dim);
  /// Lee et al. 2019: weights sigma_w / sqrt(fan-in), biases sigma_b. `depth` = weight layers.
  static KernelConvention lee(int depth, double weight_variance, double bias_variance, Index input_dim);
  /// Arora et al. 2019: gain 1 / E sigma(z)^2 for z ~ N(0, 1), no bias, inputs not divided. `depth` = hidden layers.
  static KernelConvention arora(int depth, Activation activation);
  /// Bietti & Mairal 2019, two layers, factor sqrt(2 / N): kappa(u) = u kappa_0(u) + kappa_1(u) on unit vectors. ReLU.
  static KernelConvention bietti_mairal();
  /// f = N^(-1/2) sum_j r_j sigma(w_j . x), all weights N(0, 1), both layers trained.
  static KernelConvention two_layer();
  /// The same with +-1 output weights that are not trained (ReLU: the H^inf of Du et al. 2019).
  static KernelConvention two_layer_hidden();
  /// The same with hidden weights that are not trained: random features.
  static KernelConvention two_layer_output();
  /// f = N^(-1/2) sum_j r_j sigma(w_j . x + b_j), b_j ~ N(0, 1), all trained.
  static KernelConvention two_layer_bias();
};

struct KernelConventionInfo {
  std::string_view name;
  std::string_view formula;
};

/// The names that make_kernel_convention takes.
inline constexpr std::array<KernelConventionInfo, 8> kernel_conventions = {{
    {"jacot", "weights over sqrt(fan-in), biases times beta; depth counts weight layers"},
    {"lee", "weights sigma_w / sqrt(fan-in), biases sigma_b; depth counts weight layers"},
    {"arora", "gain 1 / E sigma(z)^2, no bias, inputs not divided; depth counts hidden layers"},
    {"bietti-mairal", "two layers, relu, factor sqrt(2 / N): u kappa_0(u) + kappa_1(u)"},
    {"two-layer", "N^(-1/2) sum r sigma(w.x), both layers trained"},
    {"two-layer-hidden", "N^(-1/2) sum r sigma(w.x), w trained (relu: H^inf)"},
    {"two-layer-output", "N^(-1/2) sum r sigma(w.x), r trained (random features)"},
    {"two-layer-bias", "N^(-1/2) sum r sigma(w.x + b), all trained"},
}};

struct KernelConventionOptions {
  int depth = 2;  // jacot, lee, arora
  Activation activation = Activation::relu;
  Index input_dim = 1;         // jacot, lee
  double weight_variance = 2;  // lee
  double bias_variance = 0.1;  // jacot (beta^2), lee
};

/// By name, for the command line. InvalidInput names the nearest convention, or the option that is out of range.
KernelConvention make_kernel_convention(std::string_view name, const KernelConventionOptions& options);

/// InvalidInput unless all numbers are finite, variances >= 0, layers >= 1, something is trained, and the activation is
/// one that the convention is defined for.
void check(const KernelConvention& convention, Activation activation);

}  // namespace mfld

#pragma once
#include <array>
#include <span>
#include <string_view>

namespace mfld {

/// sigma in h(theta; x) = a(r) sigma(w.x + b) + c(r).
enum class Activation { relu, relu_right, tanh, erf, sigmoid, softplus, squared_relu, linear };

struct ActivationInfo {
  Activation kind;
  std::string_view name;
  std::string_view formula;
  bool bounded;
};

/// The table behind `mfld list activations`. The arithmetic of a row is in src/kernels/activation-inl.hpp.
inline constexpr auto activations = std::to_array<ActivationInfo>({
    {Activation::relu, "relu", "max(z, 0), derivative 0 at z = 0", false},
    {Activation::relu_right, "relu-right", "max(z, 0), derivative 1 at z = 0", false},
    {Activation::tanh, "tanh", "tanh(z)", true},
    {Activation::erf, "erf", "erf(z) = 2/sqrt(pi) int_0^z exp(-t^2) dt, not erf(z/sqrt 2)", true},
    {Activation::sigmoid, "sigmoid", "1 / (1 + exp(-z))", true},
    {Activation::softplus, "softplus", "log(1 + exp(z))", false},
    {Activation::squared_relu, "squared-relu", "max(z, 0)^2", false},
    {Activation::linear, "linear", "z", false},
});

constexpr bool is_listed(Activation kind) {
  for (const ActivationInfo& row : activations) {
    if (row.kind == kind) {
      return true;
    }
  }
  return false;
}

const ActivationInfo& info(Activation kind);

/// values[i] = sigma(z[i]), slopes[i] = sigma'(z[i]); the same vector code as the training kernels, in double.
/// All three spans have one length.
void evaluate(Activation kind, std::span<const double> z, std::span<double> values, std::span<double> slopes);

}  // namespace mfld

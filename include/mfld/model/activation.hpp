#pragma once
#include <array>
#include <span>
#include <string_view>

namespace mfld {

/// sigma in h(theta; x) = a(r) sigma(w.x + b) + c(r).
enum class Activation { relu, relu_right, tanh, erf, sigmoid, softplus, squared_relu, linear };

/// A field that has no default: a row that leaves it out does not compile.
template <class T>
struct Stated {
  constexpr Stated(T of) : value(of) {}
  constexpr operator T() const { return value; }
  T value;
};

struct ActivationInfo {
  Activation kind;
  std::string_view name;
  std::string_view formula;
  Stated<bool> odd;    // sigma(-z) = -sigma(z)
  Stated<int> growth;  // of |sigma| with |z|: 0 bounded by 1, 1 linearly, 2 quadratically
};

/// The table behind `mfld list activations`. The arithmetic of a row is in src/kernels/vector/activation-inl.hpp.
inline constexpr auto activations = std::to_array<ActivationInfo>({
    {.kind = Activation::relu,
     .name = "relu",
     .formula = "max(z, 0), derivative 0 at z = 0",
     .odd = false,
     .growth = 1},
    {.kind = Activation::relu_right,
     .name = "relu-right",
     .formula = "max(z, 0), derivative 1 at z = 0",
     .odd = false,
     .growth = 1},
    {.kind = Activation::tanh, .name = "tanh", .formula = "tanh(z)", .odd = true, .growth = 0},
    {.kind = Activation::erf,
     .name = "erf",
     .formula = "erf(z) = 2/sqrt(pi) int_0^z exp(-t^2) dt, not erf(z/sqrt 2)",
     .odd = true,
     .growth = 0},
    {.kind = Activation::sigmoid, .name = "sigmoid", .formula = "1 / (1 + exp(-z))", .odd = false, .growth = 0},
    {.kind = Activation::softplus, .name = "softplus", .formula = "log(1 + exp(z))", .odd = false, .growth = 1},
    {.kind = Activation::squared_relu, .name = "squared-relu", .formula = "max(z, 0)^2", .odd = false, .growth = 2},
    {.kind = Activation::linear, .name = "linear", .formula = "z", .odd = true, .growth = 1},
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

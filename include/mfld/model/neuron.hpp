#pragma once
#include <array>
#include <string_view>

#include "mfld/core/particles.hpp"
#include "mfld/model/activation.hpp"

namespace mfld {

/// Every neuron of the program is a head over one hidden unit (src/README.md, equation 1):
///
///   h(theta; x) = a(r) sigma(w.x + b) + c(r),     theta = (r, w, b)
///   dh/dw = a sigma'(z) x     dh/db = a sigma'(z)     dh/dr = a'(r) sigma(z) + c'(r)
///
/// so a neuron is the four functions a, a', c, c' of its output parameter r, and nothing else.
enum class NeuronKind { r_sigma, bounded_r, fixed_sign, sigma, linear, parity, parity_unbounded };

struct NeuronInfo {
  NeuronKind kind;
  std::string_view name;
  std::string_view formula;
  bool has_output = false;        // has an output parameter r
  bool output_trainable = false;  // r may move
  bool odd_in_output = false;     // r -> -r flips the sign of h: symmetric (zero-output) initialisation is possible
  bool linear_in_output = false;  // h = h_0 + r h_1: r is integrated over exactly (trust/proximal_gibbs.hpp)
  bool bias_optional = false;     // network.bias may be chosen; where not, `bias_default` holds
  bool bias_default = false;
  bool has_bound = false;         // uses network.bound (R)
  bool fixed_activation = false;  // sigma is part of the definition
  Stated<int> weight_growth;      // of |a(r)| with |r|, where r may move: 0 bounded, 1 linearly, ...
  Stated<int> offset_growth;      // of |c(r)|
  Activation activation;          // that sigma, or the default one
};

/// The table behind `mfld list neurons`. The arithmetic of a row is in src/kernels/vector/head-inl.hpp.
inline constexpr auto neurons = std::to_array<NeuronInfo>({
    {.kind = NeuronKind::r_sigma,
     .name = "r-sigma",
     .formula = "r sigma(w.x + b)",
     .has_output = true,
     .output_trainable = true,
     .odd_in_output = true,
     .linear_in_output = true,
     .bias_optional = true,
     .bias_default = true,
     .weight_growth = 1,
     .offset_growth = 0,
     .activation = Activation::tanh},
    {.kind = NeuronKind::bounded_r,
     .name = "bounded-r",
     .formula = "R tanh(r) sigma(w.x + b)",
     .has_output = true,
     .output_trainable = true,
     .odd_in_output = true,
     .bias_optional = true,
     .bias_default = true,
     .has_bound = true,
     .weight_growth = 0,
     .offset_growth = 0,
     .activation = Activation::tanh},
    {.kind = NeuronKind::fixed_sign,
     .name = "fixed-sign",
     .formula = "r sigma(w.x + b), r = +-1 frozen",
     .has_output = true,
     .odd_in_output = true,
     .bias_optional = true,
     .weight_growth = 0,
     .offset_growth = 0,
     .activation = Activation::relu},
    {.kind = NeuronKind::sigma,
     .name = "sigma",
     .formula = "sigma(w.x + b)",
     .bias_optional = true,
     .bias_default = true,
     .weight_growth = 0,
     .offset_growth = 0,
     .activation = Activation::tanh},
    {.kind = NeuronKind::linear,
     .name = "linear",
     .formula = "w.x",
     .fixed_activation = true,
     .weight_growth = 0,
     .offset_growth = 0,
     .activation = Activation::linear},
    {.kind = NeuronKind::parity,
     .name = "parity",
     .formula = "R (tanh(w.x + b) + 2 tanh(r)) / 3",
     .has_output = true,
     .output_trainable = true,
     .bias_default = true,
     .has_bound = true,
     .fixed_activation = true,
     .weight_growth = 0,
     .offset_growth = 0,
     .activation = Activation::tanh},
    {.kind = NeuronKind::parity_unbounded,
     .name = "parity-unbounded",
     .formula = "R (tanh(w.x + b) + r) / 2",
     .has_output = true,
     .output_trainable = true,
     .linear_in_output = true,
     .bias_default = true,
     .has_bound = true,
     .fixed_activation = true,
     .weight_growth = 0,
     .offset_growth = 1,
     .activation = Activation::tanh},
});

const NeuronInfo& info(NeuronKind kind);

/// A choice of row, activation, bias and bound.
struct Neuron {
  NeuronKind kind = NeuronKind::r_sigma;
  Activation activation = Activation::tanh;
  bool bias = true;
  double bound = 1;  // R > 0
};

/// Columns of `Particles`: r (where there is one), w_1..w_d, b (where there is one).
struct ParameterLayout {
  Index output = -1;  // column of r, or -1
  Index input = 0;    // first column of w
  Index input_dim = 0;
  Index bias = -1;  // column of b, or -1
  Index size = 0;   // p
};

ParameterLayout parameter_layout(const Neuron& neuron, Index input_dim);

/// The head's four functions at given output parameters, each [N].
struct HeadValues {
  Vector weight;        // a(r)
  Vector weight_slope;  // a'(r)
  Vector offset;        // c(r)
  Vector offset_slope;  // c'(r)
};

/// r [N]; ignored, but for its length, where the neuron has no output parameter. The same vector code as the training.
HeadValues head_values(const Neuron& neuron, const Vector& r);

}  // namespace mfld

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
  bool has_output;        // has an output parameter r
  bool output_trainable;  // r may move
  bool odd_in_output;     // r -> -r flips the sign of h: symmetric (zero-output) initialisation is possible
  bool bias_optional;     // network.bias may be chosen; where not, `bias_default` holds
  bool bias_default;
  bool has_bound;         // uses network.bound (R)
  bool head_bounded;      // |h| is bounded if sigma is
  bool fixed_activation;  // sigma is part of the definition
  Activation activation;  // that sigma, or the default one
};

/// The table behind `mfld list neurons`. The arithmetic of a row is in src/model/head-inl.hpp.
inline constexpr std::array<NeuronInfo, 7> neurons = {{
    {NeuronKind::r_sigma, "r-sigma", "r sigma(w.x + b)", true, true, true, true, true, false, false, false,
     Activation::tanh},
    {NeuronKind::bounded_r, "bounded-r", "R tanh(r) sigma(w.x + b)", true, true, true, true, true, true, true, false,
     Activation::tanh},
    {NeuronKind::fixed_sign, "fixed-sign", "r sigma(w.x + b), r = +-1 frozen", true, false, true, true, false, false,
     true, false, Activation::relu},
    {NeuronKind::sigma, "sigma", "sigma(w.x + b)", false, false, false, true, true, false, true, false,
     Activation::tanh},
    {NeuronKind::linear, "linear", "w.x", false, false, false, false, false, false, false, true, Activation::linear},
    {NeuronKind::parity, "parity", "R (tanh(w.x + b) + 2 tanh(r)) / 3", true, true, false, false, true, true, true,
     true, Activation::tanh},
    {NeuronKind::parity_unbounded, "parity-unbounded", "R (tanh(w.x + b) + r) / 2", true, true, false, false, true,
     true, false, true, Activation::tanh},
}};

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

#include "kernels/dual_form.hpp"

#include <cmath>
#include <numbers>

namespace mfld::dual {
namespace {

/// |tanh(p + iq)| <= max(1, |tan q|) and |cosh(p + iq)|^-2 <= cos^-2 q.
Smoothness smoothness_of_tanh() {
  const double height = 1.2;
  return {height, std::tan(height), 0, 1 / (std::cos(height) * std::cos(height)), 1, 0.7699, 2};
}

/// |1 + exp(-p - iq)| >= 1 for |q| <= pi/2; the slope is 1 / (4 cosh^2(z/2)).
Smoothness smoothness_of_sigmoid() { return {std::numbers::pi / 2, 1, 0, 0.5, 0.25, 0.09623, 0.125}; }

/// The slope is the sigmoid, and the value at p + iq differs from that at p by at most |q|; softplus(p) <= |p| + log 2.
Smoothness smoothness_of_softplus() {
  const double half_pi = std::numbers::pi / 2;
  return {half_pi, std::numbers::ln2 + half_pi, 1, 1, 1, 0.25, 0.09623};
}

}  // namespace

DualForm dual_form(Activation kind) {
  switch (kind) {
    case Activation::relu:
      return {ClosedForm::relu};
    case Activation::relu_right:
      return {ClosedForm::relu_right};
    case Activation::squared_relu:
      return {ClosedForm::squared_relu};
    case Activation::erf:
      return {ClosedForm::erf};
    case Activation::linear:
      return {ClosedForm::linear};
    case Activation::tanh:
      return {ClosedForm::none, smoothness_of_tanh()};
    case Activation::sigmoid:
      return {ClosedForm::none, smoothness_of_sigmoid()};
    case Activation::softplus:
      return {ClosedForm::none, smoothness_of_softplus()};
  }
  return {};
}

}  // namespace mfld::dual

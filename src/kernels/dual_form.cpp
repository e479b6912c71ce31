#include "kernels/dual_form.hpp"

#include <algorithm>
#include <array>
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

struct Row {
  Activation kind;
  DualForm form;
};

}  // namespace

DualForm dual_form(Activation kind) {
  static const auto rows = std::to_array<Row>({
      {Activation::relu, {ClosedForm::relu}},
      {Activation::relu_right, {ClosedForm::relu_right}},
      {Activation::squared_relu, {ClosedForm::squared_relu}},
      {Activation::erf, {ClosedForm::erf}},
      {Activation::linear, {ClosedForm::linear}},
      {Activation::tanh, {ClosedForm::none, smoothness_of_tanh()}},
      {Activation::sigmoid, {ClosedForm::none, smoothness_of_sigmoid()}},
      {Activation::softplus, {ClosedForm::none, smoothness_of_softplus()}},
  });
  const auto row = std::find_if(rows.begin(), rows.end(), [kind](const Row& each) { return each.kind == kind; });
  return row == rows.end() ? DualForm() : row->form;
}

}  // namespace mfld::dual

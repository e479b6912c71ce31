// What an activation, a neuron and a loss owe once they are added: those of pieces.py, which are in no release.
#include <cmath>
#include <cstdio>
#include <vector>

#include "mfld/model/activation.hpp"
#include "mfld/model/loss.hpp"
#include "mfld/model/neuron.hpp"
#include "mfld/ntk/infinite_width.hpp"
#include "mfld/observe/alignment.hpp"
#include "mfld/trust/neuron_values.hpp"

using namespace mfld;

namespace {

constexpr Activation added = Activation::softsign;

int num_wrong = 0;

void expect_near(const char* what, double found, double right, double tolerance) {
  if (!(std::abs(found - right) <= tolerance)) {
    std::printf("%s is %.17g and should be %.17g\n", what, found, right);
    ++num_wrong;
  }
}

double sigma(double z) { return z / (1 + std::abs(z)); }

void check_values_and_slopes() {
  const double h = 1e-6;
  std::vector<double> z;
  for (int i = -50; i <= 50; ++i) {
    z.insert(z.end(), {0.37 * i, 0.37 * i - h, 0.37 * i + h});
  }
  std::vector<double> value(z.size()), slope(z.size());
  evaluate(added, z, value, slope);
  for (std::size_t i = 0; i < z.size(); i += 3) {
    expect_near("the value", value[i], sigma(z[i]), 1e-15);
    expect_near("the slope", slope[i], (value[i + 2] - value[i + 1]) / (2 * h), 2e-6);
  }
}

/// E sigma(u) sigma(v) by the trapezoid rule in the plane: good to 1e-7.
double expectation(double a, double b, double c) {
  const double h = 0.025;
  double sum = 0;
  for (int i = -360; i <= 360; ++i) {
    for (int j = -360; j <= 360; ++j) {
      const double s = h * i;
      const double t = h * j;
      const double u = std::sqrt(a) * s;
      const double v = c / std::sqrt(a) * s + std::sqrt(b - c * c / a) * t;
      sum += sigma(u) * sigma(v) * std::exp(-(s * s + t * t) / 2);
    }
  }
  return sum * h * h / (2 * std::acos(-1.0));
}

void check_kernel() {
  const DualActivation dual = dual_activation(added, 1, 1.5, 0.7);
  expect_near("the dual activation", dual.value, expectation(1, 1.5, 0.7), 1e-6);
  if (!(dual.value_error > 1e-300 && dual.slope_error > 1e-300)) {
    std::printf("the quadrature passes for a closed form\n");
    ++num_wrong;
  }
  Vector cosines(2);
  cosines << 0.3, -1;
  const auto kernel = infinite_width_kernel_at_cosines(KernelConvention::two_layer(), added, cosines);
  expect_near("the kernel of the outputs", kernel.nngp(0), expectation(1, 1, 0.3), 1e-6);
  const double h = 1e-3;
  const double slope = (expectation(1, 1, 0.3 + h) - expectation(1, 1, 0.3 - h)) / (2 * h);
  expect_near("the tangent kernel", kernel.ntk(0), kernel.nngp(0) + 0.3 * slope, 1e-4);
  expect_near("the odd kernel", kernel.nngp(1), -expectation(1, 1, 1 - 1e-12), 1e-6);
}

void check_head() {
  Vector r(3);
  r << -1.5, 0, 0.25;
  const HeadValues head = head_values({NeuronKind::squared_r, added, true}, r);
  for (Index j = 0; j < r.size(); ++j) {
    expect_near("a(r)", head.weight(j), r(j) * r(j), 1e-15);
    expect_near("a'(r)", head.weight_slope(j), 2 * r(j), 1e-15);
    expect_near("c(r)", std::abs(head.offset(j)) + std::abs(head.offset_slope(j)), 0, 0);
  }
  if (growth_order({NeuronKind::squared_r, added, true}) != 2) {
    std::printf("r^2 times a bounded activation does not grow quadratically\n");
    ++num_wrong;
  }
}

void check_loss() {
  const Loss loss = {.kind = LossKind::pseudo_huber, .width = 0.7};
  const double h = 1e-5;
  for (const double u : {-3.0, -0.2, 0.4, 0.9, 6.0}) {
    const double y = 0.4;
    const double g = loss.derivative(u, y);
    expect_near("the loss", loss.value(u, y), 0.49 * (std::sqrt(1 + (u - y) * (u - y) / 0.49) - 1), 1e-14);
    expect_near("its slope", g, (loss.value(u + h, y) - loss.value(u - h, y)) / (2 * h), 1e-9);
    expect_near("its curvature", loss.second_derivative(u, y),
                (loss.derivative(u + h, y) - loss.derivative(u - h, y)) / (2 * h), 1e-9);
    expect_near("its conjugate", loss.conjugate(g, y), u * g - loss.value(u, y), 1e-13);
  }
}

}  // namespace

int main() {
  check_values_and_slopes();
  check_kernel();
  check_head();
  check_loss();
  if (cosine_sign(added) != CosineSign::ignore) {
    std::printf("an odd activation keeps the sign of cosines\n");
    ++num_wrong;
  }
  return num_wrong == 0 ? 0 : 1;
}

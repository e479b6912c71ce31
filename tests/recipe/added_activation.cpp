// What an activation owes once it is added: here softsign, z / (1 + |z|), which is in no release.
#include <cmath>
#include <cstdio>
#include <numeric>
#include <vector>

#include "mfld/model/activation.hpp"
#include "mfld/model/initialisation.hpp"
#include "mfld/model/network.hpp"
#include "mfld/ntk/infinite_width.hpp"
#include "mfld/observe/alignment.hpp"

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

class Residual : public Field {
 public:
  explicit Residual(const std::vector<double>& targets) : targets_(targets) {}
  void coefficients(Index first, std::span<const double> outputs, std::span<double> coefficients) const override {
    for (std::size_t i = 0; i < outputs.size(); ++i) {
      coefficients[i] = outputs[i] - targets_[static_cast<std::size_t>(first) + i];
    }
  }

 private:
  const std::vector<double>& targets_;
};

double loss(const std::vector<double>& outputs, const std::vector<double>& targets) {
  return std::transform_reduce(outputs.begin(), outputs.end(), targets.begin(), 0.0, std::plus<>(),
                               [](double u, double y) { return (u - y) * (u - y); });
}

/// 200 steps of gradient descent on cos(3 x).
template <class Scalar>
void check_training() {
  const Neuron neuron{NeuronKind::r_sigma, added, true};
  const Network network(neuron, 1, {});
  const Particles<double> start = initial_particles({}, neuron, 1, 100, 1);
  Particles<Scalar> particles = start.cast<Scalar>();
  Inputs x(20, 1);
  std::vector<double> targets, outputs(20);
  for (Index i = 0; i < 20; ++i) {
    x(i, 0) = -1 + 0.1 * static_cast<double>(i);
    targets.push_back(std::cos(3 * x(i, 0)));
  }
  const PackedInputs<Scalar> inputs(x);
  KernelWorkspace<Scalar> workspace;
  Drift drift(particles.rows(), particles.cols());
  double first_loss = 0;
  for (int step = 0; step < 200; ++step) {
    network.drift(particles, inputs, Residual(targets), 1.0 / 20, Accumulate::assign, drift, outputs, workspace);
    first_loss = step == 0 ? loss(outputs, targets) : first_loss;
    particles -= (0.5 * drift).template cast<Scalar>();
  }
  const double moved = (particles.template cast<double>() - start).cwiseAbs().minCoeff();
  if (!(moved > 0 && loss(outputs, targets) < first_loss / 2)) {
    std::printf("training moves some particle by %g, and takes the loss from %g to %g\n", moved, first_loss,
                loss(outputs, targets));
    ++num_wrong;
  }
}

}  // namespace

int main() {
  check_values_and_slopes();
  check_kernel();
  check_training<double>();
  check_training<float>();
  if (cosine_sign(added) != CosineSign::ignore) {
    std::printf("an odd activation keeps the sign of cosines\n");
    ++num_wrong;
  }
  return num_wrong == 0 ? 0 : 1;
}

#include "mfld/ntk/spectrum.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <numbers>
#include <random>

#include "mfld/core/error.hpp"
#include "mfld/ntk/infinite_width.hpp"

namespace mfld {
namespace {

constexpr double pi = std::numbers::pi;

// Computed independently with 40-digit arithmetic.
struct Mercer {
  int input_dim, degree;
  double multiplicity, kappa, hidden;  // of u kappa_0 + kappa_1 and of u kappa_0
};
const std::vector<Mercer> mercer = {
    {2, 0, 1, 0.6079271018540266286633, 0.2026423672846755428878},
    {2, 1, 2, 0.5, 0.25},
    {2, 2, 2, 0.1576107301103032000238, 0.1125790929359308571599},
    {2, 3, 2, 0.0, 0.0},
    {2, 4, 2, 0.0171120221262614902883, 0.01531075663928659657374},
    {2, 5, 2, 0.0, 0.0},
    {2, 6, 2, 0.006451471284981507079692, 0.006120626603700404152528},
    {2, 7, 2, 0.0, 0.0},
    {2, 8, 2, 0.003420770624357082734563, 0.003318658068406125040994},
    {2, 9, 2, 0.0, 0.0},
    {2, 10, 2, 0.002129595330101171402657, 0.002088243964468138948236},
    {5, 0, 1, 0.421875, 0.0703125},
    {5, 1, 5, 0.2, 0.1},
    {5, 2, 14, 0.03125, 0.021484375},
    {5, 3, 30, 0.0, 0.0},
    {5, 4, 55, 0.00103759765625, 0.000885009765625},
    {5, 5, 91, 0.0, 0.0},
    {5, 6, 140, 0.000164794921875, 0.00015106201171875},
    {5, 7, 204, 0.0, 0.0},
    {5, 8, 285, 0.00004482269287109375, 0.000042438507080078125},
    {5, 9, 385, 0.0, 0.0},
    {5, 10, 506, 0.00001621246337890625, 0.00001561641693115234375},
};

TEST(Spectrum, TwoLayerReluOnTheSphere) {
  for (const int input_dim : {2, 5}) {
    const auto kappa =
        spherical_eigenvalues(angular_ntk(KernelConvention::bietti_mairal(), Activation::relu), input_dim, 10);
    const auto hidden =
        spherical_eigenvalues(angular_ntk(KernelConvention::two_layer_hidden(), Activation::relu), input_dim, 10);
    for (const Mercer& row : mercer) {
      if (row.input_dim == input_dim) {
        const auto k = static_cast<std::size_t>(row.degree);
        EXPECT_EQ(kappa[k].degree, row.degree);
        EXPECT_EQ(kappa[k].multiplicity, row.multiplicity);
        EXPECT_NEAR(kappa[k].value, row.kappa, 1e-12 * row.kappa + 5e-17);
        EXPECT_NEAR(2 * hidden[k].value, row.hidden, 1e-12 * row.hidden + 5e-17);
      }
    }
  }
}

/// Of u kappa_0 + kappa_1 in two dimensions.
double circle_eigenvalue(int k) {
  const double square = static_cast<double>(k) * k;
  if (k == 1) {
    return 0.5;
  }
  return k % 2 != 0 ? 0 : 2 / (pi * pi) * (square + 3) / ((square - 1) * (square - 1));
}

TEST(Spectrum, CircleHasAClosedForm) {
  const auto values = spherical_eigenvalues(angular_ntk(KernelConvention::bietti_mairal(), Activation::relu), 2, 201);
  for (int k = 0; k <= 201; ++k) {
    const double want = circle_eigenvalue(k);
    EXPECT_NEAR(values[static_cast<std::size_t>(k)].value, want, 1e-12 * want + 5e-17) << k;
  }
}

TEST(Spectrum, TraceIsTheKernelOnTheDiagonal) {
  for (const int input_dim : {2, 3, 7}) {
    const auto values =
        spherical_eigenvalues(angular_ntk(KernelConvention::arora(1, Activation::erf), Activation::erf), input_dim, 60);
    double trace = 0;
    for (const SphericalEigenvalue& row : values) {
      trace += row.value * row.multiplicity;
    }
    const double want =
        infinite_width_kernel_at_angles(KernelConvention::arora(1, Activation::erf), Activation::erf, Vector::Zero(1))
            .ntk(0);
    EXPECT_NEAR(trace, want, 1e-9);
  }
}

TEST(Spectrum, DecayReachesItsConstant) {
  for (const int p : {2, 3, 5}) {
    const auto values = spherical_eigenvalues(angular_ntk(KernelConvention::bietti_mairal(), Activation::relu), p, 100);
    const double scaled = values[100].value * std::pow(100.0, p);
    // The next order is O(1/k): p = 5 is 11 % away at k = 100.
    EXPECT_NEAR(scaled / relu_decay_constant(p), 1, p == 2 ? 1e-3 : 0.15);
    const double half = values[50].value * std::pow(50.0, p);
    EXPECT_LE(std::abs(scaled / relu_decay_constant(p) - 1),
              0.75 * std::abs(half / relu_decay_constant(p) - 1) + 1e-12);
  }
  EXPECT_NEAR(relu_decay_constant(2), 2 / (pi * pi), 1e-15);
}

/// n equally spaced points of the circle: K is circulant, and its eigenvalues are the aliased sums of mu_k exactly.
TEST(Spectrum, EmpiricalEigenvaluesOfEquallySpacedPointsAreAliasedSums) {
  constexpr Index n = 64;
  Inputs x(n, 2);
  for (Index i = 0; i < n; ++i) {
    const double angle = 2 * pi * static_cast<double>(i) / static_cast<double>(n);
    x.row(i) << std::cos(angle), std::sin(angle);
  }
  const auto convention = KernelConvention::bietti_mairal();
  const Matrix kernel = infinite_width_kernel(convention, Activation::relu, x).ntk;
  const Vector got = empirical_eigenvalues(kernel);
  const auto aliased = [](int k) {  // the sum over all frequencies equal to k modulo n; what is left out is below 1e-8
    double sum = circle_eigenvalue(k);
    for (int m = static_cast<int>(n); m < 1000000; m += static_cast<int>(n)) {
      sum += circle_eigenvalue(m + k) + circle_eigenvalue(m - k);
    }
    return sum;
  };
  const int frequencies[] = {0, 1, 1, 2, 2, 4, 4};
  for (Index i = 0; i < 7; ++i) {
    EXPECT_NEAR(got(i), aliased(frequencies[i]), 1e-8) << i;
  }
  EXPECT_NEAR(got.sum(), kernel.trace() / static_cast<double>(n), 1e-12);
  for (Index i = 1; i < n; ++i) {
    EXPECT_LE(got(i), got(i - 1));
  }
}

/// Random points: the eigenvalues of K/n are near mu_k repeated by their multiplicity. Fixed seed; the tolerance is
/// four times the fluctuation mu_k sqrt(N / n) of an eigenvalue of multiplicity N.
TEST(Spectrum, EmpiricalEigenvaluesOfRandomPointsApproachThose) {
  const Index n = 800;
  const Index p = 3;
  std::mt19937_64 engine(1);
  std::normal_distribution<double> normal;
  Inputs x(n, p);
  for (Index i = 0; i < n; ++i) {
    for (Index k = 0; k < p; ++k) {
      x(i, k) = normal(engine);
    }
    x.row(i).normalize();
  }
  const auto convention = KernelConvention::bietti_mairal();
  const Vector got = empirical_eigenvalues(infinite_width_kernel(convention, Activation::relu, x).ntk);
  const auto mu = spherical_eigenvalues(angular_ntk(convention, Activation::relu), p, 4);
  Index next = 0;
  for (const std::size_t k : {0u, 1u, 2u}) {
    for (double i = 0; i < mu[k].multiplicity; ++i) {
      EXPECT_NEAR(got(next++) / mu[k].value, 1, 4 * std::sqrt(mu[k].multiplicity / static_cast<double>(n)));
    }
  }
}

/// By iteration or of all of them, the same numbers to rounding; equal ones of equally spaced points as well, and those
/// below rounding are 0.
TEST(Spectrum, LeadingEmpiricalEigenvaluesAreTheFirstOfAll) {
  std::mt19937_64 engine(2);
  std::normal_distribution<double> normal;
  const auto convention = KernelConvention::two_layer();
  for (const Index n : {60, 600}) {
    const Inputs random = Inputs::NullaryExpr(n, 3, [&] { return normal(engine); });
    const Inputs spaced = Inputs::NullaryExpr(n, 2, [n](Index i, Index k) {
      const double angle = 2 * pi * static_cast<double>(i) / static_cast<double>(n);
      return k == 0 ? std::cos(angle) : std::sin(angle);
    });
    for (const Inputs& x : {random, spaced}) {
      const Matrix kernel = infinite_width_kernel(convention, Activation::relu, x).ntk;
      const Vector all = empirical_eigenvalues(kernel);
      for (const Index count : {Index{1}, Index{20}, n}) {
        const Vector leading = empirical_eigenvalues(kernel, count);
        ASSERT_EQ(leading.size(), count);
        EXPECT_LE((leading - all.head(count)).cwiseAbs().maxCoeff(), 1e-12 * all(0)) << n << ' ' << count;
      }
      const Matrix linear = x * x.transpose();
      EXPECT_EQ((empirical_eigenvalues(linear, 10).array() > 0).count(), x.cols());
    }
  }
  Matrix wrong = Matrix::Identity(500, 500);
  wrong(3, 7) = 1;
  EXPECT_THROW(empirical_eigenvalues(wrong, 5), InvalidInput);
}

TEST(Spectrum, GeneralisationMeasureOnThreePoints) {
  Inputs x(3, 2);
  const double angles[] = {0, pi / 3, 5 * pi / 6};
  for (Index i = 0; i < 3; ++i) {
    x.row(i) << std::cos(angles[i]), std::sin(angles[i]);
  }
  const Matrix kernel = infinite_width_kernel(KernelConvention::two_layer_hidden(), Activation::relu, x).ntk;
  EXPECT_NEAR(generalisation_measure(kernel, Vector{{1, -0.5, 0.25}}), 1.624395208572042514993725, 1.6e-12);
  const Vector eigenvalues = 3 * empirical_eigenvalues(kernel);
  EXPECT_NEAR(eigenvalues(2), 0.3183792106858052686567924, 3e-13);
  EXPECT_NEAR(eigenvalues(1), 0.5, 5e-13);
  EXPECT_NEAR(eigenvalues(0), 0.6816207893141947313432076, 6e-13);
  const KernelSpectrum spectrum(kernel);
  const Vector y{{1, -0.5, 0.25}};
  EXPECT_NEAR(project(spectrum, y).squaredNorm(), y.squaredNorm(), 1e-13);
  x.row(1) = x.row(0);
  EXPECT_THROW(
      generalisation_measure(infinite_width_kernel(KernelConvention::two_layer_hidden(), Activation::relu, x).ntk, y),
      InvalidInput);
  EXPECT_THROW(spherical_eigenvalues(angular_ntk(KernelConvention::two_layer(), Activation::relu), 1, 3), InvalidInput);
}

}  // namespace
}  // namespace mfld

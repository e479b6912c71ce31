#include "mfld/ntk/spectrum.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <boost/math/quadrature/gauss.hpp>
#include <cmath>
#include <numbers>
#include <utility>

#include "mfld/core/error.hpp"
#include "mfld/ntk/infinite_width.hpp"

namespace mfld {
namespace {

/// Nodes in extended precision: shifted by a rounding error of double, P_k would err by k times that.
struct Nodes {
  std::vector<long double> angles;
  std::vector<long double> weights;
};

/// Gauss-Legendre with 20 nodes on each of `panels` equal panels of [0, pi].
Nodes make_nodes(int panels) {
  using Rule = boost::math::quadrature::gauss<long double, 20>;
  const auto& abscissa = Rule::abscissa();
  const auto& weights = Rule::weights();
  Nodes nodes;
  const long double width = std::numbers::pi_v<long double> / panels;
  for (int panel = 0; panel < panels; ++panel) {
    const long double centre = (panel + 0.5L) * width;
    for (std::size_t k = 0; k < abscissa.size(); ++k) {
      for (const long double side : {-1.0L, 1.0L}) {
        nodes.angles.push_back(centre + side * abscissa[k] * width / 2);
        nodes.weights.push_back(weights[k] * width / 2);
      }
    }
  }
  return nodes;
}

std::vector<long double> integrate(const AngularKernel& kernel, Index input_dim, int max_degree, int panels) {
  const Nodes nodes = make_nodes(panels);
  Vector angles(static_cast<Index>(nodes.angles.size()));
  std::transform(nodes.angles.begin(), nodes.angles.end(), angles.begin(),
                 [](long double angle) { return static_cast<double>(angle); });
  const Vector values = kernel(angles);
  const long double p = static_cast<long double>(input_dim);
  int sign = 0;  // which std::lgamma would put where all threads see it
  const long double norm = std::exp(::lgammal_r(p / 2, &sign) - ::lgammal_r((p - 1) / 2, &sign)) /
                           std::sqrt(std::numbers::pi_v<long double>);
  std::vector<long double> sums(static_cast<std::size_t>(max_degree) + 1, 0.0L);
  for (Index i = 0; i < values.size(); ++i) {
    const long double angle = nodes.angles[static_cast<std::size_t>(i)];
    const long double t = std::cos(angle);
    const long double weight =
        norm * nodes.weights[static_cast<std::size_t>(i)] * values(i) * std::pow(std::sin(angle), p - 2);
    long double previous = 0;
    long double current = 1;
    for (int k = 0; k <= max_degree; ++k) {
      sums[static_cast<std::size_t>(k)] += weight * current;
      previous = std::exchange(current, next_legendre(k, p, t, current, previous));
    }
  }
  return sums;
}

}  // namespace

// As a product that stays exact while it fits.
double num_harmonics(Index input_dim, int degree) {
  if (degree == 0) {
    return 1;
  }
  double value = 2.0 * degree + static_cast<double>(input_dim) - 2;
  for (Index i = 1; i <= input_dim - 2; ++i) {
    value = value * static_cast<double>(degree - 1 + i) / static_cast<double>(i);
  }
  return value / degree;
}

AngularKernel angular_ntk(const KernelConvention& convention, Activation activation) {
  check(convention, activation);
  return [convention, activation](const Vector& angles) -> Vector {
    return infinite_width_kernel_at_angles(convention, activation, angles).ntk;
  };
}

std::vector<SphericalEigenvalue> spherical_eigenvalues(const AngularKernel& kernel, Index input_dim, int max_degree) {
  if (input_dim < 2 || max_degree < 0) {
    throw InvalidInput(fmt::format(
        "input_dim = {} and max_degree = {} of the spectrum must be at least 2 and at least 0", input_dim, max_degree));
  }
  int panels = std::max(4, max_degree / 8 + static_cast<int>(std::sqrt(static_cast<double>(input_dim))));
  const double scale = std::abs(kernel(Vector::Zero(1))(0));  // no eigenvalue is larger
  std::vector<long double> coarse = integrate(kernel, input_dim, max_degree, panels);
  for (int halving = 0; halving < 6; ++halving) {
    panels *= 2;
    std::vector<long double> fine = integrate(kernel, input_dim, max_degree, panels);
    long double difference = 0;
    for (std::size_t k = 0; k < fine.size(); ++k) {
      difference = std::max(difference, std::abs(fine[k] - coarse[k]));
    }
    coarse = std::move(fine);
    if (difference <= 1e-15L * scale) {
      break;
    }
  }
  std::vector<SphericalEigenvalue> result;
  for (int k = 0; k <= max_degree; ++k) {
    result.push_back({k, static_cast<double>(coarse[static_cast<std::size_t>(k)]), num_harmonics(input_dim, k)});
  }
  return result;
}

double relu_decay_constant(Index input_dim) {
  const double p = static_cast<double>(input_dim);
  return std::exp((p - 1) * std::numbers::ln2 + 2 * std::lgamma(p / 2)) / (std::numbers::pi * std::numbers::pi);
}

Vector empirical_eigenvalues(const Matrix& kernel) {
  const Vector positive = kernel_eigenvalues(kernel);
  Vector values = Vector::Zero(kernel.rows());
  values.head(positive.size()) = positive / static_cast<double>(kernel.rows());
  return values;
}

Vector empirical_eigenvalues(const Matrix& kernel, Index count, const Watch& watch) {
  return leading_kernel_eigenvalues(kernel, count, watch) / static_cast<double>(kernel.rows());
}

Vector project(const KernelSpectrum& spectrum, const Vector& y) { return spectrum.eigenvectors().transpose() * y; }

double generalisation_measure(const Matrix& kernel, const Vector& targets) {
  const KernelRegression interpolation = KernelRegression::ridge(kernel, targets, 0);
  return std::sqrt(2 * targets.dot(interpolation.coefficients()) / static_cast<double>(targets.size()));
}

}  // namespace mfld

#include "mfld/ntk/closed_forms.hpp"

#include <fmt/format.h>

#include <cmath>
#include <limits>
#include <utility>

#include "mfld/core/error.hpp"

namespace mfld {
namespace {

/// log |1 - x| for 0 <= x <= 2, accurate at both ends.
double log_contraction(double x) { return x <= 1 ? std::log1p(-x) : std::log1p(-(2 - x)); }

/// (1 - x)^k.
double contraction(double x, Index k) {
  if (k == 0) {
    return 1;
  }
  const double size = std::exp(static_cast<double>(k) * log_contraction(x));
  return x > 1 && k % 2 != 0 ? -size : size;
}

/// 1 - (1 - x)^k without cancellation at small x.
double progress(double x, Index k) {
  return x <= 1 ? (k == 0 ? 0 : -std::expm1(static_cast<double>(k) * log_contraction(x))) : 1 - contraction(x, k);
}

/// sum_{s<k} (1 - x)^(2s).
double power_sum(double x, Index k) {
  const double per_step = x * (2 - x);
  if (k == 0) {
    return 0;
  }
  return per_step == 0 ? static_cast<double>(k)
                       : -std::expm1(2 * static_cast<double>(k) * log_contraction(x)) / per_step;
}

}  // namespace

LinearisedTraining::LinearisedTraining(const Matrix& kernel, double ridge) : spectrum_(kernel), ridge_(ridge) {
  if (!(ridge >= 0) || !std::isfinite(ridge)) {
    throw InvalidInput(fmt::format("ridge = {} of the linearised network must be at least 0 and finite", ridge));
  }
}

double LinearisedTraining::largest_stable_step() const {
  if (spectrum_.rank() == 0) {
    return ridge_ > 0 ? 2 / ridge_ : std::numeric_limits<double>::infinity();
  }
  return 2 / (spectrum_.eigenvalues()(0) / static_cast<double>(n()) + ridge_);
}

double LinearisedTraining::fastest_step() const {
  if (spectrum_.rank() == 0) {
    return largest_stable_step() / 2;
  }
  const Vector& lambda = spectrum_.eigenvalues();
  return 2 / ((lambda(0) + lambda(lambda.size() - 1)) / static_cast<double>(n()) + 2 * ridge_);
}

void LinearisedTraining::check_step(double step_size) const {
  if (!(step_size > 0 && step_size < largest_stable_step())) {
    throw InvalidInput(
        fmt::format("step_size = {} of the linearised network is outside its stable range: it must be above 0 "
                    "and below 2 / (lambda_max / n + ridge) = {}",
                    step_size, largest_stable_step()));
  }
}

/// contraction(mu) = {c, 1 - c}: what a residual in direction mu is multiplied by in the absence of a ridge.
template <class Contraction>
SpectralFilter LinearisedTraining::filter(const Contraction& contraction) const {
  const double count = static_cast<double>(n());
  SpectralFilter result{Vector(spectrum_.rank()), Vector(spectrum_.rank())};
  for (Index i = 0; i < spectrum_.rank(); ++i) {
    const double lambda = spectrum_.eigenvalues()(i);
    const double mu = lambda / count + ridge_;
    const auto [left, done] = contraction(mu);
    result.gain(i) = done / (count * mu);
    result.left(i) = (lambda / count * left + ridge_) / mu;
  }
  return result;
}

SpectralFilter LinearisedTraining::flow(double time) const {
  if (!(time >= 0)) {
    throw InvalidInput(fmt::format("time = {} of the gradient flow must be at least 0", time));
  }
  return filter([&](double mu) { return std::pair(std::exp(-mu * time), -std::expm1(-mu * time)); });
}

SpectralFilter LinearisedTraining::descent(double step_size, Index num_steps) const {
  check_step(step_size);
  if (num_steps < 0) {
    throw InvalidInput(fmt::format("num_steps = {} of gradient descent must be at least 0", num_steps));
  }
  return filter([&](double mu) {
    return std::pair(contraction(step_size * mu, num_steps), progress(step_size * mu, num_steps));
  });
}

SpectralFilter LinearisedTraining::limit() const {
  return filter([](double) { return std::pair(0.0, 1.0); });
}

Vector LinearisedTraining::coefficients(const SpectralFilter& filter, const Vector& start_residual) const {
  const Matrix& v = spectrum_.eigenvectors();
  return -(v * filter.gain.cwiseProduct(v.transpose() * start_residual));
}

Vector LinearisedTraining::residual(const SpectralFilter& filter, const Vector& start_residual) const {
  const Matrix& v = spectrum_.eigenvectors();
  const Vector seen = v.transpose() * start_residual;
  Vector result = v * filter.left.cwiseProduct(seen);
  if (spectrum_.rank() < n()) {  // what no direction of the kernel reaches
    result += start_residual - v * seen;
  }
  return result;
}

double LinearisedTraining::distance(const SpectralFilter& filter, const Vector& start_residual) const {
  const Vector size = filter.gain.cwiseProduct(spectrum_.eigenvectors().transpose() * start_residual);
  return std::sqrt(size.cwiseAbs2().dot(spectrum_.eigenvalues()));
}

Matrix LinearisedTraining::response(const SpectralFilter& filter, const Matrix& test_kernel) const {
  const Matrix& v = spectrum_.eigenvectors();
  return (test_kernel * v) * filter.gain.asDiagonal() * v.transpose();
}

LinearisedLangevin::LinearisedLangevin(const LinearisedTraining& training, double step_size, double temperature)
    : training_(training), step_size_(step_size), temperature_(temperature) {
  training.check_step(step_size);
  if (!(temperature >= 0) || !std::isfinite(temperature)) {
    throw InvalidInput(
        fmt::format("temperature = {} of the linearised network must be at least 0 and finite", temperature));
  }
}

Vector LinearisedLangevin::power_sums(Index num_steps) const {
  const double count = static_cast<double>(training_.n());
  return training_.spectrum_.eigenvalues().unaryExpr(
      [&](double lambda) { return power_sum(step_size_ * (lambda / count + training_.ridge_), num_steps); });
}

Matrix LinearisedLangevin::train_covariance(Index num_steps) const {
  const Matrix& v = training_.spectrum_.eigenvectors();
  const Vector sizes = amplitude() * power_sums(num_steps).cwiseProduct(training_.spectrum_.eigenvalues());
  return v * sizes.asDiagonal() * v.transpose();
}

Matrix LinearisedLangevin::cross_covariance(Index num_steps, const Matrix& test_kernel) const {
  const Matrix& v = training_.spectrum_.eigenvectors();
  return (test_kernel * v) * (amplitude() * power_sums(num_steps)).asDiagonal() * v.transpose();
}

Matrix LinearisedLangevin::test_covariance(Index num_steps, const Matrix& test_kernel,
                                           const Matrix& test_test_kernel) const {
  // Directions of theta that no training output sees contract by the ridge alone.
  const double unseen = power_sum(step_size_ * training_.ridge_, num_steps);
  const Matrix seen = test_kernel * training_.spectrum_.eigenvectors();
  const Vector excess = (power_sums(num_steps).array() - unseen) / training_.spectrum_.eigenvalues().array();
  return amplitude() * (unseen * test_test_kernel + seen * excess.asDiagonal() * seen.transpose());
}

Matrix ensemble_covariance(const Matrix& response, const Matrix& test_test_nngp, const Matrix& test_nngp,
                           const Matrix& train_nngp) {
  const Matrix mixed = response * test_nngp.transpose();
  return test_test_nngp - mixed - mixed.transpose() + response * train_nngp * response.transpose();
}

Vector ensemble_variance(const Matrix& response, const Vector& test_nngp_diagonal, const Matrix& test_nngp,
                         const Matrix& train_nngp) {
  const Matrix moved = response * train_nngp - 2 * test_nngp;
  // Rounding may take a variance of 0 below it.
  return (test_nngp_diagonal + response.cwiseProduct(moved).rowwise().sum()).cwiseMax(0.0);
}

}  // namespace mfld

#pragma once
#include <boost/math/distributions/chi_squared.hpp>
#include <cmath>
#include <span>
#include <vector>

namespace mfld {

/// (estimate - expected) / standard error of the mean of independent samples.
struct MeanTest {
  double sum = 0;
  double sum_of_squares = 0;
  double count = 0;

  void add(double value) {
    sum += value;
    sum_of_squares += value * value;
    count += 1;
  }
  double mean() const { return sum / count; }
  double standard_error() const { return std::sqrt((sum_of_squares / count - mean() * mean()) / (count - 1)); }
  double z(double expected) const { return (mean() - expected) / standard_error(); }
};

/// z of a sample variance about a known mean 0, from `count` independent normals: its standard error is v sqrt(2 /
/// count).
inline double variance_z(double sample_variance, double expected, double count) {
  return (sample_variance / expected - 1) / std::sqrt(2 / count);
}

/// Chance that a chi-square statistic of these counts is at least as large as seen, if the probabilities hold.
inline double chi_square_p(std::span<const double> counts, std::span<const double> probabilities) {
  double total = 0;
  for (const double count : counts) {
    total += count;
  }
  double statistic = 0;
  for (std::size_t k = 0; k < counts.size(); ++k) {
    const double expected = total * probabilities[k];
    statistic += (counts[k] - expected) * (counts[k] - expected) / expected;
  }
  const boost::math::chi_squared law(static_cast<double>(counts.size() - 1));
  return boost::math::cdf(boost::math::complement(law, statistic));
}

inline double chi_square_p_uniform(std::span<const double> counts) {
  const std::vector<double> probabilities(counts.size(), 1.0 / static_cast<double>(counts.size()));
  return chi_square_p(counts, probabilities);
}

}  // namespace mfld

#include "mfld/dynamics/importance_weights.hpp"

#include <algorithm>
#include <cassert>
#include <cmath>
#include <numeric>

namespace mfld {

namespace {

template <class Scalar>
auto vector_of(std::span<const Scalar> values) {
  return Eigen::Map<const Eigen::Matrix<Scalar, Eigen::Dynamic, 1>>(values.data(), std::ssize(values))
      .template cast<double>();
}

}  // namespace

void ImportanceWeights::reset(Index num_particles) {
  logarithms_.setZero(num_particles);
  weights_.setConstant(num_particles, 1 / static_cast<double>(num_particles));
}

template <class Scalar>
double ImportanceWeights::mean(std::span<const Scalar> values) const {
  assert(std::ssize(values) == weights_.size());
  return weights_.dot(vector_of(values));
}

template <class Scalar>
void ImportanceWeights::tilt(double slope, std::span<const Scalar> values) {
  assert(std::ssize(values) == weights_.size());
  logarithms_ += slope * vector_of(values);
  logarithms_.array() -= logarithms_.maxCoeff();
  weights_ = logarithms_.array().exp();
  weights_ /= weights_.sum();
}

double ImportanceWeights::effective_size() const { return 1 / weights_.squaredNorm(); }

void systematic_counts(const Vector& weights, double offset, std::vector<Index>& counts) {
  assert(offset >= 0 && offset < 1);
  const auto num_particles = static_cast<double>(weights.size());
  counts.assign(static_cast<std::size_t>(weights.size()), 0);
  Index last = weights.size() - 1;  // that counts at all: what rounding leaves is for it
  while (last > 0 && weights[last] == 0) {
    --last;
  }
  double cumulated = 0;
  Index num_passed = 0;  // places before this particle
  for (Index j = 0; j <= last; ++j) {
    cumulated += weights[j];
    const double end = std::ceil(num_particles * cumulated - offset);
    const Index now = j == last ? weights.size() : std::clamp(static_cast<Index>(end), num_passed, weights.size());
    counts[static_cast<std::size_t>(j)] = now - num_passed;
    num_passed = now;
  }
}

template <class Scalar>
void resample(std::vector<Index>& counts, Particles<Scalar>& particles) {
  assert(std::ssize(counts) == particles.rows());
  assert(std::accumulate(counts.begin(), counts.end(), Index{0}) == particles.rows());
  auto source = counts.begin();
  for (auto place = counts.begin(); place != counts.end(); ++place) {
    if (*place > 0) {
      continue;
    }
    source = std::find_if(source, counts.end(), [](Index count) { return count > 1; });
    particles.row(place - counts.begin()) = particles.row(source - counts.begin());
    *place = -1;  // taken, and not to be copied from
    --*source;
  }
}

template double ImportanceWeights::mean(std::span<const double>) const;
template double ImportanceWeights::mean(std::span<const float>) const;
template void ImportanceWeights::tilt(double, std::span<const double>);
template void ImportanceWeights::tilt(double, std::span<const float>);
template void resample(std::vector<Index>&, Particles<double>&);
template void resample(std::vector<Index>&, Particles<float>&);

}  // namespace mfld

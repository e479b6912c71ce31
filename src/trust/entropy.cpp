#include "mfld/trust/entropy.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <boost/math/special_functions/digamma.hpp>
#include <cassert>
#include <cmath>
#include <limits>
#include <nanoflann.hpp>
#include <numbers>
#include <vector>

#include "kernels/nearest.hpp"
#include "mfld/core/parallel.hpp"

namespace mfld {

namespace {

constexpr Index leaf_particles = 10;
constexpr Index task_particles = 256;

/// What nanoflann asks of a set of points; rows contiguous, so that a distance reads one line of memory.
struct Points {
  Inputs rows;

  std::size_t kdtree_get_point_count() const { return static_cast<std::size_t>(rows.rows()); }
  double kdtree_get_pt(std::size_t point, std::size_t column) const {
    return rows(static_cast<Index>(point), static_cast<Index>(column));
  }
  template <class Box>
  bool kdtree_get_bbox(Box& /*box*/) const {
    return false;
  }
};

using Tree = nanoflann::KDTreeSingleIndexAdaptor<nanoflann::L2_Simple_Adaptor<double, Points>, Points, -1, std::size_t>;

EntropyEstimate no_entropy(std::string reason) {
  constexpr double none = std::numeric_limits<double>::quiet_NaN();
  return {none, none, std::move(reason)};
}

/// As measured: a tree skips few particles in many dimensions, and a pair costs a nanosecond.
bool pairs_are_faster(const Particles<double>& particles) {
  return static_cast<double>(particles.rows()) <= 250 * std::exp2(static_cast<double>(particles.cols()));
}

Vector distances_by_tree(const Particles<double>& particles, Index k) {
  const Points points{particles};
  const Tree tree(static_cast<Tree::Dimension>(particles.cols()), points, {leaf_particles});
  const Index num_particles = particles.rows();
  Vector distances(num_particles);
  for_each_task((num_particles + task_particles - 1) / task_particles, [&](Index task) {
    // The particle itself is the first of the k + 1.
    const auto num_found = static_cast<std::size_t>(k + 1);
    std::vector<std::size_t> neighbours(num_found);
    std::vector<double> squares(num_found);
    const Index last = std::min((task + 1) * task_particles, num_particles);
    for (Index j = task * task_particles; j < last; ++j) {
      tree.knnSearch(points.rows.row(j).data(), num_found, neighbours.data(), squares.data());
      distances[j] = std::sqrt(squares.back());
    }
  });
  return distances;
}

Vector distances_by_pairs(const Particles<double>& particles, Index k) {
  constexpr Index tile = kernels::nearest_tile;
  const Index num_particles = particles.rows();
  const Index num_tiles = (num_particles + tile - 1) / tile;
  const auto count_of = [&](Index index) { return std::min(tile, num_particles - index * tile); };
  Matrix tiles = Matrix::Zero(tile, num_tiles * particles.cols());
  const auto columns_of = [&](Index index) { return tiles.middleCols(index * particles.cols(), particles.cols()); };
  for (Index index = 0; index < num_tiles; ++index) {
    columns_of(index).topRows(count_of(index)) = particles.middleRows(index * tile, count_of(index));
  }
  Vector distances(num_particles);
  for_each_task(num_tiles, [&](Index index) {
    // The particle itself is the first of the k + 1.
    Matrix least = Matrix::Constant(tile, k + 1, std::numeric_limits<double>::infinity());
    for (Index other = 0; other < num_tiles; ++other) {
      kernels::nearest_squares(
          {columns_of(index).data(), columns_of(other).data(), count_of(other), particles.cols(), k + 1, least.data()});
    }
    distances.segment(index * tile, count_of(index)) = least.col(k).head(count_of(index)).cwiseSqrt();
  });
  return distances;
}

}  // namespace

Vector neighbour_distances(const Particles<double>& particles, Index k) {
  assert(k >= 1 && k < particles.rows());
  return pairs_are_faster(particles) ? distances_by_pairs(particles, k) : distances_by_tree(particles, k);
}

EntropyEstimate entropy_of(const Vector& distances, Index dimension, Index k) {
  const auto num_particles = static_cast<double>(distances.size());
  const auto num_ties = (distances.array() == 0).count();
  if (num_ties > 0) {
    return no_entropy(fmt::format("{} of {} particles have {} others in the same point: their law has no density",
                                  num_ties, distances.size(), k));
  }
  const auto d = static_cast<double>(dimension);
  int sign = 0;  // which std::lgamma would put where all threads see it
  const double log_ball = 0.5 * d * std::log(std::numbers::pi) - ::lgamma_r(1 + 0.5 * d, &sign);
  const Vector terms = d * distances.array().log();
  const double mean = terms.mean();
  const double variance = (terms.array() - mean).square().sum() / (num_particles - 1);
  return {boost::math::digamma(num_particles) - boost::math::digamma(static_cast<double>(k)) + log_ball + mean,
          neighbour_inflation * std::sqrt(variance / num_particles),
          {}};
}

EntropyEstimate entropy(const Particles<double>& particles, Index k) {
  if (particles.rows() <= k) {
    return no_entropy(fmt::format("{} particles: more than k = {} are needed", particles.rows(), k));
  }
  if (!particles.allFinite()) {
    return no_entropy("a particle is not finite");
  }
  return entropy_of(neighbour_distances(particles, k), particles.cols(), k);
}

}  // namespace mfld

#include "trust/normal_mixture.hpp"

#include <Eigen/Cholesky>
#include <algorithm>
#include <boost/random/normal_distribution.hpp>
#include <boost/random/uniform_01.hpp>
#include <cassert>
#include <cmath>
#include <limits>
#include <numbers>

#include "mfld/core/parallel.hpp"

namespace mfld::trust {

namespace {

constexpr int num_starts = 4;
constexpr int most_rounds = 25;
constexpr double borrowed = 2;  // particles' worth of the variances of all clusters
constexpr Index task_points = 64;
constexpr double least_share =
    1e-15;  // of a density, for a slope: points of one normal stand together, and others need none

/// Which centre every particle belongs to, and the sum of the squared distances.
struct Parting {
  std::vector<Index> cluster;  // [N]
  double spread = std::numeric_limits<double>::infinity();
};

/// Squared distances to a centre.                                                                                   [N]
Vector squared_distances(const Particles<double>& particles, const Eigen::RowVectorXd& centre) {
  return (particles.rowwise() - centre).rowwise().squaredNorm();
}

Parting part(const Particles<double>& particles, const Matrix& centres) {
  Parting result{std::vector<Index>(static_cast<std::size_t>(particles.rows()), 0), 0};
  Vector nearest = squared_distances(particles, centres.row(0));
  for (Index k = 1; k < centres.rows(); ++k) {
    const Vector distances = squared_distances(particles, centres.row(k));
    for (Index j = 0; j < particles.rows(); ++j) {
      if (distances[j] < nearest[j]) {
        nearest[j] = distances[j];
        result.cluster[static_cast<std::size_t>(j)] = k;
      }
    }
  }
  result.spread = nearest.sum();
  return result;
}

/// Centres that are particles, each drawn in proportion to its squared distance from those before it.           [K x p]
Matrix first_centres(const Particles<double>& particles, Index num_centres, RandomStream stream) {
  boost::random::uniform_01<double> uniform;
  Matrix centres(num_centres, particles.cols());
  Vector chances = Vector::Ones(particles.rows());
  for (Index k = 0; k < num_centres; ++k) {
    double rest = uniform(stream) * chances.sum();
    Index chosen = 0;
    while (chosen + 1 < particles.rows() && rest >= chances[chosen]) {
      rest -= chances[chosen++];
    }
    centres.row(k) = particles.row(chosen);
    const Vector distances = squared_distances(particles, centres.row(k));
    chances = k == 0 ? distances : Vector(chances.cwiseMin(distances));
  }
  return centres;
}

std::vector<Index> members_of(const Parting& parting, Index cluster) {
  std::vector<Index> members;
  for (std::size_t j = 0; j < parting.cluster.size(); ++j) {
    if (parting.cluster[j] == cluster) {
      members.push_back(static_cast<Index>(j));
    }
  }
  return members;
}

/// k-means from first centres.
Parting settle(const Particles<double>& particles, Matrix centres) {
  Parting parting = part(particles, centres);
  for (int round = 0; round < most_rounds; ++round) {
    for (Index k = 0; k < centres.rows(); ++k) {
      const std::vector<Index> members = members_of(parting, k);
      if (!members.empty()) {
        centres.row(k) = particles(members, Eigen::all).colwise().mean();
      }
    }
    Parting next = part(particles, centres);
    if (next.cluster == parting.cluster) {
      break;
    }
    parting = std::move(next);
  }
  return parting;
}

Parting best_parting(const Particles<double>& particles, Index num_clusters, std::uint64_t seed) {
  Parting best;
  for (int start = 0; start < (num_clusters > 1 ? num_starts : 1); ++start) {
    const RandomStream stream(seed, Purpose::clustering, static_cast<std::uint64_t>(start));
    Parting next = settle(particles, first_centres(particles, num_clusters, stream));
    if (next.spread < best.spread) {
      best = std::move(next);
    }
  }
  return best;
}

}  // namespace

NormalMixture::NormalMixture(const Particles<double>& particles, Index num_normals, std::uint64_t seed) {
  assert(num_normals >= 1 && num_normals <= particles.rows() && particles.allFinite());
  const Parting parting = best_parting(particles, num_normals, seed);
  std::vector<Particles<double>> clusters;
  Eigen::RowVectorXd variances = Eigen::RowVectorXd::Zero(particles.cols());
  for (Index k = 0; k < num_normals; ++k) {
    if (const std::vector<Index> members = members_of(parting, k); !members.empty()) {
      clusters.emplace_back(particles(members, Eigen::all));
      variances += (clusters.back().rowwise() - clusters.back().colwise().mean()).colwise().squaredNorm();
    }
  }
  const auto num_particles = static_cast<double>(particles.rows());
  variances /= num_particles;
  has_density_ = (variances.array() > 0).all();
  for (const Particles<double>& cluster : clusters) {
    add(cluster, static_cast<double>(cluster.rows()) / num_particles, variances);
  }
}

NormalMixture::NormalMixture(Index dimension, double variance) {
  const double std = std::sqrt(variance);
  normals_.push_back({0, Eigen::RowVectorXd::Zero(dimension), Eigen::RowVectorXd::Constant(dimension, variance),
                      std * Matrix::Identity(dimension, dimension), Matrix::Identity(dimension, dimension) / std,
                      -0.5 * static_cast<double>(dimension) * std::log(2 * std::numbers::pi * variance)});
}

void NormalMixture::add(const Particles<double>& cluster, double weight, const Eigen::RowVectorXd& variances_of_all) {
  const auto count = static_cast<double>(cluster.rows());
  const auto p = static_cast<double>(cluster.cols());
  Normal normal;
  normal.log_weight = std::log(weight);
  normal.mean = cluster.colwise().mean();
  const Matrix centred = cluster.rowwise() - normal.mean;
  Matrix covariance = centred.transpose() * centred / count;
  normal.variances = (count * covariance.diagonal().transpose() + borrowed * variances_of_all) / (count + borrowed);
  covariance *= count / (count + p);
  covariance.diagonal() = normal.variances.transpose();
  const Eigen::LLT<Matrix> cholesky(covariance);
  has_density_ = has_density_ && cholesky.info() == Eigen::Success;
  normal.factor = cholesky.matrixL();
  normal.inverse = cholesky.matrixL().solve(Matrix::Identity(cluster.cols(), cluster.cols()));
  normal.log_density = -0.5 * p * std::log(2 * std::numbers::pi) - normal.factor.diagonal().array().log().sum();
  normals_.push_back(std::move(normal));
}

Particles<double> NormalMixture::draw_pairs(Index num_pairs, RandomStream& stream) const {
  boost::random::uniform_01<double> uniform;
  boost::random::normal_distribution<double> standard_normal;
  const double shift = uniform(stream);
  Matrix xi(dimension(), num_pairs);  // a pair after the other
  for (double& value : xi.reshaped()) {
    value = standard_normal(stream);
  }
  Particles<double> draws(2 * num_pairs, dimension());
  Index first = 0;
  double share = 0;
  for (const Normal& normal : normals_) {
    share += std::exp(normal.log_weight);
    const auto end = static_cast<Index>(share * static_cast<double>(num_pairs) + shift);
    const Index last = &normal == &normals_.back() ? num_pairs : std::clamp(end, first, num_pairs);
    const Matrix deviations = (normal.factor * xi.middleCols(first, last - first)).transpose();
    draws(Eigen::seqN(2 * first, last - first, 2), Eigen::all) = deviations.rowwise() + normal.mean;
    draws(Eigen::seqN(2 * first + 1, last - first, 2), Eigen::all) = (-deviations).rowwise() + normal.mean;
    first = last;
  }
  return draws;
}

Vector NormalMixture::log_density(const Particles<double>& thetas, Particles<double>* slope) const {
  Vector result(thetas.rows());
  if (slope != nullptr) {
    slope->resize(thetas.rows(), thetas.cols());
  }
  for_each_task((thetas.rows() + task_points - 1) / task_points, [&](Index task) {
    const Index first = task * task_points;
    const Index count = std::min(task_points, thetas.rows() - first);
    Matrix terms(count, size());
    std::vector<Matrix> whitened;
    for (Index k = 0; k < size(); ++k) {
      const Normal& normal = normals_[static_cast<std::size_t>(k)];
      whitened.emplace_back((thetas.middleRows(first, count).rowwise() - normal.mean) * normal.inverse.transpose());
      terms.col(k) = normal.log_weight + normal.log_density - 0.5 * whitened.back().rowwise().squaredNorm().array();
    }
    const Vector largest = terms.rowwise().maxCoeff();
    terms = (terms.colwise() - largest).array().exp();
    const Vector sums = terms.rowwise().sum();
    result.segment(first, count) = largest.array() + sums.array().log();
    if (slope != nullptr) {
      auto own = slope->middleRows(first, count);
      own.setZero();
      for (Index k = 0; k < size(); ++k) {
        const Vector share = terms.col(k).cwiseQuotient(sums);
        if (!(share.maxCoeff() < least_share)) {
          const auto at = static_cast<std::size_t>(k);
          own -= share.asDiagonal() * (whitened[at] * normals_[at].inverse);
        }
      }
    }
  });
  return result;
}

Eigen::RowVectorXd NormalMixture::lengths() const {
  Eigen::RowVectorXd sum = Eigen::RowVectorXd::Zero(dimension());
  for (const Normal& normal : normals_) {
    sum += std::exp(normal.log_weight) * normal.variances.cwiseInverse();
  }
  return sum.cwiseInverse().cwiseSqrt();
}

}  // namespace mfld::trust

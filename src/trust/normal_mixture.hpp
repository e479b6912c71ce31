#pragma once
#include <vector>

#include "mfld/core/particles.hpp"
#include "mfld/core/random.hpp"

namespace mfld::trust {

/// A law sum_k weight_k N(mean_k, C_k) on R^p, of which density and draws are explicit.
class NormalMixture {
 public:
  /// The particles [N x p] smoothed: they are parted into num_normals clusters by k-means (the best of four starts by
  /// k-means++ [Arthur & Vassilvitskii, SODA 2007]), and each of n_k particles becomes a normal law of weight n_k / N,
  /// its mean and its covariance. Of that the entries off the diagonal are multiplied by n_k / (n_k + p), and the
  /// variances are means of its own, n_k of them, and of two of all clusters together. Draws read stream (seed,
  /// clustering, start). 1 <= num_normals <= N, finite particles. Cost: some 100 N p num_normals, and N p^2.
  NormalMixture(const Particles<double>& particles, Index num_normals, std::uint64_t seed);
  /// N(0, variance I) on R^dimension.
  NormalMixture(Index dimension, double variance);

  /// Whether there is a density: not where some coordinate is the same in all particles of every cluster.
  bool has_density() const { return has_density_; }
  Index size() const { return static_cast<Index>(normals_.size()); }
  Index dimension() const { return normals_.front().mean.size(); }

  /// Draws mean_k + L xi and mean_k - L xi, one behind the other, for each pair [2 num_pairs x p]; each normal has its
  /// share of the pairs but for one, in the order of the normals. The error of a mean over them is that of independent
  /// means over pairs, or less.
  Particles<double> draw_pairs(Index num_pairs, RandomStream& stream) const;

  /// The logarithm of the density at thetas [S x p], and its gradient [S x p] where `slope` is not null. Cost: S p^2 a
  /// normal. Parallel over points; the same bits on any thread count.                                             [S]
  Vector log_density(const Particles<double>& thetas, Particles<double>* slope = nullptr) const;

  /// Roots of the harmonic means over the normals of the variance of a coordinate: lengths in which none is narrow. [p]
  Eigen::RowVectorXd lengths() const;

 private:
  struct Normal {
    double log_weight;
    Eigen::RowVectorXd mean;
    Eigen::RowVectorXd variances;
    Matrix factor;       // L: C = L L'
    Matrix inverse;      // L^-1
    double log_density;  // at the mean
  };

  void add(const Particles<double>& cluster, double weight, const Eigen::RowVectorXd& variances_of_all);

  std::vector<Normal> normals_;
  bool has_density_ = true;
};

}  // namespace mfld::trust

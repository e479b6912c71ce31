#include "mfld/objective/kernel_stein.hpp"

#include <fmt/format.h>

#include <cassert>
#include <numeric>
#include <utility>

#include "objective/pair_tiles.hpp"

namespace mfld {

/// The target, and scratch memory.
template <class Scalar>
struct KernelStein<Scalar>::Parts {
  Parts(std::shared_ptr<const ScoreTarget> of, double kernel_width, Index num_particles, Ranks* ranks)
      : target(std::move(of)), width(kernel_width), dimension(target->dimension()), all(num_particles), tiles(ranks) {
    std::iota(all.begin(), all.end(), Index{0});
    kernel.kind = kernels::PairKernelKind::gaussian;
    kernel.rate = 1 / (2 * width * width);
  }

  /// scores [N x d] <- those of all particles.
  void score(const Particles<Scalar>& particles) {
    scores.resize(particles.rows(), dimension);
    tiles.resize(2 * dimension, 2 * dimension);
    tiles.for_each(particles.rows(), [&](pairs::Tile<Scalar>& tile) {
      const Matrix points = points_of(particles, tile);
      Matrix of_tile(dimension, tile.count);
      target->scores(points, of_tile);
      scores.middleRows(tile.first, tile.count) = of_tile.transpose();
    });
    tiles.exchange(scores);
  }

  Matrix points_of(const Particles<Scalar>& particles, const pairs::Tile<Scalar>& tile) const {
    return particles.middleRows(tile.first, tile.count).transpose().template cast<double>();
  }

  /// number(j, k): the coordinates of particle j, then its score.
  auto numbers_of(const Particles<Scalar>& particles) const {
    return [this, &particles](Index j, Index k) {
      return k < dimension ? static_cast<double>(particles(j, k)) : scores(j, k - dimension);
    };
  }

  void pack_sources(const Particles<Scalar>& particles, std::span<const Index> rows) {
    sources.fill(std::ssize(rows), 2 * dimension, [&, of = numbers_of(particles)](Index i, Index k) {
      return of(rows[static_cast<std::size_t>(i)], k);
    });
  }

  kernels::SteinTask<Scalar> task_of(pairs::Tile<Scalar>& tile) const {
    return {kernel,  dimension, tile.particles.data(), sources.numbers.data(), sources.num_points, tile.values.data(),
            nullptr, nullptr};
  }

  double value(const Particles<Scalar>& particles) {
    score(particles);
    pack_sources(particles, all);
    of_rows.resize(particles.rows(), 1);
    tiles.for_each(particles.rows(), [&](pairs::Tile<Scalar>& tile) {
      tile.fill(2 * dimension, numbers_of(particles));
      kernels::sum_pairs(task_of(tile));
      std::copy_n(tile.values.begin(), tile.count, of_rows.data() + tile.first);
    });
    tiles.exchange(of_rows);
    const auto n = static_cast<double>(particles.rows());
    return std::accumulate(of_rows.data(), of_rows.data() + of_rows.size(), 0.0) / (n * n);
  }

  /// drift <- v over these sources, or where it accumulates drift <- drift - v.
  void drift(std::span<const Index> terms, const Particles<Scalar>& particles, Accumulate accumulate, Drift& drift,
             const Finish& finish) {
    assert(particles.rows() == std::ssize(all) && particles.cols() == dimension);
    score(particles);
    pack_sources(particles, terms);  // those that have moved are not read again
    const double weight = (accumulate == Accumulate::assign ? 2 : -2) / static_cast<double>(terms.size());
    tiles.for_each(particles.rows(), [&](pairs::Tile<Scalar>& tile) {
      tile.fill(2 * dimension, numbers_of(particles));
      kernels::SteinTask<Scalar> task = task_of(tile);
      task.through = tile.sum(0);
      task.direct = tile.sum(dimension);
      kernels::sum_pairs(task);
      using Rows = Eigen::Map<const Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>>;
      const Matrix through = Rows(task.through, dimension, kernels::pair_tile).leftCols(tile.count);
      const auto direct = Rows(task.direct, dimension, kernels::pair_tile).leftCols(tile.count);
      Matrix products(dimension, tile.count);
      target->jacobian_products(points_of(particles, tile), through, products);
      auto of_tile = drift.middleRows(tile.first, tile.count);
      if (accumulate == Accumulate::assign) {
        of_tile = weight * (products + direct).transpose();
      } else {
        of_tile += weight * (products + direct).transpose();
      }
      finish_tile(tile, finish);
    });
    if (!finish) {
      tiles.exchange(drift);
    }
  }

  std::shared_ptr<const ScoreTarget> target;
  double width;
  Index dimension;
  std::vector<Index> all;  // 0..N-1
  kernels::PairKernel kernel;
  Particles<double> scores;        // [N x d]
  pairs::Sources<Scalar> sources;  // points and their scores
  pairs::Tiles<Scalar> tiles;
  Particles<double> of_rows;  // [N x 1]
};

template <class Scalar>
KernelStein<Scalar>::KernelStein(std::shared_ptr<const ScoreTarget> target, double width, Index num_particles,
                                 Ranks* ranks)
    : num_particles_(num_particles),
      trained_(static_cast<std::size_t>(target->dimension()), 1),
      parts_(std::make_unique<Parts>(std::move(target), width, num_particles, ranks)) {
  assert(width > 0 && num_particles >= 1);
}

template <class Scalar>
KernelStein<Scalar>::~KernelStein() = default;

template <class Scalar>
std::vector<Index> KernelStein<Scalar>::row_cuts(Index num_particles, int num_ranks) const {
  return pairs::tile_cuts(num_particles, num_ranks);
}

template <class Scalar>
std::string KernelStein<Scalar>::describe(Index num_particles) const {
  return fmt::format(
      "R(mu) = KSD^2 of mu from pi = {}, k(x, z) = exp(-|x - z|^2 / (2 {}^2)), mu = (1/N) sum_j delta(x_j), N = {}, "
      "v_j = N dR/dx_j",
      parts_->target->describe(), parts_->width, num_particles);
}

template <class Scalar>
double KernelStein<Scalar>::value(const Particles<Scalar>& particles) {
  return parts_->value(particles);
}

template <class Scalar>
void KernelStein<Scalar>::drift(const Particles<Scalar>& particles, Drift& drift, SampleSpan<double> coefficients,
                                const Finish& finish) {
  assert(coefficients.empty());
  static_cast<void>(coefficients);
  parts_->drift(parts_->all, particles, Accumulate::assign, drift, finish);
}

template <class Scalar>
void KernelStein<Scalar>::drift_of(std::span<const Index> terms, const Particles<Scalar>& particles, Drift& drift,
                                   const Finish& finish) {
  parts_->drift(terms, particles, Accumulate::assign, drift, finish);
}

template <class Scalar>
void KernelStein<Scalar>::subtract(std::span<const Index> terms, SampleSpan<const double> /*coefficients*/,
                                   const Particles<Scalar>& particles, Drift& drift, const Finish& finish) {
  parts_->drift(terms, particles, Accumulate::add, drift, finish);
}

template class KernelStein<double>;
template class KernelStein<float>;

}  // namespace mfld

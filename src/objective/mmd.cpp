#include "mfld/objective/mmd.hpp"

#include <fmt/format.h>

#include <array>
#include <cassert>
#include <cmath>
#include <numeric>
#include <optional>

#include "objective/pair_tiles.hpp"

namespace mfld {

namespace {

/// A kernel of the vector code, and a factor in front of it.
struct SmoothedKernel {
  kernels::PairKernel kernel;
  double amplitude = 1;
};

/// Of sum_m c_m cos(m t), the polynomial in cos t: by the recursion of Chebyshev's polynomials.
void to_powers(const std::array<double, kernels::num_harmonics + 1>& harmonics, double* powers) {
  using Polynomial = std::array<double, kernels::num_harmonics + 1>;
  Polynomial last = {1};
  Polynomial next = {0, 1};
  std::fill_n(powers, kernels::num_harmonics + 1, 0.0);
  for (const double harmonic : harmonics) {
    Polynomial after{};
    for (std::size_t k = 0; k < last.size(); ++k) {
      powers[k] += harmonic * last[k];
      after[k] = (k > 0 ? 2 * next[k - 1] : 0) - last[k];
    }
    last = next;
    next = after;
  }
}

/// k convolved with N(0, variance I).
SmoothedKernel smoothed(const MmdOptions& options, double variance, Index dimension) {
  SmoothedKernel result;
  if (options.kernel == MmdKernel::gaussian) {
    const double square = options.width * options.width;
    result.kernel.rate = 1 / (2 * (square + variance));
    result.amplitude = std::pow(square / (square + variance), static_cast<double>(dimension) / 2);
    return result;
  }
  result.kernel.kind = kernels::PairKernelKind::periodic;
  std::array<double, kernels::num_harmonics + 1> harmonics = {1};
  for (int m = 1; m <= kernels::num_harmonics; ++m) {
    harmonics[static_cast<std::size_t>(m)] = 2 * std::exp(-variance * m * m / 2) / (1 + m);
  }
  to_powers(harmonics, result.kernel.polynomial);
  return result;
}

}  // namespace

/// Packed points and scratch memory.
template <class Scalar>
struct Mmd<Scalar>::Parts {
  Parts(const MmdOptions& options, const Inputs& all_points, Ranks* ranks)
      : points(all_points),
        dimension(points.cols()),
        is_torus(options.kernel == MmdKernel::torus),
        numbers(is_torus ? 2 * dimension : dimension),
        of_particles(smoothed(options, 2 * options.smoothing * options.smoothing, dimension)),
        of_points(smoothed(options, options.smoothing * options.smoothing, dimension)),
        among_points(smoothed(options, 0, dimension)),
        tiles(ranks) {
    pack(points, data);
  }

  /// number(j, k) of a row: its coordinates, or on a torus their cosines and then their sines.
  template <class Rows>
  auto numbers_of(const Rows& rows) const {
    return [this, &rows](Index j, Index k) {
      const auto x = static_cast<double>(rows(j, k % dimension));
      return !is_torus ? x : k < dimension ? std::cos(x) : std::sin(x);
    };
  }

  template <class Rows>
  void pack(const Rows& rows, pairs::Sources<Scalar>& sources) const {
    sources.fill(rows.rows(), numbers, numbers_of(rows));
  }

  /// Nothing where these terms were the last ones: who corrects an estimate asks twice.
  const pairs::Sources<Scalar>& gather(std::span<const Index> terms) {
    if (!std::equal(terms.begin(), terms.end(), batch.begin(), batch.end())) {
      batch.assign(terms.begin(), terms.end());
      batch_points.num_points = std::ssize(terms);
      batch_points.numbers.resize(terms.size() * static_cast<std::size_t>(numbers));
      for (std::size_t k = 0; k < terms.size(); ++k) {
        std::copy_n(data.numbers.begin() + terms[k] * numbers, numbers,
                    batch_points.numbers.begin() + static_cast<Index>(k) * numbers);
      }
    }
    return batch_points;
  }

  /// values and gradients of a tile <- the mean of the kernel over the sources.
  void mean_over(const pairs::Sources<Scalar>& sources, const SmoothedKernel& kernel, pairs::Tile<Scalar>& tile,
                 double* gradients) const {
    kernels::sum_pairs(kernels::PairTask<Scalar>{kernel.kernel, dimension, tile.particles.data(),
                                                 sources.numbers.data(), sources.num_points, tile.values.data(),
                                                 gradients});
    const double weight = kernel.amplitude / static_cast<double>(sources.num_points);
    for (double& value : tile.values) {
      value *= weight;
    }
    for (Index k = 0; gradients != nullptr && k < dimension * kernels::pair_tile; ++k) {
      gradients[k] *= weight;
    }
  }

  /// The mean of the kernel over all pairs of a point and a source.
  template <class Rows>
  double mean_of_pairs(const Rows& rows, const pairs::Sources<Scalar>& sources, const SmoothedKernel& kernel) {
    tiles.resize(numbers, 0);
    of_rows.resize(rows.rows(), 1);
    tiles.for_each(rows.rows(), [&](pairs::Tile<Scalar>& tile) {
      tile.fill(numbers, numbers_of(rows));
      mean_over(sources, kernel, tile, nullptr);
      std::copy_n(tile.values.begin(), tile.count, of_rows.data() + tile.first);
    });
    tiles.exchange(of_rows);
    return std::accumulate(of_rows.data(), of_rows.data() + of_rows.size(), 0.0) / static_cast<double>(rows.rows());
  }

  /// drift <- v over these points, or where it accumulates drift <- drift - v.
  void drift(const pairs::Sources<Scalar>& terms, const Particles<Scalar>& particles, Accumulate accumulate,
             Drift& drift, const Finish& finish) {
    assert(drift.rows() == particles.rows() && particles.cols() == dimension);
    pack(particles, all_particles);  // those that have moved are not read again
    tiles.resize(numbers, 2 * dimension);
    tiles.for_each(particles.rows(), [&](pairs::Tile<Scalar>& tile) {
      tile.fill(numbers, numbers_of(particles));
      mean_over(all_particles, of_particles, tile, tile.sum(0));
      mean_over(terms, of_points, tile, tile.sum(dimension));
      for (Index c = 0; c < dimension; ++c) {
        const double* among = tile.sum(c);
        const double* toward = tile.sum(dimension + c);
        for (Index i = 0; i < tile.count; ++i) {
          double& v = drift(tile.first + i, c);
          v = accumulate == Accumulate::assign ? 2 * (among[i] - toward[i]) : v - 2 * (among[i] - toward[i]);
        }
      }
      finish_tile(tile, finish);
    });
    if (!finish) {
      tiles.exchange(drift);
    }
  }

  const Inputs& points;
  Index dimension;
  bool is_torus;
  Index numbers;  // of a point
  SmoothedKernel of_particles, of_points, among_points;
  pairs::Sources<Scalar> data;           // [n]
  pairs::Sources<Scalar> all_particles;  // [N]
  pairs::Sources<Scalar> batch_points;   // [B]
  std::vector<Index> batch;              // the last terms that were gathered
  pairs::Tiles<Scalar> tiles;
  Particles<double> of_rows;  // [rows x 1]
  std::optional<double> mean_among_points;
};

template <class Scalar>
Mmd<Scalar>::Mmd(const MmdOptions& options, const Inputs& points, Ranks* ranks)
    : options_(options),
      trained_(static_cast<std::size_t>(points.cols()), 1),
      parts_(std::make_unique<Parts>(options, points, ranks)) {
  assert(points.rows() > 0 &&
         (options.kernel == MmdKernel::gaussian ? options.width > 0 : points.cols() <= most_torus_dimensions));
}

template <class Scalar>
Mmd<Scalar>::~Mmd() = default;

template <class Scalar>
std::vector<Index> Mmd<Scalar>::row_cuts(Index num_particles, int num_ranks) const {
  return pairs::tile_cuts(num_particles, num_ranks);
}

template <class Scalar>
Index Mmd<Scalar>::num_terms() const {
  return parts_->data.num_points;
}

template <class Scalar>
std::string Mmd<Scalar>::describe(Index num_particles) const {
  const std::string kernel =
      options_.kernel == MmdKernel::gaussian
          ? fmt::format("k(x, z) = exp(-|x - z|^2 / (2 {}^2))", options_.width)
          : fmt::format(
                "k(x, z) = prod_c (1 + 2 sum_{{m=1}}^{} cos(m (x_c - z_c)) / (1 + m)) on the torus of period 2 pi",
                kernels::num_harmonics);
  const std::string density = options_.smoothing > 0 ? fmt::format("N(0, {}^2 I) * mu", options_.smoothing) : "mu";
  return fmt::format("R(mu) = MMD^2 of {} from the {} points, {}, mu = (1/N) sum_j delta(x_j), N = {}, v_j = N dR/dx_j",
                     density, num_terms(), kernel, num_particles);
}

template <class Scalar>
double Mmd<Scalar>::value(const Particles<Scalar>& particles) {
  Parts& parts = *parts_;
  if (!parts.mean_among_points) {
    parts.mean_among_points = parts.mean_of_pairs(parts.points, parts.data, parts.among_points);
  }
  parts.pack(particles, parts.all_particles);
  return parts.mean_of_pairs(particles, parts.all_particles, parts.of_particles) -
         2 * parts.mean_of_pairs(particles, parts.data, parts.of_points) + *parts.mean_among_points;
}

template <class Scalar>
void Mmd<Scalar>::drift(const Particles<Scalar>& particles, Drift& drift, SampleSpan<double> coefficients,
                        const Finish& finish) {
  assert(coefficients.empty());
  static_cast<void>(coefficients);
  parts_->drift(parts_->data, particles, Accumulate::assign, drift, finish);
}

template <class Scalar>
void Mmd<Scalar>::drift_of(std::span<const Index> terms, const Particles<Scalar>& particles, Drift& drift,
                           const Finish& finish) {
  parts_->drift(parts_->gather(terms), particles, Accumulate::assign, drift, finish);
}

template <class Scalar>
void Mmd<Scalar>::subtract(std::span<const Index> terms, SampleSpan<const double> /*coefficients*/,
                           const Particles<Scalar>& particles, Drift& drift, const Finish& finish) {
  parts_->drift(parts_->gather(terms), particles, Accumulate::add, drift, finish);
}

template class Mmd<double>;
template class Mmd<float>;

}  // namespace mfld

// The sums over pairs against their formulas and their own differences, for kernels that no objective has, too.
#include "kernels/pairs.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "support/instruction_sets.hpp"
#include "support/random_normals.hpp"

namespace mfld {
namespace {

using kernels::pair_tile;
using kernels::PairKernel;
using kernels::PairKernelKind;

constexpr Index dimension = 3;
constexpr Index num_sources = 37;
constexpr double h = 1e-3;

const std::vector<PairKernel> radial = {{PairKernelKind::gaussian, 0.4, {}},
                                        {PairKernelKind::inverse_multiquadric, 0.7, {}}};

double phi(const PairKernel& kernel, double square) {
  return kernel.kind == PairKernelKind::gaussian ? std::exp(-kernel.rate * square)
                                                 : 1 / std::sqrt(1 + kernel.rate * square);
}

/// Row-major [rows][columns] of normals.
std::vector<double> normals(Index rows, Index columns, unsigned seed) {
  const Matrix drawn = random_normals(columns, rows, seed);
  return {drawn.data(), drawn.data() + drawn.size()};
}

struct Sums {
  std::vector<double> values = std::vector<double>(pair_tile);
  std::vector<double> first = std::vector<double>(dimension * pair_tile);
  std::vector<double> second = std::vector<double>(dimension * pair_tile);
};

Sums pairs(const PairKernel& kernel, const std::vector<double>& particles, const std::vector<double>& sources) {
  Sums sums;
  kernels::sum_pairs(kernels::PairTask<double>{kernel, dimension, particles.data(), sources.data(), num_sources,
                                               sums.values.data(), sums.first.data()});
  return sums;
}

Sums stein(const PairKernel& kernel, const std::vector<double>& particles, const std::vector<double>& sources) {
  Sums sums;
  kernels::sum_pairs(kernels::SteinTask<double>{kernel, dimension, particles.data(), sources.data(), num_sources,
                                                sums.values.data(), sums.first.data(), sums.second.data()});
  return sums;
}

/// Of `values` in number c of every particle, by the fourth order of h.
template <class SumsOf>
std::vector<double> differences(const SumsOf& sums_of, const std::vector<double>& particles, Index c) {
  const auto at = [&](double shift) {
    std::vector<double> moved = particles;
    for (Index i = 0; i < pair_tile; ++i) {
      moved[static_cast<std::size_t>(c * pair_tile + i)] += shift;
    }
    return sums_of(moved).values;
  };
  const auto near = at(h), minus_near = at(-h), far = at(2 * h), minus_far = at(-2 * h);
  std::vector<double> result(pair_tile);
  for (std::size_t i = 0; i < result.size(); ++i) {
    result[i] = (8 * (near[i] - minus_near[i]) - (far[i] - minus_far[i])) / (12 * h);
  }
  return result;
}

TEST(Pairs, AreSumsOfTheirKernel) {
  const auto particles = normals(dimension, pair_tile, 1);
  const auto sources = normals(num_sources, dimension, 2);
  on_every_instruction_set([&] {
    for (const PairKernel& kernel : radial) {
      const Sums sums = pairs(kernel, particles, sources);
      for (Index i = 0; i < pair_tile; ++i) {
        double expected = 0;
        for (Index l = 0; l < num_sources; ++l) {
          double square = 0;
          for (Index c = 0; c < dimension; ++c) {
            const double difference = particles[static_cast<std::size_t>(c * pair_tile + i)] -
                                      sources[static_cast<std::size_t>(l * dimension + c)];
            square += difference * difference;
          }
          expected += phi(kernel, square);
        }
        EXPECT_NEAR(sums.values[static_cast<std::size_t>(i)], expected, 1e-13 * num_sources);
      }
      for (Index c = 0; c < dimension; ++c) {
        const auto slopes = differences([&](const auto& moved) { return pairs(kernel, moved, sources); }, particles, c);
        for (Index i = 0; i < pair_tile; ++i) {
          EXPECT_NEAR(sums.first[static_cast<std::size_t>(c * pair_tile + i)], slopes[static_cast<std::size_t>(i)],
                      1e-9);
        }
      }
    }
  });
}

// With scores that do not move with their particles, the gradient is what is direct; what goes through the scores is
// the derivative in them, for W is linear in each.
TEST(Pairs, OfSteinHaveTheirGradients) {
  const auto particles = normals(2 * dimension, pair_tile, 3);
  const auto sources = normals(num_sources, 2 * dimension, 4);
  on_every_instruction_set([&] {
    for (const PairKernel& kernel : radial) {
      const Sums sums = stein(kernel, particles, sources);
      const auto sums_of = [&](const auto& moved) { return stein(kernel, moved, sources); };
      for (Index c = 0; c < dimension; ++c) {
        const auto direct = differences(sums_of, particles, c);
        const auto through = differences(sums_of, particles, dimension + c);
        for (Index i = 0; i < pair_tile; ++i) {
          const auto at = static_cast<std::size_t>(c * pair_tile + i);
          EXPECT_NEAR(sums.second[at], direct[static_cast<std::size_t>(i)], 1e-8);
          EXPECT_NEAR(sums.first[at], through[static_cast<std::size_t>(i)], 1e-9);
        }
      }
    }
  });
}

}  // namespace
}  // namespace mfld

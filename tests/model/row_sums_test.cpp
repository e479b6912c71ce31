// Sums and maxima over all particles: the same bits on any number of threads and ranks, from own rows alone.
#include "mfld/model/row_sums.hpp"

#include <gtest/gtest.h>

#include <bit>
#include <limits>
#include <numeric>

#include "mfld/core/parallel.hpp"
#include "mfld/model/shares.hpp"
#include "support/random_normals.hpp"
#include "support/thread_ranks.hpp"

namespace mfld {
namespace {

constexpr double none = std::numeric_limits<double>::quiet_NaN();

/// One, less than a group, whole strips and not, many tasks.
const std::vector<Index> widths = {1, 2, 7, 17, 100, 128, 1000, 5000, 40000};

std::vector<std::uint64_t> bits_of(std::span<const double> numbers) {
  std::vector<std::uint64_t> bits;
  for (const double number : numbers) {
    bits.push_back(std::bit_cast<std::uint64_t>(number));
  }
  return bits;
}

/// The sum of each column and its largest number.
template <class Scalar>
std::vector<double> totals_of(const Matrix& rows, RowSums<Scalar>& sums) {
  const Index count = rows.cols();
  const auto totals = sums.over(rows.rows(), {.sums = count, .maxima = count, .cost = count},
                                [&](RowRange strip, double* sum, double* max) {
                                  EXPECT_LE(strip.count(), strip_rows);
                                  for (Index k = 0; k < count; ++k) {
                                    const StripNumbers numbers = strip.of(rows.col(k));
                                    sum[k] += numbers.sum();
                                    max[k] = larger(max[k], numbers.maxCoeff<Eigen::PropagateNaN>());
                                  }
                                });
  return {totals.begin(), totals.end()};
}

/// Calls body(ranks, rows) on every rank, with rows that are not numbers where they are not its own.
template <class Scalar, class Body>
void on_ranks(const Matrix& rows, int num_ranks, const Body& body) {
  ThreadRanks(num_ranks).run([&](Ranks& ranks) {
    const std::vector<Index> cuts = shares_of<Scalar>(rows.rows(), num_ranks).rows;
    const auto rank = static_cast<std::size_t>(ranks.rank());
    Matrix own = Matrix::Constant(rows.rows(), rows.cols(), none);
    const Index count = cuts[rank + 1] - cuts[rank];
    own.middleRows(cuts[rank], count) = rows.middleRows(cuts[rank], count);
    with_threads(1 + ranks.rank() % 2, [&] { body(ranks, own); });
  });
}

template <class Scalar>
void expect_the_bits_of_one(Index width) {
  const Matrix rows = random_normals(width, 3, static_cast<unsigned>(width));
  RowSums<Scalar> alone;
  const std::vector<double> expected = totals_of(rows, alone);
  for (const int num_ranks : {1, 2, 3, 5, 16}) {
    if (num_ranks <= most_ranks<Scalar>(width)) {
      on_ranks<Scalar>(rows, num_ranks, [&](Ranks& ranks, const Matrix& own) {
        RowSums<Scalar> sums(&ranks);
        EXPECT_EQ(bits_of(totals_of(own, sums)), bits_of(expected)) << width << " on " << num_ranks;
        EXPECT_EQ(bits_of(totals_of(own, sums)), bits_of(expected)) << "again";
      });
    }
  }
}

TEST(RowSums, HaveTheSameBitsOnAnyNumberOfRanks) {
  for (const Index width : widths) {
    expect_the_bits_of_one<double>(width);
    expect_the_bits_of_one<float>(width);
  }
}

TEST(RowSums, HaveTheSameBitsOnAnyNumberOfThreads) {
  const Matrix rows = random_normals(40000, 3, 1);
  std::vector<double> expected;
  for (const int num_threads : {1, 2, 3, 8}) {
    RowSums<double> sums;
    const std::vector<double> totals = with_threads(num_threads, [&] { return totals_of(rows, sums); });
    expected = num_threads == 1 ? totals : expected;
    EXPECT_EQ(bits_of(totals), bits_of(expected)) << num_threads;
  }
}

TEST(RowSums, AreTheSumsAndTheMaxima) {
  for (const Index width : widths) {
    RowSums<double> sums;
    const Matrix rows = random_normals(width, 3, 5);
    const std::vector<double> totals = totals_of(rows, sums);
    for (Index k = 0; k < 3; ++k) {
      const auto of_sum = static_cast<std::size_t>(k);
      EXPECT_NEAR(totals[of_sum], rows.col(k).sum(), 1e-14 * rows.col(k).cwiseAbs().sum());
      EXPECT_EQ(totals[of_sum + 3], rows.col(k).maxCoeff());
    }
    // Integers are added exactly: every row once.
    const Matrix counted = Vector::LinSpaced(width, 1, static_cast<double>(width));
    EXPECT_EQ(totals_of(counted, sums)[0], static_cast<double>(width * (width + 1) / 2));
    EXPECT_EQ(sums.sum(width, 1, [](RowRange strip) { return static_cast<double>(strip.count()); }),
              static_cast<double>(width));
    EXPECT_EQ(sums.maximum(width, 1, [](RowRange strip) { return static_cast<double>(strip.last); }),
              static_cast<double>(width));
  }
}

// What is not a number shows in both, whoever has it; minus infinity alone is the largest.
TEST(RowSums, WhatIsNotANumberShowsWhereverItIs) {
  constexpr Index width = 133;
  for (const int num_ranks : {1, 2, 5}) {
    for (Index row = 0; row < width; row += 4) {
      Matrix rows = random_normals(width, 1, 2);
      rows(row, 0) = none;
      on_ranks<double>(rows, num_ranks, [&](Ranks& ranks, const Matrix& own) {
        RowSums<double> sums(&ranks);
        const std::vector<double> totals = totals_of(own, sums);
        EXPECT_TRUE(std::isnan(totals[0]) && std::isnan(totals[1])) << row << " on " << num_ranks;
      });
    }
    const Matrix lowest = Matrix::Constant(width, 1, -std::numeric_limits<double>::infinity());
    on_ranks<double>(lowest, num_ranks, [&](Ranks& ranks, const Matrix& own) {
      RowSums<double> sums(&ranks);
      EXPECT_EQ(totals_of(own, sums)[1], lowest(0, 0));
    });
  }
}

TEST(RowSums, TheRowsOfARankAreItsShareAndCanBeShared) {
  const Matrix rows = random_normals(1000, 2, 3);
  on_ranks<double>(rows, 5, [&](Ranks& ranks, const Matrix& own) {
    RowSums<double> sums(&ranks);
    const std::vector<Index> cuts = shares_of<double>(1000, 5).rows;
    const auto rank = static_cast<std::size_t>(ranks.rank());
    EXPECT_EQ(sums.own(1000).first, cuts[rank]);
    EXPECT_EQ(sums.own(1000).last, cuts[rank + 1]);
    EXPECT_EQ(sums.num_tasks(1000), most_ranks<double>(1000));
    Matrix whole = own;
    EXPECT_TRUE(whole.array().isNaN().any());
    sums.share(whole);
    EXPECT_EQ(whole, rows);
  });
  RowSums<double> alone;
  EXPECT_EQ(alone.own(1000).first, 0);
  EXPECT_EQ(alone.own(1000).last, 1000);
}

// One object may be asked for different numbers of particles in turn.
TEST(RowSums, FollowTheNumberOfParticles) {
  RowSums<double> reused;
  for (const Index width : {1000, 17, 5000, 1}) {
    RowSums<double> fresh;
    const Matrix rows = random_normals(width, 2, 4);
    EXPECT_EQ(bits_of(totals_of(rows, reused)), bits_of(totals_of(rows, fresh)));
  }
}

}  // namespace
}  // namespace mfld

#include "mfld/core/divided_rows.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

#include <atomic>
#include <fstream>
#include <limits>
#include <vector>

#include "support/thread_ranks.hpp"

namespace mfld {
namespace {

template <class Scalar>
void expect_exchange(Index num_rows) {
  const Particles<Scalar> whole = Particles<Scalar>::Random(num_rows, 3);
  for (const int num_ranks : {1, 2, 5}) {
    const auto cuts = cuts_of(num_rows, num_ranks);
    std::atomic<int> num_right = 0;
    ThreadRanks(num_ranks).run([&](Ranks& ranks) {
      const Index first = cuts[static_cast<std::size_t>(ranks.rank())];
      const Index count = cuts[static_cast<std::size_t>(ranks.rank()) + 1] - first;
      Particles<Scalar> own = Particles<Scalar>::Zero(num_rows, 3);
      own.middleRows(first, count) = whole.middleRows(first, count);
      exchange_rows(ranks, cuts, own);
      num_right += own == whole ? 1 : 0;
    });
    EXPECT_EQ(num_right, num_ranks);
  }
}

TEST(DividedRows, AreExchanged) {
  expect_exchange<double>(7);
  expect_exchange<float>(1001);
  expect_exchange<float>(1);        // ranks without rows
  expect_exchange<double>(400000);  // more than the buffer
}

constexpr double none = std::numeric_limits<double>::quiet_NaN();

/// With rows of some and none of the others, as each rank has it.
Particles<double> part_of(const Particles<double>& whole, RowRange rows) {
  Particles<double> part = Particles<double>::Constant(whole.rows(), whole.cols(), none);
  copy_rows(rows, whole, part);
  return part;
}

// Cuts that differ by a little, by more than a share, and that leave a rank without rows: it then has both ranges and
// nothing else, bit for bit.
TEST(DividedRows, ArePassedToWhoeverHasThemByOtherCuts) {
  const Particles<double> whole = Particles<double>::Random(100, 3);
  const std::vector<std::vector<Index>> cuts = {
      {0, 30, 60, 100}, {0, 32, 56, 100}, {0, 90, 95, 100}, {0, 0, 50, 100}, {0, 100, 100, 100}};
  for (const auto& from : cuts) {
    for (const auto& to : cuts) {
      ThreadRanks(3).run([&](Ranks& ranks) {
        const RowRange own = rows_of(from, ranks.rank());
        const RowRange wanted = rows_of(to, ranks.rank());
        Particles<double> matrix = part_of(whole, own);
        pass_rows(ranks, from, to, matrix);
        for (Index j = 0; j < whole.rows(); ++j) {
          const bool has = (j >= own.first && j < own.last) || (j >= wanted.first && j < wanted.last);
          EXPECT_TRUE(has ? matrix.row(j) == whole.row(j) : matrix.row(j).array().isNaN().all()) << j;
        }
      });
    }
  }
}

TEST(DividedRows, AreGatheredInOrder) {
  const Matrix whole = Matrix::Random(40, 4);
  const std::vector<std::vector<Index>> all_cuts = {{0, 40}, {0, 7, 7, 40}, {0, 0, 40}, {0, 40, 40}};
  for (const std::vector<Index>& cuts : all_cuts) {
    ThreadRanks(static_cast<int>(cuts.size()) - 1).run([&](Ranks& ranks) {
      const RowRange own = rows_of(cuts, ranks.rank());
      Matrix rows = whole.middleRows(own.first, own.count());
      gather_rows(ranks, cuts, rows);
      EXPECT_EQ(rows, ranks.rank() == 0 ? whole : Matrix(whole.middleRows(own.first, own.count())));
    });
  }
}

/// MiB of memory of this process.
double resident() {
  std::ifstream stream("/proc/self/statm");
  double size = 0;
  double pages = 0;
  stream >> size >> pages;
  return pages * static_cast<double>(::sysconf(_SC_PAGESIZE)) / 0x1p20;
}

// 512 MiB of addresses, of which an eighth is written: another 64 MiB of copies show that what was not written stays
// without memory when it is read, too.
TEST(DividedRows, TakeMemoryForThemselvesAlone) {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  GTEST_SKIP() << "allocators of sanitizers take memory of their own";
#endif
  constexpr Index num_rows = Index{1} << 20U;
  constexpr Index num_columns = 64;
  constexpr RowRange own = {num_rows / 8, num_rows / 4};
  const double before = resident();
  Particles<double> matrix;
  make_room(num_rows, num_columns, matrix);
  EXPECT_LT(resident() - before, 2);
  matrix.middleRows(own.first, own.count()).setConstant(1);
  EXPECT_NEAR(resident() - before, 64, 3);
  Particles<float> copy;
  copy_rows(own, matrix, copy);
  EXPECT_NEAR(resident() - before, 96, 4);
  EXPECT_EQ(matrix.row(own.first - 1).squaredNorm() + copy.row(own.last).squaredNorm(), 0);
  EXPECT_EQ(copy.row(own.last - 1).sum(), num_columns);
  EXPECT_NEAR(resident() - before, 96, 4);
}

}  // namespace
}  // namespace mfld

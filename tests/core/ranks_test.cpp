#include "mfld/core/ranks.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <cmath>
#include <random>
#include <stdexcept>
#include <thread>

#include "mfld/core/tree_sum.hpp"
#include "mfld/model/shares.hpp"
#include "support/thread_ranks.hpp"

namespace mfld {
namespace {

/// [num_tasks][stride], numbers whose sum depends on the order.
std::vector<double> numbers(Index num_tasks, Index stride) {
  std::mt19937_64 engine(7);
  std::uniform_real_distribution<double> uniform(-1, 1);
  std::vector<double> values(static_cast<std::size_t>(num_tasks * stride));
  for (double& value : values) {
    value = std::ldexp(uniform(engine), static_cast<int>(engine() % 8));
  }
  return values;
}

constexpr Index stride = 5;

void add_own(TaskRange own, Index num_tasks, std::vector<double>& sums) {
  add_along_tree(own, num_tasks, [&](Index to, Index from) {
    for (Index i = 0; i < stride; ++i) {
      sums[static_cast<std::size_t>(to * stride + i)] += sums[static_cast<std::size_t>(from * stride + i)];
    }
  });
}

/// The first `count` numbers of the sum over all tasks; sums: of all tasks, of which a rank reads its own.
std::vector<double> completed(Ranks& ranks, const std::vector<Index>& cuts, std::vector<double>& sums, Index count) {
  const Index first = cuts[static_cast<std::size_t>(ranks.rank())];
  std::vector<double> total(static_cast<std::size_t>(count));
  SharedSum(cuts, ranks.rank()).complete(ranks, {sums.data() + first * stride, stride, count, total.data()});
  return total;
}

TEST(Ranks, SharesDifferByOneTaskAtMostAndAreAllOfThem) {
  for (const Index num_tasks : {1, 2, 7, 16, 100}) {
    for (int num_ranks = 1; num_ranks <= num_tasks; ++num_ranks) {
      const auto cuts = cuts_of(num_tasks, num_ranks);
      EXPECT_EQ(cuts.front(), 0);
      EXPECT_EQ(cuts.back(), num_tasks);
      for (std::size_t rank = 1; rank < cuts.size(); ++rank) {
        const Index share = cuts[rank] - cuts[rank - 1];
        EXPECT_TRUE(share == num_tasks / num_ranks || share == num_tasks / num_ranks + 1) << num_tasks << num_ranks;
      }
    }
  }
}

TEST(Ranks, TheirRowsAreThoseOfWholeTasks) {
  for (const Index num_particles : {1, 5, 100, 1001, 30000}) {
    for (Index count = 1; count <= std::min<Index>(13, most_ranks<double>(num_particles)); ++count) {
      const Shares shares = shares_of<double>(num_particles, static_cast<int>(count));
      ASSERT_EQ(std::ssize(shares.rows), count + 1);
      EXPECT_EQ(shares.rows.front(), 0);
      EXPECT_EQ(shares.rows.back(), num_particles);
      for (std::size_t rank = 0; rank < static_cast<std::size_t>(count); ++rank) {
        EXPECT_LT(shares.tasks[rank], shares.tasks[rank + 1]);
        EXPECT_LT(shares.rows[rank], shares.rows[rank + 1]);  // no rank is without particles
      }
    }
  }
}

// The bits are those of one process, and they are not those of a sum in another order.
TEST(Ranks, AddToTheBitsOfOneProcessOnEveryRank) {
  bool order_matters = false;
  for (const Index num_tasks : {1, 2, 3, 8, 16, 37}) {
    const std::vector<double> start = numbers(num_tasks, stride);
    std::vector<double> expected = start;
    add_own({0, num_tasks}, num_tasks, expected);
    double from_the_left = 0;
    for (Index task = 0; task < num_tasks; ++task) {
      from_the_left += start[static_cast<std::size_t>(task * stride)];
    }
    order_matters = order_matters || from_the_left != expected[0];
    for (int num_ranks = 1; num_ranks <= std::min<Index>(13, num_tasks); ++num_ranks) {
      const auto cuts = cuts_of(num_tasks, num_ranks);
      std::atomic<int> num_right = 0;
      ThreadRanks(num_ranks).run([&](Ranks& ranks) {
        std::vector<double> sums(start.size(), std::nan(""));  // nobody has the numbers of the others
        const Index first = cuts[static_cast<std::size_t>(ranks.rank())];
        const Index last = cuts[static_cast<std::size_t>(ranks.rank()) + 1];
        std::copy(start.begin() + first * stride, start.begin() + last * stride, sums.begin() + first * stride);
        add_own({first, last}, num_tasks, sums);
        const auto total = completed(ranks, cuts, sums, stride);
        num_right += std::equal(total.begin(), total.end(), expected.begin()) ? 1 : 0;
      });
      EXPECT_EQ(num_right, num_ranks) << num_tasks << " tasks";
    }
  }
  EXPECT_TRUE(order_matters);
}

// Ranks without a task, as those of few tiles of points have, and fewer numbers than there is room for.
TEST(Ranks, AddWhereSomeHaveNoTask) {
  for (const Index num_tasks : {1, 3, 5}) {
    const std::vector<double> start = numbers(num_tasks, stride);
    std::vector<double> expected = start;
    add_own({0, num_tasks}, num_tasks, expected);
    constexpr int num_ranks = 7;
    const auto cuts = cuts_of(num_tasks, num_ranks);
    constexpr Index count = stride - 2;
    std::atomic<int> num_right = 0;
    ThreadRanks(num_ranks).run([&](Ranks& ranks) {
      std::vector<double> sums = start;
      const auto own = static_cast<std::size_t>(ranks.rank());
      add_own({cuts[own], cuts[own + 1]}, num_tasks, sums);
      const auto total = completed(ranks, cuts, sums, count);
      num_right += std::equal(total.begin(), total.end(), expected.begin()) ? 1 : 0;
    });
    EXPECT_EQ(num_right, num_ranks) << num_tasks << " tasks";
  }
}

// P a power of 2 that divides the tasks: one message up and one down for every rank but the first.
TEST(Ranks, SendNoMoreThanTheTreeAsks) {
  for (const int num_ranks : {2, 4, 8}) {
    ThreadRanks all(num_ranks);
    all.run([&](Ranks& ranks) {
      std::vector<double> sums = numbers(16, stride);
      completed(ranks, cuts_of(16, num_ranks), sums, stride);
    });
    EXPECT_EQ(all.num_messages(), static_cast<std::size_t>(2 * (num_ranks - 1)));
  }
}

// Several threads move a sum on; whoever of them takes part, it is the same. Two sums, one after the other.
TEST(Ranks, AddWhileThreadsDoSomethingElse) {
  constexpr Index num_tasks = 37;
  constexpr int num_ranks = 5;
  std::vector<double> expected = numbers(num_tasks, stride);
  add_own({0, num_tasks}, num_tasks, expected);
  const auto cuts = cuts_of(num_tasks, num_ranks);
  std::atomic<int> num_right = 0;
  ThreadRanks(num_ranks, 3).run([&](Ranks& ranks) {
    const auto own = static_cast<std::size_t>(ranks.rank());
    const SharedSum sum(cuts, ranks.rank());
    SumUnderWay under_way;
    under_way.go_on();  // before there is any
    for (int turn = 0; turn < 2; ++turn) {
      std::vector<double> sums = numbers(num_tasks, stride);
      add_own({cuts[own], cuts[own + 1]}, num_tasks, sums);
      std::vector<double> total(stride);
      under_way.begin(sum, ranks, {sums.data() + cuts[own] * stride, stride, stride, total.data()});
      std::vector<std::thread> threads;
      for (int i = 0; i < 3; ++i) {
        threads.emplace_back([&under_way, turn] {
          for (int look = 0; look < 1000 * turn; ++look) {  // at the first turn it has to be waited for
            under_way.go_on();
          }
        });
      }
      for (std::thread& thread : threads) {
        thread.join();
      }
      under_way.finish();
      num_right += std::equal(total.begin(), total.end(), expected.begin()) ? 1 : 0;
    }
  });
  EXPECT_EQ(num_right, 2 * num_ranks);
}

TEST(Ranks, FindTheLeastOfEachNumber) {
  ThreadRanks all(3);
  all.run([](Ranks& ranks) {
    std::vector<std::int64_t> numbers = {ranks.rank(), -ranks.rank(), ranks.rank() == 1 ? 0 : 1, 5};
    ranks.least(numbers);
    EXPECT_EQ(numbers, (std::vector<std::int64_t>{0, -2, 0, 5}));
    EXPECT_EQ(ranks.least(7 - ranks.rank()), 5);
  });
  EXPECT_EQ(all.num_agreements(), 2U);
}

// Each way for calls to differ: of one rank more, of another kind, of another size, and a message that nobody takes.
TEST(Ranks, OfTheTestsTellWhereTheirCallsDiffer) {
  const auto differ = [](const auto& body) {
    EXPECT_THROW(ThreadRanks(3).run([&](Ranks& ranks) { body(ranks, ranks.rank() == 1); }), std::runtime_error);
  };
  std::int64_t number = 0;
  const auto bytes = std::as_writable_bytes(std::span(&number, 1));
  differ([](Ranks& ranks, bool is_odd_one) { is_odd_one ? ranks.least(0) : 0; });
  differ([&](Ranks& ranks, bool is_odd_one) {
    std::int64_t own = 0;
    is_odd_one ? ranks.broadcast(std::as_writable_bytes(std::span(&own, 1)), 1) : void();
  });
  differ([&](Ranks& ranks, bool is_odd_one) { is_odd_one ? ranks.send(bytes, 0) : void(); });
  differ([](Ranks& ranks, bool is_odd_one) {
    std::int64_t own[2] = {};
    ranks.broadcast(std::as_writable_bytes(std::span(own)).first(is_odd_one ? 8 : 16), 0);
  });
}

}  // namespace
}  // namespace mfld

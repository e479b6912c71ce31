#pragma once
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "mfld/core/particles.hpp"

namespace mfld {

/// The processes that make one run together, numbered from 0. Each of them goes through the whole run and comes to the
/// same decisions; what they divide among them is the particles, their memory (divided_rows.hpp) and the work on them.
///
/// All ranks make the same calls in the same order. Numbers are only ever passed on, never added by whoever passes them:
/// sums run along the tree of tasks (tree_sum.hpp), so that no bit of a result depends on how many ranks there are.
/// Where one of the others has ended, a call throws or does not return.
class Ranks {
 public:
  virtual ~Ranks() = default;

  virtual int count() const = 0;  // P
  virtual int rank() const = 0;   // of this process, from 0
  virtual void send(std::span<const std::byte> bytes, int to) = 0;
  virtual void receive(std::span<std::byte> bytes, int from) = 0;
  /// bytes <- those of rank `root`, on every rank.
  virtual void broadcast(std::span<std::byte> bytes, int root) = 0;
  /// The least of the numbers that the ranks call with.
  virtual std::int64_t least(std::int64_t number) = 0;

 protected:
  Ranks() = default;
  Ranks(const Ranks&) = default;
  Ranks& operator=(const Ranks&) = default;
};

/// Whether any rank wishes it; of one process alone (nullptr), whether that does.
inline bool any(Ranks* ranks, bool wish) { return ranks == nullptr ? wish : ranks->least(wish ? 0 : 1) == 0; }

/// The first task of rank r, of num_tasks that are dealt out in order: shares differ by one task at most.
constexpr Index first_task(Index num_tasks, Index rank, Index num_ranks) { return rank * num_tasks / num_ranks; }

/// Sums over tasks that are dealt out to ranks, those from cuts[r] on to cuts[r + 1] to rank r: what this rank has to do
/// with the others to complete them along the tree.
class SharedSum {
 public:
  SharedSum() = default;
  /// cuts [P + 1], from 0 to the number of tasks. O(tasks).
  SharedSum(std::span<const Index> cuts, int rank);

  /// total [count] <- the sum over all tasks, on every rank, once each has added its own (add_along_tree). sums
  /// [own tasks][stride], of which the first `count` numbers are added; they are overwritten. About 2 ceil(log2 P)
  /// messages, one after the other, of 8 count bytes.
  void complete(Ranks& ranks, double* sums, Index stride, Index count, double* total) const;

 private:
  /// A node of the tree that lies in nobody's share: `from` is added to `to`, by the rank that has `to`.
  struct Node {
    Index to;
    Index from;  // counted from the first own task, like `to`
    int receiver;
    int sender;
  };
  std::vector<Node> nodes_;  // of which this rank has a half, in the order of the sums
  int root_ = 0;             // who has the first task
};

}  // namespace mfld

#pragma once
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <optional>
#include <span>
#include <vector>

#include "mfld/core/particles.hpp"

namespace mfld {

/// The processes that make one run together, numbered from 0. Each of them goes through the whole run and comes to the
/// same decisions; what they divide among them is the particles, their memory (divided_rows.hpp) and the work on them.
///
/// All ranks make the same calls in the same order. Numbers are only ever passed on, never added by whoever passes them:
/// sums run along the tree of tasks (tree_sum.hpp), so that no bit of a result depends on how many ranks there are.
/// Where one of the others has ended, a call throws or does not return. One call at a time, from any thread.
class Ranks {
 public:
  virtual ~Ranks() = default;

  virtual int count() const = 0;  // P
  virtual int rank() const = 0;   // of this process, from 0

  /// A message that is under way. Its bytes, 1 GB at most, stay where they are until it is over, which is found out
  /// once: by `is_over` that is true, or by `wait`. Those between two ranks arrive in the order in which they were begun.
  using Message = std::uint64_t;
  virtual Message begin_send(std::span<const std::byte> bytes, int to) = 0;
  virtual Message begin_receive(std::span<std::byte> bytes, int from) = 0;
  virtual bool is_over(Message message) = 0;
  virtual void wait(Message message) = 0;
  void send(std::span<const std::byte> bytes, int to) { wait(begin_send(bytes, to)); }
  void receive(std::span<std::byte> bytes, int from) { wait(begin_receive(bytes, from)); }

  /// bytes <- those of rank `root`, on every rank.
  virtual void broadcast(std::span<std::byte> bytes, int root) = 0;
  /// numbers <- each of them the least that the ranks call with, as many on all.
  virtual void least(std::span<std::int64_t> numbers) = 0;
  std::int64_t least(std::int64_t number) {
    least(std::span(&number, 1));
    return number;
  }

 protected:
  Ranks() = default;
  Ranks(const Ranks&) = default;
  Ranks& operator=(const Ranks&) = default;
};

/// The first task of rank r, of num_tasks that are dealt out in order: shares differ by one task at most.
constexpr Index first_task(Index num_tasks, Index rank, Index num_ranks) { return rank * num_tasks / num_ranks; }

/// The sums of this rank's tasks, [own tasks][stride], of which the first `count` numbers are added and which are
/// overwritten; and where the sum over all tasks goes, [count].
struct SharedTerms {
  double* sums;
  Index stride;
  Index count;
  double* total;
};

/// Sums over tasks that are dealt out to ranks, those from cuts[r] on to cuts[r + 1] to rank r: what this rank has to do
/// with the others to complete them along the tree.
class SharedSum {
 public:
  SharedSum() = default;
  /// cuts [P + 1], from 0 to the number of tasks. O(tasks).
  SharedSum(std::span<const Index> cuts, int rank);

  /// total <- the sum over all tasks, on every rank, once each has added its own (add_along_tree). About
  /// 2 ceil(log2 P) messages, one after the other, of 8 count bytes.
  void complete(Ranks& ranks, const SharedTerms& terms) const;

 private:
  friend class SumUnderWay;
  /// A node of the tree that lies in nobody's share: `from` is added to `to`, by the rank that has `to`.
  struct Node {
    Index to;
    Index from;  // counted from the first own task, like `to`
    int receiver;
    int sender;
  };
  std::vector<Node> nodes_;    // of which this rank has a half, in the order of the sums
  std::optional<int> parent_;  // who hands it the sum; none: it has the first task, and so the sum itself
  std::vector<int> children_;  // to whom it hands the sum on, in that order
};

/// A SharedSum that is completed while the threads do something else, which hides the time of its messages: they move
/// on at `go_on`, which any thread may call between two pieces of its work and which never waits.
class SumUnderWay {
 public:
  /// All ranks begin the same sums in the same order, each once the one before is finished. Refers to all of these.
  void begin(const SharedSum& sum, Ranks& ranks, const SharedTerms& terms);
  /// Does what the messages that are there allow; nothing where another thread is at it. About 0.1 microseconds.
  void go_on();
  /// Waits for what is missing. Not at the same time as the others.
  void finish();

 private:
  bool advance(bool waits);
  bool add(bool waits);
  bool hand_down(bool waits);
  bool receive(int from, bool waits);

  const SharedSum* sum_ = nullptr;
  Ranks* ranks_ = nullptr;
  SharedTerms terms_{};
  std::size_t num_added_ = 0;  // nodes
  bool is_handed_down_ = false;
  std::optional<Ranks::Message> received_;  // the one that it waits for
  std::vector<Ranks::Message> sent_;
  std::atomic<bool> is_complete_ = true;
  std::mutex mutex_;
};

}  // namespace mfld

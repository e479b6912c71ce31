#pragma once
#include <algorithm>

#include "mfld/core/particles.hpp"

namespace mfld {

/// Tasks [first, last).
struct TaskRange {
  Index first;
  Index last;
};

/// Sums over tasks run along one binary tree, a function of their number alone: a node covers the tasks
/// [2^l k, 2^l (k + 1)), as far as there are that many, and is the sum of its left half and its right half; it is kept
/// in the place of its first task. So a sum has the same bits whoever adds which part of it.
///
/// Calls add(to, from), which adds the number (or the vector) of `from` to that of `to`, for every node that lies in
/// `range`, in an order in which it can be done. The whole range leaves the sum in place 0. Contiguous ranges can be
/// added each by itself; then the nodes that lie in none of them follow: add_between.
template <class Add>
void add_along_tree(TaskRange range, Index num_tasks, const Add& add) {
  for (Index half = 1; half < num_tasks; half *= 2) {
    for (Index left = (range.first + 2 * half - 1) / (2 * half) * (2 * half); left + half < num_tasks;
         left += 2 * half) {
      if (std::min(left + 2 * half, num_tasks) <= range.last) {
        add(left, left + half);
      }
    }
  }
}

/// The nodes that lie in none of the ranges into which `cuts`, ascending from 0 to the number of tasks, divide them.
template <class Cuts, class Add>
void add_between(const Cuts& cuts, const Add& add) {
  const Index num_tasks = cuts.back();
  const auto range_of = [&cuts](Index task) { return std::upper_bound(cuts.begin(), cuts.end(), task); };
  add_along_tree({0, num_tasks}, num_tasks, [&](Index left, Index middle) {
    const Index last = std::min(2 * middle - left, num_tasks) - 1;
    if (range_of(left) != range_of(last)) {
      add(left, middle);
    }
  });
}

}  // namespace mfld

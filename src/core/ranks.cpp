#include "mfld/core/ranks.hpp"

#include <algorithm>
#include <cassert>

#include "mfld/core/tree_sum.hpp"

namespace mfld {

namespace {

int owner_of(std::span<const Index> cuts, Index task) {
  return static_cast<int>(std::upper_bound(cuts.begin(), cuts.end(), task) - cuts.begin()) - 1;
}

template <class Number>
std::span<std::byte> bytes_of(Number* numbers, Index count) {
  return std::as_writable_bytes(std::span<Number>(numbers, static_cast<std::size_t>(count)));
}

template <class Number>
std::span<const std::byte> bytes_of(const Number* numbers, Index count) {
  return std::as_bytes(std::span<const Number>(numbers, static_cast<std::size_t>(count)));
}

}  // namespace

SharedSum::SharedSum(std::span<const Index> cuts, int rank) {
  const Index first = cuts[static_cast<std::size_t>(rank)];
  add_between(cuts, [&](Index to, Index from) {
    const int receiver = owner_of(cuts, to);
    const int sender = owner_of(cuts, from);
    if (rank == receiver || rank == sender) {
      nodes_.push_back({to - first, from - first, receiver, sender});
    }
  });
  // Down again: whoever has the sum doubles at every turn, counted from the one that has it first.
  const int num_ranks = static_cast<int>(cuts.size()) - 1;
  const int root = owner_of(cuts, 0);
  const int place = (rank - root + num_ranks) % num_ranks;
  int distance = 1;
  while (distance < num_ranks && place % (2 * distance) == 0) {
    distance *= 2;
  }
  if (place > 0) {
    parent_ = (place - distance + root) % num_ranks;
  }
  for (distance /= 2; distance > 0; distance /= 2) {
    if (place + distance < num_ranks) {
      children_.push_back((place + distance + root) % num_ranks);
    }
  }
}

void SharedSum::complete(Ranks& ranks, const SharedTerms& terms) const {
  SumUnderWay sum;
  sum.begin(*this, ranks, terms);
  sum.finish();
}

void SumUnderWay::begin(const SharedSum& sum, Ranks& ranks, const SharedTerms& terms) {
  assert(is_complete_);
  sum_ = &sum;
  ranks_ = &ranks;
  terms_ = terms;
  num_added_ = 0;
  is_handed_down_ = false;
  is_complete_ = advance(false);
}

void SumUnderWay::go_on() {
  if (is_complete_.load(std::memory_order_acquire)) {
    return;
  }
  const std::unique_lock lock(mutex_, std::try_to_lock);
  if (lock.owns_lock() && !is_complete_.load(std::memory_order_relaxed) && advance(false)) {
    is_complete_.store(true, std::memory_order_release);
  }
}

void SumUnderWay::finish() {
  if (!is_complete_) {
    is_complete_ = advance(true);
  }
}

/// Whether all is done, as far as messages are there; or after waiting for them.
bool SumUnderWay::advance(bool waits) {
  if (!add(waits) || !hand_down(waits)) {
    return false;
  }
  while (!sent_.empty()) {
    if (waits) {
      ranks_->wait(sent_.back());
    } else if (!ranks_->is_over(sent_.back())) {
      return false;
    }
    sent_.pop_back();
  }
  return true;
}

/// Up the tree.
bool SumUnderWay::add(bool waits) {
  const int own = ranks_->rank();
  for (; num_added_ < sum_->nodes_.size(); ++num_added_) {
    const SharedSum::Node& node = sum_->nodes_[num_added_];
    const double* term = terms_.sums + node.from * terms_.stride;
    if (own != node.receiver) {
      sent_.push_back(ranks_->begin_send(bytes_of(term, terms_.count), node.receiver));
      continue;
    }
    if (own != node.sender) {
      if (!receive(node.sender, waits)) {
        return false;
      }
      term = terms_.total;
    }
    double* const sum = terms_.sums + node.to * terms_.stride;
    std::transform(sum, sum + terms_.count, term, sum, [](double a, double b) { return a + b; });
  }
  return true;
}

bool SumUnderWay::hand_down(bool waits) {
  if (is_handed_down_) {
    return true;
  }
  if (!sum_->parent_) {
    std::copy_n(terms_.sums, terms_.count, terms_.total);
  } else if (!receive(*sum_->parent_, waits)) {
    return false;
  }
  for (const int child : sum_->children_) {
    sent_.push_back(ranks_->begin_send(bytes_of(terms_.total, terms_.count), child));
  }
  is_handed_down_ = true;
  return true;
}

/// total <- what that rank sends; false where it is not there yet.
bool SumUnderWay::receive(int from, bool waits) {
  if (!received_) {
    received_ = ranks_->begin_receive(bytes_of(terms_.total, terms_.count), from);
  }
  if (waits) {
    ranks_->wait(*received_);
  } else if (!ranks_->is_over(*received_)) {
    return false;
  }
  received_.reset();
  return true;
}

}  // namespace mfld

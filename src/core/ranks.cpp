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

}  // namespace

SharedSum::SharedSum(std::span<const Index> cuts, int rank) : root_(owner_of(cuts, 0)) {
  const Index first = cuts[static_cast<std::size_t>(rank)];
  add_between(cuts, [&](Index to, Index from) {
    const int receiver = owner_of(cuts, to);
    const int sender = owner_of(cuts, from);
    if (rank == receiver || rank == sender) {
      nodes_.push_back({to - first, from - first, receiver, sender});
    }
  });
}

void SharedSum::complete(Ranks& ranks, double* sums, Index stride, Index count, double* total) const {
  const int own = ranks.rank();
  for (const Node& node : nodes_) {
    if (node.sender != node.receiver && own == node.sender) {
      ranks.send(bytes_of(sums + node.from * stride, count), node.receiver);
      continue;
    }
    const double* term = sums + node.from * stride;
    if (node.sender != node.receiver) {
      ranks.receive(bytes_of(total, count), node.sender);
      term = total;
    }
    double* const sum = sums + node.to * stride;
    std::transform(sum, sum + count, term, sum, [](double a, double b) { return a + b; });
  }
  if (own == root_) {
    std::copy_n(sums, count, total);
  }
  ranks.broadcast(bytes_of(total, count), root_);
}

}  // namespace mfld

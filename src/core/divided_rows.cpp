#include "mfld/core/divided_rows.hpp"

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cassert>
#include <cstdint>

namespace mfld {

namespace {

template <class Dense>
std::span<std::byte> bytes_of(Dense& matrix) {
  return std::as_writable_bytes(std::span(matrix.data(), static_cast<std::size_t>(matrix.size())));
}

/// A large page would be taken whole for the one row that is written in it.
void take_small_pages([[maybe_unused]] void* begin, [[maybe_unused]] std::size_t size) {
#ifdef MADV_NOHUGEPAGE
  const auto page = static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
  const std::size_t before = (page - reinterpret_cast<std::uintptr_t>(begin) % page) % page;
  if (size >= before + page) {
    const std::size_t pages = (size - before) / page;
    ::madvise(static_cast<char*>(begin) + before, pages * page, MADV_NOHUGEPAGE);  // unknown, and nothing is lost
  }
#endif
}

/// Calls each(part) for parts that are messages.
template <class Each>
void in_messages(std::span<std::byte> bytes, const Each& each) {
  constexpr std::size_t most_bytes = std::size_t{1} << 26U;
  for (; !bytes.empty(); bytes = bytes.subspan(std::min(most_bytes, bytes.size()))) {
    each(bytes.first(std::min(most_bytes, bytes.size())));
  }
}

template <class Scalar>
void pass(Ranks& ranks, RowRange rows, int from, int to, Particles<Scalar>& matrix) {
  Particles<Scalar> part;
  if (ranks.rank() == from) {
    part = matrix.middleRows(rows.first, rows.count());
    in_messages(bytes_of(part), [&](std::span<const std::byte> bytes) { ranks.send(bytes, to); });
  } else if (ranks.rank() == to) {
    part.resize(rows.count(), matrix.cols());
    in_messages(bytes_of(part), [&](std::span<std::byte> bytes) { ranks.receive(bytes, from); });
    matrix.middleRows(rows.first, rows.count()) = part;
  }
}

}  // namespace

template <class Scalar>
void make_room(Index rows, Index cols, Particles<Scalar>& matrix) {
  matrix.resize(0, 0);
  matrix.resize(rows, cols);
  take_small_pages(matrix.data(), bytes_of(matrix).size());
}

template <class Scalar>
void exchange_rows(Ranks& ranks, std::span<const Index> cuts, Particles<Scalar>& matrix) {
  assert(cuts.back() == matrix.rows());
  constexpr Index at_once = (Index{4} << 20U) / static_cast<Index>(sizeof(Scalar));
  const Index rows_at_once = std::max<Index>(1, at_once / std::max<Index>(1, matrix.cols()));
  Particles<Scalar> rows;
  for (int owner = 0; owner < ranks.count(); ++owner) {
    const Index last = cuts[static_cast<std::size_t>(owner) + 1];
    for (Index first = cuts[static_cast<std::size_t>(owner)]; first < last; first += rows_at_once) {
      const Index num_rows = std::min(rows_at_once, last - first);
      if (owner == ranks.rank()) {
        rows = matrix.middleRows(first, num_rows);
      } else {
        rows.resize(num_rows, matrix.cols());
      }
      ranks.broadcast(bytes_of(rows), owner);
      if (owner != ranks.rank()) {
        matrix.middleRows(first, num_rows) = rows;
      }
    }
  }
}

template <class Scalar>
void pass_rows(Ranks& ranks, std::span<const Index> from, std::span<const Index> to, Particles<Scalar>& matrix) {
  for (int owner = 0; owner < ranks.count(); ++owner) {
    const RowRange own = rows_of(from, owner);
    for (int other = 0; other < ranks.count(); ++other) {
      const RowRange wanted = rows_of(to, other);
      const RowRange both = {std::max(own.first, wanted.first), std::min(own.last, wanted.last)};
      if (owner != other && both.count() > 0) {
        pass(ranks, both, owner, other, matrix);
      }
    }
  }
}

void gather_rows(Ranks& ranks, std::span<const Index> cuts, Matrix& rows) {
  assert(rows.rows() == rows_of(cuts, ranks.rank()).count());
  if (ranks.rank() != 0) {
    in_messages(bytes_of(rows), [&](std::span<const std::byte> bytes) { ranks.send(bytes, 0); });
    return;
  }
  Matrix own;
  own.swap(rows);
  rows.resize(cuts.back(), own.cols());
  rows.middleRows(cuts[0], own.rows()) = own;
  for (int other = 1; other < ranks.count(); ++other) {
    if (const RowRange theirs = rows_of(cuts, other); theirs.count() > 0 && own.cols() > 0) {
      Matrix part(theirs.count(), own.cols());
      in_messages(bytes_of(part), [&](std::span<std::byte> bytes) { ranks.receive(bytes, other); });
      rows.middleRows(theirs.first, theirs.count()) = part;
    }
  }
}

template void make_room(Index, Index, Particles<double>&);
template void make_room(Index, Index, Particles<float>&);
template void exchange_rows(Ranks&, std::span<const Index>, Particles<double>&);
template void exchange_rows(Ranks&, std::span<const Index>, Particles<float>&);
template void pass_rows(Ranks&, std::span<const Index>, std::span<const Index>, Particles<double>&);
template void pass_rows(Ranks&, std::span<const Index>, std::span<const Index>, Particles<float>&);

}  // namespace mfld

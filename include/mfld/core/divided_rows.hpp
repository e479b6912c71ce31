#pragma once
#include <span>

#include "mfld/core/particles.hpp"
#include "mfld/core/ranks.hpp"

namespace mfld {

/// Those of rank `rank`.
inline RowRange rows_of(std::span<const Index> cuts, int rank) {
  return {cuts[static_cast<std::size_t>(rank)], cuts[static_cast<std::size_t>(rank) + 1]};
}

// Matrices with a row for each particle, of which a rank needs few: they have addresses for all rows, so that a row has
// the same number everywhere, and memory for those that were written.

/// matrix becomes [rows x cols], of any numbers, and takes no memory by that.
template <class Scalar>
void make_room(Index rows, Index cols, Particles<Scalar>& matrix);

/// Those rows of `from` in `to`, which becomes as large if it is not.
template <class From, class To>
void copy_rows(RowRange rows, const Particles<From>& from, Particles<To>& to) {
  if (to.rows() != from.rows() || to.cols() != from.cols()) {
    make_room(from.rows(), from.cols(), to);
  }
  to.middleRows(rows.first, rows.count()) = from.middleRows(rows.first, rows.count()).template cast<To>();
}

/// matrix [N x p] <- of every rank its rows, those from cuts[rank] on to cuts[rank + 1]. Through a buffer of 4 MB.
template <class Scalar>
void exchange_rows(Ranks& ranks, std::span<const Index> cuts, Particles<Scalar>& matrix);

/// The same for those rows alone which are a rank's by `to` and another's by `from`: afterwards every rank has its own
/// by both. A message for each two ranks with such rows.
template <class Scalar>
void pass_rows(Ranks& ranks, std::span<const Index> from, std::span<const Index> to, Particles<Scalar>& matrix);

/// rows [M x p] on rank 0 <- those of all ranks in their order; each calls with its own, as many as `cuts` says, and
/// keeps them.
void gather_rows(Ranks& ranks, std::span<const Index> cuts, Matrix& rows);

}  // namespace mfld

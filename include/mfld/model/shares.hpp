#pragma once
#include <vector>

#include "mfld/core/particles.hpp"

namespace mfld {

/// How ranks (core/ranks.hpp) divide the particles: whole tasks of the passes over them, near-equal numbers of these,
/// in order.
struct Shares {
  std::vector<Index> tasks;  // [P + 1] the first task of each rank
  std::vector<Index> rows;   // [P + 1] its first particle
};

/// Those of N particles in the precision of Scalar, with the instruction set in use; P is at most most_ranks.
template <class Scalar>
Shares shares_of(Index num_particles, int num_ranks);

/// What rank `rank` has of the particles in a run that divides them: its own, and those that observers share in double
/// precision, whose groups are smaller.
template <class Scalar>
RowRange held_rows(Index num_particles, int num_ranks, int rank);

/// The tasks of N particles: so many ranks can have some each. At least min(16, N / lanes of a group).
template <class Scalar>
Index most_ranks(Index num_particles);

}  // namespace mfld

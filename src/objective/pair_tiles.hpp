#pragma once
#include <algorithm>
#include <utility>
#include <vector>

#include "kernels/pairs.hpp"
#include "mfld/core/divided_rows.hpp"
#include "mfld/core/parallel.hpp"
#include "mfld/objective/objective.hpp"

namespace mfld::pairs {

/// A tile of particles as the pair kernels read it, and what they sum for it.
template <class Scalar>
struct Tile {
  Index first = 0;
  Index count = 0;                // particles [first, first + count)
  std::vector<Scalar> particles;  // [numbers of a point][pair_tile]
  std::vector<double> values;     // [pair_tile]
  std::vector<double> sums;       // [num_sums][pair_tile]

  double* sum(Index k) { return sums.data() + k * kernels::pair_tile; }

  /// Number k of particle j is number_of(j, k). The lanes beyond the last particle repeat it.
  template <class NumberOf>
  void fill(Index numbers, const NumberOf& number_of) {
    Scalar* to = particles.data();
    for (Index k = 0; k < numbers; ++k) {
      for (Index i = 0; i < kernels::pair_tile; ++i) {
        *to++ = static_cast<Scalar>(number_of(first + std::min(i, count - 1), k));
      }
    }
  }
};

/// Where the particles of each of P ranks begin, [P + 1]: whole tiles.
inline std::vector<Index> tile_cuts(Index num_particles, int num_ranks) {
  const Index num_tiles = (num_particles + kernels::pair_tile - 1) / kernels::pair_tile;
  std::vector<Index> cuts;
  for (int rank = 0; rank <= num_ranks; ++rank) {
    cuts.push_back(std::min(num_particles, first_task(num_tiles, rank, num_ranks) * kernels::pair_tile));
  }
  return cuts;
}

/// Sums over pairs for all particles, tile by tile in parallel: each tile by one task, in the order of the sources, so
/// that there are the same bits on any number of threads and ranks. Allocates only when sizes change.
template <class Scalar>
class Tiles {
 public:
  /// ranks: who shares the tiles; none: this process has all.
  explicit Tiles(Ranks* ranks = nullptr) : ranks_(ranks) {}

  void resize(Index numbers, Index num_sums) {
    tiles_.resize(static_cast<std::size_t>(num_slots()));
    for (Tile<Scalar>& tile : tiles_) {
      tile.particles.resize(static_cast<std::size_t>(numbers * kernels::pair_tile));
      tile.values.resize(static_cast<std::size_t>(kernels::pair_tile));
      tile.sums.resize(static_cast<std::size_t>(num_sums * kernels::pair_tile));
    }
  }

  /// body(tile) for all tiles of this rank, `first` and `count` set.
  template <class Body>
  void for_each(Index num_particles, const Body& body) {
    const auto [from, to] = own_rows(num_particles);
    for_each_task((to - from + kernels::pair_tile - 1) / kernels::pair_tile, [&, from = from, to = to](Index index) {
      Tile<Scalar>& tile = tiles_[static_cast<std::size_t>(current_slot())];
      tile.first = from + index * kernels::pair_tile;
      tile.count = std::min(kernels::pair_tile, to - tile.first);
      body(tile);
    });
  }

  /// rows [N x any], of which each rank has filled those of its tiles, <- all of them.
  template <class Number>
  void exchange(Particles<Number>& rows) const {
    if (ranks_ != nullptr) {
      exchange_rows(*ranks_, tile_cuts(rows.rows(), ranks_->count()), rows);
    }
  }

 private:
  std::pair<Index, Index> own_rows(Index num_particles) const {
    if (ranks_ == nullptr) {
      return {0, num_particles};
    }
    const std::vector<Index> cuts = tile_cuts(num_particles, ranks_->count());
    const auto rank = static_cast<std::size_t>(ranks_->rank());
    return {cuts[rank], cuts[rank + 1]};
  }

  Ranks* ranks_;
  std::vector<Tile<Scalar>> tiles_;  // one a slot
};

/// Points as the pair kernels read them as sources, [num_points][numbers].
template <class Scalar>
struct Sources {
  std::vector<Scalar> numbers;
  Index num_points = 0;

  /// Number k of point i is number_of(i, k).
  template <class NumberOf>
  void fill(Index count, Index numbers_of_point, const NumberOf& number_of) {
    num_points = count;
    numbers.resize(static_cast<std::size_t>(count * numbers_of_point));
    auto to = numbers.begin();
    for (Index i = 0; i < count; ++i) {
      for (Index k = 0; k < numbers_of_point; ++k) {
        *to++ = static_cast<Scalar>(number_of(i, k));
      }
    }
  }
};

/// finish(first, last) of a tile's particles, where there is something to do.
template <class Scalar>
void finish_tile(const Tile<Scalar>& tile, const Finish& finish) {
  if (finish) {
    finish(tile.first, tile.first + tile.count);
  }
}

}  // namespace mfld::pairs

#pragma once
#include <random>

#include "mfld/core/particles.hpp"

namespace mfld {

/// Independent N(0, 1), column by column, from a generator that shares nothing with the library's streams.
inline Matrix random_normals(Index rows, Index columns, unsigned seed) {
  std::mt19937_64 engine(seed);
  std::normal_distribution<double> normal;
  return Matrix::NullaryExpr(rows, columns, [&] { return normal(engine); });
}

}  // namespace mfld

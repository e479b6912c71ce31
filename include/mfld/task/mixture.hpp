#pragma once
#include <cstdint>

#include "mfld/task/dataset.hpp"

namespace mfld {

/// Points without labels: sample i is N(c, std^2 I) about centre i modulo their number, so that every centre has its
/// share; std = 0 gives the centres themselves.
struct MixtureOptions {
  Matrix centres;       // [m x d], m >= 1
  double std = 1;       // >= 0
  Index num_train = 0;  // n >= 1
  Index num_test = 0;
};

/// Sample i reads only the streams of index i.
Dataset make_mixture(const MixtureOptions& options, std::uint64_t seed);

}  // namespace mfld

#pragma once
#include <cstdint>

#include "mfld/task/dataset.hpp"

namespace mfld {

enum class CubeScale { unit, inverse_sqrt_dim };  // entries +-1 | +-1/sqrt(d); not equivalent under fixed penalties

/// y = prod_{c <= k} sign(z_c), z uniform on the cube's corners, x = Q z   (Suzuki, Wu, Oko & Nitanda 2023)
struct SparseParityOptions {
  Index input_dim = 40;
  Index sparsity = 2;  // k, 1..d
  Index num_train = 400;
  Index num_test = 2000;
  CubeScale entries = CubeScale::inverse_sqrt_dim;
  bool rotate = false;  // Q Haar instead of the identity
};

/// Streams as in make_teacher_student. relevant_subspace = the first k coordinates (columns of Q).
Dataset make_sparse_parity(const SparseParityOptions& options, std::uint64_t seed);

}  // namespace mfld

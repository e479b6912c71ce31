#pragma once
#include "mfld/core/particles.hpp"

namespace mfld {

/// All eigenvalues of a symmetric matrix [n x n], ascending; its lower triangle is read. Householder's reduction to a
/// tridiagonal matrix, by panels of columns (Dongarra, Hammarling & Sorensen 1989), then implicit QR steps without
/// vectors (Golub & Van Loan 2013, sections 8.3 and 8.4). Errors are of the size of rounding times the largest absolute
/// eigenvalue. Not numbers, all of them, where an entry is not finite or the QR steps do not converge. Cost 4 n^3 / 3,
/// half of it bound by memory, in parallel; memory: the matrix, which is overwritten, and about 210 n numbers. For one
/// build and instruction set the same bits on any number of threads.
Vector symmetric_eigenvalues(Matrix matrix);

}  // namespace mfld

#pragma once
#include "mfld/core/particles.hpp"
#include "mfld/core/watch.hpp"

namespace mfld {

/// All eigenvalues of a symmetric matrix [n x n], ascending; its lower triangle is read. Householder's reduction to a
/// tridiagonal matrix, by panels of columns (Dongarra, Hammarling & Sorensen 1989), then implicit QR steps without
/// vectors (Golub & Van Loan 2013, sections 8.3 and 8.4). Errors are of the size of rounding times the largest absolute
/// eigenvalue. Not numbers, all of them, where an entry is not finite or the QR steps do not converge. Cost 4 n^3 / 3,
/// half of it bound by memory, in parallel; memory: the matrix, which is overwritten, and about 210 n numbers. For one
/// build and instruction set the same bits on any number of threads. Interrupted by the watch.
Vector symmetric_eigenvalues(Matrix matrix, const Watch& watch = {});

/// The `count` <= n largest eigenvalues of a symmetric matrix [n x n], descending; its lower triangle is read.
/// Implicitly restarted Lanczos iteration (Sorensen 1992) by Spectra, from a start vector that is always the same, with
/// two checks: |A v - value v| <= e = 4 n eps |A|_F for every pair, and a Cholesky factor of least value + e - (A -
/// V diag(values) V'), to see that no eigenvalue above the least was missed, as an iteration can where some are equal.
/// Where a check fails, where n is small and where count is above n / 25, from symmetric_eigenvalues, whose results
/// are not numbers where an entry is not finite. Errors are at most e. Cost n^2 a product, some hundreds of them for
/// tens of eigenvalues that decay, and n^3 / 3 for the factor; memory: a copy of the matrix and about 4 (count + 10) n
/// numbers. For one build and instruction set the same bits on any number of threads. Interrupted by the watch, which
/// hears of no part until all is done, for nobody knows how many products there will be.
Vector leading_eigenvalues(const Matrix& matrix, Index count, const Watch& watch = {});

}  // namespace mfld

#pragma once
#include "mfld/core/particles.hpp"
#include "mfld/core/watch.hpp"

namespace mfld {

/// A = L L' of a symmetric positive definite A [n x n], of which the lower triangle is read and becomes L; what is
/// above the diagonal is not defined afterwards (Golub & Van Loan 2013, section 4.2: by blocks of columns). False where
/// a pivot is 0 or less, and then the matrix is lost. Numbers that are not finite are not looked for: a pivot that is
/// not a number makes others so. Cost n^3 / 3, in parallel; memory 144 n numbers. For one build and instruction set the
/// same bits on any number of threads: tiles are fixed, and their sums in order. Interrupted by the watch.
bool cholesky_in_place(Matrix& matrix, const Watch& watch = {});

/// x <- L^-1 x and x <- L'^-1 x for every column of x [n x m], L the lower triangle of `factor`. Cost n^2 m, in
/// parallel over fixed groups of columns.
void solve_lower(const Matrix& factor, Matrix& x);
void solve_lower_transposed(const Matrix& factor, Matrix& x);

/// x <- (L L')^-1 x
void solve_cholesky(const Matrix& factor, Eigen::Ref<Vector> x);

}  // namespace mfld

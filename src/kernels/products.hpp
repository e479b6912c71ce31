#pragma once
#include "mfld/core/particles.hpp"

/// The inner loops of dense symmetric matrices: plain functions before the vector code, like kernels.hpp. Products are
/// sums in the order of their terms, whatever the tiles of the registers.
namespace mfld::kernels {

/// Rows of a factor come in strips, [column][strip_rows]: a multiple of three of the longest vectors. Rows that a strip
/// lacks are zeros.
inline constexpr Index strip_rows = 24;

/// matrix <- matrix - left right', in its first rows and columns, at most strip_rows of each.
struct ProductTask {
  const double* left;   // [depth][strip_rows]
  const double* right;  // [depth][strip_rows]
  Index depth;
  double* matrix;  // columns `stride` apart
  Index stride;
  Index rows;
  Index columns;
};

/// rows <- rows L'^-1 by substitution, L the lower triangle of the first `columns` columns of a factor.
struct SubstitutionTask {
  double* rows;          // [columns][strip_rows]
  const double* factor;  // its strips, `stride` numbers from one to the next
  Index stride;
  Index columns;  // a multiple of strip_rows
};

/// y <- y + what columns [first, last) of the lower triangle of a symmetric matrix, and their mirror images, give
/// to the product with x. first is a multiple of 4, and so is last unless it is the size.
struct SymmetricTask {
  const double* matrix;  // [size x size], columns `stride` apart
  Index stride;
  Index size;
  Index first;
  Index last;
  const double* x;
  double* y;
};

void subtract_product(const ProductTask& task);
void substitute(const SubstitutionTask& task);
void add_symmetric_product(const SymmetricTask& task);

}  // namespace mfld::kernels

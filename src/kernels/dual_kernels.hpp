#pragma once
#include "kernels/dual_form.hpp"
#include "mfld/core/particles.hpp"

/// The narrow interface between infinite-width kernels and their vector code, like model/kernels.hpp. A column is up to
/// tile_rows entries of a kernel matrix: rows x_i against one z. Buffers hold tile_rows numbers, whatever `count` is.
namespace mfld::dual {

inline constexpr Index tile_rows = 64;     // a multiple of four of the longest vectors
inline constexpr Index tile_columns = 64;  // a multiple of 4
inline constexpr double close_gap = 1e-3;  // 1 - |cosine| below which the angle is taken from the vectors themselves

/// products[i + tile_rows j] += sum_k x[tile_rows k + i] z[tile_columns k + j], in the order of k.
struct ProductTask {
  const double* x;
  const double* z;
  Index depth;
  Index num_columns;
  double* products;
};

/// det = (|u||v| - |c|)(|u||v| + |c|), clipped at 0; true if an entry is within close_gap of parallel or antiparallel.
struct DeterminantTask {
  Index count;
  const double* roots;  // |u_i|
  double root;          // |v|
  const double* products;
  double* determinants;
};

/// A layer of weights behind an activation.
struct Layer {
  const double* row_roots;  // standard deviation of each row's preactivation
  double column_root;       // of z
  // Hermite coefficients of sigma and sigma' for rows [num_terms][tile_rows] and for z [num_terms], or nullptr.
  Index num_terms;
  const double* row_values;
  const double* row_slopes;
  const double* column_values;
  const double* column_slopes;
  double train_weights;  // 1 or 0
  double train_bias;     // bias variance or 0
};

struct ColumnTask {
  ClosedForm form;
  Index count;
  const Layer* layers;
  int num_layers;
  double weight_variance;
  double bias_variance;
  double first_weights;  // Theta^1 = first_weights c + first_offset
  double first_offset;
  const double* products;      // c of the first layer
  const double* determinants;  // |u|^2 |v|^2 - c^2 of the first layer, accurate where it is small
  double* nngp;
  double* ntk;
  /// E[sigma sigma] and E[sigma' sigma'] of the last layer, or nullptr.
  double* last_value;
  double* last_slope;
};

struct Table {
  void (*products)(const ProductTask& task);
  bool (*determinants)(const DeterminantTask& task);
  void (*column)(const ColumnTask& task);
};

const Table& table();

}  // namespace mfld::dual

#pragma once
#include <vector>

#include "kernels/dual_form.hpp"
#include "kernels/dual_kernels.hpp"
#include "mfld/ntk/kernel_convention.hpp"
#include "ntk/hermite_expansion.hpp"

namespace mfld::dual {

using Buffer = std::vector<double>;

/// The inputs of one side of the kernel: their vectors, and the variance of every layer's preactivation.
struct Side {
  Index count = 0;
  Index padded = 0;
  Index dim = 0;
  Buffer packed;              // [tile][dim][tile_rows], times sqrt(input_variance); rows past the end are 0
  std::vector<Buffer> roots;  // [layer][padded]; behind the last layer those of the outputs
  std::vector<HermiteExpansion> expansions;
  Buffer tangent;  // bounds the tangent kernel of each input with itself, where there are expansions

  const double* tile(Index index) const { return packed.data() + static_cast<std::size_t>(index * dim * tile_rows); }
};

Side first_layer(const KernelConvention& convention, const Inputs& x);

/// One kernel computation: layers, their tables, and the bounds of their errors. Gives the sides their later layers.
class Recursion {
 public:
  Recursion(const KernelConvention& convention, Activation activation, const std::vector<Side*>& sides);

  double nngp_error() const { return error_; }
  double ntk_error() const { return ntk_error_; }

  /// Kept between calls.
  struct Scratch {
    std::vector<Layer> layers;
    Buffer column_values, column_slopes;
  };
  /// Where the entries of a column come from and go to, as in ColumnTask.
  struct Column {
    const double* products;
    const double* determinants;
    double* nngp;
    double* ntk;
  };
  /// Entries of rows [row, row + count) of x against row j of z.
  void column(const Side& x, Index row, Index count, const Side& z, Index j, const Column& entries,
              Scratch& scratch) const;

 private:
  /// Of the variances of the layer that was reached, relative to them; of covariances and tangent kernels, relative to
  /// the square root of the product of what they are of each of the two inputs with itself.
  struct Errors {
    ExpansionErrors::Inputs kernel{0, 0};
    double tangent = 0;
  };

  ExpansionErrors expand(int l, const std::vector<Side*>& sides);
  void advance(Side& side, int l) const;
  void prepare(const Side& x, Index row, const Side& z, Index j, Scratch& scratch) const;
  void carry_errors(int l, const ExpansionErrors& expansions, const std::vector<Side*>& sides);
  void bound_errors(const std::vector<Side*>& sides);

  KernelConvention convention_;
  Activation activation_;
  DualForm form_;
  int num_layers_;
  Index num_terms_ = 0;
  Errors errors_;
  double error_ = 0;
  double ntk_error_ = 0;
};

}  // namespace mfld::dual

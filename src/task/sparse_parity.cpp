#include "mfld/task/sparse_parity.hpp"

#include <fmt/format.h>

#include <cmath>

#include "mfld/task/sampling.hpp"
#include "task/check_option.hpp"

namespace mfld {

namespace {

double parity_of_signs(const Vector& z, Index sparsity) {
  double parity = 1;
  for (Index c = 0; c < sparsity; ++c) {
    parity *= z[c] > 0 ? 1 : -1;
  }
  return parity;
}

std::string describe(const SparseParityOptions& options) {
  return fmt::format("y = prod_{{c=1..{}}} sign(z_c), z uniform on {}, {}", options.sparsity,
                     options.entries == CubeScale::unit
                         ? fmt::format("{{-1, +1}}^{}", options.input_dim)
                         : fmt::format("{{-1/sqrt({0}), +1/sqrt({0})}}^{0}", options.input_dim),
                     options.rotate ? "x = Q z with Q a Haar matrix" : "x = z");
}

}  // namespace

Dataset make_sparse_parity(const SparseParityOptions& options, std::uint64_t seed) {
  const Index d = options.input_dim;
  SampleRecipe recipe{d, options.num_train, options.num_test, LabelNoise::none, 0, Matrix{}, {}, {}};
  check_recipe(recipe);
  check_option(options.sparsity >= 1 && options.sparsity <= d, "sparsity", options.sparsity,
               fmt::format("must be between 1 and input_dim = {}", d));

  if (options.rotate) {
    recipe.rotation = haar_columns(seed, d, d);
  }
  const double entry = options.entries == CubeScale::unit ? 1 : 1 / std::sqrt(static_cast<double>(d));
  recipe.draw = [&](Purpose purpose, Index index) -> Vector { return entry * cube_corner(seed, purpose, index, d); };
  recipe.label = [&](const Vector& z) { return parity_of_signs(z, options.sparsity); };

  Dataset data;
  generate_samples(recipe, seed, data);
  data.relevant_subspace =
      options.rotate ? Matrix(recipe.rotation.leftCols(options.sparsity)) : Matrix::Identity(d, options.sparsity);
  data.description = describe(options) + describe_samples(recipe);
  return data;
}

}  // namespace mfld

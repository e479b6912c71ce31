#include "mfld/task/mixture.hpp"

#include <fmt/format.h>

#include "mfld/task/sampling.hpp"
#include "task/check_option.hpp"

namespace mfld {

Dataset make_mixture(const MixtureOptions& options, std::uint64_t seed) {
  check_option(options.centres.rows() >= 1 && options.centres.cols() >= 1, "centres", "must have at least one row");
  check_option(options.std >= 0, "std", options.std, "must be >= 0");
  const Index d = options.centres.cols();
  SampleRecipe recipe{d, options.num_train, options.num_test, LabelNoise::none, 0, Matrix{}, {}, {}};
  check_recipe(recipe);
  recipe.draw = [&](Purpose purpose, Index index) {
    return Vector(options.centres.row(index % options.centres.rows()).transpose() +
                  options.std * gaussian_vector(seed, purpose, index, d));
  };
  recipe.label = [](const Vector&) { return 0.0; };
  Dataset data;
  generate_samples(recipe, seed, data);
  data.relevant_subspace.resize(d, 0);
  data.has_labels = false;
  data.description =
      fmt::format("points x ~ N(c, {}^2 I_{}) about {} centres c in turn; {} training and {} test points", options.std,
                  d, options.centres.rows(), options.num_train, options.num_test);
  return data;
}

}  // namespace mfld

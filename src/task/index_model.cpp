#include "mfld/task/index_model.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <string>

#include "mfld/task/sampling.hpp"
#include "task/check_option.hpp"

namespace mfld {

namespace {

const IndexLinkInfo& info(IndexLink link) {
  return *std::find_if(index_links.begin(), index_links.end(),
                       [link](const IndexLinkInfo& row) { return row.value == link; });
}

double apply(IndexLink link, const Vector& z) {
  const double u = z[0];
  switch (link) {
    case IndexLink::relu:
      return std::max(u, 0.0);
    case IndexLink::tanh:
      return std::tanh(u);
    case IndexLink::erf:
      return std::erf(u);
    case IndexLink::hermite2:
      return (u * u - 1) / std::sqrt(2.0);
    case IndexLink::hermite3:
      return (u * u * u - 3 * u) / std::sqrt(6.0);
    case IndexLink::product:
      return u * z[1];
    case IndexLink::staircase:
      return u + u * z[1] + u * z[1] * z[2];
    case IndexLink::bump: {
      const Vector difference = z - Vector::Unit(z.size(), 0);
      return std::exp(-difference.squaredNorm() / (2 * static_cast<double>(z.size())));
    }
  }
  return 0;
}

void check_link(const IndexModelOptions& options) {
  const IndexLinkInfo& link = info(options.link);
  check_option(
      options.input_dim >= link.num_directions, "input_dim", options.input_dim,
      fmt::format("must be at least {}, the coordinates that the link \"{}\" reads", link.num_directions, link.name));
  check_option(options.link != IndexLink::hermite2 || !options.cube_inputs, "link", link.name,
               "must have gaussian inputs: every label on the cube is 0");
}

std::string describe(const IndexModelOptions& options) {
  return fmt::format("y = {}, {}, {}", info(options.link).formula,
                     options.cube_inputs ? fmt::format("z uniform on {{-1, +1}}^{}", options.input_dim)
                                         : fmt::format("z ~ N(0, I_{})", options.input_dim),
                     options.rotate ? "x = Q z with Q a Haar matrix" : "x = z");
}

}  // namespace

Index num_directions(IndexLink link) { return info(link).num_directions; }

Dataset make_index_model(const IndexModelOptions& options, std::uint64_t seed) {
  const Index d = options.input_dim;
  SampleRecipe recipe{d, options.num_train, options.num_test, options.label_noise, options.noise_level, Matrix{}, {},
                      {}};
  check_recipe(recipe);
  check_link(options);

  if (options.rotate) {
    recipe.rotation = haar_columns(seed, d, d);
  }
  recipe.draw = [&](Purpose purpose, Index index) {
    return options.cube_inputs ? cube_corner(seed, purpose, index, d) : gaussian_vector(seed, purpose, index, d);
  };
  recipe.label = [&](const Vector& z) { return apply(options.link, z); };

  Dataset data;
  generate_samples(recipe, seed, data);
  const Index k = num_directions(options.link);
  data.relevant_subspace = options.rotate ? Matrix(recipe.rotation.leftCols(k)) : Matrix::Identity(d, k);
  data.description = describe(options) + describe_samples(recipe);
  return data;
}

}  // namespace mfld

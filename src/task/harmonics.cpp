#include "mfld/task/harmonics.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <string>
#include <utility>

#include "mfld/ntk/spectrum.hpp"
#include "mfld/task/sampling.hpp"
#include "task/check_option.hpp"

namespace mfld {

namespace {

void check_degrees(const HarmonicsOptions& options) {
  const std::vector<int>& degrees = options.degrees;
  check_option(options.input_dim >= 2, "input_dim", options.input_dim, "must be at least 2, to have a sphere");
  check_option(!degrees.empty(), "degrees", "must name at least one degree");
  for (const int degree : degrees) {
    check_option(degree >= 0 && degree <= largest_harmonic_degree, "degrees",
                 fmt::format("{} must be in [0, {}]", degree, largest_harmonic_degree));
    check_option(std::count(degrees.begin(), degrees.end(), degree) == 1, "degrees",
                 fmt::format("{} is listed twice; a degree may appear once", degree));
  }
  const Index num_amplitudes = options.amplitudes.size();
  check_option(num_amplitudes == 0 || num_amplitudes == std::ssize(degrees), "amplitudes",
               fmt::format("has {} numbers and must have {}, one a degree", num_amplitudes, degrees.size()));
}

/// a_k sqrt(N(d, k)) for k = 0 .. the largest degree.
std::vector<double> zonal_weights(const HarmonicsOptions& options) {
  const int largest = *std::max_element(options.degrees.begin(), options.degrees.end());
  std::vector<double> weights(static_cast<std::size_t>(largest) + 1, 0.0);
  for (std::size_t i = 0; i < options.degrees.size(); ++i) {
    const double amplitude = options.amplitudes.size() > 0 ? options.amplitudes[static_cast<Index>(i)] : 1.0;
    weights[static_cast<std::size_t>(options.degrees[i])] =
        amplitude * std::sqrt(num_harmonics(options.input_dim, options.degrees[i]));
  }
  return weights;
}

/// sum_k weights_k P_k(t)
double zonal(const std::vector<double>& weights, double input_dim, double t) {
  double sum = 0;
  double previous = 0;
  double current = 1;
  for (int k = 0; k < static_cast<int>(weights.size()); ++k) {
    sum += weights[static_cast<std::size_t>(k)] * current;
    const double next = next_legendre(k, input_dim, t, current, previous);
    previous = current;
    current = next;
  }
  return sum;
}

std::string describe(const HarmonicsOptions& options) {
  std::string terms;
  for (std::size_t i = 0; i < options.degrees.size(); ++i) {
    const double amplitude = options.amplitudes.size() > 0 ? options.amplitudes[static_cast<Index>(i)] : 1.0;
    terms += fmt::format("{}{} sqrt({}) P_{}(z_1)", i > 0 ? " + " : "", amplitude,
                         num_harmonics(options.input_dim, options.degrees[i]), options.degrees[i]);
  }
  return fmt::format("y = {}, z uniform on the unit sphere in dimension {}, {}", terms, options.input_dim,
                     options.rotate ? "x = Q z with Q a Haar matrix" : "x = z");
}

}  // namespace

Dataset make_harmonics(const HarmonicsOptions& options, std::uint64_t seed) {
  const Index d = options.input_dim;
  SampleRecipe recipe{d, options.num_train, options.num_test, options.label_noise, options.noise_level, Matrix{}, {},
                      {}};
  check_recipe(recipe);
  check_degrees(options);

  if (options.rotate) {
    recipe.rotation = haar_columns(seed, d, d);
  }
  recipe.draw = [seed, d](Purpose purpose, Index index) { return sphere_vector(seed, purpose, index, d, 1); };
  recipe.label = [weights = zonal_weights(options), d](const Vector& z) {
    return zonal(weights, static_cast<double>(d), z[0]);
  };

  Dataset data;
  generate_samples(recipe, seed, data);
  data.relevant_subspace = options.rotate ? Matrix(recipe.rotation.leftCols(1)) : Matrix::Identity(d, 1);
  data.description = describe(options) + describe_samples(recipe);
  return data;
}

}  // namespace mfld

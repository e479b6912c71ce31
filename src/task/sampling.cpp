#include "mfld/task/sampling.hpp"

#include <fmt/format.h>

#include <Eigen/QR>
#include <boost/random/bernoulli_distribution.hpp>
#include <boost/random/normal_distribution.hpp>
#include <boost/random/uniform_on_sphere.hpp>
#include <boost/random/uniform_real_distribution.hpp>
#include <cmath>
#include <vector>

#include "mfld/core/error.hpp"
#include "mfld/core/parallel.hpp"
#include "task/check_option.hpp"

namespace mfld {

namespace {

RandomStream stream_of(std::uint64_t seed, Purpose purpose, Index index) {
  return {seed, purpose, static_cast<std::uint64_t>(index)};
}

template <class Distribution>
Vector independent_entries(Distribution distribution, RandomStream stream, Index dim) {
  Vector entries(dim);
  for (Index k = 0; k < dim; ++k) {
    entries[k] = distribution(stream);
  }
  return entries;
}

// One matrix-vector product a sample: a product with all samples at once would be blocked by their number, and the
// last bits of a sample would depend on how many there are.
void generate_part(const SampleRecipe& recipe, Purpose purpose, Inputs& inputs, Vector& targets) {
  for_each_task(inputs.rows(), [&](Index i) {
    const Vector z = recipe.draw(purpose, i);
    const Vector x = recipe.rotation.size() == 0 ? z : Vector(recipe.rotation * z);
    inputs.row(i) = x.transpose();
    targets[i] = recipe.label(z);
  });
}

void check_labels(const Vector& targets) {
  for (Index i = 0; i < targets.size(); ++i) {
    if (!std::isfinite(targets[i])) {
      throw InvalidInput(fmt::format(
          "task: the label of sample {} is {}, and labels must be finite: the numbers of the task are too large", i,
          targets[i]));
    }
  }
}

}  // namespace

Vector gaussian_vector(std::uint64_t seed, Purpose purpose, Index index, Index dim) {
  return independent_entries(boost::random::normal_distribution<double>(), stream_of(seed, purpose, index), dim);
}

Vector sphere_vector(std::uint64_t seed, Purpose purpose, Index index, Index dim, double radius) {
  RandomStream stream = stream_of(seed, purpose, index);
  boost::random::uniform_on_sphere<double> unit_sphere(static_cast<int>(dim));
  const std::vector<double> point = unit_sphere(stream);
  return radius * Eigen::Map<const Vector>(point.data(), dim);
}

Vector cube_corner(std::uint64_t seed, Purpose purpose, Index index, Index dim) {
  boost::random::bernoulli_distribution<double> coin(0.5);
  return independent_entries([&coin](RandomStream& stream) { return coin(stream) ? 1.0 : -1.0; },
                             stream_of(seed, purpose, index), dim);
}

Matrix haar_columns(std::uint64_t seed, Index dim, Index num_columns) {
  Matrix gaussian(dim, num_columns);
  for (Index c = 0; c < num_columns; ++c) {
    gaussian.col(c) = gaussian_vector(seed, Purpose::rotation, c, dim);
  }
  const Eigen::HouseholderQR<Matrix> qr(gaussian);
  Matrix columns = qr.householderQ() * Matrix::Identity(dim, num_columns);
  for (Index c = 0; c < num_columns; ++c) {
    if (qr.matrixQR()(c, c) < 0) {
      columns.col(c) *= -1;
    }
  }
  return columns;
}

double draw_label_noise(LabelNoise law, double level, std::uint64_t seed, Purpose purpose, Index index) {
  RandomStream stream = stream_of(seed, purpose, index);
  switch (law) {
    case LabelNoise::none:
      return 0;
    // Scaled afterwards: the interval [0, 0) of level 0 would make Boost's distribution loop for ever.
    case LabelNoise::uniform:
      return level * boost::random::uniform_real_distribution<double>(-1, 1)(stream);
    case LabelNoise::gaussian:
      return level * boost::random::normal_distribution<double>()(stream);
  }
  return 0;
}

void generate_samples(const SampleRecipe& recipe, std::uint64_t seed, Dataset& data) {
  data.train_inputs.resize(recipe.num_train, recipe.input_dim);
  data.train_targets.resize(recipe.num_train);
  data.test_inputs.resize(recipe.num_test, recipe.input_dim);
  data.test_targets.resize(recipe.num_test);
  generate_part(recipe, Purpose::train_input, data.train_inputs, data.train_targets);
  generate_part(recipe, Purpose::test_input, data.test_inputs, data.test_targets);
  for (Index i = 0; i < recipe.num_train; ++i) {
    data.train_targets[i] += draw_label_noise(recipe.label_noise, recipe.noise_level, seed, Purpose::train_label, i);
  }
  check_labels(data.train_targets);
  check_labels(data.test_targets);
}

void check_recipe(const SampleRecipe& recipe) {
  check_option(recipe.input_dim >= 1, "input_dim", recipe.input_dim, "must be at least 1");
  check_option(recipe.num_train >= 1, "num_train", recipe.num_train, "must be at least 1");
  check_option(recipe.num_test >= 0, "num_test", recipe.num_test, "must be at least 0");
  check_option(std::isfinite(recipe.noise_level) && recipe.noise_level >= 0, "noise_level", recipe.noise_level,
               "must be a finite number >= 0");
  check_option(recipe.label_noise != LabelNoise::none || recipe.noise_level == 0, "noise_level", recipe.noise_level,
               "must be 0 where label_noise is none (the others are uniform and gaussian)");
}

std::string describe_samples(const SampleRecipe& recipe) {
  std::string noise = "no label noise";
  if (recipe.noise_level > 0) {
    noise = recipe.label_noise == LabelNoise::uniform
                ? fmt::format("training labels plus Unif(-{0}, {0})", recipe.noise_level)
                : fmt::format("training labels plus N(0, {}^2)", recipe.noise_level);
  }
  return fmt::format("; {} training and {} test samples, {}", recipe.num_train, recipe.num_test, noise);
}

}  // namespace mfld

#pragma once
#include <cstdint>
#include <functional>
#include <string>

#include "mfld/core/random.hpp"
#include "mfld/task/dataset.hpp"
#include "mfld/task/teacher_student.hpp"

namespace mfld {

// The draws that generated data consist of. Each is a pure function of (seed, purpose, index): a sample never depends
// on how many others there are, nor on who asks first.

/// x ~ N(0, I).                                                                      [dim]
Vector gaussian_vector(std::uint64_t seed, Purpose purpose, Index index, Index dim);

/// x uniform on the sphere of radius `radius` in R^dim.                              [dim]
Vector sphere_vector(std::uint64_t seed, Purpose purpose, Index index, Index dim, double radius);

/// x uniform on the corners {-1, +1}^dim.                                            [dim]
Vector cube_corner(std::uint64_t seed, Purpose purpose, Index index, Index dim);

/// The first `num_columns` <= dim columns of a Haar-distributed orthogonal matrix: the Q of G = Q R, diag R > 0, where
/// column c of G is the Gaussian vector of the stream (seed, rotation, c). The sign condition makes Q unique, hence
/// its law invariant, and column c a function of the first c columns of G alone (Mezzadri, "How to generate random
/// matrices from the classical compact groups", Notices of the AMS 54, 2007).             [dim x num_columns]
Matrix haar_columns(std::uint64_t seed, Index dim, Index num_columns);

/// The disturbance of label `index`: 0, Unif(-level, level) or N(0, level^2), by `law`.
double draw_label_noise(LabelNoise law, double level, std::uint64_t seed, Purpose purpose, Index index);

/// What make_* needs to know to make samples.
struct SampleRecipe {
  Index input_dim = 0;
  Index num_train = 0;
  Index num_test = 0;
  LabelNoise label_noise = LabelNoise::none;  // of the training labels; test labels have none
  double noise_level = 0;
  Matrix rotation;                                          // Q [d x d]; empty: the identity
  std::function<Vector(Purpose inputs, Index index)> draw;  // z [d], called from several threads
  std::function<double(const Vector& z)> label;             // y without noise, called from several threads
};

/// x_i = Q z_i and y_i = label(z_i) + noise_i, into the four arrays of `data`. Sample i reads only the streams of index
/// i, and no sum in it runs over samples. Throws InvalidInput where a label is not finite. Parallel over samples.
void generate_samples(const SampleRecipe& recipe, std::uint64_t seed, Dataset& data);

/// Throws InvalidOption unless input_dim >= 1, num_train >= 1, num_test >= 0, and the noise is possible: a finite level
/// >= 0, which is 0 where the law is `none`. Before anything is allocated or drawn.
void check_recipe(const SampleRecipe& recipe);

/// "; 400 training and 2000 test samples, training labels plus N(0, 0.1^2)"
std::string describe_samples(const SampleRecipe& recipe);

}  // namespace mfld

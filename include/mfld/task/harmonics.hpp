#pragma once
#include <cstdint>
#include <vector>

#include "mfld/task/teacher_student.hpp"

namespace mfld {

/// y = sum_k a_k sqrt(N(d, k)) P_k(x . beta) + noise, x uniform on the unit sphere in dimension d >= 2; P_k the
/// Legendre polynomial of dimension d with P_k(1) = 1 and N(d, k) the number of harmonics of degree k, so that the part
/// of degree k has mean square a_k^2. In the plane it is a_0 + sum_k a_k sqrt(2) cos(k angle). beta = e_1, or uniform
/// on the sphere if `rotate`.
struct HarmonicsOptions {
  Index input_dim = 2;
  Index num_train = 500;
  Index num_test = 1000;
  std::vector<int> degrees = {1, 2, 4};  // not empty, distinct, in [0, 100]
  Vector amplitudes;                     // a_k in the same order; empty: all 1
  bool rotate = false;
  LabelNoise label_noise = LabelNoise::none;
  double noise_level = 0;
};

inline constexpr int largest_harmonic_degree = 100;

/// Throws InvalidOption. Streams and independence as of make_teacher_student.
Dataset make_harmonics(const HarmonicsOptions& options, std::uint64_t seed);

}  // namespace mfld

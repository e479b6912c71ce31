#pragma once
#include <cstdint>

#include "mfld/model/activation.hpp"
#include "mfld/task/dataset.hpp"

namespace mfld {

enum class InputLaw { gaussian, sphere };  // N(0, I) | uniform on the sphere of radius input_norm
enum class LabelNoise { none, uniform, gaussian };

/// y = sum_l a_l sigma(w_l . x) + noise   (Akiyama & Suzuki 2023)
struct TeacherStudentOptions {
  Index input_dim = 2;
  Index num_train = 1000;
  Index num_test = 1000;
  Index num_teachers = 2;  // m; orthonormal directions need m <= d
  Matrix directions;       // [m x d]; empty: e_1..e_m, rotated by a Haar matrix if `rotate`
  Vector amplitudes;       // [m]; empty: all 1
  bool rotate = false;
  Activation activation = Activation::relu;
  InputLaw input_law = InputLaw::gaussian;
  double input_norm = 1;  // sphere only, > 0
  LabelNoise label_noise = LabelNoise::none;
  double noise_level = 0;  // uniform: half width; gaussian: standard deviation; training labels only
};

/// Sample i reads only the streams (seed, train_input, i) and (seed, train_label, i): the first n samples do not change
/// with num_train, and the test set depends on neither. relevant_subspace is the span of the teacher directions. Throws
/// InvalidOption; InvalidInput where a label is not finite.
Dataset make_teacher_student(const TeacherStudentOptions& options, std::uint64_t seed);

}  // namespace mfld

#include "mfld/task/teacher_student.hpp"

#include <fmt/format.h>

#include <Eigen/QR>
#include <cmath>
#include <span>
#include <string>

#include "mfld/task/sampling.hpp"
#include "task/check_option.hpp"

namespace mfld {

namespace {

void check_input_norm(const TeacherStudentOptions& options) {
  const double norm = options.input_norm;
  check_option(std::isfinite(norm) && norm > 0, "input_norm", norm, "must be a finite number > 0");
  check_option(options.input_law == InputLaw::sphere || norm == 1, "input_norm", norm,
               "must be 1 with gaussian inputs (it is the radius of those on a sphere)");
}

void check_given_directions(const TeacherStudentOptions& options) {
  const Matrix& directions = options.directions;
  check_option(directions.rows() == options.num_teachers, "num_teachers", options.num_teachers,
               fmt::format("must be {}, the number of directions given", directions.rows()));
  check_option(
      directions.cols() == options.input_dim, "directions",
      fmt::format("has rows of {} numbers, which must have input_dim = {}", directions.cols(), options.input_dim));
  check_option(!options.rotate, "rotate", true, "must be false where directions are given");
  for (Index l = 0; l < directions.rows(); ++l) {
    const double norm = directions.row(l).stableNorm();
    check_option(std::isfinite(norm) && norm > 0, "directions",
                 fmt::format("row {} has length {}, which must be finite and > 0", l + 1, norm));
  }
}

void check_teacher(const TeacherStudentOptions& options) {
  const Index num_teachers = options.num_teachers;
  check_option(num_teachers >= 1, "num_teachers", num_teachers, "must be at least 1");
  if (options.directions.size() > 0) {
    check_given_directions(options);
  } else {
    check_option(
        num_teachers <= options.input_dim, "num_teachers", num_teachers,
        fmt::format("must be at most input_dim = {}, for orthonormal directions (or give them)", options.input_dim));
  }
  const Vector& amplitudes = options.amplitudes;
  check_option(amplitudes.size() == 0 || amplitudes.size() == num_teachers, "amplitudes",
               fmt::format("has {} numbers and must have num_teachers = {}", amplitudes.size(), num_teachers));
  for (const double amplitude : amplitudes) {
    check_option(std::isfinite(amplitude), "amplitudes",
                 fmt::format("holds {} and must hold finite numbers", amplitude));
  }
}

Teacher make_teacher(const TeacherStudentOptions& options, std::uint64_t seed) {
  const Index m = options.num_teachers;
  Teacher teacher;
  if (options.directions.size() > 0) {
    teacher.directions = options.directions;
  } else if (options.rotate) {
    teacher.directions = haar_columns(seed, options.input_dim, m).transpose();
  } else {
    teacher.directions = Matrix::Identity(m, options.input_dim);
  }
  teacher.amplitudes = options.amplitudes.size() > 0 ? options.amplitudes : Vector::Ones(m);
  return teacher;
}

// Orthonormal basis of the rows' span; given directions may be dependent, and of very different lengths.
Matrix span_of_rows(const Matrix& directions) {
  Matrix columns = directions.transpose();
  for (auto column : columns.colwise()) {
    column.stableNormalize();
  }
  const Eigen::ColPivHouseholderQR<Matrix> qr(columns);
  return qr.householderQ() * Matrix::Identity(directions.cols(), qr.rank());
}

std::string describe(const TeacherStudentOptions& options) {
  std::string directions = options.rotate ? "orthonormal w_l (columns of a Haar matrix)" : "w_l = e_l";
  if (options.directions.size() > 0) {
    directions = "given w_l";
  }
  std::string inputs = fmt::format("x ~ N(0, I_{})", options.input_dim);
  if (options.input_law == InputLaw::sphere) {
    inputs = fmt::format("x uniform on the sphere of radius {} in R^{}", options.input_norm, options.input_dim);
  }
  return fmt::format("y = sum_{{l=1..{}}} a_l sigma(w_l . x), sigma(z) = {}, {}, {}, {}", options.num_teachers,
                     info(options.activation).formula, directions,
                     options.amplitudes.size() > 0 ? "given a_l" : "a_l = 1", inputs);
}

}  // namespace

Dataset make_teacher_student(const TeacherStudentOptions& options, std::uint64_t seed) {
  SampleRecipe recipe{options.input_dim,
                      options.num_train,
                      options.num_test,
                      options.label_noise,
                      options.noise_level,
                      Matrix{},
                      {},
                      {}};
  check_recipe(recipe);
  check_input_norm(options);
  check_teacher(options);

  Dataset data;
  const Teacher& teacher = data.teacher.emplace(make_teacher(options, seed));
  data.relevant_subspace =
      options.directions.size() > 0 ? span_of_rows(teacher.directions) : Matrix(teacher.directions.transpose());
  recipe.draw = [&](Purpose purpose, Index index) {
    return options.input_law == InputLaw::sphere
               ? sphere_vector(seed, purpose, index, options.input_dim, options.input_norm)
               : gaussian_vector(seed, purpose, index, options.input_dim);
  };
  recipe.label = [&](const Vector& x) {
    const Vector z = teacher.directions * x;
    Vector values(z.size());
    Vector slopes(z.size());
    evaluate(options.activation, {z.data(), static_cast<std::size_t>(z.size())},
             {values.data(), static_cast<std::size_t>(values.size())},
             {slopes.data(), static_cast<std::size_t>(slopes.size())});
    return teacher.amplitudes.dot(values);
  };
  generate_samples(recipe, seed, data);
  data.description = describe(options) + describe_samples(recipe);
  return data;
}

}  // namespace mfld

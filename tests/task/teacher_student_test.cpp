#include "mfld/task/teacher_student.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <limits>
#include <numbers>
#include <string>

#include "mfld/core/error.hpp"
#include "mfld/core/parallel.hpp"

namespace {

using namespace mfld;

// Statistics below reject at z = 5: a false alarm in 1.7 million runs of each.
constexpr double z_score = 5;

TeacherStudentOptions small_task() {
  TeacherStudentOptions options;
  options.input_dim = 7;
  options.num_train = 50;
  options.num_test = 30;
  options.num_teachers = 3;
  options.rotate = true;
  options.label_noise = LabelNoise::gaussian;
  options.noise_level = 0.2;
  return options;
}

double relu(double z) { return std::max(z, 0.0); }

TEST(TeacherStudent, HasTheShapesAsked) {
  const Dataset data = make_teacher_student(small_task(), 1);
  EXPECT_EQ(data.num_train(), 50);
  EXPECT_EQ(data.num_test(), 30);
  EXPECT_EQ(data.input_dim(), 7);
  EXPECT_EQ(data.train_targets.size(), 50);
  EXPECT_EQ(data.test_targets.size(), 30);
  EXPECT_EQ(data.relevant_subspace.rows(), 7);
  EXPECT_EQ(data.relevant_subspace.cols(), 3);
  ASSERT_TRUE(data.teacher.has_value());
  EXPECT_EQ(data.teacher->directions.rows(), 3);
}

TEST(TeacherStudent, FirstSamplesDoNotChangeWithTheirNumber) {
  TeacherStudentOptions options = small_task();
  const Dataset few = make_teacher_student(options, 11);
  options.num_train = 333;
  options.num_test = 77;
  const Dataset many = make_teacher_student(options, 11);
  EXPECT_EQ(few.train_inputs, many.train_inputs.topRows(50));
  EXPECT_EQ(few.train_targets, many.train_targets.head(50));
  EXPECT_EQ(few.test_inputs, many.test_inputs.topRows(30));
  EXPECT_EQ(few.test_targets, many.test_targets.head(30));
}

TEST(TeacherStudent, TestSetHasNoNoiseAndInputsDoNotDependOnIt) {
  TeacherStudentOptions options = small_task();
  const Dataset noisy = make_teacher_student(options, 11);
  options.label_noise = LabelNoise::none;
  options.noise_level = 0;
  const Dataset clean = make_teacher_student(options, 11);
  EXPECT_EQ(noisy.test_inputs, clean.test_inputs);
  EXPECT_EQ(noisy.test_targets, clean.test_targets);
  EXPECT_EQ(noisy.train_inputs, clean.train_inputs);
  EXPECT_NE(noisy.train_targets, clean.train_targets);
}

TEST(TeacherStudent, TestSetIsNotTheTrainingSet) {
  const Dataset data = make_teacher_student(small_task(), 11);
  EXPECT_NE(data.train_inputs.topRows(30), data.test_inputs);
}

TEST(TeacherStudent, IsTheSameOnAnyNumberOfThreads) {
  const auto make = [] { return make_teacher_student(small_task(), 11); };
  const Dataset alone = with_threads(1, make);
  for (const int num_threads : {2, 3, 8}) {
    const Dataset together = with_threads(num_threads, make);
    EXPECT_EQ(together.train_inputs, alone.train_inputs) << num_threads;
    EXPECT_EQ(together.train_targets, alone.train_targets) << num_threads;
  }
}

TEST(TeacherStudent, LabelsAreTheTeachersOutputs) {
  TeacherStudentOptions options = small_task();
  options.label_noise = LabelNoise::none;
  options.noise_level = 0;
  options.amplitudes = Vector{{1.5, -2.0, 0.25}};
  const Dataset data = make_teacher_student(options, 2);
  const Teacher& teacher = *data.teacher;
  EXPECT_EQ(teacher.amplitudes, options.amplitudes);
  for (Index i = 0; i < data.num_train(); ++i) {
    double expected = 0;
    for (Index l = 0; l < 3; ++l) {
      expected += teacher.amplitudes[l] * relu(teacher.directions.row(l).dot(data.train_inputs.row(i)));
    }
    EXPECT_NEAR(data.train_targets[i], expected, 1e-14 * (1 + std::abs(expected)));
  }
}

TEST(TeacherStudent, UsesTheActivationAsked) {
  TeacherStudentOptions options;
  options.num_teachers = 1;
  options.activation = Activation::squared_relu;
  const Dataset data = make_teacher_student(options, 2);
  for (Index i = 0; i < data.num_train(); ++i) {
    const double z = relu(data.train_inputs(i, 0));
    EXPECT_NEAR(data.train_targets[i], z * z, 1e-14 * (1 + z * z));
  }
}

TEST(TeacherStudent, DirectionsAreTheFirstUnitVectorsOrARotationOfThem) {
  TeacherStudentOptions options = small_task();
  const Matrix rotated = make_teacher_student(options, 2).teacher->directions;
  EXPECT_LT((rotated * rotated.transpose() - Matrix::Identity(3, 3)).cwiseAbs().maxCoeff(), 1e-13);
  EXPECT_GT((rotated - Matrix::Identity(3, 7)).norm(), 0.1);
  options.rotate = false;
  EXPECT_EQ(make_teacher_student(options, 2).teacher->directions, Matrix::Identity(3, 7));
}

TEST(TeacherStudent, RelevantSubspaceIsTheSpanOfTheDirections) {
  TeacherStudentOptions options;
  options.input_dim = 4;
  options.num_teachers = 3;
  // The third lies in the span of the others; lengths differ by twelve decades.
  options.directions = Matrix{{1e-6, 1e-6, 0, 0}, {0, 1e6, 1e6, 0}, {1, 2, 1, 0}};
  const Dataset data = make_teacher_student(options, 1);
  const Matrix& basis = data.relevant_subspace;
  ASSERT_EQ(basis.cols(), 2);
  EXPECT_LT((basis.transpose() * basis - Matrix::Identity(2, 2)).cwiseAbs().maxCoeff(), 1e-14);
  for (Index l = 0; l < 3; ++l) {
    const Vector direction = options.directions.row(l).transpose().normalized();
    EXPECT_NEAR((basis.transpose() * direction).norm(), 1, 1e-14) << l;
  }
}

TEST(TeacherStudent, SphereInputsHaveTheRadius) {
  TeacherStudentOptions options = small_task();
  options.input_law = InputLaw::sphere;
  options.input_norm = 3;
  const Dataset data = make_teacher_student(options, 1);
  EXPECT_LT((data.train_inputs.rowwise().norm().array() - 3).abs().maxCoeff(), 1e-14);
  EXPECT_LT((data.test_inputs.rowwise().norm().array() - 3).abs().maxCoeff(), 1e-14);
}

// E relu(w.x) relu(v.x) = 1 / (2 pi) for orthonormal w, v and 1/2 for w = v, x ~ N(0, I) (Cho & Saul, NIPS 2009), hence
// E f^2 = m / 2 + m (m - 1) / (2 pi). On the sphere of radius 1 both are divided by d.
TEST(TeacherStudent, SecondMomentOfTheOrthonormalReluTeacher) {
  const double m = 3;
  const double expected = m / 2 + m * (m - 1) / (2 * std::numbers::pi);
  TeacherStudentOptions options = small_task();
  options.label_noise = LabelNoise::none;
  options.noise_level = 0;
  options.num_train = 200000;
  for (const InputLaw law : {InputLaw::gaussian, InputLaw::sphere}) {
    options.input_law = law;
    const Eigen::ArrayXd squares = make_teacher_student(options, 5).train_targets.array().square();
    const double mean = squares.mean();
    const double standard_error = std::sqrt((squares - mean).square().mean() / static_cast<double>(squares.size()));
    EXPECT_NEAR(mean, law == InputLaw::gaussian ? expected : expected / 7, z_score * standard_error);
  }
}

TEST(TeacherStudent, DescribesItself) {
  const std::string text = make_teacher_student(small_task(), 1).description;
  EXPECT_NE(text.find("sum_{l=1..3}"), std::string::npos) << text;
  EXPECT_NE(text.find("max(z, 0)"), std::string::npos) << text;
  EXPECT_NE(text.find("N(0, 0.2^2)"), std::string::npos) << text;
  EXPECT_NE(text.find("50 training"), std::string::npos) << text;
}

struct BadTask {
  std::string words;  // that the error must hold
  std::function<void(TeacherStudentOptions&)> spoil;
};

TEST(TeacherStudent, RejectsWhatCannotBe) {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  const double infinity = std::numeric_limits<double>::infinity();
  const std::vector<BadTask> bad_tasks = {
      {"input_dim = 0", [](auto& o) { o.input_dim = 0; }},
      {"num_train = 0", [](auto& o) { o.num_train = 0; }},
      {"num_test = -1", [](auto& o) { o.num_test = -1; }},
      {"num_teachers = 0", [](auto& o) { o.num_teachers = 0; }},
      {"num_teachers = 8: must be at most input_dim = 7", [](auto& o) { o.num_teachers = 8; }},
      {"num_teachers = 3: must be 2, the number of directions given",
       [](auto& o) { o.directions = Matrix::Ones(2, 7); }},
      {"directions: has rows of 6 numbers", [](auto& o) { o.directions = Matrix::Ones(3, 6); }},
      {"rotate = true", [](auto& o) { o.directions = Matrix::Ones(3, 7); }},
      {"row 3 has length 0",
       [](auto& o) {
         o.rotate = false;
         o.directions = Matrix::Identity(3, 7);
         o.directions.row(2).setZero();
       }},
      {"row 2 has length nan",
       [nan](auto& o) {
         o.rotate = false;
         o.directions = Matrix::Identity(3, 7);
         o.directions(1, 4) = nan;
       }},
      {"row 1 has length inf",
       [infinity](auto& o) {
         o.rotate = false;
         o.directions = Matrix::Identity(3, 7);
         o.directions(0, 0) = infinity;
       }},
      {"amplitudes: has 2 numbers", [](auto& o) { o.amplitudes = Vector::Ones(2); }},
      {"amplitudes: holds nan", [nan](auto& o) { o.amplitudes = Vector::Constant(3, nan); }},
      {"noise_level = -0.1", [](auto& o) { o.noise_level = -0.1; }},
      {"noise_level = nan", [nan](auto& o) { o.noise_level = nan; }},
      {"noise_level = inf", [infinity](auto& o) { o.noise_level = infinity; }},
      {"noise_level = 0.2: must be 0", [](auto& o) { o.label_noise = LabelNoise::none; }},
      {"input_norm = 2: must be 1", [](auto& o) { o.input_norm = 2; }},
      {"input_norm = 0",
       [](auto& o) {
         o.input_law = InputLaw::sphere;
         o.input_norm = 0;
       }},
      {"labels must be finite", [](auto& o) { o.amplitudes = Vector::Constant(3, 1.7e308); }},
  };
  for (const BadTask& bad : bad_tasks) {
    TeacherStudentOptions options = small_task();
    bad.spoil(options);
    try {
      make_teacher_student(options, 1);
      ADD_FAILURE() << "accepted: " << bad.words;
    } catch (const InvalidInput& error) {
      EXPECT_NE(std::string(error.what()).find(bad.words), std::string::npos) << error.what();
    }
  }
}

}  // namespace

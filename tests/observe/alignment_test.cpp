#include "mfld/observe/alignment.hpp"

#include <gtest/gtest.h>

#include <cmath>

#include "support/random_normals.hpp"

namespace mfld {
namespace {

const Matrix axes = Matrix::Identity(2, 3);  // two teachers, e_1 and e_2 in three dimensions

TeacherMatch match(const Matrix& weights, const Vector& output_weights, CosineSign sign, double near) {
  RowSums<double> sums;
  return teacher_match(weights, output_weights.data(), axes, sign, sums, near);
}

/// Of each neuron alone.                                                                                    [N x m]
Matrix cosines(const Matrix& weights, const Matrix& directions, CosineSign sign) {
  Matrix result(weights.rows(), directions.rows());
  RowSums<double> sums;
  for (Index j = 0; j < weights.rows(); ++j) {
    result.row(j) = teacher_match(weights.row(j), nullptr, directions, sign, sums).best_cosines;
  }
  return result;
}

SubspaceMatch match(const Matrix& weights, const Matrix& basis) {
  RowSums<double> sums;
  return subspace_match(weights, basis, sums);
}

double mean_alignment(const Matrix& weights, const Matrix& basis) { return match(weights, basis).mean_alignment; }

double relevant_mass(const Matrix& weights, const Matrix& basis) { return match(weights, basis).relevant_mass; }

TEST(Alignment, CosinesOfAxesAndTheirOpposites) {
  Matrix w(4, 3);
  w << 2, 0, 0,  //
      0, -3, 0,  //
      1, 1, 0,   //
      0, 0, 5;
  Matrix expected(4, 2);
  expected << 1, 0,  //
      0, -1,         //
      std::sqrt(0.5), std::sqrt(0.5), 0, 0;
  EXPECT_TRUE(cosines(w, axes, CosineSign::keep).isApprox(expected, 1e-15));
  EXPECT_TRUE(cosines(w, axes, CosineSign::ignore).isApprox(expected.cwiseAbs(), 1e-15));
}

TEST(Alignment, CosinesDoNotDependOnLengths) {
  const Matrix w = random_normals(30, 4, 1);
  const Matrix teachers = random_normals(3, 4, 2);
  const Matrix reference = cosines(w, teachers, CosineSign::keep);
  EXPECT_TRUE(cosines(1e-9 * w, 1e12 * teachers, CosineSign::keep).isApprox(reference, 1e-13));
  EXPECT_LE(reference.cwiseAbs().maxCoeff(), 1);
  const Vector to_themselves = cosines(w, w, CosineSign::keep).diagonal();
  EXPECT_NEAR(to_themselves.minCoeff(), 1, 1e-15);
  EXPECT_LE(to_themselves.maxCoeff(), 1) << "rounding must not carry a cosine above one";
}

TEST(Alignment, AZeroVectorHasTheCosineZero) {
  Matrix w = Matrix::Zero(2, 3);
  w(1, 0) = 1;
  Matrix teachers = Matrix::Zero(2, 3);
  teachers(0, 0) = 1;
  EXPECT_EQ(cosines(w, teachers, CosineSign::keep), (Matrix(2, 2) << 0, 0, 1, 0).finished());
}

TEST(Alignment, TheSignIsIgnoredExactlyForOddActivations) {
  for (const ActivationInfo& activation : activations) {
    const bool odd = activation.name == "tanh" || activation.name == "erf" || activation.name == "linear";
    EXPECT_EQ(cosine_sign(activation.kind), odd ? CosineSign::ignore : CosineSign::keep) << activation.name;
  }
}

TEST(Alignment, MassNearTheTeacher) {
  Matrix w(4, 3);
  w << 2, 0, 0,   // on teacher 1: mass 3 * 2
      0, 1, 0.2,  // cosine 0.98 to teacher 2: mass 1 * 1.0198
      0, 0, 4,    // on neither: mass 0.5 * 4
      -1, 0, 0;   // opposite to teacher 1: mass 1
  const Vector r = (Vector(4) << -3, 1, 0.5, 1).finished();
  const double second = std::sqrt(1.04);
  const double total = 6 + second + 2 + 1;
  EXPECT_DOUBLE_EQ(match(w, r, CosineSign::keep, 0.95).near_mass, (6 + second) / total);
  EXPECT_DOUBLE_EQ(match(w, r, CosineSign::keep, 0.99).near_mass, 6 / total);
  EXPECT_DOUBLE_EQ(match(w, r, CosineSign::ignore, 0.95).near_mass, (7 + second) / total);
}

TEST(Alignment, NoMassMeansNoShare) {
  const Matrix w = Matrix::Zero(3, 3);
  EXPECT_EQ(match(w, Vector::Ones(3), CosineSign::keep, 0.95).near_mass, 0);
  EXPECT_EQ(mean_alignment(w, axes.transpose()), 0);
  EXPECT_EQ(relevant_mass(w, axes.transpose()), 0);
}

TEST(Alignment, AlignmentCountsNeuronsAndRelevantMassCountsSquaredLengths) {
  Matrix w(3, 3);
  w << 3, 4, 0,  // inside
      0, 0, 1,   // outside
      1, 0, 1;   // half
  EXPECT_DOUBLE_EQ(mean_alignment(w, axes.transpose()), (1 + 0 + 0.5) / 3);
  EXPECT_DOUBLE_EQ(relevant_mass(w, axes.transpose()), 26.0 / 28);
}

TEST(Alignment, OnlyTheSubspaceMattersNotItsBasis) {
  const Matrix w = random_normals(40, 3, 3);
  Matrix turned(3, 2);
  turned << std::cos(0.7), -std::sin(0.7), std::sin(0.7), std::cos(0.7), 0, 0;
  EXPECT_NEAR(mean_alignment(w, turned), mean_alignment(w, axes.transpose()), 1e-14);
  EXPECT_NEAR(relevant_mass(w, turned), relevant_mass(w, axes.transpose()), 1e-14);
}

TEST(Alignment, TheWholeSpaceHoldsEverything) {
  const Matrix w = random_normals(40, 3, 3);
  EXPECT_NEAR(mean_alignment(w, Matrix::Identity(3, 3)), 1, 1e-14);
  EXPECT_NEAR(relevant_mass(w, Matrix::Identity(3, 3)), 1, 1e-14);
}

TEST(Alignment, IsotropicNeuronsHaveTheShareOfDimensions) {
  // |P w|^2 / |w|^2 of an isotropic w is Beta(k/2, (d-k)/2): mean k/d = 0.1, variance 2 k (d-k) / (d^2 (d+2)) =
  // 0.18/22. z = 4: over seeds a false alarm has the chance 6e-5, and a mean that is off by 5 % (7.8 standard errors)
  // is missed with the chance 7e-5.
  constexpr Index num_neurons = 20000;
  const Matrix w = random_normals(num_neurons, 20, 7);
  const Matrix basis = Matrix::Identity(20, 2);
  EXPECT_NEAR(mean_alignment(w, basis), 0.1, 4 * std::sqrt(0.18 / 22 / num_neurons));
}

}  // namespace
}  // namespace mfld

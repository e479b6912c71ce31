#include "mfld/task/sparse_parity.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <string>

#include "mfld/core/error.hpp"

namespace {

using namespace mfld;

// Statistics below reject at z = 5: a false alarm in 1.7 million runs of each.
constexpr double z_score = 5;

SparseParityOptions small_task() {
  SparseParityOptions options;
  options.input_dim = 9;
  options.sparsity = 3;
  options.num_train = 200;
  options.num_test = 100;
  return options;
}

double sign(double z) { return z > 0 ? 1 : -1; }

TEST(SparseParity, LabelIsTheProductOfTheFirstSigns) {
  for (const CubeScale scale : {CubeScale::unit, CubeScale::inverse_sqrt_dim}) {
    SparseParityOptions options = small_task();
    options.entries = scale;
    const double entry = scale == CubeScale::unit ? 1 : 1 / std::sqrt(9.0);
    const Dataset data = make_sparse_parity(options, 3);
    for (Index i = 0; i < data.num_train(); ++i) {
      const auto x = data.train_inputs.row(i);
      EXPECT_EQ(x.cwiseAbs(), Eigen::RowVectorXd::Constant(9, entry));
      EXPECT_EQ(data.train_targets[i], sign(x[0]) * sign(x[1]) * sign(x[2]));
    }
  }
}

TEST(SparseParity, EveryInputHasNormOneInTheScaledCube) {
  const Dataset data = make_sparse_parity(SparseParityOptions{}, 3);
  EXPECT_LT((data.train_inputs.rowwise().norm().array() - 1).abs().maxCoeff(), 1e-14);
}

TEST(SparseParity, FirstSamplesDoNotChangeWithTheirNumber) {
  for (const bool rotate : {false, true}) {
    SparseParityOptions options = small_task();
    options.rotate = rotate;
    const Dataset few = make_sparse_parity(options, 3);
    options.num_train = 1001;
    options.num_test = 333;
    const Dataset many = make_sparse_parity(options, 3);
    EXPECT_EQ(few.train_inputs, many.train_inputs.topRows(200));
    EXPECT_EQ(few.train_targets, many.train_targets.head(200));
    EXPECT_EQ(few.test_inputs, many.test_inputs.topRows(100));
    EXPECT_EQ(few.test_targets, many.test_targets.head(100));
  }
}

// x = Q z: the same corners and labels, seen through an isometry that the relevant subspace shares.
TEST(SparseParity, RotationIsAnIsometryOfTheUnrotatedTask) {
  SparseParityOptions options = small_task();
  const Dataset plain = make_sparse_parity(options, 3);
  options.rotate = true;
  const Dataset rotated = make_sparse_parity(options, 3);
  EXPECT_EQ(plain.train_targets, rotated.train_targets);
  EXPECT_EQ(plain.test_targets, rotated.test_targets);
  EXPECT_GT((plain.train_inputs - rotated.train_inputs).cwiseAbs().maxCoeff(), 0.1);
  const Matrix inner = plain.train_inputs * plain.train_inputs.transpose();
  EXPECT_LT((rotated.train_inputs * rotated.train_inputs.transpose() - inner).cwiseAbs().maxCoeff(), 1e-14);
  // What the labels depend on: coordinates within the relevant subspace are the first k coordinates before rotation.
  EXPECT_EQ(plain.relevant_subspace, Matrix::Identity(9, 3));
  const Matrix coordinates = rotated.train_inputs * rotated.relevant_subspace;
  EXPECT_LT((coordinates - plain.train_inputs.leftCols(3)).cwiseAbs().maxCoeff(), 1e-14);
  const Matrix gram = rotated.relevant_subspace.transpose() * rotated.relevant_subspace;
  EXPECT_LT((gram - Matrix::Identity(3, 3)).cwiseAbs().maxCoeff(), 1e-14);
}

// Labels are fair signs, and uncorrelated with every product of fewer of the relevant coordinates.
TEST(SparseParity, IsBalancedAndHidesFromLowerOrders) {
  SparseParityOptions options = small_task();
  options.entries = CubeScale::unit;
  options.num_train = 40000;
  const Dataset data = make_sparse_parity(options, 8);
  const double bound = z_score * std::sqrt(40000.0);
  EXPECT_LT(std::abs(data.train_targets.sum()), bound);
  for (Index k = 0; k < 9; ++k) {
    EXPECT_LT(std::abs(data.train_inputs.col(k).dot(data.train_targets)), bound) << k;
    EXPECT_LT(std::abs(data.train_inputs.col(k).sum()), bound) << k;
  }
  const Vector pair = data.train_inputs.col(0).cwiseProduct(data.train_inputs.col(1));
  EXPECT_LT(std::abs(pair.dot(data.train_targets)), bound);
}

TEST(SparseParity, TrainAndTestDiffer) {
  const Dataset data = make_sparse_parity(small_task(), 3);
  EXPECT_NE(data.train_inputs.topRows(100), data.test_inputs);
}

TEST(SparseParity, RejectsWhatCannotBe) {
  const auto message = [](const SparseParityOptions& options) -> std::string {
    try {
      make_sparse_parity(options, 1);
    } catch (const InvalidInput& error) {
      return error.what();
    }
    return "accepted";
  };
  SparseParityOptions options = small_task();
  options.sparsity = 0;
  EXPECT_EQ(message(options), "sparsity = 0: must be between 1 and input_dim = 9");
  options.sparsity = 10;
  EXPECT_EQ(message(options), "sparsity = 10: must be between 1 and input_dim = 9");
  options.sparsity = 9;
  EXPECT_EQ(message(options), "accepted");
  options.num_train = -4;
  EXPECT_EQ(message(options), "num_train = -4: must be at least 1");
}

TEST(SparseParity, DescribesItself) {
  const std::string text = make_sparse_parity(small_task(), 1).description;
  EXPECT_NE(text.find("prod_{c=1..3} sign(z_c)"), std::string::npos) << text;
  EXPECT_NE(text.find("1/sqrt(9)"), std::string::npos) << text;
}

}  // namespace

#include "mfld/ntk/infinite_width.hpp"

#include <gtest/gtest.h>

#include <Eigen/Eigenvalues>
#include <cmath>
#include <numbers>
#include <string>

#include "mfld/core/error.hpp"
#include "mfld/core/parallel.hpp"
#include "support/oracles/kernel_recursion.hpp"

namespace mfld {
namespace {

using test::random_inputs;
constexpr double pi = std::numbers::pi;

TEST(InfiniteWidth, SymmetricKernelIsTheBlockOfEqualInputsToTheBitOnAnyThreadsAndPositive) {
  const Inputs x = random_inputs(131, 5, 8);
  for (const ActivationInfo& row : activations) {
    const auto convention = KernelConvention::lee(3, 1.3, 0.1, 5);
    const auto symmetric = with_threads(1, [&] { return infinite_width_kernel(convention, row.kind, x); });
    const auto block = with_threads(4, [&] { return infinite_width_kernel(convention, row.kind, x, Inputs(x)); });
    EXPECT_TRUE(symmetric.ntk == block.ntk) << row.name;
    EXPECT_TRUE(symmetric.nngp == block.nngp) << row.name;
    EXPECT_TRUE(symmetric.ntk == symmetric.ntk.transpose()) << row.name;
    for (const Matrix& k : {symmetric.ntk, symmetric.nngp}) {
      const Vector eigenvalues = Eigen::SelfAdjointEigenSolver<Matrix>(k, Eigen::EigenvaluesOnly).eigenvalues();
      EXPECT_GT(eigenvalues(0), -1e-12 * eigenvalues(eigenvalues.size() - 1)) << row.name;
    }
    const auto ntk_only = infinite_width_kernel(convention, row.kind, x, KernelParts::ntk);
    EXPECT_TRUE(ntk_only.ntk == symmetric.ntk);
    EXPECT_EQ(ntk_only.nngp.size(), 0);
  }
}

TEST(InfiniteWidth, VariancesAreTheDiagonal) {
  const Inputs x = random_inputs(9, 3, 13);
  for (const ActivationInfo& row : activations) {
    const auto convention = KernelConvention::lee(4, 1.3, 0.1, 3);
    const Vector variances = nngp_variances(convention, row.kind, x);
    const Vector diagonal = infinite_width_kernel(convention, row.kind, x).nngp.diagonal();
    EXPECT_LT((variances - diagonal).cwiseAbs().maxCoeff(), 1e-13 * diagonal.maxCoeff()) << row.name;
  }
}

TEST(InfiniteWidth, TrainingPartsAddUp) {
  const Inputs x = random_inputs(8, 3, 9);
  for (const ActivationInfo& row : activations) {
    const auto both = infinite_width_kernel(KernelConvention::two_layer(), row.kind, x);
    const auto hidden = infinite_width_kernel(KernelConvention::two_layer_hidden(), row.kind, x);
    const auto output = infinite_width_kernel(KernelConvention::two_layer_output(), row.kind, x);
    EXPECT_LT((both.ntk - hidden.ntk - output.ntk).cwiseAbs().maxCoeff(), 1e-13 * both.ntk.cwiseAbs().maxCoeff());
    EXPECT_TRUE(output.ntk == both.nngp);
    auto weights = KernelConvention::lee(3, 1.2, 0.3, 3);
    auto biases = weights;
    weights.train_bias = false;
    biases.train_hidden = biases.train_output = false;
    const auto all = infinite_width_kernel(KernelConvention::lee(3, 1.2, 0.3, 3), row.kind, x);
    const Matrix sum = infinite_width_kernel(weights, row.kind, x).ntk + infinite_width_kernel(biases, row.kind, x).ntk;
    EXPECT_LT((all.ntk - sum).cwiseAbs().maxCoeff(), 1e-13 * all.ntk.cwiseAbs().maxCoeff());
  }
}

TEST(InfiniteWidth, LinearNetworkIsItsDepthTimesTheInnerProduct) {
  const Inputs x = random_inputs(6, 3, 10);
  const Matrix gram = x * x.transpose();
  for (int depth = 1; depth <= 5; ++depth) {
    const auto k = infinite_width_kernel(KernelConvention::arora(depth, Activation::linear), Activation::linear, x);
    EXPECT_LT((k.nngp - gram).cwiseAbs().maxCoeff(), 1e-13);
    EXPECT_LT((k.ntk - (depth + 1) * gram).cwiseAbs().maxCoeff(), 1e-12);
  }
}

TEST(InfiniteWidth, ReluWithoutBiasIsHomogeneous) {
  const Inputs x = random_inputs(5, 4, 11);
  const auto one = infinite_width_kernel(KernelConvention::arora(3, Activation::relu), Activation::relu, x);
  const auto scaled = infinite_width_kernel(KernelConvention::arora(3, Activation::relu), Activation::relu, x, 4 * x);
  EXPECT_LT((scaled.ntk - 4 * one.ntk).cwiseAbs().maxCoeff(), 1e-12 * one.ntk.cwiseAbs().maxCoeff());
}

TEST(InfiniteWidth, ZeroVectorsAreSafe) {
  Inputs x = random_inputs(4, 3, 12);
  x.row(2).setZero();
  for (const ActivationInfo& row : activations) {
    for (const KernelConvention& convention :
         {KernelConvention::two_layer(), KernelConvention::lee(4, 1.2, 0.1, 3), KernelConvention::lee(4, 1.2, 0, 3)}) {
      const auto k = infinite_width_kernel(convention, row.kind, x);
      EXPECT_TRUE(k.ntk.allFinite() && k.nngp.allFinite()) << row.name;
    }
    const double at_zero = row.kind == Activation::sigmoid    ? 0.25
                           : row.kind == Activation::softplus ? std::log(2) * std::log(2)
                                                              : 0;
    const auto k = infinite_width_kernel(KernelConvention::two_layer(), row.kind, x);
    EXPECT_NEAR(k.ntk(2, 2), at_zero, 1e-14) << row.name;
  }
  EXPECT_EQ(dual_activation(Activation::relu, 0, 0, 0).slope, 0);
  EXPECT_EQ(dual_activation(Activation::relu_right, 0, 0, 0).slope, 1);
  EXPECT_EQ(dual_activation(Activation::relu_right, 0, 2, 0).slope, 0.5);
}

TEST(InfiniteWidth, CosinesAndAnglesAgree) {
  const Vector angles = Vector::LinSpaced(150, 0, pi);
  const auto by_angle = infinite_width_kernel_at_angles(KernelConvention::two_layer_bias(), Activation::relu, angles);
  const auto by_cosine =
      infinite_width_kernel_at_cosines(KernelConvention::two_layer_bias(), Activation::relu, angles.array().cos());
  EXPECT_EQ(by_angle.ntk.rows(), 150);
  EXPECT_LT((by_angle.ntk - by_cosine.ntk).cwiseAbs().maxCoeff(), 2e-13);
}

TEST(InfiniteWidth, BoundsTheErrorOfTanhTightlyInEveryConvention) {
  const Vector cosines = Vector::LinSpaced(21, -1, 1);
  for (const KernelConventionInfo& row : kernel_conventions) {
    if (row.name == "bietti-mairal") {
      continue;
    }
    for (int depth = 1; depth <= 4; ++depth) {
      const auto convention = make_kernel_convention(row.name, {.depth = depth, .activation = Activation::tanh});
      const auto k = infinite_width_kernel_at_cosines(convention, Activation::tanh, cosines);
      EXPECT_LT(k.ntk_error, 5e-12) << row.name << " to depth " << depth;
      EXPECT_LT(k.nngp_error, 2e-13) << row.name << " to depth " << depth;
      EXPECT_EQ(k.ntk_error == 0, convention.num_weight_layers == 1) << row.name << " to depth " << depth;
    }
  }
}

TEST(InfiniteWidth, ClaimsNothingOfNumbersThatOverflow) {
  for (const ActivationInfo& row : activations) {
    for (const double size : {1e-80, 1.0, 1e60, 1e160}) {
      const Inputs x = size * random_inputs(3, 2, 5);
      for (const KernelParts parts : {KernelParts::nngp, KernelParts::ntk, KernelParts::both}) {
        const auto convention = KernelConvention::lee(4, 1.2, 0.1, 2);
        const auto block = infinite_width_kernel(convention, row.kind, x, Inputs(x), parts);
        const auto symmetric = infinite_width_kernel(convention, row.kind, x, parts);
        for (const auto* k : {&block, &symmetric}) {
          const bool finite = k->nngp.allFinite() && k->ntk.allFinite();
          EXPECT_TRUE(finite || std::isinf(k->nngp_error + k->ntk_error)) << row.name << " of size " << size;
        }
      }
    }
  }
  const auto overflowing = infinite_width_kernel(KernelConvention::lee(4, 1.2, 0.1, 2), Activation::squared_relu,
                                                 1e60 * random_inputs(3, 2, 5));
  EXPECT_TRUE(std::isinf(overflowing.ntk_error));
}

// ---- Bad input

template <class Body>
std::string refusal(const Body& body) {
  try {
    body();
  } catch (const InvalidInput& error) {
    return error.what();
  }
  return "";
}

TEST(InfiniteWidth, SaysWhatIsWrong) {
  const auto has = [](const std::string& text, const std::string& part) {
    return text.find(part) != std::string::npos;
  };
  const Inputs x = Inputs::Ones(3, 2);
  Inputs bad = x;
  bad(1, 0) = std::nan("");
  const auto two_layer = KernelConvention::two_layer();
  EXPECT_TRUE(has(refusal([&] { infinite_width_kernel(two_layer, Activation::relu, bad); }), "row 1"));
  EXPECT_TRUE(
      has(refusal([&] { infinite_width_kernel(two_layer, Activation::relu, x, Inputs::Ones(3, 4)); }), "dimension 2"));
  EXPECT_NE(refusal([&] { infinite_width_kernel(two_layer, Activation::relu, Inputs(0, 2)); }), "");
  EXPECT_TRUE(has(refusal([&] { infinite_width_kernel(KernelConvention::bietti_mairal(), Activation::tanh, x); }),
                  "closed form"));
  EXPECT_TRUE(
      has(refusal([&] { infinite_width_kernel(two_layer, Activation::relu, Inputs::Ones(3000000, 1)); }), "GiB"));
  EXPECT_TRUE(has(refusal([&] { make_kernel_convention("bieti-mairal", {}); }), "\"bietti-mairal\""));
  EXPECT_TRUE(has(refusal([&] { make_kernel_convention("lee", {.depth = 0}); }), "depth"));
  EXPECT_NE(refusal([&] { dual_activation(Activation::relu, 1, 1, 1.1); }), "");
  EXPECT_NE(refusal([&] { infinite_width_kernel_at_cosines(two_layer, Activation::relu, Vector::Constant(1, 1.5)); }),
            "");
  for (const KernelConventionInfo& row : kernel_conventions) {
    EXPECT_EQ(refusal([&] { make_kernel_convention(row.name, {}); }), "");
  }
}

TEST(InfiniteWidth, MemoryIsStatedBeforeItIsTaken) {
  EXPECT_DOUBLE_EQ(kernel_gib(1 << 15, 1 << 15, KernelParts::ntk), 8);
  EXPECT_LT(kernel_gib(20000, 20000, KernelParts::both), 8);
  EXPECT_GT(available_gib(), 0.01);
}

}  // namespace
}  // namespace mfld

#include "mfld/task/index_model.hpp"

#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <functional>
#include <limits>
#include <string>

#include "mfld/core/error.hpp"

namespace {

using namespace mfld;

// Statistics below reject at z = 5: a false alarm in 1.7 million runs of each.
constexpr double z_score = 5;

struct LinkCase {
  IndexLink link;
  Index num_directions;
  std::function<double(const Eigen::RowVectorXd&)> formula;
};

// The bump reads all of x, hence no proper subspace.
const std::vector<LinkCase>& links() {
  static const std::vector<LinkCase> cases = {
      {IndexLink::relu, 1, [](const auto& x) { return x[0] > 0 ? x[0] : 0; }},
      {IndexLink::tanh, 1, [](const auto& x) { return std::tanh(x[0]); }},
      {IndexLink::erf, 1, [](const auto& x) { return std::erf(x[0]); }},
      {IndexLink::hermite2, 1, [](const auto& x) { return (std::pow(x[0], 2) - 1) / std::sqrt(2.0); }},
      {IndexLink::hermite3, 1, [](const auto& x) { return (std::pow(x[0], 3) - 3 * x[0]) / std::sqrt(6.0); }},
      {IndexLink::product, 2, [](const auto& x) { return x[0] * x[1]; }},
      {IndexLink::staircase, 3, [](const auto& x) { return x[0] * (1 + x[1] * (1 + x[2])); }},
      {IndexLink::bump, 0,
       [](const auto& x) { return std::exp(-(x.squaredNorm() - 2 * x[0] + 1) / (2 * static_cast<double>(x.size()))); }},
  };
  return cases;
}

IndexModelOptions small_task(IndexLink link) {
  IndexModelOptions options;
  options.input_dim = 6;
  options.num_train = 60;
  options.num_test = 40;
  options.link = link;
  return options;
}

TEST(IndexModel, LabelsFollowTheFormulaOfTheLink) {
  for (const LinkCase& link : links()) {
    const Dataset data = make_index_model(small_task(link.link), 4);
    for (Index i = 0; i < data.num_train(); ++i) {
      const double expected = link.formula(data.train_inputs.row(i));
      EXPECT_NEAR(data.train_targets[i], expected, 1e-13 * (1 + std::abs(expected))) << data.description;
    }
  }
}

TEST(IndexModel, LabelsDependOnlyOnTheRelevantSubspace) {
  for (const LinkCase& link : links()) {
    EXPECT_EQ(num_directions(link.link), link.num_directions);
    IndexModelOptions options = small_task(link.link);
    const Dataset plain = make_index_model(options, 4);
    options.rotate = true;
    const Dataset rotated = make_index_model(options, 4);
    const Index k = link.num_directions;
    EXPECT_EQ(plain.relevant_subspace, Matrix::Identity(6, k));
    const Matrix& basis = rotated.relevant_subspace;
    ASSERT_EQ(basis.cols(), k);
    EXPECT_TRUE((basis.transpose() * basis).isApprox(Matrix::Identity(k, k), 1e-13));
    EXPECT_EQ(plain.train_targets, rotated.train_targets) << plain.description;
    const Matrix coordinates = rotated.train_inputs * basis;
    EXPECT_TRUE(coordinates.isApprox(Matrix(plain.train_inputs.leftCols(k)), 1e-13));
    EXPECT_FALSE(rotated.train_inputs.isApprox(plain.train_inputs, 0.1));
  }
}

TEST(IndexModel, FirstSamplesDoNotChangeWithTheirNumberNorTheTestSetWithNoise) {
  for (const bool rotate : {false, true}) {
    IndexModelOptions options = small_task(IndexLink::staircase);
    options.rotate = rotate;
    const Dataset few = make_index_model(options, 4);
    options.num_train = 501;
    options.label_noise = LabelNoise::uniform;
    options.noise_level = 0.1;
    const Dataset many = make_index_model(options, 4);
    EXPECT_EQ(few.train_inputs, many.train_inputs.topRows(60));
    EXPECT_EQ(few.test_inputs, many.test_inputs);
    EXPECT_EQ(few.test_targets, many.test_targets);
    const Vector noise = many.train_targets.head(60) - few.train_targets;
    EXPECT_LE(noise.cwiseAbs().maxCoeff(), 0.1 + 1e-14);
    EXPECT_GT(noise.cwiseAbs().minCoeff(), 0);
  }
}

TEST(IndexModel, CubeInputsAreSigns) {
  IndexModelOptions options = small_task(IndexLink::product);
  options.cube_inputs = true;
  const Dataset data = make_index_model(options, 4);
  EXPECT_EQ(data.train_inputs.cwiseAbs(), Inputs::Ones(60, 6));
}

// Normalised Hermite polynomials: mean 0 and variance 1 under N(0, 1). Var h_2^2 = E h_2^4 - 1 = 14, Var h_3^2 = 92.
TEST(IndexModel, HermiteLinksAreOrthonormal) {
  const double n = 100000;
  const std::array<std::pair<IndexLink, double>, 2> hermites = {
      {{IndexLink::hermite2, 14.0}, {IndexLink::hermite3, 92.0}}};
  for (const auto& [link, variance_of_square] : hermites) {
    IndexModelOptions options = small_task(link);
    options.num_train = static_cast<Index>(n);
    const Vector y = make_index_model(options, 6).train_targets;
    EXPECT_NEAR(y.mean(), 0, z_score / std::sqrt(n));
    EXPECT_NEAR(y.squaredNorm() / n, 1, z_score * std::sqrt(variance_of_square / n));
  }
}

TEST(IndexModel, RejectsWhatCannotBe) {
  const auto message = [](const IndexModelOptions& options) -> std::string {
    try {
      make_index_model(options, 1);
    } catch (const InvalidInput& error) {
      return error.what();
    }
    return "accepted";
  };
  IndexModelOptions options = small_task(IndexLink::staircase);
  options.input_dim = 2;
  EXPECT_EQ(message(options), "input_dim = 2: must be at least 3, the coordinates that the link \"staircase\" reads");
  options = small_task(IndexLink::hermite2);
  options.cube_inputs = true;
  EXPECT_EQ(message(options), "link = hermite2: must have gaussian inputs: every label on the cube is 0");
  options = small_task(IndexLink::relu);
  options.label_noise = LabelNoise::gaussian;
  options.noise_level = -std::numeric_limits<double>::infinity();
  EXPECT_EQ(message(options), "noise_level = -inf: must be a finite number >= 0");
}

}  // namespace

#include "mfld/task/mixture.hpp"

#include <gtest/gtest.h>

#include "mfld/core/invalid_option.hpp"

namespace mfld {
namespace {

MixtureOptions options_with(double std, Index num_train) {
  MixtureOptions options;
  options.centres = (Matrix(2, 3) << 1, 2, 3, -4, 0, 5).finished();
  options.std = std;
  options.num_train = num_train;
  return options;
}

TEST(Mixture, IsItsCentresWithoutSpread) {
  const Dataset data = make_mixture(options_with(0, 5), 1);
  EXPECT_FALSE(data.has_labels);
  ASSERT_EQ(data.num_train(), 5);
  for (Index i = 0; i < 5; ++i) {
    EXPECT_EQ(data.train_inputs.row(i), options_with(0, 5).centres.row(i % 2)) << i;
  }
}

// Standard errors: 0.5 / 100 = 0.005 of a mean, 0.5 / sqrt(2) / 100 = 0.0036 of a deviation; z = 5.
TEST(Mixture, ScattersAboutEachCentre) {
  const Dataset data = make_mixture(options_with(0.5, 20000), 2);
  for (Index centre = 0; centre < 2; ++centre) {
    Matrix rows(10000, 3);
    for (Index i = 0; i < rows.rows(); ++i) {
      rows.row(i) = data.train_inputs.row(2 * i + centre) - options_with(0.5, 1).centres.row(centre);
    }
    for (Index c = 0; c < 3; ++c) {
      EXPECT_NEAR(rows.col(c).mean(), 0, 0.025);
      EXPECT_NEAR(std::sqrt(rows.col(c).squaredNorm() / 10000), 0.5, 0.018);
    }
  }
}

TEST(Mixture, APointDoesNotDependOnHowManyThereAre) {
  MixtureOptions more = options_with(1, 9);
  more.num_test = 4;
  EXPECT_EQ(make_mixture(options_with(1, 5), 3).train_inputs, make_mixture(more, 3).train_inputs.topRows(5));
  EXPECT_EQ(make_mixture(more, 3).test_inputs.rows(), 4);
}

TEST(Mixture, RefusesWhatItCannotBe) {
  MixtureOptions options = options_with(1, 5);
  options.centres.resize(0, 0);
  EXPECT_THROW(make_mixture(options, 1), InvalidOption);
  EXPECT_THROW(make_mixture(options_with(-1, 5), 1), InvalidOption);
  EXPECT_THROW(make_mixture(options_with(1, 0), 1), InvalidOption);
}

}  // namespace
}  // namespace mfld

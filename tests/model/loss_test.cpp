#include "mfld/model/loss.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>
#include <vector>

namespace mfld {
namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();

struct Case {
  Loss loss;
  std::vector<double> labels;
};

const std::vector<Case> cases = {
    {{.kind = LossKind::squared}, {-1.3, 0.0, 2.5}},
    {{.kind = LossKind::squared, .prefactor = 1}, {-1.3, 0.0, 2.5}},
    {{.kind = LossKind::logistic}, {-1.0, 1.0}},
    {{.kind = LossKind::huber}, {-1.3, 0.0, 2.5}},
    {{.kind = LossKind::huber, .delta = 0.4}, {-1.3, 0.0, 2.5}},
};

// None lies on a kink of a Huber loss above, where central differences mean nothing.
const std::vector<double> predictions = {-6.0, -2.0, -0.95, -0.35, 0.0, 0.2, 0.7, 1.9, 5.0};

/// Relative agreement to `ulps` units of 2^-52.
void expect_close(double value, double reference, double ulps) {
  EXPECT_LE(std::abs(value - reference), ulps * std::ldexp(std::abs(reference), -52)) << value << " vs " << reference;
}

struct LogisticReference {
  double u, y, value, derivative, second_derivative, conjugate;
};

// Computed independently with 40-digit arithmetic; the last column is l*(l'(u)).
const std::vector<LogisticReference> logistic_references = {
    {-2.0, 1, 2.12692801104297249644, -0.880797077977882444060, 0.104993585403506517349, -0.365333855087207608324},
    {-2.0, -1, 0.126928011042972496444, 0.119202922022117555940, 0.104993585403506517349, -0.365333855087207608324},
    {-0.3, 1, 0.854355244468527118815, -0.574442516811658987152, 0.244458311690745869066, -0.682022489425029422669},
    {-0.3, -1, 0.554355244468527118815, 0.425557483188341012848, 0.244458311690745869066, -0.682022489425029422669},
    {0.0, 1, 0.693147180559945309417, -0.5, 0.25, -0.693147180559945309417},
    {0.7, 1, 0.403186048885457893191, -0.331812227831833893469, 0.221712873293109050405, -0.635454608367741618619},
    {0.7, -1, 1.10318604888545789319, 0.668187772168166106531, 0.221712873293109050405, -0.635454608367741618619},
    {40.0, 1, 4.24835425529158898630e-18, -4.24835425529158897728e-18, 4.24835425529158895923e-18,
     -1.74182524466955148078e-16},
    {-40.0, 1, 40.0, -1.0, 4.24835425529158895923e-18, 0.0},
    {-40.0, -1, 4.24835425529158898630e-18, 4.24835425529158897728e-18, 4.24835425529158895923e-18,
     -1.74182524466955148078e-16},
    {700.0, 1, 9.85967654375977085671e-305, -9.85967654375977085671e-305, 9.85967654375977085671e-305,
     -6.91163325717559937055e-302},
    {-700.0, 1, 700.0, -1.0, 9.85967654375977085671e-305, 0.0},
};

TEST(Loss, LogisticMatchesReferenceValuesIncludingTheTails) {
  const Loss logistic{.kind = LossKind::logistic};
  for (const auto& r : logistic_references) {
    SCOPED_TRACE(testing::Message() << "u = " << r.u << ", y = " << r.y);
    expect_close(logistic.value(r.u, r.y), r.value, 4);
    expect_close(logistic.derivative(r.u, r.y), r.derivative, 4);
    expect_close(logistic.second_derivative(r.u, r.y), r.second_derivative, 6);
    // s = |l'| carries a rounding error of up to 2^-53, which the entropy s log s + (1 - s) log(1 - s) amplifies.
    expect_close(logistic.conjugate(logistic.derivative(r.u, r.y), r.y), r.conjugate, 16);
  }
}

TEST(Loss, LogisticNeverOverflows) {
  const Loss logistic{.kind = LossKind::logistic};
  for (const double u : {-1e300, -1e5, 1e5, 1e300}) {
    for (const double y : {-1.0, 1.0}) {
      EXPECT_EQ(logistic.value(u, y), std::max(-y * u, 0.0));
      EXPECT_EQ(logistic.derivative(u, y), y * u > 0 ? 0 : -y);
      EXPECT_EQ(logistic.second_derivative(u, y), 0);
    }
  }
}

TEST(Loss, SquaredCarriesItsPrefactor) {
  const Loss half{.kind = LossKind::squared};
  const Loss whole{.kind = LossKind::squared, .prefactor = 1};
  EXPECT_EQ(half.value(3, 1), 2);
  EXPECT_EQ(half.derivative(3, 1), 2);
  EXPECT_EQ(half.second_derivative(3, 1), 1);
  EXPECT_EQ(half.conjugate(2, 1), 4);
  EXPECT_EQ(whole.value(3, 1), 4);
  EXPECT_EQ(whole.derivative(3, 1), 4);
  EXPECT_EQ(whole.second_derivative(3, 1), 2);
  EXPECT_EQ(whole.conjugate(2, 1), 3);
}

TEST(Loss, HuberIsSquaredInsideAndLinearOutside) {
  const Loss huber{.kind = LossKind::huber, .delta = 0.5};
  EXPECT_EQ(huber.value(1.25, 1), 0.5 * 0.25 * 0.25);
  EXPECT_EQ(huber.derivative(1.25, 1), 0.25);
  EXPECT_EQ(huber.second_derivative(1.25, 1), 1);
  EXPECT_EQ(huber.value(-3, 1), 0.5 * (4 - 0.25));
  EXPECT_EQ(huber.derivative(-3, 1), -0.5);
  EXPECT_EQ(huber.second_derivative(-3, 1), 0);
  EXPECT_EQ(huber.value(1.5, 1), 0.125);  // both formulas meet at |u - y| = delta
}

TEST(Loss, DerivativesAreCentralDifferences) {
  constexpr double h = 1e-5;
  for (const auto& [loss, labels] : cases) {
    for (const double y : labels) {
      for (const double u : predictions) {
        SCOPED_TRACE(testing::Message() << loss.describe() << ", u = " << u << ", y = " << y);
        // Truncation h^2 |l'''| / 6 < 2e-11 and rounding 2^-53 max|l| / h < 5e-10.
        EXPECT_NEAR(loss.derivative(u, y), (loss.value(u + h, y) - loss.value(u - h, y)) / (2 * h), 1e-9);
        EXPECT_NEAR(loss.second_derivative(u, y), (loss.derivative(u + h, y) - loss.derivative(u - h, y)) / (2 * h),
                    1e-9);
      }
    }
  }
}

TEST(Loss, FenchelYoungHoldsWithEqualityExactlyAtTheDerivative) {
  for (const auto& [loss, labels] : cases) {
    for (const double y : labels) {
      for (const double u : predictions) {
        const double g = loss.derivative(u, y);
        SCOPED_TRACE(testing::Message() << loss.describe() << ", u = " << u << ", y = " << y);
        EXPECT_NEAR(loss.value(u, y) + loss.conjugate(g, y), u * g, 1e-13 * (1 + std::abs(u * g) + loss.value(u, y)));
        for (const double v : predictions) {
          const double other = loss.derivative(v, y);
          const double gap = loss.value(u, y) + loss.conjugate(other, y) - u * other;
          EXPECT_GE(gap, -1e-13);
          if (std::abs(other - g) > 1e-3) {
            EXPECT_GT(gap, 1e-8);
          }
        }
      }
    }
  }
}

TEST(Loss, TheBestDualIsThatOfAGridAndTheSlopeAtItsPrediction) {
  for (const Case& each : cases) {
    for (const double y : each.labels) {
      for (const double slope_at : predictions) {
        for (const double mean : predictions) {
          for (const double c : {0.0, 1e-3, 0.7, 40.0, 1e6}) {
            const double g = each.loss.derivative(slope_at, y);
            const double v = each.loss.best_dual({g, y, mean, c});
            const auto excess = [&](double other) {  // over the value at v, without what cancels
              return each.loss.conjugate(other, y) - each.loss.conjugate(v, y) - (other - v) * mean +
                     c / 2 * (other - v) * (other + v - 2 * g);
            };
            const double rounding = 1e-14 * (1 + c + std::abs(v * mean) + std::abs(each.loss.conjugate(v, y)));
            for (int k = -40; k <= 40; ++k) {
              EXPECT_GE(excess(v + std::pow(0.05 * k, 3)), -rounding) << each.loss.describe() << " c = " << c;
            }
            EXPECT_GE(excess(g), -rounding) << "no worse than where it was";
            const double u = mean - c * (v - g);
            EXPECT_NEAR(each.loss.derivative(u, y), v, 1e-14 * (1 + c) * (1 + std::abs(v))) << "c = " << c;
          }
        }
      }
    }
  }
}

TEST(Loss, TheBestDualOfTheLogisticLossNeverLeavesItsInterval) {
  const Loss logistic{.kind = LossKind::logistic};
  for (const double y : {-1.0, 1.0}) {
    for (const double s : {0.0, 1e-300, 1e-16, 0.5, 1 - 1e-16, 1.0}) {
      for (const double mean : {-1e300, -1e9, -40.0, -1.0, 0.0, 0.3, 40.0, 1e9, 1e300}) {
        for (const double c : {0.0, 1e-300, 1e-9, 1.0, 50.0, 1e9, 1e300}) {
          const double next = -y * logistic.best_dual({-y * s, y, mean, c});
          EXPECT_TRUE(next >= 0 && next <= 1) << next << " from " << s << ", mean " << mean << ", c " << c;
        }
      }
    }
  }
}

TEST(Loss, ConjugateIsInfiniteOutsideItsDomain) {
  const Loss logistic{.kind = LossKind::logistic};
  EXPECT_EQ(logistic.conjugate(0.1, 1), infinity);
  EXPECT_EQ(logistic.conjugate(-1.1, 1), infinity);
  EXPECT_EQ(logistic.conjugate(-0.1, -1), infinity);
  EXPECT_EQ(logistic.conjugate(0, 1), 0);
  EXPECT_EQ(logistic.conjugate(-1, 1), 0);
  const Loss huber{.kind = LossKind::huber, .delta = 0.5};
  EXPECT_EQ(huber.conjugate(0.5001, 1), infinity);
  EXPECT_EQ(huber.conjugate(-0.5001, 1), infinity);
  EXPECT_EQ(huber.conjugate(0.5, 1), 0.625);
}

TEST(Loss, ANotANumberStaysOne) {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  for (const auto& [loss, labels] : cases) {
    EXPECT_TRUE(std::isnan(loss.value(nan, labels.back()))) << loss.describe();
    EXPECT_TRUE(std::isnan(loss.derivative(nan, labels.back()))) << loss.describe();
  }
}

TEST(Loss, IsARowOfTheTable) {
  for (const LossInfo& row : losses()) {
    const Loss loss = {.kind = row.kind};
    EXPECT_EQ(&loss.info(), &row);
    EXPECT_EQ(loss.describe().find(std::string(row.name) + ", l(u, y) = "), 0U) << row.name;
    EXPECT_EQ(row.parameter.number == nullptr, row.parameter.key.empty()) << row.name;
    EXPECT_EQ(row.parameter.doc.empty(), row.parameter.key.empty()) << row.name;
    EXPECT_TRUE(!row.parameter.is_flag() || loss.*row.parameter.number == row.parameter.flag.number_if_true ||
                loss.*row.parameter.number == row.parameter.flag.number_if_false)
        << row.name << ": the default is one of the two";
    for (const LossInfo& other : losses()) {
      EXPECT_EQ(row.name == other.name, &row == &other);
    }
    EXPECT_TRUE(std::any_of(cases.begin(), cases.end(), [&](const Case& each) { return each.loss.kind == row.kind; }))
        << row.name << " is not tested here";
  }
}

TEST(Loss, TheSlopesOfManyAreThoseOfEachAlsoInTheirOwnPlace) {
  for (const auto& [loss, labels] : cases) {
    for (std::size_t length = 0; length <= predictions.size(); ++length) {
      std::vector<double> u(predictions.begin(), predictions.begin() + static_cast<std::ptrdiff_t>(length));
      const std::vector<double> y(length, labels.back());
      std::vector<double> slopes(length);
      loss.derivatives(u, y, slopes);
      for (std::size_t i = 0; i < length; ++i) {
        EXPECT_EQ(slopes[i], loss.derivative(u[i], y[i])) << loss.describe();
      }
      loss.derivatives(u, y, u);
      EXPECT_EQ(u, slopes) << loss.describe();
    }
  }
}

TEST(Loss, OnlyTheLogisticOneIsForClasses) {
  for (const auto& [loss, labels] : cases) {
    EXPECT_EQ(loss.is_classification(), loss.kind == LossKind::logistic);
  }
}

TEST(Loss, DescribesItselfWithItsPrefactor) {
  EXPECT_EQ(Loss{.kind = LossKind::squared}.describe(), "squared, l(u, y) = 0.5 (u - y)^2");
  EXPECT_EQ((Loss{.kind = LossKind::squared, .prefactor = 1}.describe()), "squared, l(u, y) = (u - y)^2");
  EXPECT_EQ(Loss{.kind = LossKind::logistic}.describe(), "logistic, l(u, y) = log(1 + exp(-y u)), y in {-1, +1}");
  EXPECT_EQ((Loss{.kind = LossKind::huber, .delta = 3}.describe()),
            "huber, l(u, y) = 0.5 (u - y)^2 where |u - y| <= 3, else 3 (|u - y| - 1.5)");
}

}  // namespace
}  // namespace mfld

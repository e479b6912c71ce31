#include "mfld/ntk/infinite_width.hpp"

#include <gtest/gtest.h>

#include <Eigen/Eigenvalues>
#include <algorithm>
#include <array>
#include <boost/multiprecision/cpp_dec_float.hpp>
#include <cmath>
#include <numbers>
#include <random>
#include <string>
#include <vector>

#include "mfld/core/error.hpp"
#include "mfld/core/parallel.hpp"
#include "support/instruction_sets.hpp"

namespace mfld {
namespace {

using Long = long double;
using Quad = boost::multiprecision::cpp_dec_float_50;
constexpr double pi = std::numbers::pi;

/// Relative to the expected number, or to 1e-3 where that is smaller (the references hold exact zeros at rounded
/// angles).
void expect_close(double got, double expected, double tolerance = 1e-12) {
  EXPECT_NEAR(got, expected, tolerance * std::max(std::abs(expected), 1e-3));
}

InfiniteWidthKernel at_angle(const KernelConvention& convention, Activation activation, double angle) {
  return infinite_width_kernel_at_angles(convention, activation, Vector::Constant(1, angle));
}

// ---- Numbers computed independently with 40-digit arithmetic --------------------------------------------------------

struct ArcCosine {
  double angle, kappa0, kappa1, kappa;
};
const std::vector<ArcCosine> arc_cosine = {
    {0, 1.0, 1.0, 2.0},
    {pi / 3, 0.6666666666666666666666, 0.6089977810442293580889, 0.9423311143775626914223},
    {pi / 2, 0.5, 0.3183098861837906715377, 0.3183098861837906715377},
    {pi, 0.0, 0.0, 0.0},
};

TEST(InfiniteWidth, TwoLayerReluKernelsAreTheArcCosineFunctions) {
  on_every_instruction_set([] {
    for (const ArcCosine& row : arc_cosine) {
      const double u = std::cos(row.angle);
      expect_close(at_angle(KernelConvention::bietti_mairal(), Activation::relu, row.angle).ntk(0), row.kappa);
      expect_close(at_angle(KernelConvention::two_layer(), Activation::relu, row.angle).ntk(0), row.kappa / 2);
      expect_close(at_angle(KernelConvention::two_layer_output(), Activation::relu, row.angle).ntk(0), row.kappa1 / 2);
      expect_close(at_angle(KernelConvention::two_layer(), Activation::relu, row.angle).nngp(0), row.kappa1 / 2);
      expect_close(at_angle(KernelConvention::two_layer_hidden(), Activation::relu, row.angle).ntk(0),
                   u * row.kappa0 / 2);
    }
  });
}

struct Deep {
  int depth;
  double angle, nngp, ntk;
};
const std::vector<Deep> deep_relu = {
    {1, 0, 1.0, 2.0},
    {1, pi / 3, 0.6089977810442293580889, 0.9423311143775626914223},
    {1, pi / 2, 0.3183098861837906715377, 0.3183098861837906715377},
    {1, pi, 0.0, 0.0},
    {2, 0, 1.0, 3.0},
    {2, pi / 3, 0.6839056508987059723599, 1.3514795611234831630837},
    {2, pi / 2, 0.4937310902003715484981, 0.6857086362829424917432},
    {2, pi, 0.3183098861837906715377, 0.3183098861837906715377},
    {3, 0, 1.0, 4.0},
    {3, pi / 3, 0.7381281923010005230019, 1.7378446792153090236744},
    {3, pi / 2, 0.6048257201129445466997, 1.0603881068025830382629},
    {3, pi, 0.4937310902003715484981, 0.6857086362829424917432},
};

TEST(InfiniteWidth, DeepReluWithoutBiasInAroraConvention) {
  for (const Deep& row : deep_relu) {
    const auto k = at_angle(KernelConvention::arora(row.depth, Activation::relu), Activation::relu, row.angle);
    expect_close(k.nngp(0), row.nngp);
    expect_close(k.ntk(0), row.ntk);
  }
}

struct Jacot {
  double beta;
  int depth;
  double angle, nngp, ntk;
};
const std::vector<Jacot> jacot_relu = {
    {0.1, 2, 0, 0.265, 0.52},
    {0.1, 2, pi / 3, 0.1669656150644218440627, 0.2541022822434036179298},
    {0.1, 2, pi / 2, 0.0936846249026351399241, 0.0962158337542379293353},
    {0.1, 2, pi, 0.0105954700261003491270, -0.011316967851726953484},
    {0.1, 3, 0, 0.1425, 0.4025},
    {0.1, 3, pi / 3, 0.1026063148387974053602, 0.1936980797527188116117},
    {0.1, 3, pi / 2, 0.0782613657140988316161, 0.1078485865409700981868},
    {0.1, 3, pi, 0.0548586439345152551903, 0.0519573675044459891543},
};

TEST(InfiniteWidth, ReluWithBiasInJacotConvention) {
  for (const Jacot& row : jacot_relu) {
    const auto convention = KernelConvention::jacot(row.depth, row.beta, 2);
    Inputs x(2, 2);
    x << 1, 0, std::cos(row.angle), std::sin(row.angle);
    const auto k = infinite_width_kernel(convention, Activation::relu, x);
    expect_close(k.nngp(1, 0), row.nngp);
    expect_close(k.ntk(1, 0), row.ntk);
    expect_close(at_angle(convention, Activation::relu, row.angle).ntk(0), row.ntk);
  }
}

struct Lee {
  int depth;
  double k[6];  // K(x,x) K(z,z) K(x,z) Theta(x,x) Theta(z,z) Theta(x,z)
};
const std::vector<Lee> lee_relu = {
    {1, {5.1, 1.35, -1.4, 5.1, 1.35, -1.4}},
    {2, {5.2, 1.45, 0.3572041015842358013574, 10.3, 2.8, -0.091995951291645884185}},
    {3, {5.3, 1.55, 1.1600570699005789089012, 15.6, 4.35, 1.1102389289064677878736}},
    {4, {5.4, 1.65, 1.6681634816901862190679, 21.0, 6.0, 2.3705425875166265728609}},
    {5, {5.5, 1.75, 2.0368836100603483438666, 26.5, 7.75, 3.6696172732870761732962}},
};

TEST(InfiniteWidth, ReluWithBiasInLeeConvention) {
  Inputs x(2, 2);
  x << 1, 2, 0.5, -1;
  for (const Lee& row : lee_relu) {
    const auto k = infinite_width_kernel(KernelConvention::lee(row.depth, 2, 0.1, 2), Activation::relu, x);
    expect_close(k.nngp(0, 0), row.k[0]);
    expect_close(k.nngp(1, 1), row.k[1]);
    expect_close(k.nngp(0, 1), row.k[2]);
    expect_close(k.ntk(0, 0), row.k[3]);
    expect_close(k.ntk(1, 1), row.k[4]);
    expect_close(k.ntk(0, 1), row.k[5]);
  }
}

struct Angular {
  double angle, value;
};
const std::vector<Angular> two_layer_bias = {
    {0, 2.0},
    {pi / 3, 1.3654620154299723670997},
    {pi / 2, 0.9423311143775626914223},
    {pi, 0.3183098861837906715377},
};

TEST(InfiniteWidth, TrainedHiddenBiasAppendsOneToTheInputs) {
  for (const Angular& row : two_layer_bias) {
    expect_close(at_angle(KernelConvention::two_layer_bias(), Activation::relu, row.angle).ntk(0), row.value);
  }
}

struct Dual {
  double angle, value, slope, ntk;
};
const std::vector<Dual> erf_dual = {
    {0, 0.4645590543975399785095, 0.5694100347337416467814, 1.0339690891312816252909},
    {pi / 3, 0.2163468959387854596582, 0.4501581580785530347775, 0.4414259749780619770470},
    {pi / 2, 0.0, 0.4244131815783875620503, 0.0},
    {pi, -0.464559054397539978509, 0.5694100347337416467814, -1.033969089131281625290},
};
const std::vector<Dual> tanh_dual = {
    {0, 0.3942944903978411742479, 0.4644029024482682419159, 0.8586973928461094161639},
    {pi / 2, 0.0, 0.3668791643624109172604, 0.0},
    {pi, -0.394294490397841174247, 0.4644029024482682419159, -0.858697392846109416163},
};

TEST(InfiniteWidth, ErfAndTanhDualActivationsOnUnitInputs) {
  const auto compare = [](Activation kind, const std::vector<Dual>& rows) {
    for (const Dual& row : rows) {
      const double u = std::cos(row.angle);
      const DualActivation dual = dual_activation(kind, 1, 1, u);
      expect_close(dual.value, row.value);
      expect_close(dual.slope, row.slope);
      expect_close(at_angle(KernelConvention::two_layer(), kind, row.angle).ntk(0), row.ntk);
    }
  };
  on_every_instruction_set([&] {
    compare(Activation::erf, erf_dual);
    compare(Activation::tanh, tanh_dual);
  });
}

struct DeepErf {
  int depth;
  double angle;
  double k[4];  // K and Theta for weight variance 1 and bias 0, then for 1.5 and 0.05
};
const std::vector<DeepErf> deep_erf = {
    {2, 0, {0.4645590543975399785095, 1.0339690891312816252909, 0.8686894142247250445690, 1.9719213565213494852080}},
    {2,
     pi / 3,
     {0.2163468959387854596582, 0.4414259749780619770470, 0.4328279428724014377550, 0.8375752169435586345751}},
    {2, pi / 2, {0.0, 0.0, 0.0732932771374250054018, 0.0965911752234500511480}},
    {2, pi, {-0.464559054397539978509, -1.033969089131281625290, -0.700284036203115479373, -1.655781936196356470261}},
    {3, 0, {0.3199090096806306241057, 1.0986062134714505028693, 0.7066129275942818952477, 2.4869662868089781326141}},
    {3,
     pi / 3,
     {0.1440165949138927201294, 0.4429799590318693323078, 0.3572567566512666730941, 0.9732418338138786607262}},
    {3, pi / 2, {0.0, 0.0, 0.1011609260155697289079, 0.1686490738898013352909}},
    {3, pi, {-0.319909009680630624105, -1.098606213471450502869, -0.462891840912162449320, -1.807442270198130744861}},
    {4, 0, {0.2551718404754812532449, 1.1816163514617407870269, 0.6474430574952983646094, 3.0755798923709963065109}},
    {4,
     pi / 3,
     {0.1124050700026892016103, 0.4617895884348874308511, 0.3370408241177330882800, 1.1434341909159299732241}},
    {4, pi / 2, {0.0, 0.0, 0.1301542014885761499329, 0.2640969086578293149860}},
    {4, pi, {-0.255171840475481253244, -1.181616351461740787026, -0.325977665593094338366, -1.874926018972086908705}},
    {5, 0, {0.2194324874141847359340, 1.2778013350834227870510, 0.6225020682335218096347, 3.7227394159589142502714}},
    {5,
     pi / 3,
     {0.0951123886947604417774, 0.4887925763448757919778, 0.3346920381625022191092, 1.3301994516146652982238}},
    {5, pi / 2, {0.0, 0.0, 0.1585510806132049831167, 0.3797665892308482430910}},
    {5, pi, {-0.219432487414184735934, -1.277801335083422787051, -0.225074845752410056495, -1.852486775955034559444}},
};

TEST(InfiniteWidth, DeepErfInLeeConvention) {
  for (const DeepErf& row : deep_erf) {
    const auto plain = at_angle(KernelConvention::lee(row.depth, 1, 0, 1), Activation::erf, row.angle);
    const auto biased = at_angle(KernelConvention::lee(row.depth, 1.5, 0.05, 1), Activation::erf, row.angle);
    expect_close(plain.nngp(0), row.k[0]);
    expect_close(plain.ntk(0), row.k[1]);
    expect_close(biased.nngp(0), row.k[2]);
    expect_close(biased.ntk(0), row.k[3]);
  }
}

// ---- Independent recursions with 50 digits --------------------------------------------------------------------------

const Quad quad_pi = boost::math::constants::pi<Quad>();

struct QuadDual {
  Quad value, slope;
};

/// From the angle itself.
QuadDual quad_relu(Quad root_a, Quad root_b, Quad angle) {
  const Quad rest = quad_pi - angle;
  return {root_a * root_b * (sin(angle) + rest * cos(angle)) / (2 * quad_pi), rest / (2 * quad_pi)};
}

struct QuadKernel {
  double nngp, ntk;
};

/// K^1 restricted to two inputs.
struct FirstLayer {
  Quad a, b, c;
};

FirstLayer first_layer(const KernelConvention& convention, const Inputs& x, Index i, const Inputs& z, Index j) {
  const Quad s = convention.input_variance;
  const Quad bias = convention.input_bias_variance;
  FirstLayer f{bias, bias, bias};
  for (Index k = 0; k < x.cols(); ++k) {
    f.a += s * x(i, k) * x(i, k);
    f.b += s * z(j, k) * z(j, k);
    f.c += s * x(i, k) * z(j, k);
  }
  return f;
}

Quad angle_of(Quad a, Quad b, Quad c) {
  const Quad determinant = a * b - c * c;
  return atan2(determinant > 0 ? Quad(sqrt(determinant)) : Quad(0), c);
}

template <class DualOf>
QuadKernel quad_kernel(const KernelConvention& convention, FirstLayer f, const DualOf& dual) {
  auto [a, b, c] = f;
  Quad theta = c;
  for (int l = 1; l < convention.num_weight_layers; ++l) {
    const Quad root_a = sqrt(a);
    const Quad root_b = sqrt(b);
    const QuadDual e = dual(root_a, root_b, angle_of(a, b, c));
    a = convention.weight_variance * dual(root_a, root_a, Quad(0)).value + convention.bias_variance;
    b = convention.weight_variance * dual(root_b, root_b, Quad(0)).value + convention.bias_variance;
    c = convention.weight_variance * e.value + convention.bias_variance;
    theta = c + convention.weight_variance * e.slope * theta;
  }
  return {static_cast<double>(c), static_cast<double>(theta)};
}

Inputs random_inputs(Index n, Index d, unsigned seed) {
  std::mt19937_64 engine(seed);
  std::normal_distribution<double> normal;
  Inputs x(n, d);
  for (Index i = 0; i < n; ++i) {
    for (Index k = 0; k < d; ++k) {
      x(i, k) = normal(engine);
    }
  }
  return x;
}

std::vector<KernelConvention> conventions_of_depth(int depth, Index d, Activation activation) {
  return {KernelConvention::jacot(depth, 0.1, d), KernelConvention::lee(depth, 1.8, 0.05, d),
          KernelConvention::arora(depth, activation)};
}

TEST(InfiniteWidth, ReluMatchesTheRecursionAtRandomInputsToDepthFive) {
  const Inputs x = random_inputs(70, 6, 1);
  const Inputs z = random_inputs(2, 6, 2);
  for (int depth = 1; depth <= 5; ++depth) {
    for (const KernelConvention& convention : conventions_of_depth(depth, 6, Activation::relu)) {
      std::vector<QuadKernel> want;
      for (Index i = 0; i < x.rows(); ++i) {
        for (Index j = 0; j < z.rows(); ++j) {
          want.push_back(quad_kernel(convention, first_layer(convention, x, i, z, j), quad_relu));
        }
      }
      on_every_instruction_set([&] {
        const auto got = infinite_width_kernel(convention, Activation::relu, x, z);
        for (Index i = 0; i < x.rows(); ++i) {
          for (Index j = 0; j < z.rows(); ++j) {
            const QuadKernel& entry = want[static_cast<std::size_t>(i * z.rows() + j)];
            expect_close(got.nngp(i, j), entry.nngp);
            expect_close(got.ntk(i, j), entry.ntk);
          }
        }
      });
    }
  }
}

TEST(InfiniteWidth, SquaredReluAndErfMatchTheRecursion) {
  const auto squared = [](Quad root_a, Quad root_b, Quad angle) -> QuadDual {
    const Quad norms = root_a * root_b;
    const Quad degree_two = 3 * sin(angle) * cos(angle) + (quad_pi - angle) * (1 + 2 * cos(angle) * cos(angle));
    return {norms * norms * degree_two / (2 * quad_pi), 4 * quad_relu(root_a, root_b, angle).value};
  };
  const auto erf = [](Quad root_a, Quad root_b, Quad angle) -> QuadDual {
    const Quad a = 1 + 2 * root_a * root_a;
    const Quad b = 1 + 2 * root_b * root_b;
    const Quad c = 2 * root_a * root_b * cos(angle);
    return {2 / quad_pi * asin(c / sqrt(a * b)), 4 / quad_pi / sqrt(a * b - c * c)};
  };
  const Inputs x = random_inputs(8, 4, 3);
  const auto compare = [&](Activation kind, const auto& dual, const KernelConvention& convention) {
    const auto got = infinite_width_kernel(convention, kind, x);
    for (Index i = 0; i < x.rows(); ++i) {
      for (Index j = 0; j < x.rows(); ++j) {
        const QuadKernel want = quad_kernel(convention, first_layer(convention, x, i, x, j), dual);
        expect_close(got.nngp(i, j), want.nngp);
        expect_close(got.ntk(i, j), want.ntk);
      }
    }
  };
  for (int depth = 1; depth <= 5; ++depth) {
    compare(Activation::erf, erf, KernelConvention::lee(depth, 1.5, 0.05, 4));
    compare(Activation::squared_relu, squared, KernelConvention::lee(depth, 0.7, 0.05, 4));
  }
}

TEST(InfiniteWidth, NearParallelAndAntiparallelInputsKeepTheirAngle) {
  std::mt19937_64 engine(4);
  std::normal_distribution<double> normal;
  const Index d = 5;
  const Inputs base = random_inputs(6, d, 5);
  for (const double distance : {3e-2, 1e-2, 1e-4, 1e-6, 1e-8, 1e-10, 0.0}) {
    for (const double sign : {1.0, -1.0}) {
      Inputs moved = base;
      for (Index i = 0; i < base.rows(); ++i) {
        for (Index k = 0; k < d; ++k) {
          moved(i, k) = sign * (base(i, k) * 1.7 + distance * normal(engine));
        }
      }
      for (int depth = 2; depth <= 4; ++depth) {
        for (const KernelConvention& convention : conventions_of_depth(depth, d, Activation::relu)) {
          const auto got = infinite_width_kernel(convention, Activation::relu, base, moved);
          for (Index i = 0; i < base.rows(); ++i) {
            const QuadKernel want = quad_kernel(convention, first_layer(convention, base, i, moved, i), quad_relu);
            expect_close(got.ntk(i, i), want.ntk);
            expect_close(got.nngp(i, i), want.nngp);
          }
        }
      }
      // One layer: the relative error even of kappa_0 near opposite inputs, where it vanishes, is that of the angle.
      const auto convention = KernelConvention::two_layer_hidden();
      const auto hidden = infinite_width_kernel(convention, Activation::relu, base, moved);
      for (Index i = 0; i < base.rows(); ++i) {
        const FirstLayer f = first_layer(convention, base, i, moved, i);
        const Quad angle = angle_of(f.a, f.b, f.c);
        const auto opening = static_cast<double>(sign > 0 ? angle : Quad(quad_pi - angle));
        const auto want = static_cast<double>(f.c * quad_relu(f.a, f.b, angle).slope);
        if (opening > 1e-14) {
          EXPECT_NEAR(hidden.ntk(i, i) / want, 1, 1e-13 + 4e-16 / opening) << distance;
        }
      }
    }
  }
}

// ---- Quadrature -----------------------------------------------------------------------------------------------------

struct LongDual {
  Long value, slope;
};

/// E sigma(u) sigma(v) and E sigma'(u) sigma'(v) by the trapezoid rule in two dimensions.
LongDual long_quadrature(Activation kind, Long a, Long b, Long c) {
  const auto sigma = [kind](Long z) -> LongDual {
    if (kind == Activation::tanh) {
      const Long t = std::tanh(z);
      return {t, 1 - t * t};
    }
    const Long s = 1 / (1 + std::exp(-z));
    return kind == Activation::sigmoid ? LongDual{s, s * (1 - s)}
                                       : LongDual{std::max(z, Long{0}) + std::log1p(std::exp(-std::abs(z))), s};
  };
  const Long step = Long{1} / 12;
  const int count = 10 * 12;
  const Long root_a = std::sqrt(a);
  const Long slope = a > 0 ? c / root_a : 0;
  const Long rest = std::sqrt(std::max(Long{0}, b - slope * slope));
  LongDual sum{0, 0};
  for (int i = -count; i <= count; ++i) {
    const LongDual u = sigma(root_a * i * step);
    LongDual inner{0, 0};
    for (int j = -count; j <= count; ++j) {
      const LongDual v = sigma(slope * i * step + rest * j * step);
      const Long weight = std::exp(-(j * step) * (j * step) / 2);
      inner.value += weight * v.value;
      inner.slope += weight * v.slope;
    }
    const Long weight = std::exp(-(i * step) * (i * step) / 2);
    sum.value += weight * u.value * inner.value;
    sum.slope += weight * u.slope * inner.slope;
  }
  const Long norm = step * step / (2 * std::numbers::pi_v<Long>);
  return {sum.value * norm, sum.slope * norm};
}

TEST(InfiniteWidth, QuadratureErrorIsBelowItsBoundAndTheBoundIsSmall) {
  std::mt19937_64 engine(6);
  std::uniform_real_distribution<double> uniform(-1, 1);
  std::vector<std::array<double, 3>> cases = {{1, 1, 1},        {1, 1, -1},     {0, 1, 0},  {0, 0, 0},
                                              {1e-4, 1, 0.005}, {4, 4, 3.9999}, {0.3, 2, 0}};
  for (int trial = 0; trial < 6; ++trial) {
    const double a = std::exp2(2 * uniform(engine));
    const double b = std::exp2(2 * uniform(engine));
    cases.push_back({a, b, uniform(engine) * std::sqrt(a * b)});
  }
  for (const Activation kind : {Activation::tanh, Activation::sigmoid, Activation::softplus}) {
    for (const auto& [a, b, c] : cases) {
      const DualActivation got = dual_activation(kind, a, b, c);
      const LongDual want = long_quadrature(kind, a, b, c);
      EXPECT_LE(std::abs(static_cast<double>(got.value - want.value)), got.value_error) << a << ' ' << b << ' ' << c;
      EXPECT_LE(std::abs(static_cast<double>(got.slope - want.slope)), got.slope_error) << a << ' ' << b << ' ' << c;
      EXPECT_TRUE(got.value_error > 0 || a == 0);
      EXPECT_LT(got.value_error, 2e-13 * (1 + std::max(a, b)));
      EXPECT_LT(got.slope_error, 2e-13 * (1 + std::max(a, b)));
    }
  }
}

TEST(InfiniteWidth, BoundHoldsWhereTheExpansionIsCutShort) {
  // Inputs so large that tanh is nearly a step: sign(u) sign(v) has mean 2/pi asin(rho), and tanh differs from the sign
  // by at most E|tanh - sign| each, which is below 2 * 0.7 / sqrt(2 pi a) and so on.
  const double a = 1e5;
  const DualActivation got = dual_activation(Activation::tanh, a, a, 0.5 * a);
  EXPECT_NEAR(got.value, 1.0 / 3, got.value_error + 4 * 0.7 * std::sqrt(2 / (pi * a)));
  const DualActivation same = dual_activation(Activation::tanh, a, a, a);
  EXPECT_LE(same.value, 1 + same.value_error);
  EXPECT_NEAR(same.value, 1 - std::sqrt(2 / (pi * a)), same.value_error + 1 / a);
  EXPECT_GT(same.value_error, 1e-4);
}

TEST(InfiniteWidth, DeepTanhErrorIsBelowItsBound) {
  const Inputs x = random_inputs(3, 3, 7);
  for (const int depth : {2, 3, 4}) {
    const auto convention = KernelConvention::lee(depth, 1.5, 0.05, 3);
    const auto got = infinite_width_kernel(convention, Activation::tanh, x);
    EXPECT_LT(got.ntk_error, 1e-11);
    const auto dual = [](Quad root_a, Quad root_b, Quad angle) -> QuadDual {
      const LongDual e =
          long_quadrature(Activation::tanh, static_cast<Long>(root_a * root_a), static_cast<Long>(root_b * root_b),
                          static_cast<Long>(root_a * root_b * cos(angle)));
      return {e.value, e.slope};
    };
    for (Index i = 0; i < x.rows(); ++i) {
      for (Index j = 0; j <= i; ++j) {
        const QuadKernel want = quad_kernel(convention, first_layer(convention, x, i, x, j), dual);
        EXPECT_LE(std::abs(got.nngp(i, j) - want.nngp), got.nngp_error);
        EXPECT_LE(std::abs(got.ntk(i, j) - want.ntk), got.ntk_error);
      }
    }
  }
}

TEST(InfiniteWidth, PriceTheoremTheSlopeIsTheDerivativeOfTheValue) {
  for (const ActivationInfo& row : activations) {
    const double a = 0.8;
    const double b = 1.3;
    const double c = 0.35;
    const double h = 1e-4;
    const double difference =
        (8 * (dual_activation(row.kind, a, b, c + h).value - dual_activation(row.kind, a, b, c - h).value) -
         (dual_activation(row.kind, a, b, c + 2 * h).value - dual_activation(row.kind, a, b, c - 2 * h).value)) /
        (12 * h);
    EXPECT_NEAR(dual_activation(row.kind, a, b, c).slope, difference, 2e-11) << row.name;
  }
}

// ---- Structure ------------------------------------------------------------------------------------------------------

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

// ---- Bad input ------------------------------------------------------------------------------------------------------

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

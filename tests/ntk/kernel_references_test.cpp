// Kernels of infinite width against numbers computed independently with 40-digit arithmetic.
#include <gtest/gtest.h>

#include <cmath>
#include <numbers>
#include <vector>

#include "mfld/ntk/infinite_width.hpp"
#include "support/instruction_sets.hpp"
#include "support/oracles/kernel_recursion.hpp"

namespace mfld {
namespace {

using test::expect_close;
constexpr double pi = std::numbers::pi;

InfiniteWidthKernel at_angle(const KernelConvention& convention, Activation activation, double angle) {
  return infinite_width_kernel_at_angles(convention, activation, Vector::Constant(1, angle));
}

struct ArcCosine {
  double angle, kappa0, kappa1, kappa;
};
const std::vector<ArcCosine> arc_cosine = {
    {0, 1.0, 1.0, 2.0},
    {pi / 3, 0.6666666666666666666666, 0.6089977810442293580889, 0.9423311143775626914223},
    {pi / 2, 0.5, 0.3183098861837906715377, 0.3183098861837906715377},
    {pi, 0.0, 0.0, 0.0},
};

TEST(KernelReferences, TwoLayerReluKernelsAreTheArcCosineFunctions) {
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

TEST(KernelReferences, DeepReluWithoutBiasInAroraConvention) {
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

TEST(KernelReferences, ReluWithBiasInJacotConvention) {
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

TEST(KernelReferences, ReluWithBiasInLeeConvention) {
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

TEST(KernelReferences, TrainedHiddenBiasAppendsOneToTheInputs) {
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

TEST(KernelReferences, ErfAndTanhDualActivationsOnUnitInputs) {
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

TEST(KernelReferences, DeepErfInLeeConvention) {
  for (const DeepErf& row : deep_erf) {
    const auto plain = at_angle(KernelConvention::lee(row.depth, 1, 0, 1), Activation::erf, row.angle);
    const auto biased = at_angle(KernelConvention::lee(row.depth, 1.5, 0.05, 1), Activation::erf, row.angle);
    expect_close(plain.nngp(0), row.k[0]);
    expect_close(plain.ntk(0), row.k[1]);
    expect_close(biased.nngp(0), row.k[2]);
    expect_close(biased.ntk(0), row.k[3]);
  }
}

}  // namespace
}  // namespace mfld

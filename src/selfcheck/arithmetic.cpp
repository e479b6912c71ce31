#include "selfcheck/arithmetic.hpp"

#include <fmt/format.h>

#include <array>
#include <vector>

#include "mfld/core/random.hpp"
#include "mfld/model/network.hpp"
#include "mfld/objective/risk.hpp"

namespace mfld::theorems {

namespace {

/// A network of a few neurons on three samples, with its particle gradients computed in 30 digits:
///   v_j = 1/3 sum_i l'(f(x_i), y_i) grad h(theta_j; x_i) + 2 lambda1 theta_j,  lambda1 = 0.01
struct TinyNetwork {
  Neuron neuron;
  LossKind loss;
  Matrix particles;
  Matrix gradients;
};

Matrix rows(Index num_columns, const std::vector<double>& numbers) {
  return Eigen::Map<const Inputs>(numbers.data(), std::ssize(numbers) / num_columns, num_columns);
}

std::vector<TinyNetwork> tiny_networks() {
  const Matrix three = rows(3, {0.5, 1, -0.3, -1.2, 0.4, 0.9, 0.8, -0.7, 0.25});
  return {
      {{NeuronKind::r_sigma, Activation::relu, false},
       LossKind::squared,
       three,
       rows(3, {-0.1468, -0.036, 0.0686666666666666667, -0.6364, 0.43472, 0.64488, 0.13432, -0.29848, -0.41292})},
      {{NeuronKind::r_sigma, Activation::tanh, false},
       LossKind::logistic,
       three,
       rows(3, {-0.222371173805031647, -0.0613561695683542291, -0.0747121611409143022, -0.107563816583349646,
                0.320250445469974887, -0.116981167004335281, 0.198184961827848939, -0.184572786354482719,
                -0.073509216116072032})},
      {{NeuronKind::bounded_r, Activation::tanh, false},
       LossKind::squared,
       three,
       rows(3, {-0.163671518334091298, -0.0907560339668039363, -0.200181433955807143, -0.107011814874318936,
                0.234383452967941244, -0.00994417540851199249, 0.106547320761563822, -0.204869467987172984,
                -0.245484652429303922})},
      {{NeuronKind::parity, Activation::tanh, true, 15},
       LossKind::logistic,
       rows(4, {0.2, 0.4, -0.3, 0.1, -0.1, -0.2, 0.5, -0.6}),
       rows(4, {-2.48424653505482585, -1.02743201615964238, -0.259913952372235143, -1.10677935677613934,
                -2.56539108795364034, -0.905823535261192409, -0.504025540146081908, -0.709924380819940999})},
  };
}

}  // namespace

Finding check_philox() {
  const PhiloxBlock words = philox4x32({0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}, {0xa4093822, 0x299f31d0});
  const PhiloxBlock expected = {0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1};
  const auto hex = [](const PhiloxBlock& block) {
    return fmt::format("{:08x} {:08x} {:08x} {:08x}", block[0], block[1], block[2], block[3]);
  };
  return {hex(words), hex(expected), words == expected};
}

Finding check_gradients(std::size_t network) {
  const TinyNetwork tiny = tiny_networks().at(network);
  constexpr double lambda1 = 0.01;
  const Inputs inputs = rows(2, {0.6, -0.8, -1, 0.5, 0.3, 1.2});
  const std::array<double, 3> values = {0.7, -0.4, 1.1};
  const std::array<double, 3> classes = {1, -1, 1};
  const Network model(tiny.neuron, 2, {});
  const Risk risk({tiny.loss}, Reduction::mean);
  const CurrentField field(risk.loss(), tiny.loss == LossKind::logistic ? classes : values);
  const Particles<double> particles = tiny.particles;
  Drift drift(particles.rows(), particles.cols());
  KernelWorkspace<double> workspace;
  model.drift(particles, PackedInputs<double>(inputs), field, risk.drift_weight(model, particles.rows(), 3, 3),
              Accumulate::assign, drift, {}, workspace);
  drift += 2 * lambda1 * particles;
  return at_most((drift - tiny.gradients).cwiseAbs().maxCoeff(), 1e-12);
}

}  // namespace mfld::theorems

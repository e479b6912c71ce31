#include <limits>

#include "support/oracles/line_chain.hpp"
#include "verification/studies.hpp"

namespace mfld {

namespace {

/// The mean of theta^2 over the particles after every step of the chain.
std::vector<double> moments_of(const ChainOptions& options, Index width, std::int64_t num_steps) {
  std::vector<double> moments;
  moments.reserve(static_cast<std::size_t>(num_steps));
  run_chain(
      options, Particles<double>::Zero(width, 1), num_steps,
      [&](const Particles<double>& theta, std::int64_t /*step*/) { moments.push_back(theta.array().square().mean()); });
  return moments;
}

double exact_of(Index width) {
  for (const reference::LineStationary& each : reference::line_stationary) {
    if (each.width == width) {
      return each.second_moment;
    }
  }
  return std::numeric_limits<double>::quiet_NaN();
}

}  // namespace

void study_width_order(const std::filesystem::path& folder) {
  // Leimkuhler-Matthews steps, whose own bias is far below that of 64 particles. The same noise also drives particles
  // without data, whose E theta^2 is 1/2 at any step size: what it shows by chance is taken off.
  constexpr std::int64_t burn_in = 200;
  constexpr std::int64_t num_batches = 100;
  ChainOptions tanh = line_chain(0.4);
  tanh.step = StepKind::leimkuhler_matthews;
  ChainOptions without_data = tanh;
  without_data.neuron = {NeuronKind::linear, Activation::linear, false, 1};
  without_data.inputs = Inputs::Zero(1, 1);
  without_data.targets = Vector::Zero(1);
  std::vector<std::vector<double>> rows;
  for (const Index width : {1, 2, 4, 8, 16, 32, 64}) {
    const std::int64_t batch = 4000 * (width <= 8 ? 1 : width / 8);
    const std::int64_t num_steps = burn_in + batch * num_batches;
    const std::vector<double> curved = moments_of(tanh, width, num_steps);
    const std::vector<double> straight = moments_of(without_data, width, num_steps);
    MeanTest mean;
    for (std::int64_t first = burn_in; first < num_steps; first += batch) {
      double sum = 0;
      for (std::int64_t k = first; k < first + batch; ++k) {
        sum += curved[static_cast<std::size_t>(k)] - 0.8 * (straight[static_cast<std::size_t>(k)] - 0.5);
      }
      mean.add(sum / static_cast<double>(batch));
    }
    rows.push_back({static_cast<double>(width), mean.mean(), mean.standard_error(), exact_of(width)});
  }
  rows.push_back(
      {std::numeric_limits<double>::infinity(), reference::line_second_moment, 0, reference::line_second_moment});
  write_table(folder, "width_order", "width,second_moment,standard_error,exact", rows);
}

}  // namespace mfld

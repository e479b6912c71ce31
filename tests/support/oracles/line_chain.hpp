#pragma once
#include <vector>

#include "support/oracles/chain.hpp"
#include "support/oracles/reference_values.hpp"
#include "support/statistics.hpp"

namespace mfld {

/// The one-dimensional problem of reference_values.hpp: h = tanh(w x) on two samples.
inline ChainOptions line_chain(double step_size) {
  ChainOptions options;
  options.neuron = {NeuronKind::sigma, Activation::tanh, false, 1};
  options.inputs = Eigen::Map<const Vector>(reference::line_inputs, 2);
  options.targets = Eigen::Map<const Vector>(reference::line_targets, 2);
  options.step_size = step_size;
  options.lambda1 = reference::line_lambda;
  options.lambda2 = reference::line_lambda;
  return options;
}

/// Time means of f_1, f_2 and the mean of w^2, each from batches of `batch` steps, far longer than the memory of the
/// chain.
inline std::vector<MeanTest> time_means(const ChainOptions& options, const Particles<double>& start,
                                        std::int64_t burn_in, std::int64_t batch, std::int64_t num_batches) {
  std::vector<MeanTest> means(3);
  Eigen::Vector3d sum = Eigen::Vector3d::Zero();
  run_chain(options, start, burn_in + batch * num_batches, [&](const Particles<double>& w, std::int64_t k) {
    if (k <= burn_in) {
      return;
    }
    sum += Eigen::Vector3d((w.array() * reference::line_inputs[0]).tanh().mean(),
                           (w.array() * reference::line_inputs[1]).tanh().mean(), w.array().square().mean());
    if ((k - burn_in) % batch == 0) {
      for (Index m = 0; m < 3; ++m) {
        means[static_cast<std::size_t>(m)].add(sum[m] / static_cast<double>(batch));
      }
      sum.setZero();
    }
  });
  return means;
}

}  // namespace mfld

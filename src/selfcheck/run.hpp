#pragma once
#include <functional>
#include <limits>
#include <vector>

#include "mfld/dynamics/simulation.hpp"
#include "mfld/model/network.hpp"
#include "mfld/task/dataset.hpp"

namespace mfld::theorems {

/// What a check simulates: a network on data with squared loss, by phases, in memory.
struct SelfcheckRun {
  const Network& network;
  const Dataset& data;
  std::vector<Phase> phases;

  /// The state after step_limit steps of the run, or at its end, from `start`; look(state) before every step and last.
  State<double> from(
      State<double> start, std::int64_t step_limit = std::numeric_limits<std::int64_t>::max(),
      const std::function<void(const State<double>&)>& look = [](const State<double>&) {}) const;
};

/// A phase with constant numbers and the method's own defaults.
Phase selfcheck_phase(std::string_view method, std::int64_t num_steps, double step_size, double lambda1,
                      double lambda2);

/// So many samples of two relu teachers in two dimensions.
Dataset selfcheck_samples(Index num_samples);

}  // namespace mfld::theorems

#pragma once
#include <cstdint>

namespace mfld {

/// Where a simulation is: what changes while it runs, besides matrices.
struct StateNumbers {
  std::int64_t step = 0;           // steps made since the start of the run
  std::int64_t phase = 0;          // index of the phase that makes the next step
  std::int64_t step_in_phase = 0;  // steps made in that phase
  double time = 0;                 // sum of step sizes, compensated
  double time_compensation = 0;
  std::int64_t gradient_evaluations = 0;  // per-sample gradients, as each method counts them
};

}  // namespace mfld

#pragma once
#include <atomic>

#include "mfld/runs/runner.hpp"

namespace mfld {

/// run_experiment() of an experiment whose method is kernel-regression: solves it and leaves a run directory with one
/// row of metrics, at step 0. InvalidInput where the kernel turns out to be singular; then nothing stays of what it
/// wrote. An interruption takes effect between the kernels and their solution.
RunSummary run_kernel_regression(const Experiment& experiment, RunRecord& record, const std::atomic<bool>& stop,
                                 const RunOptions& options);

}  // namespace mfld

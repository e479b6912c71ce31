#pragma once
#include <string>
#include <vector>

#include "mfld/experiment/runner.hpp"

namespace mfld {

/// What experiment.toml of a run says: provenance and notes as comments, then the resolved experiment.
std::string experiment_text(const Experiment& experiment, const RunOptions& options);

/// The comments that the tables of a run open with: version, formulas, notes.
std::vector<std::string> table_comments(const Experiment& experiment, const RunOptions& options);

}  // namespace mfld

#pragma once
#include <string>
#include <vector>

#include "mfld/dynamics/simulation.hpp"
#include "mfld/runs/runner.hpp"

namespace mfld {

/// What experiment.toml of a run in `directory` says: provenance, notes and where paths start as comments, then the
/// resolved experiment.
std::string experiment_text(const Experiment& experiment, const RunOptions& options,
                            const std::filesystem::path& directory);

/// How it ended, in one sentence.
std::string message_of(const Outcome& outcome);

/// The comments that the tables of a run open with: version, formulas, notes.
std::vector<std::string> table_comments(const Experiment& experiment, const RunOptions& options);

}  // namespace mfld

#pragma once
#include <string_view>
#include <vector>

#include "mfld/runs/resume.hpp"

namespace mfld {

/// How the notes of what was merged begin.
inline constexpr std::string_view merge_start = "merged from ";

/// The ensemble of finished runs with different particles: one cloud of all of them, at its end. The runs have the same
/// experiment and data but for their seeds, their widths and what they record; the mean-field or the alpha scaling, in
/// which the outputs of the ensemble are the mean of theirs, by their widths. Its first particles are theirs, its step
/// and time the last of theirs, and its notes say what it was merged from: run_experiment from its checkpoint records
/// it. Throws InvalidInput, one sentence that names the directories, for fewer than two runs, one that has not finished
/// or has no particles, two that began with the same particles or followed the same noise, themselves or as a part of
/// what was merged before, and two that differ otherwise; FileError; Interrupted.
StoppedRun merge_runs(const std::vector<FilePlace>& directories, const Surroundings& surroundings = {});

}  // namespace mfld

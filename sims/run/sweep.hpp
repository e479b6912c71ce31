#pragma once
#include <filesystem>
#include <string>

#include "commands.hpp"
#include "mfld/runs/sweep_runner.hpp"

namespace commands {

/// Ranks make one run together: throws InvalidInput where there are any.
void refuse_several_runs(const std::filesystem::path& path);

/// "2/5": the second of five; "auto": by the job array that this is a task of. Throws InvalidInput.
void read_shard(const std::string& given, mfld::SweepOptions& options);

/// How the runs of a plan are made and spoken of. `worst` becomes the largest status of a run; `told`: that they are
/// checked is said already.
mfld::SweepOptions sweep_options(const mfld::Plan& plan, const std::filesystem::path& out,
                                 const RunArguments& arguments, ExitStatus& worst, bool told);

/// `checked` may be null.
ExitStatus make_sweep(const mfld::Plan& plan, const mfld::FilePlace& out, const mfld::SweepOptions& options,
                      mfld::CheckedPlan* checked);

}  // namespace commands

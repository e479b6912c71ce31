#pragma once
#include <fmt/format.h>

#include <cstddef>
#include <filesystem>
#include <new>
#include <string>
#include <vector>

#include "commands.hpp"
#include "mfld/core/error.hpp"
#include "mfld/runs/resume.hpp"
#include "mfld/runs/runner.hpp"
#include "ranks/company.hpp"

namespace commands {

constexpr std::size_t longest_formula = 800;  // in bytes; the text of an experiment can make them longer

ExitStatus status_of(mfld::Ending ending);

bool draws_progress(const RunArguments& arguments);

/// What to change where a run disappoints, a line each.
void say_advice(const std::filesystem::path& run, const std::vector<std::string>& advice);

/// Where a run starts from: it is made by all ranks.
mfld::Surroundings surroundings_in(const std::filesystem::path& folder);

/// Throws InvalidInput where the ranks there are cannot make it.
void check_ranks(const mfld::Experiment& experiment);

/// What all ranks have to have in common: the experiment, what came of it on this machine, whose mathematical functions
/// may be others, and where the run goes on. Of particles that they divide all have the first ones.
Numbers numbers_of(const mfld::StoppedRun& run);

void say_what_is_lacking(const std::filesystem::path& run, const std::string& instruction_set);

/// A run goes on with the instruction set that it began with, or else not to the same bits.
void use_instruction_set_of(const mfld::FilePlace& directory);

/// A run in its directory, which this process holds unless another rank writes. All ranks have agreed.
ExitStatus run_one(const mfld::StoppedRun& run, mfld::RunDirectory* directory, const std::filesystem::path& path,
                   const RunArguments& arguments);

/// In a new directory, which goes again if the input turns out wrong on the way: then nothing is written.
ExitStatus run_in(const std::filesystem::path& out, const mfld::StoppedRun& run, const RunArguments& arguments);

/// Memory that runs out before there are files means that the input was too large; later it does not.
template <class Action>
auto where_files_are(const std::filesystem::path& directory, const Action& action) {
  try {
    return action();
  } catch (const std::bad_alloc&) {
    throw mfld::FileError(
        fmt::format("{}: no memory was left; what is there can be resumed where there is more", directory.string()));
  }
}

}  // namespace commands

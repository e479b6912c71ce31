#pragma once
#include "commands.hpp"
#include "mfld/config/sweep.hpp"

namespace commands {

/// Checks all runs of a plan and prints how many they are, and about what they take of memory, disk and time: the last
/// from a second of the first run, and of the first of each further case, weighed by steps and parameters. Writes
/// nothing. Throws InvalidInput that names the run; FileError; Interrupted.
ExitStatus dry_run(const mfld::Plan& plan, const RunArguments& arguments);

}  // namespace commands

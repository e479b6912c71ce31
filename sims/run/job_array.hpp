#pragma once
#include <string>

namespace commands {

/// The share i/k of a job array that this process is a task of, from the environment of SLURM or of Grid Engine: tasks
/// first, first + step, ..., last make i = 1, 2, ..., k, whatever number the array begins with. Throws InvalidInput
/// where there is none, or one that is no such range.
std::string shard_of_job_array();

}  // namespace commands

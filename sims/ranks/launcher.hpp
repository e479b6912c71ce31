#pragma once
#include <optional>
#include <string>

namespace commands {

/// What a launcher of MPI (mpirun, mpiexec, srun) told this process of the processes that it started together.
struct Launched {
  int rank = 0;
  int count = 0;    // 0: it does not say
  std::string mpi;  // whose it is, as the modules are called: "openmpi" or "mpich"; empty: both speak like that
};

/// From the environment; nothing where nobody started this process with others.
std::optional<Launched> launched();

}  // namespace commands

#pragma once
#include <cstddef>
#include <cstdint>

/// What the program wants of MPI. A module of its own has it, which is loaded where a launcher started the process: the
/// library of MPI loads dozens of others, whoever links it, and every installation has its own.
struct MpiFunctions {
  /// Each returns 0, or an error for `explain`.
  int (*start)(int* rank, int* count);
  int (*end)();
  int (*send)(const std::byte* bytes, std::size_t size, int to);
  int (*receive)(std::byte* bytes, std::size_t size, int from);
  int (*broadcast)(std::byte* bytes, std::size_t size, int root);
  int (*least)(std::int64_t* number);  // <- the least of all ranks
  void (*abort)(int status);           // ends the processes of all ranks
  void (*explain)(int error, char* text, std::size_t size);
};

/// The one name in a module.
extern "C" const MpiFunctions* mfld_mpi_functions();
inline constexpr const char* mpi_functions_name = "mfld_mpi_functions";

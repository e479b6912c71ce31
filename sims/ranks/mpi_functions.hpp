#pragma once
#include <cstddef>
#include <cstdint>

/// What the program wants of MPI. A module of its own has it, which is loaded where a launcher started the process: the
/// library of MPI loads dozens of others, whoever links it, and every installation has its own.
struct MpiFunctions {
  /// Each returns 0, or an error for `explain`.
  int (*start)(int* rank, int* count);
  int (*end)();
  /// A message of at most most_bytes, which stays where it is until the message is over: once `test` has said so, or
  /// `wait` has returned.
  int (*begin_send)(const std::byte* bytes, std::size_t size, int to, std::uint64_t* message);
  int (*begin_receive)(std::byte* bytes, std::size_t size, int from, std::uint64_t* message);
  int (*test)(std::uint64_t message, int* is_over);
  int (*wait)(std::uint64_t message);
  int (*broadcast)(std::byte* bytes, std::size_t size, int root);
  int (*least)(std::int64_t* numbers, int count);  // <- of each the least of all ranks
  void (*abort)(int status);                       // ends the processes of all ranks
  void (*explain)(int error, char* text, std::size_t size);
};

/// What an int counts, and a little less.
inline constexpr std::size_t most_bytes = std::size_t{1} << 30U;

/// The one name in a module, another one whenever the functions change: a module of another version is not loaded.
extern "C" const MpiFunctions* mfld_mpi_functions_2();
inline constexpr const char* mpi_functions_name = "mfld_mpi_functions_2";

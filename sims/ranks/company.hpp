#pragma once
#include <cstdint>
#include <exception>
#include <string_view>
#include <vector>

#include "commands.hpp"
#include "mfld/core/ranks.hpp"

/// A run that several processes make together. Each of them goes through the whole command and comes to the same
/// decisions; rank 0 alone speaks and writes.
namespace commands {

/// Where a launcher of MPI started this process with others, they are ranks from here on. Throws InvalidInput for a
/// command that is one process's, and where this program has not the MPI of the launcher; FileError.
void join_ranks(std::string_view command);

/// The ranks that this process is one of; nullptr where it is alone.
mfld::Ranks* ranks() noexcept;
/// Whether it is the one that writes: rank 0, or alone.
bool leads() noexcept;
/// How many processors are this rank's, where ranks of one machine may use the same; 0 where it is alone.
int share_of_processors() noexcept;

/// A rank failed, or they differ. It has been said, and all of them end.
class NotAgreed : public std::exception {
 public:
  explicit NotAgreed(ExitStatus status) : status_(status) {}
  const char* what() const noexcept override { return "the ranks do not agree"; }
  ExitStatus status() const { return status_; }

 private:
  ExitStatus status_;
};

using Numbers = std::vector<std::uint64_t>;

/// One number for many bytes.
std::uint64_t hash_of(std::string_view bytes, std::uint64_t start = 1);

/// Waits until every rank has come here with nothing wrong, and with the same program, instruction set and experiment,
/// which has these numbers. Throws NotAgreed on all of them otherwise. Does nothing where this process is alone.
void agree(const Numbers& experiment);
/// The same for the last time: from here on there are files, and an error of one rank ends the processes of all.
void agree_to_write(const Numbers& experiment);

/// The end of the command. Before that time the others are told of a status that is not 0 as agree does, and what is
/// returned is that of all.
ExitStatus leave_ranks(ExitStatus status) noexcept;
/// The same in the handler of an error, which `explain` says and knows the status of.
ExitStatus leave_ranks_on_error(ExitStatus (*explain)() noexcept) noexcept;

}  // namespace commands

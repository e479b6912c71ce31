#pragma once
#include <memory>
#include <string>

#include "mfld/core/ranks.hpp"
#include "ranks/mpi_functions.hpp"

namespace commands {

/// The ranks of MPI_COMM_WORLD, as the module beside the program has it.
class MpiRanks final : public mfld::Ranks {
 public:
  /// Starts MPI: by the module called so, or, for an empty name or where that is missing, by the one that there is.
  /// nullptr where there is none. Signals keep their handlers. Throws FileError.
  static std::unique_ptr<MpiRanks> start(const std::string& mpi);

  int count() const override { return count_; }
  int rank() const override { return rank_; }
  Message begin_send(std::span<const std::byte> bytes, int to) override;
  Message begin_receive(std::span<std::byte> bytes, int from) override;
  bool is_over(Message message) override;
  void wait(Message message) override;
  void broadcast(std::span<std::byte> bytes, int root) override;
  using Ranks::least;
  void least(std::span<std::int64_t> numbers) override;

  /// Once on every rank, which waits for the others; nothing can follow.
  void end();
  /// Ends the processes of all ranks, with this status. Returns on no rank.
  [[noreturn]] void abort(int status);

 private:
  explicit MpiRanks(const MpiFunctions& mpi);
  void check(int error) const;

  const MpiFunctions& mpi_;
  int rank_ = 0;
  int count_ = 1;
};

}  // namespace commands

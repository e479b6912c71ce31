#pragma once
#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "mfld/core/particles.hpp"
#include "mfld/dynamics/state_numbers.hpp"
#include "mfld/files/file_place.hpp"

namespace mfld {

/// The numbers of a checkpoint besides its matrices.
struct CheckpointNumbers : StateNumbers {
  std::uint64_t experiment_hash = 0;  // of the resolved experiment
  std::int64_t metrics_rows = 0;      // rows recorded so far
  std::int64_t trajectory_frames = 0;
};

/// The complete state of a run between two steps: numbers, and matrices by name (core/matrix_list.hpp), in double
/// (those of single precision convert exactly). Random numbers need no state: they are functions of the seed and the
/// step.
struct Checkpoint : CheckpointNumbers {
  static constexpr std::int64_t format_version = 2;

  std::map<std::string, Matrix, std::less<>> matrices;
};

/// A matrix where it is, which must stay there.
class LentMatrix {
 public:
  LentMatrix() = default;
  explicit LentMatrix(const Particles<double>& matrix) : in_double_(&matrix) {}
  explicit LentMatrix(const Particles<float>& matrix) : in_single_(&matrix) {}

  Index rows() const { return in_double_ ? in_double_->rows() : in_single_ ? in_single_->rows() : 0; }
  Index cols() const { return in_double_ ? in_double_->cols() : in_single_ ? in_single_->cols() : 0; }
  /// A copy of the rows [first, first + count), in double.
  Inputs block(Index first, Index count) const {
    return in_double_ ? Inputs(in_double_->middleRows(first, count))
                      : Inputs(in_single_->middleRows(first, count).cast<double>());
  }

 private:
  const Particles<double>* in_double_ = nullptr;
  const Particles<float>* in_single_ = nullptr;
};

/// A checkpoint to be written, with matrices that others keep: they are the largest thing in memory.
struct LentCheckpoint : CheckpointNumbers {
  std::vector<std::pair<std::string, LentMatrix>> matrices;

  LentCheckpoint() = default;
  LentCheckpoint(const Checkpoint& checkpoint) : CheckpointNumbers(checkpoint) {
    for (const auto& [name, matrix] : checkpoint.matrices) {
      matrices.emplace_back(name, LentMatrix(matrix));
    }
  }
};

/// Writes a new file (neither atomically nor lastingly: the caller flushes and renames). Throws FileError.
void save_checkpoint(const LentCheckpoint& checkpoint, const FilePlace& place);
/// Throws FileError naming the file and what is wrong: unreadable, another format version, damaged (checksum).
Checkpoint load_checkpoint(const FilePlace& place);

}  // namespace mfld

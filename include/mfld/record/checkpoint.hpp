#pragma once
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "mfld/core/particles.hpp"
#include "mfld/dynamics/state_numbers.hpp"
#include "mfld/files/file_place.hpp"
#include "mfld/hdf5/hdf5_file.hpp"

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

/// A matrix where it is, which must stay there: in memory, or wherever its rows come from.
class LentMatrix {
 public:
  /// A copy of the rows [first, first + count), in double.
  using Block = std::function<Inputs(Index first, Index count)>;

  LentMatrix() = default;
  /// of_particles: a row for each of them, of which ranks may have some each.
  template <class Scalar>
  explicit LentMatrix(const Particles<Scalar>& matrix, bool of_particles = false)
      : LentMatrix(matrix.rows(), matrix.cols(), [&matrix](Index first, Index count) {
          return Inputs(matrix.middleRows(first, count).template cast<double>());
        }) {
    of_particles_ = of_particles;
  }
  LentMatrix(Index rows, Index cols, Block block) : rows_(rows), cols_(cols), block_(std::move(block)) {}

  Index rows() const { return rows_; }
  Index cols() const { return cols_; }
  bool is_of_particles() const { return of_particles_; }
  Inputs block(Index first, Index count) const { return block_(first, count); }

 private:
  Index rows_ = 0;
  Index cols_ = 0;
  bool of_particles_ = false;
  Block block_;
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

/// A checkpoint whose matrices stay in its file.
class CheckpointFile {
 public:
  /// Throws as load_checkpoint.
  explicit CheckpointFile(const FilePlace& place);

  const CheckpointNumbers& numbers() const { return numbers_; }
  /// CRC-64 of all that it holds.
  std::uint64_t checksum() const { return checksum_; }
  /// Which rows of a matrix; none: all.
  using RowsOfMatrix = std::function<std::optional<RowRange>(std::string_view name)>;
  /// In memory; of rows that are not asked for, any numbers, which take none.
  Checkpoint read(const RowsOfMatrix& rows_of) const;
  /// Refers to this.
  LentCheckpoint lend() const;

 private:
  FilePlace place_;
  std::uint64_t checksum_;
  Hdf5File file_;
  CheckpointNumbers numbers_;
};

}  // namespace mfld

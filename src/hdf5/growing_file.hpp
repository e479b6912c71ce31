#pragma once
#include <atomic>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "files/posix_file.hpp"
#include "hdf5/chunk_index.hpp"
#include "hdf5/object_header.hpp"

namespace mfld::hdf5 {

/// A data set that grows: of 8-byte numbers, in chunks, a row at a time.
struct GrowingSet {
  std::vector<std::int64_t> item;  // extents of a row; none: one number
  Numbers numbers = Numbers::reals;
  ChunkGrid grid;

  std::uint64_t row_bytes() const;
};

/// An HDF5 file whose data sets get one row each at a time, and which is at every moment, for any reader and after
/// kill -9, a plain HDF5 file with the rows that were complete. The library cannot write so. It makes the file, with
/// the sets as the first objects in it and without rows; from then on the bytes are written here, each row in this
/// order: places for it and the indices that lead there; its numbers; the end of the file; and then the number of rows
/// of all sets, in one write. That touches one page of the file, for what the library made first lies in its first
/// 4096 bytes, so it happens as a whole or not at all. No byte that a reader can see through the old numbers changes.
///
/// The file ends a while behind its last row (a hole, which takes no space): who opened it still finds what came while
/// he looked. It is longer yet than it says, for a reader asks the system how long it is, then reads what it says, and
/// takes the file for cut off if that is more. After finish() it ends with its last row. Where things lie follows from
/// the number of rows alone: a file that was cut back and went on is the same, byte for byte.
///
/// Behind what the library made stands a seal, one line with a checksum of it.
class GrowingFile {
 public:
  /// What is left of a file that the library has just made and closed. Throws FileError; Interrupted if `stop` is there
  /// and set.
  GrowingFile(const FilePlace& place, const std::vector<GrowingSet>& sets, const std::atomic<bool>* stop);
  /// An existing file, to be cut back to its first `num_rows` > 0 rows. Throws FileError if it has fewer, or other
  /// sets, or is damaged where no row can be; Interrupted. Nothing has changed in the file before cut().
  GrowingFile(const FilePlace& place, const std::vector<GrowingSet>& sets, std::int64_t num_rows,
              const std::atomic<bool>* stop);

  void cut();
  /// One row of each set, as bytes. After a failure nothing can be appended: the file stays as it was.
  void append(std::span<const std::string_view> rows);
  /// The last row of one set.
  void read_last(std::size_t set, std::span<char> bytes);
  void rename(const FilePlace& place) { file_.rename(place); }
  /// Gives up the room behind the last row. On the disk when it returns. Nothing can be appended then.
  void finish();

 private:
  struct Growth {
    GrowingSet set;
    ChunkIndex index;
    GrowingHeader header;
    std::uint64_t chunk_address = 0;  // where the chunks of the last row begin
  };

  void read_page(const std::vector<GrowingSet>& sets);
  std::uint64_t checksum(std::uint64_t num_bytes, const std::atomic<bool>* stop);
  std::string seal(std::uint64_t num_bytes, const std::atomic<bool>* stop);
  void make_room(files::PosixFile* file);
  void replay(std::uint64_t start, std::int64_t num_rows);
  std::uint64_t start_of_rows();
  void extend();
  void lengthen(std::uint64_t size);
  void write_end(std::uint64_t end);
  void write_counts();
  [[noreturn]] void refuse(std::string_view reason) const;

  files::PosixFile file_;
  std::vector<Growth> growths_;
  std::string page_;  // the first bytes of the file, with all that changes there
  std::int64_t num_rows_ = 0;
  std::uint64_t end_ = 0;          // of what is in use
  std::uint64_t end_of_file_ = 0;  // as the file says
  std::uint64_t size_ = 0;         // as the system says
};

}  // namespace mfld::hdf5

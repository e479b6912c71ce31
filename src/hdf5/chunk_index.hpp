#pragma once
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "files/posix_file.hpp"
#include "hdf5/object_header.hpp"

namespace mfld::hdf5 {

/// How the chunks of a data set lie: chunk c holds the rows from (c / per_row) chunk[0] on, and of a row that is too
/// long for one chunk the part from (c % per_row) chunk[1] on; of all other extents the chunk has the whole.
struct ChunkGrid {
  std::vector<std::int64_t> chunk;
  std::int64_t per_row = 1;  // > 1 only where chunk[0] = 1

  /// Of one chunk of 8-byte numbers.
  std::uint64_t num_bytes() const;
  /// Where chunk c begins.
  std::vector<std::int64_t> first(std::int64_t c) const;
};

/// Where the chunks of one data set lie in the file, in the words of HDF5: a version 1 B-tree ("HDF5 File Format
/// Specification Version 3.0", section III.A.1, node type 1). A node of level l is
///   "TREE", 1, l, entries used (2 bytes), left and right sibling (8 bytes each), 24 bytes in all, then
///   key 0, child 0, key 1, .., child 63, key 64
/// where child i is the address of a chunk (l = 0) or of a node of level l - 1, and the key before it says with which
/// chunk it begins: bytes of the chunk, filters left out (4 bytes each), first element (8 bytes an extent), 0 (8
/// bytes).
///
/// Chunks are only appended. So all keys of a node are known when it is made, only the last node of each level changes,
/// and what is in the file is a whole index at every moment: an entry is written before the number that counts it, and
/// a node before the entry that refers to it. A reader who knows fewer rows than the index finds those.
class ChunkIndex {
 public:
  explicit ChunkIndex(ChunkGrid grid) : grid_(std::move(grid)) {}

  using Allocate = std::function<std::uint64_t(std::uint64_t num_bytes)>;
  /// The next chunk lies at `address`; new nodes where `allocate` says. Written to `file`, unless there is none.
  void add(std::uint64_t address, const Allocate& allocate, files::PosixFile* file);
  /// The last node of each level again, with nothing behind its last entry: the file may have held more once.
  void write_last(files::PosixFile& file) const;
  /// Whether the last node of each level stands in the file, with these entries or more.
  bool is_in(const files::PosixFile& file) const;
  /// Address of the top node; no_address while there is no chunk.
  std::uint64_t root() const { return root_; }

 private:
  struct Node {
    std::uint64_t address;
    std::int64_t num_entries = 0;
    std::string bytes;
  };

  Node new_node(std::size_t level, std::uint64_t left, const Allocate& allocate) const;
  void append(Node& node, std::uint64_t child, files::PosixFile* file) const;
  std::size_t key_bytes() const { return 16 + 8 * grid_.chunk.size(); }

  ChunkGrid grid_;
  std::int64_t num_chunks_ = 0;
  std::uint64_t root_ = no_address;
  std::vector<Node> last_;  // of each level
};

}  // namespace mfld::hdf5

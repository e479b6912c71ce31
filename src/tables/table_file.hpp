#pragma once
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "tables/packed/byte_source.hpp"
#include "tables/table.hpp"

namespace mfld::tables {

/// A data file that is read from its beginning to its end: a regular file, or a pipe that somebody writes to. What the
/// system reports on the way, and a file whose size is not what the system says, is a FileError; looks at the stop
/// flag.
class TableFile : public ByteSource {
 public:
  explicit TableFile(const Source& source);
  ~TableFile() override;
  TableFile(const TableFile&) = delete;
  TableFile& operator=(const TableFile&) = delete;

  /// In bytes; 0 for a pipe.
  std::uint64_t size() const { return size_; }
  std::size_t read(std::span<char> buffer) override;
  double expected_size() const override { return static_cast<double>(size_); }
  /// All bytes of the buffer, which stand there.
  void read_at(std::uint64_t place, std::span<char> buffer) const;

 private:
  std::size_t read_once(std::span<char> buffer);
  bool has_news() const;
  [[noreturn]] void fail(int error) const;

  Source source_;
  int descriptor_ = -1;
  bool is_pipe_ = false;
  std::uint64_t size_ = 0;
  std::uint64_t num_read_ = 0;
};

/// The bytes of a text, whether the file is compressed or not.
std::unique_ptr<ByteSource> open_text(const Source& source);

/// The lines of a file, which end at "\n" and nowhere else.
class LineReader {
 public:
  explicit LineReader(const Source& source)
      : source_(source), file_(open_text(source)), buffer_(std::size_t{1} << 18U) {}

  /// The next line without its end, until the next call; false at the end of the file.
  bool next(std::string_view& line);
  /// How often the file is as long as what `next` has given so far; 1 where its length is not known.
  double times_as_long() const;

 private:
  bool fill();

  Source source_;
  std::unique_ptr<ByteSource> file_;
  std::vector<char> buffer_;
  std::size_t start_ = 0;  // of what no line has given
  std::size_t end_ = 0;    // of what was read
  std::uint64_t num_given_ = 0;
};

}  // namespace mfld::tables

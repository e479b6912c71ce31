#pragma once
#include <string>
#include <vector>

#include "files/posix_file.hpp"

namespace mfld::files {

/// The lines of a file one after the other, as "\n" alone ends them. What a last line without it says does not count:
/// it may be half of one.
class LineReader {
 public:
  explicit LineReader(PosixFile file) : file_(std::move(file)), buffer_(std::size_t{1} << 16U) {}

  /// The next line without its end; false behind the last. Throws FileError.
  bool next(std::string& line) {
    line.clear();
    while (true) {
      const std::string_view rest(buffer_.data() + begin_, end_ - begin_);
      const std::size_t length = rest.find('\n');
      line += rest.substr(0, length);
      if (length != std::string_view::npos) {
        begin_ += length + 1;
        return true;
      }
      begin_ = 0;
      end_ = file_.read(buffer_);
      if (end_ == 0) {
        return false;
      }
    }
  }

 private:
  PosixFile file_;
  std::vector<char> buffer_;
  std::size_t begin_ = 0;
  std::size_t end_ = 0;
};

}  // namespace mfld::files

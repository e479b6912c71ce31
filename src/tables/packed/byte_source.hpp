#pragma once
#include <cstddef>
#include <span>

namespace mfld::tables {

/// Bytes from the first to the last, of a file or of something packed in one. Whoever reads them calls it once a block.
class ByteSource {
 public:
  virtual ~ByteSource() = default;
  /// The next bytes, as many as there are up to buffer.size(), which is not 0; 0 at the end.
  virtual std::size_t read(std::span<char> buffer) = 0;
  /// How many there will have been in the end, as far as can be told by now; 0: nobody knows.
  virtual double expected_size() const = 0;
};

}  // namespace mfld::tables

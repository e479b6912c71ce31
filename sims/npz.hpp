#pragma once
#include <boost/crc.hpp>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "mfld/tables/table_writer.hpp"

namespace commands {

/// Arrays as numpy.load reads them together: an archive (PKZIP's APPNOTE, 4.3) of a .npy each, not compressed. It is
/// written from front to back; the checksum and the size of an array follow its bytes.
class Npz {
 public:
  /// More than these bytes need a form of the archive that is not written here.
  static constexpr std::int64_t max_bytes = (std::int64_t{1} << 32) - (1 << 20);

  explicit Npz(mfld::TakeBytes take);
  /// `type` as numpy says it ("<f8"), `shape` as Python does ("3, 2", "3,"). What follows, until the next, are its numbers.
  void begin(const std::string& name, std::string_view type, std::string_view shape);
  void write(std::string_view bytes);
  /// After the last.
  void finish();

 private:
  struct Entry {
    std::string name;
    std::uint32_t checksum;
    std::uint32_t size;
    std::uint32_t position;
  };
  void put(std::string_view bytes);
  void end_entry();

  mfld::TakeBytes take_;
  std::vector<Entry> entries_;
  bool is_open_ = false;
  std::uint32_t position_ = 0;
  boost::crc_32_type checksum_;
};

}  // namespace commands

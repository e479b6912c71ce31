#pragma once
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "tables/packed/byte_source.hpp"
#include "tables/table_file.hpp"

namespace mfld::tables {

/// A file in an archive, as its directory describes it.
struct ZipMember {
  std::string name;
  std::uint16_t flags = 0;
  std::uint16_t method = 0;  // 0: as it is, 8: deflate
  std::uint32_t checksum = 0;
  std::uint64_t packed_size = 0;
  std::uint64_t size = 0;
  std::uint64_t place = 0;  // of its own header
};

/// A zip archive of one file, also a large one (PKWARE's APPNOTE 6.3, without encryption). What is damaged is a
/// FileError.
class ZipArchive {
 public:
  explicit ZipArchive(const Source& source);

  const std::vector<ZipMember>& members() const { return members_; }
  /// Its bytes, `size` of them; a wrong checksum is found where they end.
  std::unique_ptr<ByteSource> open(const ZipMember& member) const;

 private:
  struct Directory {
    std::uint64_t place = 0;
    std::uint64_t size = 0;
  };

  std::string read(std::uint64_t place, std::uint64_t size) const;
  Directory find_directory() const;
  void read_members(const std::string& directory);
  [[noreturn]] void damaged(std::string_view what) const;

  Source source_;
  std::shared_ptr<const TableFile> file_;
  std::vector<ZipMember> members_;
};

}  // namespace mfld::tables

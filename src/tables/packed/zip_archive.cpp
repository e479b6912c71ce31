#include "tables/packed/zip_archive.hpp"

#include <fmt/format.h>
#include <zlib.h>

#include <algorithm>
#include <utility>

#include "mfld/core/printable.hpp"
#include "tables/little_endian.hpp"
#include "tables/packed/inflater.hpp"

namespace mfld::tables {

namespace {

constexpr std::string_view local_sign("PK\3\4", 4);
constexpr std::string_view member_sign("PK\1\2", 4);
constexpr std::string_view end_sign("PK\5\6", 4);
constexpr std::string_view large_end_sign("PK\6\6", 4);
constexpr std::string_view large_locator_sign("PK\6\7", 4);
constexpr std::uint64_t is_elsewhere_2 = 0xFFFF;  // a number too large for its field
constexpr std::uint64_t is_elsewhere_4 = 0xFFFFFFFF;

/// A number of a record, whose place the caller has checked.
std::uint64_t number_at(std::string_view record, std::size_t place, std::size_t size) {
  return little_endian(reinterpret_cast<const unsigned char*>(record.data()) + place, size);
}

/// Some bytes of a file.
class FilePart : public ByteSource {
 public:
  FilePart(std::shared_ptr<const TableFile> file, std::uint64_t place, std::uint64_t size)
      : file_(std::move(file)), place_(place), size_(size), left_(size) {}

  std::size_t read(std::span<char> buffer) override {
    const std::size_t count = std::min<std::uint64_t>(buffer.size(), left_);
    file_->read_at(place_, buffer.first(count));
    place_ += count;
    left_ -= count;
    return count;
  }
  double expected_size() const override { return static_cast<double>(size_); }

 private:
  std::shared_ptr<const TableFile> file_;
  std::uint64_t place_;
  std::uint64_t size_;
  std::uint64_t left_;
};

/// What a member holds, counted and checked.
class MemberBytes : public ByteSource {
 public:
  MemberBytes(const Source& source, const ZipMember& member, std::unique_ptr<ByteSource> bytes)
      : source_(source), member_(member), bytes_(std::move(bytes)), left_(member.size) {}

  std::size_t read(std::span<char> buffer) override {
    if (left_ == 0) {
      return 0;
    }
    const std::size_t count = bytes_->read(buffer.first(std::min<std::uint64_t>(buffer.size(), left_)));
    checksum_ = ::crc32(checksum_, reinterpret_cast<const Bytef*>(buffer.data()), static_cast<uInt>(count));
    left_ -= count;
    char more = 0;
    if (count == 0 || (left_ == 0 && (checksum_ != member_.checksum || bytes_->read({&more, 1}) > 0))) {
      throw source_.file_error(fmt::format("its member \"{}\" is damaged: {}", printable(member_.name, 100),
                                           count == 0 ? "it ends too early" : "its length or its checksum is another"));
    }
    return count;
  }
  double expected_size() const override { return static_cast<double>(member_.size); }

 private:
  Source source_;
  ZipMember member_;
  std::unique_ptr<ByteSource> bytes_;
  std::uint64_t left_;
  uLong checksum_ = ::crc32(0, nullptr, 0);
};

/// Takes the numbers from the extra field of a large archive that were too large for theirs, in this order.
void fill_large(ZipMember& member, std::string_view extra) {
  while (extra.size() >= 4) {
    const std::uint64_t kind = number_at(extra, 0, 2);
    const std::uint64_t size = std::min<std::uint64_t>(number_at(extra, 2, 2), extra.size() - 4);
    std::string_view field = extra.substr(4, size);
    extra.remove_prefix(4 + size);
    for (std::uint64_t* number : {&member.size, &member.packed_size, &member.place}) {
      if (kind == 1 && *number == is_elsewhere_4 && field.size() >= 8) {
        *number = number_at(field, 0, 8);
        field.remove_prefix(8);
      }
    }
  }
}

}  // namespace

ZipArchive::ZipArchive(const Source& source) : source_(source), file_(std::make_shared<TableFile>(source)) {
  const Directory directory = find_directory();
  constexpr std::uint64_t largest = std::uint64_t{1} << 26U;
  if (directory.size > largest) {
    damaged("its directory is too large");
  }
  read_members(read(directory.place, directory.size));
}

void ZipArchive::damaged(std::string_view what) const {
  throw source_.file_error(fmt::format("it is damaged, or no archive: {}", what));
}

std::string ZipArchive::read(std::uint64_t place, std::uint64_t size) const {
  if (size > file_->size() || place > file_->size() - size) {
    damaged("it ends too early");
  }
  std::string bytes(size, '\0');
  file_->read_at(place, bytes);
  return bytes;
}

/// Its record stands at the end, in front of a comment.
ZipArchive::Directory ZipArchive::find_directory() const {
  constexpr std::uint64_t record_size = 22;
  constexpr std::uint64_t longest_comment = 0xFFFF;
  const std::uint64_t size = std::min(file_->size(), record_size + longest_comment);
  const std::uint64_t start = file_->size() - size;
  const std::string tail = read(start, size);
  const std::size_t found = tail.rfind(end_sign);
  if (found == tail.npos || tail.size() - found < record_size) {
    damaged("it does not end like one");
  }
  const std::string_view record = std::string_view(tail).substr(found);
  Directory directory{number_at(record, 16, 4), number_at(record, 12, 4)};
  if (number_at(record, 10, 2) != is_elsewhere_2 && directory.place != is_elsewhere_4 &&
      directory.size != is_elsewhere_4) {
    return directory;
  }
  constexpr std::uint64_t locator_size = 20;
  if (start + found < locator_size) {
    damaged("it does not end like one");
  }
  const std::string locator = read(start + found - locator_size, locator_size);
  if (!locator.starts_with(large_locator_sign)) {
    return directory;
  }
  const std::string large = read(number_at(locator, 8, 8), 56);
  if (!large.starts_with(large_end_sign)) {
    damaged("it does not end like one");
  }
  return {number_at(large, 48, 8), number_at(large, 40, 8)};
}

void ZipArchive::read_members(const std::string& directory) {
  constexpr std::size_t record_size = 46;
  std::string_view rest = directory;
  while (rest.size() >= record_size && rest.starts_with(member_sign)) {
    const std::size_t name = number_at(rest, 28, 2);
    const std::size_t extra = number_at(rest, 30, 2);
    const std::size_t comment = number_at(rest, 32, 2);
    if (rest.size() - record_size < name + extra + comment) {
      damaged("its directory ends within an entry");
    }
    ZipMember member{std::string(rest.substr(record_size, name)),
                     static_cast<std::uint16_t>(number_at(rest, 8, 2)),
                     static_cast<std::uint16_t>(number_at(rest, 10, 2)),
                     static_cast<std::uint32_t>(number_at(rest, 16, 4)),
                     number_at(rest, 20, 4),
                     number_at(rest, 24, 4),
                     number_at(rest, 42, 4)};
    fill_large(member, rest.substr(record_size + name, extra));
    members_.push_back(std::move(member));
    rest.remove_prefix(record_size + name + extra + comment);
  }
  if (!rest.empty()) {
    damaged("its directory holds something else");
  }
}

std::unique_ptr<ByteSource> ZipArchive::open(const ZipMember& member) const {
  constexpr std::uint64_t record_size = 30;
  const std::string record = read(member.place, record_size);
  if (!record.starts_with(local_sign)) {
    damaged(fmt::format("its directory points beside \"{}\"", printable(member.name, 100)));
  }
  if ((member.flags & 1U) != 0 || (member.method != 0 && member.method != 8)) {
    throw source_.invalid(fmt::format("its member \"{}\" is {}, which is not supported", printable(member.name, 100),
                                      (member.flags & 1U) != 0 ? "encrypted" : "packed otherwise than by deflate"));
  }
  const std::uint64_t place = member.place + record_size + number_at(record, 26, 2) + number_at(record, 28, 2);
  if (member.packed_size > file_->size() || place > file_->size() - member.packed_size) {
    damaged(fmt::format("it ends within \"{}\"", printable(member.name, 100)));
  }
  std::unique_ptr<ByteSource> bytes = std::make_unique<FilePart>(file_, place, member.packed_size);
  if (member.method == 8) {
    bytes = std::make_unique<Inflater>(source_, std::move(bytes), Packing::deflate);
  }
  return std::make_unique<MemberBytes>(source_, member, std::move(bytes));
}

}  // namespace mfld::tables

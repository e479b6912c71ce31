#include "hdf5/growing_file.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cassert>
#include <functional>
#include <numeric>
#include <utility>

#include "files/checksum.hpp"
#include "mfld/core/error.hpp"

namespace mfld::hdf5 {

namespace {

constexpr std::size_t page_bytes = 4096;
constexpr std::size_t seal_bytes = 64;
/// The superblock, version 0: signature, versions, sizes of addresses and lengths (1 byte each at 13 and 14), base
/// address (8 bytes at 24), end of file (8 bytes at 40).
constexpr std::string_view superblock_start{"\x89HDF\r\n\x1a\n\0", 9};
constexpr std::size_t end_place = 40;

/// How much longer than what is in use the file is: 4 MiB or an eighth. A reader has the time in which half of this is
/// recorded, milliseconds at the start and a sixteenth of the run's age later.
std::uint64_t room_behind(std::uint64_t end) { return std::max<std::uint64_t>(std::uint64_t{4} << 20U, end / 8); }

bool has_superblock(std::string_view page) {
  return page.starts_with(superblock_start) && load<std::uint8_t>(page, 13) == 8 && load<std::uint8_t>(page, 14) == 8 &&
         load<std::uint64_t>(page, 24) == 0;
}

}  // namespace

std::uint64_t GrowingSet::row_bytes() const {
  return static_cast<std::uint64_t>(std::accumulate(item.begin(), item.end(), std::int64_t{8}, std::multiplies<>()));
}

GrowingFile::GrowingFile(const FilePlace& place, const std::vector<GrowingSet>& sets, const std::atomic<bool>* stop)
    : file_(files::PosixFile::open_for_update(place)) {
  read_page(sets);
  for (const Growth& growth : growths_) {
    if (growth.header.extents[0] != 0 || growth.header.index != no_address) {
      refuse("it has rows already");
    }
  }
  const std::uint64_t seal_place = std::max<std::uint64_t>(page_bytes, (file_.size() + 7) / 8 * 8);
  file_.write_at(seal_place, seal(seal_place, stop));
  end_ = seal_place + seal_bytes;
  size_ = end_;
  extend();
}

GrowingFile::GrowingFile(const FilePlace& place, const std::vector<GrowingSet>& sets, std::int64_t num_rows,
                         const std::atomic<bool>* stop)
    : file_(files::PosixFile::open_for_update(place)) {
  read_page(sets);
  end_of_file_ = load<std::uint64_t>(page_, end_place);
  const std::uint64_t start = start_of_rows();
  std::string found(seal_bytes, '\0');
  if (file_.read_at(start - seal_bytes, found) < seal_bytes || found != seal(start - seal_bytes, stop)) {
    refuse("it is damaged, what stands before its rows is not what was written");
  }
  replay(start, num_rows_);
  for (const Growth& growth : growths_) {
    if (!growth.index.is_in(file_)) {
      refuse("it is damaged, the index of its rows is not what was written");
    }
  }
  if (num_rows_ < num_rows) {
    refuse(fmt::format("it has {} frames and the checkpoint counts {}", num_rows_, num_rows));
  }
  replay(start, num_rows);
}

void GrowingFile::refuse(std::string_view reason) const {
  throw FileError(fmt::format("cannot continue {}: {}", file_.place().path.string(), reason));
}

/// Reads the first bytes of the file and finds the sets there.
void GrowingFile::read_page(const std::vector<GrowingSet>& sets) {
  page_.assign(page_bytes, '\0');
  file_.read_at(0, page_);
  if (!has_superblock(page_)) {
    refuse("it is damaged, or not written by this program");
  }
  for (const GrowingSet& set : sets) {
    // The library has made them in this order, and some may be of one kind.
    const auto is_alike = [&set](const GrowingSet& other) {
      return other.item.size() == set.item.size() && other.numbers == set.numbers;
    };
    std::vector<GrowingHeader> headers = find_growing_headers(page_, 1 + set.item.size(), set.numbers);
    if (std::ssize(headers) != std::count_if(sets.begin(), sets.end(), is_alike)) {
      refuse("it is damaged, or not written by this version of the program");
    }
    const auto num_before = std::count_if(growths_.begin(), growths_.end(),
                                          [&is_alike](const Growth& growth) { return is_alike(growth.set); });
    GrowingHeader& header = headers[static_cast<std::size_t>(num_before)];
    if (!std::equal(set.item.begin(), set.item.end(), header.extents.begin() + 1)) {
      const auto& extents = header.extents;
      refuse(fmt::format("its frames hold {} numbers and the experiment's {}",
                         fmt::join(extents.begin() + 1, extents.end(), " x "), fmt::join(set.item, " x ")));
    }
    if (header.chunk != set.grid.chunk) {
      refuse("it is damaged, or not written by this version of the program");
    }
    ChunkIndex index(set.grid);
    growths_.push_back({set, std::move(index), std::move(header)});
  }
}

/// Follows from what the headers say: so many rows take so much, and the top of each index comes so far behind the
/// start.
std::uint64_t GrowingFile::start_of_rows() {
  size_ = file_.size();
  std::uint64_t bytes_a_row = 0;
  for (const Growth& growth : growths_) {
    bytes_a_row += growth.set.row_bytes();
  }
  const std::int64_t num_rows = growths_.front().header.extents[0];
  if (num_rows < 0 || static_cast<std::uint64_t>(num_rows) > size_ / bytes_a_row) {
    refuse("it is damaged, its rows are not all there");
  }
  if (num_rows == 0) {
    refuse("it has 0 frames and the checkpoint counts more");
  }
  replay(0, num_rows);
  const std::uint64_t start = growths_.front().header.index - growths_.front().index.root();
  for (const Growth& growth : growths_) {
    if (growth.header.extents[0] != num_rows || growth.header.index != start + growth.index.root()) {
      refuse("it is damaged, its parts do not agree");
    }
  }
  if (start < page_bytes + seal_bytes || start > size_ || end_ > size_ - start || end_of_file_ < start + end_ ||
      end_of_file_ > size_) {
    refuse("it is damaged, its rows are not all there");
  }
  return start;
}

/// Where things lie once there are `num_rows` rows.
void GrowingFile::replay(std::uint64_t start, std::int64_t num_rows) {
  for (Growth& growth : growths_) {
    growth.index = ChunkIndex(growth.set.grid);
  }
  end_ = start;
  for (num_rows_ = 0; num_rows_ < num_rows; ++num_rows_) {
    make_room(nullptr);
  }
}

/// Chunks for the next row, where it begins new ones, and their entries in the indices.
void GrowingFile::make_room(files::PosixFile* file) {
  const auto allocate = [this](std::uint64_t num_bytes) { return std::exchange(end_, end_ + num_bytes); };
  for (Growth& growth : growths_) {
    const ChunkGrid& grid = growth.set.grid;
    if (num_rows_ % grid.chunk[0] != 0) {
      continue;
    }
    growth.chunk_address = allocate(static_cast<std::uint64_t>(grid.per_row) * grid.num_bytes());
    for (std::int64_t part = 0; part < grid.per_row; ++part) {
      growth.index.add(growth.chunk_address + static_cast<std::uint64_t>(part) * grid.num_bytes(), allocate, file);
    }
  }
}

/// Of the first bytes of the file, without what changes.
std::uint64_t GrowingFile::checksum(std::uint64_t num_bytes, const std::atomic<bool>* stop) {
  files::Checksum result;
  std::string buffer(std::min<std::size_t>(num_bytes, std::size_t{1} << 20U), '\0');
  for (std::uint64_t place = 0; place < num_bytes; place += buffer.size()) {
    if (place > 0) {
      stop_if_asked(stop, fmt::format("reading {}", file_.place().path.string()));
    }
    const auto wanted = static_cast<std::size_t>(std::min<std::uint64_t>(buffer.size(), num_bytes - place));
    std::fill(buffer.begin(), buffer.end(), '\0');
    file_.read_at(place, std::span(buffer).first(wanted));
    if (place == 0) {
      store(std::uint64_t{0}, buffer.data() + end_place);
      for (const Growth& growth : growths_) {
        store(std::uint64_t{0}, buffer.data() + growth.header.rows_place);
        store(std::uint64_t{0}, buffer.data() + growth.header.index_place);
      }
    }
    result.process_bytes(buffer.data(), wanted);
  }
  return result.checksum();
}

std::string GrowingFile::seal(std::uint64_t num_bytes, const std::atomic<bool>* stop) {
  std::string text = fmt::format("mfld: {} bytes before this, crc64={:016x}\n", num_bytes, checksum(num_bytes, stop));
  text.resize(seal_bytes, '\0');
  return text;
}

void GrowingFile::append(std::span<const std::string_view> rows) {
  assert(rows.size() == growths_.size());
  make_room(&file_);
  bool moved = false;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    Growth& growth = growths_[i];
    assert(rows[i].size() == growth.set.row_bytes());
    const auto row_in_chunk = static_cast<std::uint64_t>(num_rows_ % growth.set.grid.chunk[0]);
    file_.write_at(growth.chunk_address + row_in_chunk * rows[i].size(), rows[i]);
    moved = moved || growth.index.root() != growth.header.index;
  }
  extend();
  if (moved) {
    write_counts();  // the new tops still lead to all of the old rows
  }
  ++num_rows_;
  write_counts();
}

void GrowingFile::read_last(std::size_t set, std::span<char> bytes) {
  assert(num_rows_ > 0);
  const Growth& growth = growths_[set];
  const auto row_in_chunk = static_cast<std::uint64_t>((num_rows_ - 1) % growth.set.grid.chunk[0]);
  file_.read_at(growth.chunk_address + row_in_chunk * growth.set.row_bytes(), bytes);
}

/// Makes sure that there is room behind what is in use; only as much as is needed, where the system allows no more.
void GrowingFile::extend() {
  const std::uint64_t room = room_behind(end_);
  if (end_of_file_ >= end_ + room / 2) {
    return;
  }
  const std::uint64_t before = size_;
  try {
    lengthen(std::max(size_, end_ + room) + room);
  } catch (const FileError&) {
    if (size_ < end_) {
      lengthen(end_);
    }
  }
  write_end(before >= end_ + room / 2 ? before : std::min(size_, end_ + room));
}

void GrowingFile::lengthen(std::uint64_t size) {
  file_.truncate(size);
  size_ = size;
}

void GrowingFile::write_end(std::uint64_t end) {
  store(end, page_.data() + end_place);
  file_.write_at(end_place, std::string_view(page_).substr(end_place, sizeof(end)));
  end_of_file_ = end;
}

void GrowingFile::write_counts() {
  std::size_t first = page_bytes;
  std::size_t last = 0;
  for (Growth& growth : growths_) {
    GrowingHeader& header = growth.header;
    header.index = growth.index.root();
    store(num_rows_, page_.data() + header.rows_place);
    store(header.index, page_.data() + header.index_place);
    first = std::min({first, header.rows_place, header.index_place});
    last = std::max({last, header.rows_place, header.index_place});
  }
  file_.write_at(first, std::string_view(page_).substr(first, last + sizeof(std::uint64_t) - first));
}

void GrowingFile::cut() {
  write_counts();
  extend();
}

void GrowingFile::finish() {
  for (const Growth& growth : growths_) {
    if (num_rows_ > 0) {
      const ChunkGrid& grid = growth.set.grid;
      const std::uint64_t used =
          static_cast<std::uint64_t>((num_rows_ - 1) % grid.chunk[0] + 1) * growth.set.row_bytes();
      const std::uint64_t all = static_cast<std::uint64_t>(grid.per_row) * grid.num_bytes();
      file_.write_at(growth.chunk_address + used, std::string(all - used, '\0'));
      growth.index.write_last(file_);
    }
  }
  write_end(end_);
  lengthen(end_);
  file_.sync();
  file_.close();
}

}  // namespace mfld::hdf5

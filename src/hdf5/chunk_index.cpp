#include "hdf5/chunk_index.hpp"

#include <algorithm>
#include <functional>
#include <numeric>
#include <string_view>
#include <utility>

#include "hdf5/object_header.hpp"

namespace mfld::hdf5 {

namespace {

/// Twice the "indexed storage internal node K" that files have unless they say otherwise.
constexpr std::int64_t fan_out = 64;
constexpr std::size_t head_bytes = 24;
constexpr std::size_t count_place = 6;
constexpr std::size_t right_place = 16;

}  // namespace

std::uint64_t ChunkGrid::num_bytes() const {
  return static_cast<std::uint64_t>(std::accumulate(chunk.begin(), chunk.end(), std::int64_t{8}, std::multiplies<>()));
}

std::vector<std::int64_t> ChunkGrid::first(std::int64_t c) const {
  std::vector<std::int64_t> place(chunk.size(), 0);
  place[0] = c / per_row * chunk[0];
  if (per_row > 1) {
    place[1] = c % per_row * chunk[1];
  }
  return place;
}

ChunkIndex::Node ChunkIndex::new_node(std::size_t level, std::uint64_t left, const Allocate& allocate) const {
  const std::size_t entry_bytes = key_bytes() + 8;
  Node node{0, 0, std::string(head_bytes + fan_out * entry_bytes + key_bytes(), '\0')};
  node.address = allocate(node.bytes.size());
  node.bytes.replace(0, 4, "TREE");
  node.bytes[4] = 1;
  node.bytes[5] = static_cast<char>(level);
  store(left, node.bytes.data() + 8);
  store(no_address, node.bytes.data() + right_place);
  std::int64_t span = 1;  // chunks below an entry
  for (std::size_t below = 0; below < level; ++below) {
    span *= fan_out;
  }
  const std::int64_t first = num_chunks_ / (span * fan_out) * (span * fan_out);
  for (std::int64_t i = 0; i <= fan_out; ++i) {
    char* key = node.bytes.data() + head_bytes + static_cast<std::size_t>(i) * entry_bytes;
    store(static_cast<std::uint32_t>(grid_.num_bytes()), key);
    for (const std::int64_t place : grid_.first(first + i * span)) {
      store(place, key + 8);
      key += 8;
    }
  }
  return node;
}

void ChunkIndex::append(Node& node, std::uint64_t child, files::PosixFile* file) const {
  const std::size_t place = head_bytes + static_cast<std::size_t>(node.num_entries) * (key_bytes() + 8) + key_bytes();
  store(child, node.bytes.data() + place);
  ++node.num_entries;
  store(static_cast<std::uint16_t>(node.num_entries), node.bytes.data() + count_place);
  if (file == nullptr) {
    return;
  }
  const std::string_view bytes = node.bytes;
  if (node.num_entries == 1) {
    file->write_at(node.address, bytes);
  } else {
    file->write_at(node.address + place, bytes.substr(place, 8));
    file->write_at(node.address, bytes.substr(0, 8));
  }
}

void ChunkIndex::add(std::uint64_t address, const Allocate& allocate, files::PosixFile* file) {
  std::uint64_t child = address;
  for (std::size_t level = 0;; ++level) {
    if (level == last_.size()) {
      last_.push_back(new_node(level, no_address, allocate));
      if (level > 0) {
        append(last_[level], root_, file);
      }
    }
    Node& node = last_[level];
    if (node.num_entries < fan_out) {
      append(node, child, file);
      break;
    }
    Node next = new_node(level, node.address, allocate);
    append(next, child, file);
    store(next.address, node.bytes.data() + right_place);
    if (file != nullptr) {
      file->write_at(node.address + right_place, std::string_view(node.bytes).substr(right_place, 8));
    }
    child = next.address;
    node = std::move(next);
  }
  root_ = last_.back().address;
  ++num_chunks_;
}

void ChunkIndex::write_last(files::PosixFile& file) const {
  for (const Node& node : last_) {
    file.write_at(node.address, node.bytes);
  }
}

bool ChunkIndex::is_in(const files::PosixFile& file) const {
  return std::all_of(last_.begin(), last_.end(), [&](const Node& node) {
    const std::string_view ours = node.bytes;
    std::string found(ours.size(), '\0');
    const std::size_t size = file.read_at(node.address, found);
    const std::size_t used = static_cast<std::size_t>(node.num_entries) * (key_bytes() + 8) + key_bytes();
    return size == ours.size() && ours.substr(0, count_place) == std::string_view(found).substr(0, count_place) &&
           load<std::uint16_t>(found, count_place) >= node.num_entries &&
           ours.substr(head_bytes, used) == std::string_view(found).substr(head_bytes, used);
  });
}

}  // namespace mfld::hdf5

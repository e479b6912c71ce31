#include "npz.hpp"

#include <fmt/format.h>

#include <initializer_list>
#include <utility>

namespace commands {

namespace {

using Field = std::pair<std::uint32_t, int>;

/// Numbers of so many bytes, the lowest first.
std::string fields(std::initializer_list<Field> numbers) {
  std::string bytes;
  for (const auto& [number, num_bytes] : numbers) {
    for (int k = 0; k < num_bytes; ++k) {
      bytes += static_cast<char>((number >> (8 * k)) & 255);
    }
  }
  return bytes;
}

/// What the head of an entry and its row in the list at the end share: version 2.0, sizes behind the bytes, stored, at
/// midnight of the first of January 1980, so that the same numbers are the same bytes.
std::string common(std::uint32_t checksum, std::uint32_t size, const std::string& name) {
  return fields({Field(20, 2), Field(8, 2), Field(0, 2), Field(0, 2), Field(33, 2), Field(checksum, 4), Field(size, 4),
                 Field(size, 4), Field(static_cast<std::uint32_t>(name.size()), 2), Field(0, 2)});
}

}  // namespace

Npz::Npz(mfld::TakeBytes take) : take_(std::move(take)) {}

void Npz::put(std::string_view bytes) {
  take_(bytes);
  position_ += static_cast<std::uint32_t>(bytes.size());
}

void Npz::begin(const std::string& name, std::string_view type, std::string_view shape) {
  end_entry();
  entries_.push_back({name + ".npy", 0, 0, position_});
  put("PK\x03\x04" + common(0, 0, entries_.back().name) + entries_.back().name);
  is_open_ = true;
  checksum_.reset();
  constexpr std::size_t start = 10;
  std::string header = fmt::format("{{'descr': '{}', 'fortran_order': False, 'shape': ({}), }}", type, shape);
  header.append(63 - (start + header.size()) % 64, ' ');
  header += '\n';
  write(std::string("\x93NUMPY\x01\x00", 8) + fields({Field(static_cast<std::uint32_t>(header.size()), 2)}) + header);
}

void Npz::write(std::string_view bytes) {
  checksum_.process_bytes(bytes.data(), bytes.size());
  entries_.back().size += static_cast<std::uint32_t>(bytes.size());
  put(bytes);
}

void Npz::end_entry() {
  if (is_open_) {
    entries_.back().checksum = checksum_.checksum();
    put("PK\x07\x08" +
        fields({Field(entries_.back().checksum, 4), Field(entries_.back().size, 4), Field(entries_.back().size, 4)}));
    is_open_ = false;
  }
}

void Npz::finish() {
  end_entry();
  const std::uint32_t list = position_;
  for (const Entry& entry : entries_) {
    put("PK\x01\x02" + fields({Field(20, 2)}) + common(entry.checksum, entry.size, entry.name) +
        fields({Field(0, 2), Field(0, 2), Field(0, 2), Field(0, 4), Field(entry.position, 4)}) + entry.name);
  }
  const auto count = static_cast<std::uint32_t>(entries_.size());
  put("PK\x05\x06" + fields({Field(0, 2), Field(0, 2), Field(count, 2), Field(count, 2), Field(position_ - list, 4),
                             Field(list, 4), Field(0, 2)}));
}

}  // namespace commands

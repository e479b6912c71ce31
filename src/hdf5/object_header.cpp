#include "hdf5/object_header.hpp"

#include <bit>
#include <optional>
#include <utility>

namespace mfld::hdf5 {

namespace {

static_assert(std::endian::native == std::endian::little);

constexpr std::size_t header_bytes = 16;
constexpr std::size_t message_bytes = 8;
constexpr std::uint16_t dataspace_type = 1;
constexpr std::uint16_t datatype_type = 3;
constexpr std::uint16_t layout_type = 8;

std::uint8_t byte(std::string_view bytes, std::size_t place) { return load<std::uint8_t>(bytes, place); }

/// Each reads one message, all of whose bytes are given; `place` is where the first of them stands. False where it is
/// not as expected.
bool read_dataspace(std::string_view body, std::size_t place, std::size_t rank, GrowingHeader& found) {
  if (body.size() < 8 + 16 * rank || byte(body, 0) != 1 || byte(body, 1) != rank || byte(body, 2) != 1 ||
      load<std::uint64_t>(body, 8 + 8 * rank) != no_address) {
    return false;
  }
  found.rows_place = place + 8;
  for (std::size_t i = 0; i < rank; ++i) {
    found.extents.push_back(load<std::int64_t>(body, 8 + 8 * i));
  }
  return true;
}

bool is_datatype(std::string_view body, Numbers numbers) {
  const std::uint8_t version_and_class = numbers == Numbers::integers ? 0x10 : 0x11;
  return body.size() >= 8 && byte(body, 0) == version_and_class && load<std::uint32_t>(body, 4) == 8;
}

bool read_layout(std::string_view body, std::size_t place, std::size_t rank, GrowingHeader& found) {
  if (body.size() < 15 + 4 * rank || byte(body, 0) != 3 || byte(body, 1) != 2 || byte(body, 2) != rank + 1 ||
      load<std::uint32_t>(body, 11 + 4 * rank) != 8) {
    return false;
  }
  found.index = load<std::uint64_t>(body, 3);
  found.index_place = place + 3;
  for (std::size_t i = 0; i < rank; ++i) {
    found.chunk.push_back(load<std::uint32_t>(body, 11 + 4 * i));
  }
  return true;
}

std::optional<GrowingHeader> read_header(std::string_view bytes, std::size_t start, std::size_t rank, Numbers numbers) {
  if (byte(bytes, start) != 1 || byte(bytes, start + 1) != 0) {
    return std::nullopt;
  }
  const std::size_t size = load<std::uint32_t>(bytes, start + 8);
  if (size > bytes.size() - start - header_bytes) {
    return std::nullopt;
  }
  GrowingHeader found;
  bool is_right = true;
  int parts = 0;
  for (std::size_t place = start + header_bytes; is_right && place + message_bytes <= start + header_bytes + size;) {
    const auto type = load<std::uint16_t>(bytes, place);
    const std::string_view body = bytes.substr(place + message_bytes, load<std::uint16_t>(bytes, place + 2));
    place += message_bytes;
    if (type == dataspace_type) {
      is_right = read_dataspace(body, place, rank, found);
    } else if (type == datatype_type) {
      is_right = is_datatype(body, numbers);
    } else if (type == layout_type) {
      is_right = read_layout(body, place, rank, found);
    }
    parts += type == dataspace_type || type == datatype_type || type == layout_type ? 1 : 0;
    place += body.size();
  }
  return is_right && parts == 3 && !found.extents.empty() && !found.chunk.empty() ? std::optional(found) : std::nullopt;
}

}  // namespace

std::vector<GrowingHeader> find_growing_headers(std::string_view bytes, std::size_t rank, Numbers numbers) {
  std::vector<GrowingHeader> result;
  for (std::size_t start = 0; start + header_bytes <= bytes.size(); start += 8) {
    if (auto found = read_header(bytes, start, rank, numbers)) {
      result.push_back(*std::move(found));
    }
  }
  return result;
}

}  // namespace mfld::hdf5

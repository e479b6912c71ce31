#pragma once
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>
#include <vector>

namespace mfld::hdf5 {

/// The number of type Value at `place`; bytes.size() must reach so far. HDF5 stores the lowest byte first.
template <class Value>
Value load(std::string_view bytes, std::size_t place) {
  Value value;
  std::memcpy(&value, bytes.data() + place, sizeof(value));
  return value;
}

template <class Value>
void store(Value value, char* bytes) {
  std::memcpy(bytes, &value, sizeof(value));
}

/// What an HDF5 file says of one data set in chunks, and where in the file it says the two numbers that change when
/// the data set grows.
struct GrowingHeader {
  std::vector<std::int64_t> extents;
  std::vector<std::int64_t> chunk;
  std::uint64_t index = 0;      // address of its index of chunks; no_address while there is none
  std::size_t rows_place = 0;   // of extents[0], 8 bytes
  std::size_t index_place = 0;  // of `index`, 8 bytes
};

inline constexpr std::uint64_t no_address = ~std::uint64_t{0};

enum class Numbers { integers, reals };

/// The headers, among the first bytes of a file and in their order there, of the data sets of 8-byte numbers that lie
/// in chunks, have `rank` extents and may grow in the first. Any bytes may be given. Read without the library, which is
/// not safe on damaged files:
///   object header, version 1:  1, -, number of messages (2 bytes), -, -, size of all messages (4 bytes at 8), 16 bytes
///   in all, then the messages: type (2 bytes), size (2 bytes), flags, 3 unused bytes, then so many bytes of
///     dataspace, type 1:   1, rank, 1, 5 unused bytes, extents and largest extents (8 bytes each)
///     datatype, type 3:    version 1 and class (4 bits each), 3 bytes, size (4 bytes)
///     data layout, type 8: 3, 2, rank + 1, address of the index (8 bytes), extents of a chunk and size (4 bytes each)
/// ("HDF5 File Format Specification Version 3.0", sections IV.A.1.a, IV.A.2.b, d and i).
std::vector<GrowingHeader> find_growing_headers(std::string_view bytes, std::size_t rank, Numbers numbers);

}  // namespace mfld::hdf5

// numpy.lib.format, versions 1 to 3.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <bit>
#include <charconv>
#include <cmath>
#include <concepts>
#include <cstddef>
#include <limits>
#include <optional>
#include <span>
#include <system_error>
#include <utility>

#include "tables/columns.hpp"
#include "tables/little_endian.hpp"
#include "tables/npy_table.hpp"
#include "tables/table_file.hpp"

namespace mfld::tables {

namespace {

/// Not a number where the integer is none of double precision, which has 53 bits.
template <class Number, std::unsigned_integral Word>
double number_of(std::uint64_t word) {
  const auto number = std::bit_cast<Number>(static_cast<Word>(word));
  if constexpr (std::integral<Number> && sizeof(Number) == 8) {
    const Word size = number < 0 ? Word{0} - static_cast<Word>(number) : static_cast<Word>(number);
    if (static_cast<int>(std::bit_width(size)) - std::countr_zero(size) > std::numeric_limits<double>::digits) {
      return std::numeric_limits<double>::quiet_NaN();
    }
  }
  return static_cast<double>(number);
}

/// IEEE 754 binary16: a sign, 5 bits of exponent, 10 of fraction.
double half_of(std::uint64_t word) {
  const double sign = (word & 0x8000U) != 0 ? -1 : 1;
  const int exponent = static_cast<int>(word >> 10U & 0x1FU);
  const auto fraction = static_cast<double>(word & 0x3FFU);
  if (exponent == 0x1F) {
    return fraction == 0 ? sign * std::numeric_limits<double>::infinity() : std::numeric_limits<double>::quiet_NaN();
  }
  return sign * (exponent == 0 ? std::ldexp(fraction, -24) : std::ldexp(fraction + 1024, exponent - 25));
}

std::uint64_t reversed(std::uint64_t word, std::size_t size) {
  std::uint64_t result = 0;
  for (std::size_t i = 0; i < size; ++i, word >>= 8U) {
    result = result << 8U | (word & 0xFFU);
  }
  return result;
}

double logical_of(std::uint64_t word) { return word != 0 ? 1 : 0; }

struct NpyType {
  std::string_view name;  // behind the order of its bytes
  std::size_t size;
  double (*number)(std::uint64_t);
  bool is_integer() const { return name[0] != 'f'; }
};

constexpr std::array<NpyType, 12> npy_types = {{
    {"f8", 8, number_of<double, std::uint64_t>},
    {"f4", 4, number_of<float, std::uint32_t>},
    {"f2", 2, half_of},
    {"b1", 1, logical_of},
    {"i1", 1, number_of<std::int8_t, std::uint8_t>},
    {"i2", 2, number_of<std::int16_t, std::uint16_t>},
    {"i4", 4, number_of<std::int32_t, std::uint32_t>},
    {"i8", 8, number_of<std::int64_t, std::uint64_t>},
    {"u1", 1, number_of<std::uint8_t, std::uint8_t>},
    {"u2", 2, number_of<std::uint16_t, std::uint16_t>},
    {"u4", 4, number_of<std::uint32_t, std::uint32_t>},
    {"u8", 8, number_of<std::uint64_t, std::uint64_t>},
}};

/// What numpy calls by these letters, where it is no number.
std::string_view words_of_type(std::string_view type) {
  switch (type.size() > 1 ? type[1] : ' ') {
    case 'c':
      return ", complex,";
    case 'O':
      return ", pickled objects of Python,";
    case 'U':
    case 'S':
      return ", words,";
    case 'M':
    case 'm':
      return ", dates or times,";
    case 'V':
      return ", records,";
    default:
      return "";
  }
}

class NpyReader {
 public:
  NpyReader(const Source& source, ByteSource& bytes, std::uint64_t size)
      : source_(source), bytes_(bytes), bytes_left_(size) {}

  Table read(const TableOptions& options) {
    const std::string header = read_header();
    const NpyType& type = parse_type(entry(header, "descr"));
    const bool big_endian = entry(header, "descr").starts_with("'>");
    const bool by_columns = entry(header, "fortran_order").starts_with("True");
    const auto [rows, columns] = parse_shape(entry(header, "shape"));
    check_shape(source_, rows, columns);
    if (rows * columns > bytes_left_ / type.size || rows * columns * type.size != bytes_left_) {
      throw source_.file_error(fmt::format("its header promises {} x {} numbers of {} bytes and {} bytes follow", rows,
                                           columns, type.size, bytes_left_));
    }
    check_fits(source_, rows, columns, options.num_copies);
    Table table{source_, Inputs(static_cast<Index>(rows), static_cast<Index>(columns)), 1, {}};
    select_from_all(table, options);
    fill(type, big_endian, by_columns, table);
    check_finite(table);
    return table;
  }

 private:
  /// All the bytes that are left, in the order of the file.
  void fill(const NpyType& type, bool big_endian, bool by_columns, Table& table) {
    constexpr std::uint64_t block = std::uint64_t{1} << 20U;
    Inputs& values = table.values;
    const std::vector<Index> read = table.read_columns();
    Index row = 0;
    Index column = 0;
    while (bytes_left_ > 0) {
      const std::string bytes = take(std::min(bytes_left_, block));
      for (std::size_t k = 0; k < bytes.size(); k += type.size) {
        const std::uint64_t word = little_endian(reinterpret_cast<const unsigned char*>(bytes.data()) + k, type.size);
        const double number = type.number(big_endian ? reversed(word, type.size) : word);
        if (std::isnan(number) && type.is_integer() && std::binary_search(read.begin(), read.end(), column)) {
          throw source_.invalid_at(row + 1, column + 1,
                                   "holds an integer of more than 53 bits, which is no number of double precision");
        }
        values(row, column) = number;
        if (++(by_columns ? row : column) == (by_columns ? values.rows() : values.cols())) {
          (by_columns ? row : column) = 0;
          ++(by_columns ? column : row);
        }
      }
    }
  }

  std::string take(std::uint64_t num_bytes) {
    if (num_bytes > bytes_left_) {
      throw source_.file_error("it ends within its header");
    }
    std::string bytes(num_bytes, '\0');
    for (std::size_t filled = 0; filled < bytes.size();) {
      const std::size_t count = bytes_.read(std::span(bytes).subspan(filled));
      if (count == 0) {
        throw source_.file_error("it ends too early");
      }
      filled += count;
    }
    bytes_left_ -= num_bytes;
    return bytes;
  }

  /// The text of the dictionary that says how the data lie.
  std::string read_header() {
    const std::string start = take(8);
    const auto version = static_cast<unsigned char>(start[6]);
    if (!start.starts_with("\x93NUMPY") || version < 1 || version > 3) {
      throw source_.file_error("it does not start like a .npy file of version 1, 2 or 3");
    }
    const std::string bytes = take(version == 1 ? 2 : 4);
    const std::uint64_t length = little_endian(reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size());
    constexpr std::uint64_t max_length = std::uint64_t{1} << 20U;
    if (length > max_length && length <= bytes_left_) {
      throw source_.file_error(fmt::format("its header has {} bytes and must have {} at most", length, max_length));
    }
    return take(length);
  }

  /// The text that follows 'key': in the dictionary.
  std::string_view entry(std::string_view header, std::string_view key) const {
    const std::string quoted = fmt::format("'{}':", key);
    const std::size_t place = header.find(quoted);
    if (place == header.npos) {
      throw source_.file_error(fmt::format("its header has no entry '{}'", key));
    }
    return trimmed(header.substr(place + quoted.size()));
  }

  const NpyType& parse_type(std::string_view text) const {
    const std::string_view name =
        text.starts_with('\'') ? text.substr(1, std::min(text.find('\'', 1), text.size()) - 1) : text;
    const std::string_view rest = name.substr(std::min<std::size_t>(name.find_first_not_of("<>|="), name.size()));
    const auto found =
        std::find_if(npy_types.begin(), npy_types.end(), [rest](const NpyType& type) { return type.name == rest; });
    if (found == npy_types.end() || name.size() != rest.size() + 1) {
      throw source_.invalid(
          fmt::format("its values are of type {}{} and must be integers, logical values or floats of 2, 4 or 8 bytes",
                      quoted_field(name), words_of_type(name)));
    }
    return *found;
  }

  std::pair<std::uint64_t, std::uint64_t> parse_shape(std::string_view text) const {
    const std::size_t end = text.find(')');
    if (!text.starts_with('(') || end == text.npos) {
      throw source_.file_error("the shape in its header is no tuple");
    }
    std::vector<std::string_view> extents = split_fields(text.substr(1, end - 1));
    if (extents.back().empty()) {
      extents.pop_back();
    }
    if (extents.size() != 2) {
      throw source_.invalid(fmt::format("its array has {} dimensions and must have 2", extents.size()));
    }
    std::array<std::uint64_t, 2> shape{};
    for (std::size_t k = 0; k < 2; ++k) {
      const char* last = extents[k].data() + extents[k].size();
      const auto [stop, error] = std::from_chars(extents[k].data(), last, shape[k]);
      if (error != std::errc() || stop != last) {
        throw source_.file_error(fmt::format("{} in its header is no extent of an array", quoted_field(extents[k])));
      }
    }
    return {shape[0], shape[1]};
  }

  Source source_;
  ByteSource& bytes_;
  std::uint64_t bytes_left_ = 0;
};

}  // namespace

Table read_npy(const Source& source, ByteSource& bytes, std::uint64_t size, const TableOptions& options) {
  return NpyReader(source, bytes, size).read(options);
}

Table read_npy(const Source& source, const TableOptions& options) {
  TableFile file(source);
  return read_npy(source, file, file.size(), options);
}

}  // namespace mfld::tables

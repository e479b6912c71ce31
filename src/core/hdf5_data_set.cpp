#include "core/hdf5_data_set.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <limits>
#include <system_error>
#include <utility>

#include "mfld/core/memory.hpp"

namespace mfld::hdf5 {

namespace {

namespace fs = std::filesystem;

std::vector<std::int64_t> shape_of(const SourceFile& file, hid_t space) {
  const int rank = file.check(H5Sget_simple_extent_ndims(space));
  std::vector<hsize_t> extents(static_cast<std::size_t>(rank));
  file.check(H5Sget_simple_extent_dims(space, extents.data(), nullptr));
  return {extents.begin(), extents.end()};
}

void check_type(const SourceFile& file, hid_t data_set) {
  const Id type(file.check(H5Dget_type(data_set)), H5Tclose);
  const H5T_class_t kind = H5Tget_class(type);
  if (kind != H5T_INTEGER && kind != H5T_FLOAT) {
    throw Unreadable("its data set must hold integers or floating-point numbers, and holds something else");
  }
}

// --- Filters

struct Filter {
  H5Z_filter_t number;
  std::string_view name;
};

/// Those that are met and that the library itself has not; the whole register is at the HDF Group.
constexpr std::array<Filter, 8> known_filters = {{{H5Z_FILTER_SZIP, "szip"},
                                                  {32000, "lzf"},
                                                  {32001, "blosc"},
                                                  {32004, "lz4"},
                                                  {32008, "bitshuffle"},
                                                  {32013, "zfp"},
                                                  {32015, "zstd"},
                                                  {32026, "blosc2"}}};

void check_filters(const SourceFile& file, hid_t creation) {
  const int count = file.check(H5Pget_nfilters(creation));
  for (int i = 0; i < count; ++i) {
    std::array<char, 64> stored{};
    unsigned flags = 0;
    unsigned config = 0;
    std::size_t num_values = 0;
    const H5Z_filter_t number = file.check(H5Pget_filter2(creation, static_cast<unsigned>(i), &flags, &num_values,
                                                          nullptr, stored.size() - 1, stored.data(), &config));
    if (H5Zfilter_avail(number) > 0) {
      continue;
    }
    const auto known = std::find_if(known_filters.begin(), known_filters.end(),
                                    [number](const Filter& filter) { return filter.number == number; });
    const std::string name = known != known_filters.end() ? std::string(known->name) : stored.data();
    throw Unreadable(
        fmt::format("its data set is compressed with the filter \"{}\" ({}), which is not installed; rewrite it with "
                    "gzip or without compression",
                    name, number));
  }
}

// --- Room

std::vector<hsize_t> chunk_of(const OpenDataSet& data_set) {
  std::vector<hsize_t> chunk(data_set.shape.size());
  data_set.file->check(H5Pget_chunk(data_set.creation, static_cast<int>(chunk.size()), chunk.data()));
  return chunk;
}

bool has_all_chunks(const OpenDataSet& data_set) {
  const std::vector<hsize_t> chunk = chunk_of(data_set);
  double expected = 1;
  for (std::size_t i = 0; i < chunk.size(); ++i) {
    expected *= std::ceil(static_cast<double>(data_set.shape[i]) / static_cast<double>(std::max<hsize_t>(chunk[i], 1)));
  }
  hsize_t present = 0;
  data_set.file->check(H5Dget_num_chunks(data_set.id, data_set.space, &present));
  return static_cast<double>(present) >= expected;
}

double bytes_of(const OpenDataSet& data_set) {
  const Id type(data_set.file->check(H5Dget_type(data_set.id)), H5Tclose);
  double bytes = static_cast<double>(H5Tget_size(type));
  for (const std::int64_t extent : data_set.shape) {
    bytes *= static_cast<double>(extent);
  }
  return bytes;
}

/// A shape that promises more than is there would have the library read what lies behind, in memory or as zeros.
void check_stored(const OpenDataSet& data_set) {
  const double bytes = bytes_of(data_set);
  bool whole = static_cast<double>(H5Dget_storage_size(data_set.id)) >= bytes;
  if (data_set.layout == H5D_CHUNKED) {  // of any size in the file, for they may be compressed
    whole = has_all_chunks(data_set);
  } else if (const haddr_t start = H5Dget_offset(data_set.id);
             data_set.layout == H5D_CONTIGUOUS && start != HADDR_UNDEF) {
    std::error_code error;
    const auto end = static_cast<double>(fs::file_size(data_set.file->path, error));
    whole = whole && static_cast<double>(start) + bytes <= end;
  }
  if (!whole) {
    throw Unreadable("it is damaged, the values that its shape promises are not all there");
  }
}

/// The library holds a chunk as it is in the file and as it was.
void check_chunk_memory(const OpenDataSet& data_set) {
  const Id type(data_set.file->check(H5Dget_type(data_set.id)), H5Tclose);
  double bytes = 2.0 * static_cast<double>(H5Tget_size(type));
  for (const hsize_t extent : chunk_of(data_set)) {
    bytes *= static_cast<double>(extent);
  }
  if (const double available = available_memory(); bytes > available) {
    throw Refused(fmt::format("its chunks need {:.3g} GiB each and {:.3g} GiB are available", bytes / 0x1p30,
                              available / 0x1p30));
  }
}

// --- Conversion

/// Whether a double equals the integer; one of more than 8 bytes counts as too large.
bool is_exact(hid_t type, const void* bytes) {
  const std::size_t size = H5Tget_size(type);
  std::array<unsigned char, 8> value{};
  if (size > value.size()) {
    return false;
  }
  std::memcpy(value.data(), bytes, size);
  if (H5Tget_order(type) == H5T_ORDER_BE) {
    std::reverse(value.begin(), value.begin() + static_cast<std::ptrdiff_t>(size));
  }
  auto magnitude = std::bit_cast<std::uint64_t>(value);
  if (H5Tget_sign(type) == H5T_SGN_2 && (magnitude >> (8 * size - 1)) != 0) {
    magnitude = ~magnitude + 1;
    magnitude &= std::numeric_limits<std::uint64_t>::max() >> (64 - 8 * size);
  }
  return magnitude == 0 ||
         std::bit_width(magnitude) - std::countr_zero(magnitude) <= std::numeric_limits<double>::digits;
}

H5T_conv_ret_t refuse_inexact(H5T_conv_except_t exception, hid_t source, hid_t /*target*/, void* bytes,
                              void* /*result*/, void* found) {
  if (exception != H5T_CONV_EXCEPT_PRECISION || H5Tget_class(source) != H5T_INTEGER || is_exact(source, bytes)) {
    return H5T_CONV_UNHANDLED;
  }
  *static_cast<bool*>(found) = true;
  return H5T_CONV_ABORT;
}

void read_into(const OpenDataSet& data_set, hid_t memory, hid_t selection, double* values) {
  const SourceFile& file = *data_set.file;
  bool inexact = false;
  const Id transfer(file.check(H5Pcreate(H5P_DATASET_XFER)), H5Pclose);
  file.check(H5Pset_type_conv_cb(transfer, refuse_inexact, &inexact));
  const herr_t result = H5Dread(data_set.id, H5T_NATIVE_DOUBLE, memory, selection, transfer, values);
  if (inexact) {
    throw Refused("its data set holds an integer that no double equals, beyond 2^53");
  }
  file.check(result);
}

// --- Virtual data sets

/// What `get` writes of the name of a mapping's source.
template <class Get>
std::string name_of(const SourceFile& file, const Get& get) {
  const ssize_t length = file.check(get(nullptr, 0));
  std::string name(static_cast<std::size_t>(length) + 1, '\0');
  file.check(get(name.data(), name.size()));
  name.pop_back();
  if (name.find("%b") != std::string::npos) {
    throw Refused("its virtual data set takes numbers from files that are counted on for ever, which is not supported");
  }
  for (std::size_t place = 0; (place = name.find("%%", place)) != std::string::npos; ++place) {
    name.erase(place, 1);
  }
  return name;
}

bool is_unlimited(hid_t space) {
  return H5Sget_select_npoints(space) < 0 || H5Sget_select_npoints(space) == static_cast<hssize_t>(H5S_UNLIMITED);
}

std::size_t num_mappings(const OpenDataSet& data_set) {
  std::size_t count = 0;
  data_set.file->check(H5Pget_virtual_count(data_set.creation, &count));
  return count;
}

/// Before the library looks for the extent of the sources, which is what it does for one that grows with them.
void check_mappings(const SourceFile& file, hid_t creation) {
  std::size_t count = 0;
  file.check(H5Pget_virtual_count(creation, &count));
  for (std::size_t i = 0; i < count; ++i) {
    const Id target(file.check(H5Pget_virtual_vspace(creation, i)), H5Sclose);
    const Id source(file.check(H5Pget_virtual_srcspace(creation, i)), H5Sclose);
    if (is_unlimited(target) || is_unlimited(source)) {
      throw Refused("its virtual data set grows with its sources, which is not supported");
    }
  }
}

/// Makes a selection that was stored one of the data set as it is now. False where it goes beyond that.
bool fit(Id& selection, const OpenDataSet& data_set) {
  const SourceFile& file = *data_set.file;
  if (H5Sget_select_type(selection) == H5S_SEL_ALL) {  // stored without an extent
    selection = Id(file.check(H5Scopy(data_set.space)), H5Sclose);
    return true;
  }
  if (H5Sget_simple_extent_ndims(selection) != std::ssize(data_set.shape)) {
    return false;
  }
  file.check(H5Sextent_copy(selection, data_set.space));
  return H5Sselect_valid(selection) > 0;
}

}  // namespace

bool DataSetReader::find(const std::string& name) {
  const Place place = sources_.locate(sources_.first(), name);
  if (!place.file) {
    return false;
  }
  {
    const Id object(place.file->check(H5Oopen(place.group, place.name.c_str(), H5P_DEFAULT)), H5Oclose);
    if (H5Iget_type(object) != H5I_DATASET) {
      return false;
    }
  }
  found_.clear();
  found_.push_back(open(place));
  return true;
}

OpenDataSet DataSetReader::open(const Place& place) const {
  const SourceFile& file = *place.file;
  const Id access(file.check(H5Pcreate(H5P_DATASET_ACCESS)), H5Pclose);
  // Raw files, too, are named from the folder of the file that names them, not from the current one.
  file.check(H5Pset_efile_prefix(access, file.path.parent_path().c_str()));
  Id id(file.check(H5Dopen2(place.group, place.name.c_str(), access)), H5Dclose);
  Id creation(file.check(H5Dget_create_plist(id)), H5Pclose);
  const H5D_layout_t layout = H5Pget_layout(creation);
  check_type(file, id);
  if (layout == H5D_VIRTUAL) {
    check_mappings(file, creation);
  }
  Id space(file.check(H5Dget_space(id)), H5Sclose);
  std::vector<std::int64_t> shape = shape_of(file, space);
  OpenDataSet result{place.file, std::move(id), std::move(creation), std::move(space), std::move(shape), layout};
  if (layout == H5D_VIRTUAL) {
    return result;
  }
  check_filters(file, result.creation);
  if (layout == H5D_CHUNKED) {
    check_chunk_memory(result);
  }
  if (file.check(H5Pget_external_count(result.creation)) > 0) {
    check_external_files(result);
  } else {
    check_stored(result);
  }
  return result;
}

/// Raw files one after another make up the data; the library takes what is missing at the end of one for zeros.
void DataSetReader::check_external_files(const OpenDataSet& data_set) const {
  if (std::getenv("HDF5_EXTFILE_PREFIX") != nullptr) {
    throw Refused("its numbers lie in raw files, and the environment variable HDF5_EXTFILE_PREFIX is set; unset it");
  }
  double left = bytes_of(data_set);
  const int count = H5Pget_external_count(data_set.creation);
  for (int i = 0; i < count && left > 0; ++i) {
    std::vector<char> name(4097);
    off_t offset = 0;
    hsize_t size = 0;
    data_set.file->check(
        H5Pget_external(data_set.creation, static_cast<unsigned>(i), name.size() - 1, name.data(), &offset, &size));
    const fs::path path = sources_.resolve(*data_set.file, name.data());
    const double wanted = size == H5F_UNLIMITED ? left : std::min(left, static_cast<double>(size));
    std::error_code error;
    if (static_cast<double>(offset) + wanted > static_cast<double>(fs::file_size(path, error)) || error) {
      throw Unreadable(fmt::format("it takes numbers from another file, \"{}\", which is too short", name.data()));
    }
    left -= wanted;
  }
  if (left > 0) {
    throw Unreadable("it is damaged, the values that its shape promises are not all there");
  }
}

void DataSetReader::read(std::span<double> values) const {
  const OpenDataSet& data_set = found_.front();
  if (data_set.layout == H5D_VIRTUAL) {
    read_virtual(data_set, values);
  } else {
    read_into(data_set, H5S_ALL, H5S_ALL, values.data());
  }
}

/// Source by source, into the places that are meant for it. What no source fills is not a number.
void DataSetReader::read_virtual(const OpenDataSet& data_set, std::span<double> values) const {
  const SourceFile& file = *data_set.file;
  std::fill(values.begin(), values.end(), std::numeric_limits<double>::quiet_NaN());
  for (std::size_t i = 0; i < num_mappings(data_set); ++i) {
    Id target(file.check(H5Pget_virtual_vspace(data_set.creation, i)), H5Sclose);
    if (!fit(target, data_set)) {
      throw Unreadable("it is damaged, its virtual data set is smaller than its parts");
    }
    read_source(data_set, i, target, values);
  }
}

void DataSetReader::read_source(const OpenDataSet& data_set, std::size_t mapping, hid_t target,
                                std::span<double> values) const {
  const SourceFile& file = *data_set.file;
  const std::string file_name = name_of(file, [&](char* text, std::size_t size) {
    return H5Pget_virtual_filename(data_set.creation, mapping, text, size);
  });
  const std::string path = name_of(file, [&](char* text, std::size_t size) {
    return H5Pget_virtual_dsetname(data_set.creation, mapping, text, size);
  });
  const Place place =
      sources_.locate(file_name == "." ? data_set.file : sources_.open(*data_set.file, file_name), path);
  if (!place.file) {
    throw Unreadable(fmt::format("it takes numbers from \"{}\" of \"{}\", which is not there", path, file_name));
  }
  const OpenDataSet source = open(place);
  if (source.layout == H5D_VIRTUAL) {
    throw Refused("its virtual data set takes numbers from another virtual one, which is not supported");
  }
  Id selection(file.check(H5Pget_virtual_srcspace(data_set.creation, mapping)), H5Sclose);
  if (!fit(selection, source) || H5Sget_select_npoints(selection) != H5Sget_select_npoints(target)) {
    throw Unreadable(
        fmt::format("it takes numbers from \"{}\" of \"{}\", which has another shape than it says", path, file_name));
  }
  read_into(source, target, selection, values.data());
}

}  // namespace mfld::hdf5

#include "hdf5/open_data_set.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdlib>
#include <string>
#include <system_error>
#include <utility>

#include "mfld/core/memory.hpp"

namespace mfld::hdf5 {

std::vector<hsize_t> chunk_of(const OpenDataSet& data_set) {
  std::vector<hsize_t> chunk(data_set.shape.size());
  data_set.file->check(H5Pget_chunk(data_set.creation, static_cast<int>(chunk.size()), chunk.data()));
  std::replace(chunk.begin(), chunk.end(), hsize_t{0}, hsize_t{1});  // of a damaged file
  return chunk;
}

double num_chunks(const OpenDataSet& data_set) {
  const std::vector<hsize_t> chunk = chunk_of(data_set);
  double count = 1;
  for (std::size_t i = 0; i < chunk.size(); ++i) {
    count *= std::ceil(static_cast<double>(data_set.shape[i]) / static_cast<double>(chunk[i]));
  }
  return count;
}

double bytes_of_value(const OpenDataSet& data_set) {
  const Id type(data_set.file->check(H5Dget_type(data_set.id)), H5Tclose);
  return static_cast<double>(H5Tget_size(type));
}

double bytes_of(const OpenDataSet& data_set) {
  double bytes = bytes_of_value(data_set);
  for (const std::int64_t extent : data_set.shape) {
    bytes *= static_cast<double>(extent);
  }
  return bytes;
}

std::optional<double> fill_value(const OpenDataSet& data_set) {
  const SourceFile& file = *data_set.file;
  H5D_fill_value_t kind = H5D_FILL_VALUE_UNDEFINED;
  H5D_fill_time_t time = H5D_FILL_TIME_NEVER;
  file.check(H5Pfill_value_defined(data_set.creation, &kind));
  file.check(H5Pget_fill_time(data_set.creation, &time));
  if (kind != H5D_FILL_VALUE_USER_DEFINED || time == H5D_FILL_TIME_NEVER) {
    return std::nullopt;
  }
  double value = 0;
  file.check(H5Pget_fill_value(data_set.creation, H5T_NATIVE_DOUBLE, &value));
  const Id type(file.check(H5Dget_type(data_set.id)), H5Tclose);
  if (H5Tget_class(type) == H5T_INTEGER && !(std::abs(value) < 0x1p53)) {  // the library rounds it, and does not tell
    throw Refused("its fill value, for what was never written, is an integer beyond 2^53");
  }
  return value;
}

double bytes_of_chunk(const OpenDataSet& data_set) {
  double bytes = bytes_of_value(data_set);
  for (const hsize_t extent : chunk_of(data_set)) {
    bytes *= static_cast<double>(extent);
  }
  return bytes;
}

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

bool has_all_chunks(const OpenDataSet& data_set) {
  hsize_t present = 0;
  data_set.file->check(H5Dget_num_chunks(data_set.id, data_set.space, &present));
  return static_cast<double>(present) >= num_chunks(data_set);
}

bool has_chunk(const OpenDataSet& data_set, const std::vector<hsize_t>& start) {
  hsize_t bytes = 0;  // the library calls it a failure, or 0
  const herr_t result = H5Dget_chunk_storage_size(data_set.id, start.data(), &bytes);
  return data_set.file->check(herr_t{0}) == 0 && result >= 0 && bytes > 0;
}

/// The first rows that no chunk holds for some column: the first and the last of them, from 1.
std::pair<std::int64_t, std::int64_t> rows_without_chunk(const OpenDataSet& data_set) {
  constexpr int most_chunks = 100000;
  const std::vector<hsize_t> chunk = chunk_of(data_set);
  const auto extent = [&](std::size_t i) { return static_cast<hsize_t>(data_set.shape[i]); };
  std::vector<hsize_t> start(chunk.size(), 0);
  while (start[0] < extent(0) && has_chunk(data_set, start)) {
    for (std::size_t i = start.size(); i-- > 0 && (start[i] += chunk[i]) >= extent(i) && i > 0;) {
      start[i] = 0;
    }
  }
  const hsize_t first = start[0];
  for (int i = 0; i < most_chunks && start[0] < extent(0) && !has_chunk(data_set, start); ++i) {
    start[0] += chunk[0];
  }
  return {static_cast<std::int64_t>(first) + 1, std::min(static_cast<std::int64_t>(start[0]), data_set.shape[0])};
}

void check_written(const OpenDataSet& data_set) {
  const bool is_chunked = data_set.layout == H5D_CHUNKED;
  if (data_set.shape.empty() || bytes_of(data_set) == 0 || (is_chunked && has_all_chunks(data_set)) ||
      fill_value(data_set)) {
    return;
  }
  const auto [first, last] = is_chunked ? rows_without_chunk(data_set) : std::pair(std::int64_t{1}, data_set.shape[0]);
  throw Refused(fmt::format("its rows {} to {} were never written, and it sets no fill value for them", first, last));
}

/// A shape that promises more than is there would have the library read what lies behind, in memory or as zeros.
void check_stored(const OpenDataSet& data_set) {
  const haddr_t start = H5Dget_offset(data_set.id);
  if (data_set.layout == H5D_CHUNKED || (data_set.layout == H5D_CONTIGUOUS && start == HADDR_UNDEF)) {
    check_written(data_set);
    return;
  }
  const double bytes = bytes_of(data_set);
  bool whole = static_cast<double>(H5Dget_storage_size(data_set.id)) >= bytes;
  if (data_set.layout == H5D_CONTIGUOUS) {
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
  const double bytes = 2 * bytes_of_chunk(data_set);
  if (const double available = available_memory(); bytes > available) {
    throw Refused(fmt::format("its chunks need {:.3g} GiB each and {:.3g} GiB are available", bytes / 0x1p30,
                              available / 0x1p30));
  }
}

// --- Raw files

struct RawFile {
  std::string name;
  off_t offset;
  hsize_t size;
};

std::vector<RawFile> raw_files(const SourceFile& file, hid_t creation) {
  std::vector<RawFile> result;
  const int count = H5Pget_layout(creation) == H5D_CONTIGUOUS ? file.check(H5Pget_external_count(creation)) : 0;
  for (int i = 0; i < count; ++i) {
    std::vector<char> name(4097);
    off_t offset = 0;
    hsize_t size = 0;
    file.check(H5Pget_external(creation, static_cast<unsigned>(i), name.size() - 1, name.data(), &offset, &size));
    result.push_back({name.data(), offset, size});
  }
  return result;
}

/// The library takes all from one folder.
fs::path folder_of_raw_files(const SourceFile& file, hid_t creation) {
  fs::path folder = file.path.parent_path();
  bool is_first = true;
  for (const RawFile& raw : raw_files(file, creation)) {
    if (fs::path(raw.name).is_absolute()) {
      continue;
    }
    fs::path found = Sources::folder_of(file, raw.name);
    if (!std::exchange(is_first, false) && found != folder) {
      throw Refused("its raw files lie in two folders, beside a symbolic link and beside what it leads to");
    }
    folder = std::move(found);
  }
  return folder;
}

/// Raw files one after another make up the data; the library takes what is missing at the end of one for zeros.
void check_raw_files(const Sources& sources, const OpenDataSet& data_set) {
  if (std::getenv("HDF5_EXTFILE_PREFIX") != nullptr) {
    throw Refused("its numbers lie in raw files, and the environment variable HDF5_EXTFILE_PREFIX is set; unset it");
  }
  double left = bytes_of(data_set);
  for (const RawFile& raw : raw_files(*data_set.file, data_set.creation)) {
    if (left <= 0) {
      return;
    }
    const fs::path path = sources.resolve(*data_set.file, raw.name);
    const double wanted = raw.size == H5F_UNLIMITED ? left : std::min(left, static_cast<double>(raw.size));
    std::error_code error;
    if (static_cast<double>(raw.offset) + wanted > static_cast<double>(fs::file_size(path, error)) || error) {
      throw Unreadable(fmt::format("it takes numbers from another file, \"{}\", which is too short", raw.name));
    }
    left -= wanted;
  }
  if (left > 0) {
    throw Unreadable("it is damaged, the values that its shape promises are not all there");
  }
}

/// Raw files are named from the folder, not from the current one.
Id open_from(const Place& place, const fs::path& folder, double cache) {
  constexpr std::size_t num_slots = 12421;  // a prime, for many small chunks
  const SourceFile& file = *place.file;
  const Id access(file.check(H5Pcreate(H5P_DATASET_ACCESS)), H5Pclose);
  file.check(H5Pset_efile_prefix(access, folder.c_str()));
  file.check(H5Pset_chunk_cache(access, num_slots, static_cast<std::size_t>(cache), 1));
  return {file.check(H5Dopen2(place.group, place.name.c_str(), access)), H5Dclose};
}

bool is_unlimited(hid_t space) {
  return H5Sget_select_npoints(space) < 0 || H5Sget_select_npoints(space) == static_cast<hssize_t>(H5S_UNLIMITED);
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

}  // namespace

OpenDataSet open_data_set(const Sources& sources, const Place& place, double cache) {
  const SourceFile& file = *place.file;
  Id id = open_from(place, file.path.parent_path(), cache);
  Id creation(file.check(H5Dget_create_plist(id)), H5Pclose);
  if (const fs::path folder = folder_of_raw_files(file, creation); folder != file.path.parent_path()) {
    id = Id(-1, H5Dclose);  // an open data set would keep its folder
    id = open_from(place, folder, cache);
  }
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
    check_raw_files(sources, result);
  } else {
    check_stored(result);
  }
  return result;
}

}  // namespace mfld::hdf5

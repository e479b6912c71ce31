#include "hdf5/hdf5_data_set.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <limits>
#include <map>
#include <optional>
#include <utility>

#include "mfld/core/memory.hpp"

namespace mfld::hdf5 {

namespace {

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

/// As many values of it, wherever they are. Once a chunk: the library takes all that it wants of one at a time.
double bytes_to_decode(const OpenDataSet& data_set, double num_values) {
  return data_set.layout == H5D_CHUNKED ? std::min(num_values, num_chunks(data_set)) * bytes_of_chunk(data_set)
                                        : num_values * bytes_of_value(data_set);
}

/// Some rows at a time, and of a chunk all that it has: each is decoded once.
void read_by_rows(const OpenDataSet& data_set, std::span<double> values, const BeginStep& begin_step) {
  constexpr double bytes_at_once = 0x1p24;
  if (values.empty()) {
    return;
  }
  const SourceFile& file = *data_set.file;
  const auto num_rows = static_cast<hsize_t>(data_set.shape[0]);
  const std::size_t row_length = values.size() / num_rows;
  const hsize_t band = data_set.layout == H5D_CHUNKED ? chunk_of(data_set)[0] : 1;
  const double bytes_of_band = static_cast<double>(band) * static_cast<double>(row_length) * sizeof(double);
  const auto rows_at_once = band * static_cast<hsize_t>(std::max(bytes_at_once / bytes_of_band, 1.0));
  std::vector<hsize_t> start(data_set.shape.size(), 0);
  std::vector<hsize_t> count(data_set.shape.begin(), data_set.shape.end());
  const Id selection(file.check(H5Scopy(data_set.space)), H5Sclose);
  for (; start[0] < num_rows; start[0] += count[0]) {
    count[0] = std::min(rows_at_once, num_rows - start[0]);
    const std::size_t size = count[0] * row_length;
    begin_step(bytes_to_decode(data_set, static_cast<double>(size)));
    file.check(H5Sselect_hyperslab(selection, H5S_SELECT_SET, start.data(), nullptr, count.data(), nullptr));
    const Id memory(file.check(H5Screate_simple(static_cast<int>(count.size()), count.data(), nullptr)), H5Sclose);
    read_into(data_set, memory, selection, values.subspan(start[0] * row_length, size).data());
  }
}

/// Parts of a virtual data set may take the rows of one chunk one by one.
double cache_of_source() {
  constexpr double largest = 0x1p28;
  return std::clamp(available_memory() / 16, usual_cache, largest);
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

std::size_t num_mappings(const OpenDataSet& data_set) {
  std::size_t count = 0;
  data_set.file->check(H5Pget_virtual_count(data_set.creation, &count));
  return count;
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

/// Where the values of a mapping belong.
Id target_of(const OpenDataSet& data_set, std::size_t mapping) {
  Id target(data_set.file->check(H5Pget_virtual_vspace(data_set.creation, mapping)), H5Sclose);
  if (!fit(target, data_set)) {
    throw Unreadable("it is damaged, its virtual data set is smaller than its parts");
  }
  return target;
}

SourceName source_of(const OpenDataSet& data_set, std::size_t mapping) {
  return {name_of(*data_set.file,
                  [&](char* text, std::size_t size) {
                    return H5Pget_virtual_filename(data_set.creation, mapping, text, size);
                  }),
          name_of(*data_set.file, [&](char* text, std::size_t size) {
            return H5Pget_virtual_dsetname(data_set.creation, mapping, text, size);
          })};
}

struct SourceGroup {
  SourceName name;
  std::vector<std::size_t> mappings;
};

/// Each source once. Where parts lie over each other the last one counts, and their order remains.
std::vector<SourceGroup> group_by_source(const OpenDataSet& data_set, const BeginStep& begin_step) {
  const std::size_t count = num_mappings(data_set);
  double num_values = 0;
  for (std::size_t i = 0; i < count; ++i) {
    begin_step(0);
    num_values += static_cast<double>(H5Sget_select_npoints(target_of(data_set, i)));
  }
  const bool may_overlap = num_values * bytes_of_value(data_set) > bytes_of(data_set);
  std::vector<SourceGroup> groups;
  std::map<std::pair<std::string, std::string>, std::size_t> places;
  for (std::size_t i = 0; i < count; ++i) {
    begin_step(0);
    SourceName name = source_of(data_set, i);
    const auto [known, is_new] = places.try_emplace({name.file, name.path}, groups.size());
    if (is_new || (may_overlap && known->second + 1 != groups.size())) {
      known->second = groups.size();
      groups.push_back({std::move(name), {}});
    }
    groups[known->second].mappings.push_back(i);
  }
  return groups;
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
      if (!place.link.empty()) {
        throw Refused(place.link + ", which is no data set");
      }
      return false;
    }
  }
  found_.clear();
  found_.push_back(open_data_set(sources_, place, usual_cache));
  return true;
}

void DataSetReader::read(std::span<double> values, const BeginStep& begin_step) const {
  const OpenDataSet& data_set = found_.front();
  if (data_set.layout == H5D_VIRTUAL) {
    read_virtual(data_set, values, begin_step);
  } else {
    read_by_rows(data_set, values, begin_step);
  }
}

/// Source by source, into the places that are meant for it. What no source fills is what the writer set for it.
void DataSetReader::read_virtual(const OpenDataSet& data_set, std::span<double> values,
                                 const BeginStep& begin_step) const {
  const SourceFile& file = *data_set.file;
  const auto fill = fill_value(data_set);
  std::fill(values.begin(), values.end(), fill.value_or(std::numeric_limits<double>::quiet_NaN()));
  double num_given = 0;
  for (const SourceGroup& group : group_by_source(data_set, begin_step)) {
    begin_step(0);
    const OpenDataSet source = open_source(data_set, group.name);
    for (const std::size_t mapping : group.mappings) {
      const Id target = target_of(data_set, mapping);
      Id selection(file.check(H5Pget_virtual_srcspace(data_set.creation, mapping)), H5Sclose);
      if (!fit(selection, source) || H5Sget_select_npoints(selection) != H5Sget_select_npoints(target)) {
        throw Unreadable(fmt::format("it takes numbers from \"{}\" of \"{}\", which has another shape than it says",
                                     group.name.path, group.name.file));
      }
      begin_step(bytes_to_decode(source, static_cast<double>(H5Sget_select_npoints(selection))));
      read_into(source, target, selection, values.data());
      num_given += static_cast<double>(H5Sget_select_npoints(target));
    }
  }
  if (!fill && num_given < static_cast<double>(values.size())) {
    throw Refused(fmt::format("its sources give {} of its {} numbers, and it sets no fill value for the others",
                              num_given, values.size()));
  }
}

OpenDataSet DataSetReader::open_source(const OpenDataSet& data_set, const SourceName& name) const {
  const Place place =
      sources_.locate(name.file == "." ? data_set.file : sources_.open(*data_set.file, name.file), name.path);
  if (!place.file) {
    throw Unreadable(fmt::format("it takes numbers from \"{}\" of \"{}\", which is not there", name.path, name.file));
  }
  OpenDataSet source = open_data_set(sources_, place, cache_of_source());
  if (source.layout == H5D_VIRTUAL) {
    throw Refused("its virtual data set takes numbers from another virtual one, which is not supported");
  }
  return source;
}

}  // namespace mfld::hdf5

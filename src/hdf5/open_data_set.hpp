#pragma once
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "hdf5/hdf5_sources.hpp"

namespace mfld::hdf5 {

/// An open data set of numbers, all of which are there and can be read.
struct OpenDataSet {
  std::shared_ptr<SourceFile> file;
  Id id;
  Id creation;
  Id space;
  std::vector<std::int64_t> shape;
  H5D_layout_t layout;
};

/// Bytes of chunks that the library keeps if nobody says how many.
constexpr double usual_cache = 0x1p20;

/// Throws Refused or Unreadable where DataSetReader says so; what the parts of a virtual one hold is not looked at.
/// `cache`: bytes of chunks that are kept as they were before compression.
OpenDataSet open_data_set(const Sources& sources, const Place& place, double cache);

std::vector<hsize_t> chunk_of(const OpenDataSet& data_set);
/// That its shape needs.
double num_chunks(const OpenDataSet& data_set);
double bytes_of_value(const OpenDataSet& data_set);
double bytes_of_chunk(const OpenDataSet& data_set);
double bytes_of(const OpenDataSet& data_set);
/// What stands where nothing was written, if the writer has said so.
std::optional<double> fill_value(const OpenDataSet& data_set);

}  // namespace mfld::hdf5

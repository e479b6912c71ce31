#pragma once
#include <cstdint>
#include <filesystem>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "hdf5/hdf5_sources.hpp"
#include "hdf5/open_data_set.hpp"

namespace mfld::hdf5 {

/// Where a part of a virtual data set comes from: a file, as that of the data set names it, and a path in it.
struct SourceName {
  std::string file;
  std::string path;
};

using BeginStep = std::function<void(double num_bytes)>;

/// Reads a data set of a file that somebody else has made, wherever the file says that the numbers lie: in itself,
/// behind links, in raw files, or in data sets of other files that a virtual one puts together. What is right about
/// other files is said at Sources. Takes the one lock of the library for its life. Whatever cannot be read as it was
/// meant is refused: a source that is not there, or smaller than it should be; a filter that is not installed; integers
/// that no double equals. Values that were never written are those that the writer set for them, and refused where it
/// set none: zeros that nobody meant.
class DataSetReader {
 public:
  /// `outside`: other files may lie outside the folder of this one.
  DataSetReader(const std::filesystem::path& path, bool outside) : sources_(path, outside) {}

  /// False if there is no such data set. Throws Refused or Unreadable, as read does.
  bool find(const std::string& name);
  const std::vector<std::int64_t>& shape() const { return found_.front().shape; }
  /// values.size() is the product of the shape. `begin_step` is called again and again, with the number of bytes that
  /// are decoded until the next time, at most.
  void read(std::span<double> values, const BeginStep& begin_step) const;

 private:
  void read_virtual(const OpenDataSet& data_set, std::span<double> values, const BeginStep& begin_step) const;
  OpenDataSet open_source(const OpenDataSet& data_set, const SourceName& name) const;

  Library library_;
  Sources sources_;
  std::vector<OpenDataSet> found_;  // the one
};

}  // namespace mfld::hdf5

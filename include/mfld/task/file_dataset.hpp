#pragma once
#include <atomic>
#include <cstdint>
#include <memory>
#include <string>

#include "mfld/tables/columns.hpp"
#include "mfld/tables/csv_format.hpp"
#include "mfld/tables/table_store.hpp"
#include "mfld/task/dataset.hpp"

namespace mfld {

/// The user's own table: text (CsvFormat), a two-dimensional .npy of floats, integers or logical values, one of a .npz,
/// or an .h5/.hdf5 data set.
struct FileDatasetOptions {
  std::string path;
  std::string test_path;         // empty: split `path` instead
  double test_fraction = 0.2;    // of the rows, in [0, 1); drawn by the stream (seed, split, 0)
  bool labels = true;            // false: no column is the label, the rows are points
  ColumnChoice columns = {};     // the target is the label
  CsvFormat csv = {};            // text only
  std::string dataset = "data";  // hdf5: the data set's path in the file; the array of a .npz
  bool external = false;         // hdf5 only: its numbers may lie in files outside the folder of `path`
  bool standardise = false;      // inputs to mean 0 and variance 1 by the training part; constant columns to 0
  bool binary_labels = false;    // the two labels, numbers or words, become -1 (the smaller) and +1
  double input_scale = 1;        // multiplies the inputs at the end, e.g. 1/sqrt(d)

  std::string section = {};                 // what errors put before the names of options: "task."
  const std::atomic<bool>* stop = nullptr;  // once true, reading ends with Interrupted
  std::shared_ptr<TableStore> tables = {};  // where to look for a table before reading it, and to leave it
};

/// Where both tables have names, the columns of the test table are matched with those of the training table by name,
/// and else by place. Throws InvalidOption where no file could be read with these options, FileError when a file cannot
/// be read, InvalidInput naming file, line and column for a ragged row, a field that is not a number or not finite, an
/// integer that double precision does not have, names that differ between the tables or stand twice, a column that is
/// not there, an empty table,
/// one that does not fit into memory, labels that are not two classes when binary_labels is set; Interrupted.
Dataset make_file_dataset(const FileDatasetOptions& options, std::uint64_t seed);

}  // namespace mfld

#pragma once
#include <atomic>
#include <string>
#include <utility>
#include <vector>

#include "mfld/core/particles.hpp"
#include "mfld/tables/columns.hpp"
#include "mfld/tables/csv_format.hpp"

namespace mfld {

/// The inputs of a data file, as FileDatasetOptions describes it.
struct InputFileOptions {
  std::string name = "inputs";  // what an error calls the file
  std::string path;
  ColumnChoice columns;          // the target is left out
  CsvFormat csv;                 // text only
  std::string dataset = "data";  // hdf5, or the array of a .npz

  const std::atomic<bool>* stop = nullptr;  // once true, reading ends with Interrupted
};

struct FileInputs {
  Inputs inputs;          // all rows, without the column of the targets
  Index header_line = 0;  // text only: the line that was read as names; 0: none
  std::vector<std::string> warnings = {};
};

/// Throws as make_file_dataset does.
FileInputs read_inputs(const InputFileOptions& options);

/// Of two files, with the columns that the first chooses; where both have names, those of the second by their names.
std::pair<FileInputs, FileInputs> read_inputs(const InputFileOptions& first, const InputFileOptions& second);

}  // namespace mfld

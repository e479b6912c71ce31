#pragma once
#include <atomic>
#include <optional>
#include <string>
#include <utility>

#include "mfld/core/particles.hpp"
#include "mfld/tables/header.hpp"

namespace mfld {

/// The inputs of a data file: a .csv, .npy, .h5 or .hdf5 as FileDatasetOptions describes it.
struct InputFileOptions {
  std::string name = "inputs";  // what an error calls the file
  std::string path;
  std::optional<Index> target_column =
      -1;                // 0-based, negative from the end; left out. nullopt: every column is an input
  Index skip_lines = 0;  // csv only: lines before the table
  Header header = Header::automatic;
  std::string dataset = "data";  // hdf5 only

  const std::atomic<bool>* stop = nullptr;  // once true, reading ends with Interrupted
};

struct FileInputs {
  Inputs inputs;          // all rows, without the column of the targets
  Index header_line = 0;  // csv only: the line that was read as names; 0: none
};

/// Throws as make_file_dataset does.
FileInputs read_inputs(const InputFileOptions& options);

/// Of two files; where both have names, the columns of the second in the order of the first.
std::pair<FileInputs, FileInputs> read_inputs(const InputFileOptions& first, const InputFileOptions& second);

}  // namespace mfld

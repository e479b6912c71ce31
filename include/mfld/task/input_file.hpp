#pragma once
#include <atomic>
#include <optional>
#include <string>

#include "mfld/core/particles.hpp"

namespace mfld {

/// The inputs of a data file: a .csv, .npy, .h5 or .hdf5 as FileDatasetOptions describes it.
struct InputFileOptions {
  std::string name = "inputs";  // what an error calls the file
  std::string path;
  std::optional<Index> target_column =
      -1;                        // 0-based, negative from the end; left out. nullopt: every column is an input
  Index skip_lines = 0;          // csv only: lines before the table
  std::string dataset = "data";  // hdf5 only

  const std::atomic<bool>* stop = nullptr;  // once true, reading ends with Interrupted
};

/// All rows, without the column of the targets. Throws as make_file_dataset does.
Inputs read_inputs(const InputFileOptions& options);

}  // namespace mfld

// A data file, csv or npy by its first byte: a table of finite numbers or a sentence.

#include <cmath>
#include <cstdint>
#include <cstdlib>

#include "fuzz/memory_file.hpp"
#include "mfld/core/error.hpp"
#include "mfld/task/file_dataset.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static mfld::fuzz::MemoryFile csv("table.csv");
  static mfld::fuzz::MemoryFile npy("table.npy");
  mfld::fuzz::MemoryFile& file = size > 0 && data[0] == 0x93 ? npy : csv;
  file.fill(data, size);
  mfld::FileDatasetOptions options;
  options.path = file.path();
  options.standardise = size % 2 == 0;
  options.binary_labels = size % 3 == 0;
  try {
    const mfld::Dataset table = mfld::make_file_dataset(options, 1);
    if (!table.train_inputs.allFinite() || !table.train_targets.allFinite()) {
      std::abort();
    }
  } catch (const mfld::InvalidInput&) {
  } catch (const mfld::FileError&) {
  }
  return 0;
}

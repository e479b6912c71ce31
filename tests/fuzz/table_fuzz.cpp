// A data file, text, npy, gzip or zip by its first byte: a table of finite numbers or a sentence.

#include <cmath>
#include <cstdint>
#include <cstdlib>

#include "fuzz/memory_file.hpp"
#include "mfld/core/error.hpp"
#include "mfld/task/file_dataset.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static mfld::fuzz::MemoryFile csv("table.csv");
  static mfld::fuzz::MemoryFile npy("table.npy");
  static mfld::fuzz::MemoryFile gzip("table.csv.gz");
  static mfld::fuzz::MemoryFile npz("table.npz");
  const std::uint8_t first = size > 0 ? data[0] : 0;
  mfld::fuzz::MemoryFile& file = first == 0x93 ? npy : first == 0x1F ? gzip : first == 'P' ? npz : csv;
  file.fill(data, size);
  mfld::FileDatasetOptions options;
  options.path = file.path();
  options.standardise = size % 2 == 0;
  options.binary_labels = size % 3 == 0;
  if (size % 5 == 0) {
    options.columns.dropped = {0};
  }
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

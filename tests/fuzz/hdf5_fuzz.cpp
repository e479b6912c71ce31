// An HDF5 data file: a table of finite numbers or a sentence. The library reads it in a child process, where it may
// crash; here is seen that what the child answers, and that it does not, is taken for what it is. Nothing of the
// library is instrumented, so that the fuzzer only changes bytes at random.

#include <cstdint>
#include <cstdlib>

#include "fuzz/memory_file.hpp"
#include "mfld/core/error.hpp"
#include "mfld/tables/child.hpp"
#include "mfld/task/file_dataset.hpp"

extern "C" int LLVMFuzzerInitialize(int* argc, char*** argv) {
  mfld::serve_as_child(*argc, *argv);
  return 0;
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static mfld::fuzz::MemoryFile file("table.h5");
  file.fill(data, size);
  mfld::FileDatasetOptions options;
  options.path = file.path();
  options.dataset = "/numbers";
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

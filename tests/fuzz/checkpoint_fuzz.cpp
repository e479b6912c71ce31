// A checkpoint: refused with FileError unless it is whole. An HDF5 parser that meets hostile bytes is not safe; the
// seal in front of it lets none through, and a fuzzer cannot guess the checksum of other bytes than those of the
// corpus.

#include <cstdint>

#include "fuzz/memory_file.hpp"
#include "mfld/core/error.hpp"
#include "mfld/record/checkpoint.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static mfld::fuzz::MemoryFile file("checkpoint.h5");
  file.fill(data, size);
  try {
    mfld::load_checkpoint(file.path());
  } catch (const mfld::FileError&) {
  }
  return 0;
}

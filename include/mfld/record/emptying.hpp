#pragma once
#include "mfld/files/file_place.hpp"

namespace mfld {

/// Removes what runs left in a directory, for others to begin there: files that runs write, one by one, and figures of
/// them (.png, .pdf, .svg, .mp4, .gif, .html), there and in the directories of the runs of a sweep; the directory
/// stays. Nothing is done where there is none, or an empty one. Throws InvalidInput, and removes nothing, unless it is
/// of a run or of a sweep and all in it is of these, naming what is not (links are not); FileError where another
/// process works in it.
void empty_run_directory(const FilePlace& place);

}  // namespace mfld

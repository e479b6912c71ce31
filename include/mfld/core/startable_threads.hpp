#pragma once

namespace mfld {

/// How many of `wanted` >= 1 threads, the calling one among them, this process may have at once: all, or as many as
/// limits on processes and memory allow, less one that is left for a process. At least 1. Finds out by starting them;
/// a threading library that fails to start one half-way ends the program.
int startable_threads(int wanted);

}  // namespace mfld

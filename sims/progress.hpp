#pragma once
#include <cstdint>
#include <string>

#include "mfld/core/stopwatch.hpp"
#include "mfld/runs/runner.hpp"

namespace commands {

/// "40 s", "3 min", "2.5 h".
std::string roughly(double seconds);

/// "[###---] step 3/6  train loss 0.1  2 steps/s  0:02 left", in at most `width` characters (0: as many as it takes),
/// a shorter bar or less of the rest where there is not the room. Of what takes no steps:
/// "[###---] kernel  50 %  0:02 left".
std::string progress_line(const mfld::Progress& progress, std::size_t width);

/// Where a sweep, or the shard of one, is.
class SweepProgress {
 public:
  explicit SweepProgress(std::int64_t num_runs) : num_runs_(num_runs) {}

  /// One run has ended now, or had already.
  void count(bool earlier);
  /// "8 of 12 ended, 3 min left", by the mean time of those that ended here; empty before the first.
  std::string words() const;

 private:
  mfld::Clock::time_point start_ = mfld::Clock::now();
  std::int64_t num_runs_;
  std::int64_t num_earlier_ = 0;
  std::int64_t num_made_ = 0;
};

/// The line of a run behind the words of its sweep.
std::string progress_line(const SweepProgress& sweep, const mfld::Progress& run, std::size_t width);

}  // namespace commands

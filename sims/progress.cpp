#include "progress.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace commands {

namespace {

std::string duration(double seconds) {
  const auto whole = static_cast<long long>(std::min(std::ceil(seconds), 1e15));
  return whole < 3600 ? fmt::format("{}:{:02}", whole / 60, whole % 60)
                      : fmt::format("{}:{:02}:{:02}", whole / 3600, whole / 60 % 60, whole % 60);
}

std::string progress_numbers(const mfld::Progress& progress) {
  if (progress.doing.empty()) {
    return fmt::format("step {}/{}  train loss {:.4g}  {:.4g} steps/s  {} left", progress.step, progress.num_steps,
                       progress.train_loss, progress.steps_per_second, duration(progress.seconds_left));
  }
  return progress.part > 0 ? fmt::format("{}  {:.0f} %  {} left", progress.doing, std::floor(100 * progress.part),
                                         duration(progress.seconds_left))
                           : std::string(progress.doing);
}

double progress_part(const mfld::Progress& progress) {
  if (!progress.doing.empty()) {
    return progress.part;
  }
  const std::int64_t total = std::max<std::int64_t>(progress.num_steps, 1);
  return static_cast<double>(std::min(progress.step, total)) / static_cast<double>(total);
}

}  // namespace

std::string roughly(double seconds) {
  return seconds < 90     ? fmt::format("{:.0f} s", std::ceil(seconds))
         : seconds < 5400 ? fmt::format("{:.0f} min", seconds / 60)
                          : fmt::format("{:.1f} h", seconds / 3600);
}

void SweepProgress::count(bool earlier) { ++(earlier ? num_earlier_ : num_made_); }

std::string SweepProgress::words() const {
  if (num_made_ == 0) {
    return {};
  }
  const std::int64_t num_ended = num_earlier_ + num_made_;
  const double seconds = mfld::seconds_since(start_);
  const double left = seconds / static_cast<double>(num_made_) * static_cast<double>(num_runs_ - num_ended);
  return fmt::format("{} of {} ended, {} left", num_ended, num_runs_, roughly(left));
}

std::string progress_line(const mfld::Progress& progress, std::size_t width) {
  constexpr std::size_t longest_bar = 24;
  constexpr std::size_t shortest_bar = 4;
  constexpr std::size_t beside_bar = 3;  // "[", "]" and a blank
  const std::string numbers = progress_numbers(progress);
  const std::size_t taken = numbers.size() + beside_bar;
  const std::size_t bar = width == 0 ? longest_bar : std::min(longest_bar, width - std::min(width, taken));
  if (bar < shortest_bar) {
    return numbers.substr(0, width);
  }
  const std::string done(static_cast<std::size_t>(progress_part(progress) * static_cast<double>(bar)), '#');
  return fmt::format("[{:-<{}}] {}", done, bar, numbers);
}

std::string progress_line(const SweepProgress& sweep, const mfld::Progress& run, std::size_t width) {
  const std::string words = sweep.words();
  const std::string start = words.empty() ? "" : words + "  ";
  if (width == 0) {
    return start + progress_line(run, 0);
  }
  return start.size() < width ? start + progress_line(run, width - start.size()) : start.substr(0, width);
}

}  // namespace commands

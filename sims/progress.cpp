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

}  // namespace

std::string progress_line(const mfld::Progress& progress, std::size_t width) {
  constexpr std::size_t longest_bar = 24;
  constexpr std::size_t shortest_bar = 4;
  constexpr std::size_t beside_bar = 3;  // "[", "]" and a blank
  const std::string numbers =
      fmt::format("step {}/{}  train loss {:.4g}  {:.4g} steps/s  {} left", progress.step, progress.num_steps,
                  progress.train_loss, progress.steps_per_second, duration(progress.seconds_left));
  const std::size_t taken = numbers.size() + beside_bar;
  const std::size_t bar = width == 0 ? longest_bar : std::min(longest_bar, width - std::min(width, taken));
  if (bar < shortest_bar) {
    return numbers.substr(0, width);
  }
  const std::int64_t total = std::max<std::int64_t>(progress.num_steps, 1);
  const double part = static_cast<double>(std::min(progress.step, total)) / static_cast<double>(total);
  const std::string done(static_cast<std::size_t>(part * static_cast<double>(bar)), '#');
  return fmt::format("[{:-<{}}] {}", done, bar, numbers);
}

}  // namespace commands

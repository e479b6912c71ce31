#include "mfld/observe/trigger.hpp"

#include <algorithm>
#include <cassert>
#include <cmath>
#include <iterator>
#include <utility>

namespace mfld {

namespace {

void sort_and_unite(std::vector<std::int64_t>& steps) {
  std::sort(steps.begin(), steps.end());
  steps.erase(std::unique(steps.begin(), steps.end()), steps.end());
}

}  // namespace

Trigger Trigger::every(std::int64_t interval) {
  assert(interval >= 1);
  Trigger trigger;
  trigger.interval_ = interval;
  return trigger;
}

Trigger Trigger::log_spaced(std::int64_t count, std::int64_t num_steps) {
  assert(count >= 2 && num_steps >= 0);
  count = std::min(count, num_steps + 1);
  // With u = step + 1 in [1, num_steps + 1]: while the next geometric point is less than one step away, take every step
  // and spread the points that are left over what is left; from then on all gaps exceed 1, so rounding merges none.
  const double end = static_cast<double>(num_steps) + 1;
  std::vector<std::int64_t> steps{0};
  double log_ratio = 0;
  double u = 1;
  while (std::ssize(steps) < count) {
    const auto num_left = static_cast<double>(count - std::ssize(steps));
    log_ratio = std::log(end / u) / num_left;
    if (u * std::expm1(log_ratio) >= 1) {
      break;
    }
    u += 1;
    steps.push_back(std::llround(u) - 1);
  }
  const double start = u;
  for (std::int64_t i = 1; std::ssize(steps) < count; ++i) {
    steps.push_back(std::llround(start * std::exp(static_cast<double>(i) * log_ratio)) - 1);
  }
  steps.back() = num_steps;
  return at(std::move(steps));
}

Trigger Trigger::at(std::vector<std::int64_t> steps) {
  Trigger trigger;
  trigger.steps_ = std::move(steps);
  sort_and_unite(trigger.steps_);
  return trigger;
}

Trigger Trigger::with(std::vector<std::int64_t> landmarks) const {
  Trigger trigger = *this;
  trigger.steps_.insert(trigger.steps_.end(), landmarks.begin(), landmarks.end());
  sort_and_unite(trigger.steps_);
  return trigger;
}

bool Trigger::fires(std::int64_t step) const {
  return (interval_ > 0 && step % interval_ == 0) || std::binary_search(steps_.begin(), steps_.end(), step);
}

std::vector<std::int64_t> Trigger::steps_between(std::int64_t first, std::int64_t last) const {
  std::vector<std::int64_t> steps;
  std::copy_if(steps_.begin(), steps_.end(), std::back_inserter(steps),
               [&](std::int64_t step) { return step >= first && step <= last; });
  for (std::int64_t step = interval_ == 0 ? last + 1 : (first + interval_ - 1) / interval_ * interval_; step <= last;
       step += interval_) {
    steps.push_back(step);
  }
  sort_and_unite(steps);
  return steps;
}

std::int64_t Trigger::num_fires(std::int64_t first, std::int64_t last) const {
  if (last < first) {
    return 0;
  }
  const std::int64_t multiples = interval_ == 0 ? 0 : last / interval_ - (first == 0 ? -1 : (first - 1) / interval_);
  return multiples + std::count_if(steps_.begin(), steps_.end(), [&](std::int64_t step) {
           return step >= first && step <= last && (interval_ == 0 || step % interval_ != 0);
         });
}

}  // namespace mfld

#pragma once
#include <algorithm>
#include <cstdint>

namespace mfld::record {

/// When a run writes its checkpoints: at every so many steps, and after so many minutes or as much later as keeps the
/// writing within 1 % of the time that the run has taken. A slow write is paid for by the time that went without,
/// before or after it. Has no clock: it is told the seconds.
class CheckpointPace {
 public:
  static constexpr double most_of_the_time = 0.01;

  /// every_steps, every_minutes: 0 is never.
  CheckpointPace(std::int64_t every_steps, double every_minutes, double now)
      : every_steps_(every_steps), every_seconds_(60 * every_minutes), start_(now), last_end_(now) {}

  bool is_due(std::int64_t step, double now) const {
    const bool by_steps = every_steps_ > 0 && step > 0 && step % every_steps_ == 0;
    const bool by_time = every_seconds_ > 0 && now - last_end_ > every_seconds_ &&
                         spent_ + last_cost_ <= most_of_the_time * (now - start_);
    return by_steps || by_time;
  }

  void wrote(double began, double ended) {
    last_cost_ = std::max(0.0, ended - began);
    spent_ += last_cost_;
    last_end_ = ended;
  }

 private:
  std::int64_t every_steps_;
  double every_seconds_;
  double start_;
  double last_end_;
  double last_cost_ = 0;  // what the next one is expected to cost
  double spent_ = 0;
};

}  // namespace mfld::record

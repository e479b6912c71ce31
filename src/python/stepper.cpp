#include "python/stepper.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <stdexcept>

#include "mfld/core/error.hpp"
#include "python/arrays.hpp"
#include "runs/run_text.hpp"

namespace mfld::python {

namespace {

/// Whoever comes while somebody else is there is turned away.
class Turn {
 public:
  explicit Turn(std::atomic<bool>& busy) : busy_(&busy) {
    if (busy.exchange(true)) {
      throw std::runtime_error("this simulation is computing; it does one thing at a time");
    }
  }
  ~Turn() { *busy_ = false; }
  Turn(const Turn&) = delete;
  Turn& operator=(const Turn&) = delete;

 private:
  std::atomic<bool>* busy_;
};

}  // namespace

bool Stepper::run(std::int64_t num_steps) {
  if (num_steps < 0) {
    throw InvalidInput(fmt::format("steps = {}: must be >= 0", num_steps));
  }
  const Turn turn(busy_);
  Attention attention;
  Outcome outcome;
  const std::int64_t limit = numbers().step + std::min(num_steps, this->num_steps());
  compute(num_threads_, [&] { outcome = advance(attention, limit); });
  attention.look_now();
  attention.raise();
  if (outcome.end.ending == Ending::diverged) {
    throw Diverged(message_of(outcome));
  }
  return outcome.end.ending == Ending::finished;
}

py::array_t<double> Stepper::drift() {
  const Turn turn(busy_);
  Matrix drift;
  compute(num_threads_, [&] { drift = drift_now(); });
  return array_of(drift);
}

py::array_t<double> Stepper::outputs(const py::handle& inputs) {
  const Turn turn(busy_);
  const Inputs x = matrix_of(inputs, "X");
  if (input_dim() > 0 && x.cols() != input_dim()) {
    throw InvalidInput(fmt::format("X: has {} columns, and the inputs of the network have {}", x.cols(), input_dim()));
  }
  Vector outputs;
  compute(num_threads_, [&] { outputs = outputs_now(x); });
  return array_of(std::span<const double>(outputs.data(), static_cast<std::size_t>(outputs.size())));
}

std::vector<std::pair<std::string, double>> Stepper::observe(const std::vector<std::string>& names) {
  const Turn turn(busy_);
  std::vector<std::pair<std::string, double>> values;
  compute(num_threads_, [&] { values = observe_now(names); });
  return values;
}

Vector Stepper::outputs_now(const Inputs& /*inputs*/) {
  throw InvalidInput("outputs: an objective of one's own has no network, and so no outputs");
}

std::vector<std::pair<std::string, double>> Stepper::observe_now(const std::vector<std::string>& /*names*/) {
  throw InvalidInput("observe: an objective of one's own has no observables; ask the objective itself");
}

}  // namespace mfld::python

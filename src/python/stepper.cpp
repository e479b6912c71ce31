#include "python/stepper.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>
#include <stdexcept>
#include <string_view>

#include "mfld/core/error.hpp"
#include "mfld/files/user_path.hpp"
#include "mfld/runs/resume.hpp"
#include "python/arrays.hpp"
#include "python/values.hpp"
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

py::array_t<double> Stepper::tangent_kernel(const py::object& x, const py::object& z) {
  const Turn turn(busy_);
  const auto inputs = [this](const py::object& object, const char* name) {
    Inputs rows = matrix_of(object, name);
    if (input_dim() > 0 && rows.cols() != input_dim()) {
      throw InvalidInput(
          fmt::format("{}: has {} columns, and the inputs of the network have {}", name, rows.cols(), input_dim()));
    }
    return rows;
  };
  const Inputs first = inputs(x, "X");
  std::optional<Inputs> second;
  if (!z.is_none()) {
    second = inputs(z, "Z");
  }
  Matrix kernel;
  compute(num_threads_, [&] { kernel = tangent_kernel_now(first, second ? &*second : nullptr); });
  return array_of(kernel);
}

void Stepper::set_particles(const py::handle& particles) {
  const Turn turn(busy_);
  Inputs given = matrix_of(particles, "particles");
  put(given);
  GivenArrays arrays;
  history_.push_back(fmt::format("{}{}: particles = {}", changed_at, numbers().step, arrays.add(std::move(given))));
}

void Stepper::set(const py::dict& settings) {
  const Turn turn(busy_);
  GivenArrays arrays;
  std::vector<std::pair<std::string, Value>> values;
  for (const auto& [key, item] : settings) {
    const std::string path = py::str(key);
    values.emplace_back(path, value_of(item, path, arrays));
  }
  check_settings(values);
  change(values, arrays);
  for (const auto& [path, value] : values) {
    history_.push_back(fmt::format("{}{}: {} = {}", changed_at, numbers().step, path, to_toml_inline(value)));
  }
}

void Stepper::check_settings(const std::vector<std::pair<std::string, Value>>& settings) const {
  constexpr auto numbers_of_phase =
      std::to_array<std::string_view>({"steps", "step_size", "lambda1", "lambda1_fourth", "lambda2", "beta", "friction",
                                       "damping", "until_gradient_norm", "label_noise", "name"});
  for (const auto& [path, value] : settings) {
    const std::string said = fmt::format("{} = {}", path, to_toml_inline(value));
    std::int64_t phase = -1;
    constexpr std::string_view start = "phase.";
    const char* end = path.data() + path.size();
    const auto read = std::from_chars(path.data() + std::min(start.size(), path.size()), end, phase);
    if (!path.starts_with(start) || read.ec != std::errc() || read.ptr == end || *read.ptr != '.' || phase < 0 ||
        phase >= std::ssize(phase_steps())) {
      throw InvalidInput(fmt::format("{}: is no key of one of the {} phases (phase.0.step_size, ...), and others stay",
                                     said, phase_steps().size()));
    }
    if (phase < numbers().phase) {
      throw InvalidInput(fmt::format("{}: phase {} is over", said, phase));
    }
    const std::string_view rest(read.ptr + 1, static_cast<std::size_t>(end - read.ptr - 1));
    const std::string_view key = rest.substr(0, rest.find('.'));
    if (key == "until") {
      throw InvalidInput(fmt::format("{}: rules stay; a callback of run stops it, too", said));
    }
    if (phase == numbers().phase && numbers().step_in_phase > 0 &&
        std::find(numbers_of_phase.begin(), numbers_of_phase.end(), key) == numbers_of_phase.end()) {
      throw InvalidInput(fmt::format("{}: phase {} has begun, in which these can change: {}", said, phase,
                                     fmt::join(numbers_of_phase, ", ")));
    }
    const auto* steps = value.as<std::int64_t>();
    if (phase == numbers().phase && key == "steps" && steps != nullptr && *steps < numbers().step_in_phase) {
      throw InvalidInput(fmt::format("{}: the phase has made {} steps already", said, numbers().step_in_phase));
    }
  }
}

void Stepper::save(const std::string& out, const std::string& command) {
  const Turn turn(busy_);
  compute(num_threads_, [&] {
    RunDirectory directory = RunDirectory::create(user_path(out));
    save_in(directory, command);
  });
}

py::dict Stepper::result() { throw InvalidInput("result: an objective of one's own records no rows"); }

Matrix Stepper::tangent_kernel_now(const Inputs& /*x*/, const Inputs* /*z*/) {
  throw InvalidInput("tangent_kernel: an objective of one's own has no network, and so no tangent kernel");
}

Vector Stepper::outputs_now(const Inputs& /*inputs*/) {
  throw InvalidInput("outputs: an objective of one's own has no network, and so no outputs");
}

std::vector<std::pair<std::string, double>> Stepper::observe_now(const std::vector<std::string>& /*names*/) {
  throw InvalidInput("observe: an objective of one's own has no observables; ask the objective itself");
}

}  // namespace mfld::python

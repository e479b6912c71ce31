#include "python/runs.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <exception>
#include <filesystem>
#include <optional>
#include <vector>

#include "mfld/core/error.hpp"
#include "mfld/files/user_path.hpp"
#include "mfld/record/provenance.hpp"
#include "mfld/runs/runner.hpp"
#include "mfld/runs/sweep_runner.hpp"
#include "python/arrays.hpp"
#include "python/computing.hpp"
#include "python/session.hpp"
#include "record/summary_json.hpp"

namespace mfld::python {

namespace {

std::span<const double> span_of(const Vector& vector) {
  return {vector.data(), static_cast<std::size_t>(vector.size())};
}

py::array_t<std::int64_t> integers(const std::vector<std::int64_t>& values) {
  py::array_t<std::int64_t> array(static_cast<py::ssize_t>(values.size()));
  std::copy(values.begin(), values.end(), array.mutable_data());
  return array;
}

py::dict dictionary_of(const Progress& progress) {
  py::dict dictionary;
  dictionary["step"] = progress.step;
  dictionary["num_steps"] = progress.num_steps;
  dictionary["train_loss"] = progress.train_loss;
  dictionary["steps_per_second"] = progress.steps_per_second;
  dictionary["seconds_left"] = progress.seconds_left;
  return dictionary;
}

/// What tells Python how far a run is; what Python raises then stops the run.
std::function<void(const Progress&)> teller(const py::object& function, Attention& attention) {
  if (function.is_none()) {
    return {};
  }
  return [&function, &attention](const Progress& progress) {
    const py::gil_scoped_acquire gil;
    try {
      function(dictionary_of(progress));
    } catch (py::error_already_set& error) {
      attention.keep(error);
    }
  };
}

void run_one(const Source& source, const std::filesystem::path& out, const RunArguments& arguments) {
  const Session session = session_of(source, arguments.loss, arguments.num_threads);
  RunDirectory directory = RunDirectory::create(out);
  Attention attention;
  RunOptions options;
  options.provenance = provenance(arguments.command);
  options.progress = teller(arguments.progress, attention);
  try {
    compute_attentively(attention, [&] {
      with_threads_of(threads_allowed(arguments.num_threads),
                      [&] { run_experiment(*session.experiment, directory, attention.stop(), options); });
    });
  } catch (const InvalidInput&) {
    directory.unmake();
    throw;
  }
}

/// The first run that could not be made, once all others are.
struct FirstFailure {
  Ending ending = Ending::finished;
  std::string message;

  void look(const CellReport& report) {
    const bool failed = report.end.ending == Ending::refused || report.end.ending == Ending::failed;
    if (failed && message.empty()) {
      ending = report.end.ending;
      message = fmt::format("{}: {}", report.run->name, report.message);
    }
  }
  void raise() const {
    if (ending == Ending::refused) {
      throw InvalidInput(message);
    }
    if (ending == Ending::failed) {
      throw FileError(message);
    }
  }
};

void run_many(const Source& source, const std::filesystem::path& out, const RunArguments& arguments) {
  std::optional<OwnLoss> loss;
  if (!arguments.loss.is_none()) {
    loss.emplace(arguments.loss);
  }
  Attention attention;
  FirstFailure failure;
  SweepOptions options;
  options.jobs = arguments.jobs;
  options.surroundings.stop = &attention.stop();
  options.surroundings.tables = std::make_shared<TableStore>();
  options.surroundings.arrays = source.arrays;
  options.surroundings.loss = loss ? &*loss : nullptr;
  options.provenance = provenance(arguments.command);
  options.progress = teller(arguments.progress, attention);
  options.ended = [&failure](const CellReport& report) { failure.look(report); };
  compute_attentively(attention, [&] {
    with_threads_of(threads_allowed(arguments.num_threads), [&] {
      CheckedPlan checked(source.plan, options);
      const Folder folder = start_sweep(source.plan, out, options);
      run_sweep(source.plan, folder.place(), attention.stop(), options, &checked);
    });
  });
  failure.raise();
}

py::dict data_of(const Dataset& data) {
  py::dict arrays;
  arrays["train_inputs"] = array_of(data.train_inputs);
  arrays["train_targets"] = array_of(span_of(data.train_targets));
  arrays["test_inputs"] = array_of(data.test_inputs);
  arrays["test_targets"] = array_of(span_of(data.test_targets));
  if (data.teacher) {
    arrays["teacher_directions"] = array_of(data.teacher->directions);
    arrays["teacher_amplitudes"] = array_of(span_of(data.teacher->amplitudes));
  }
  if (data.relevant_subspace.cols() > 0) {
    arrays["relevant_subspace"] = array_of(data.relevant_subspace);
  }
  return arrays;
}

/// [frames, particles, p]
py::array_t<double> stacked(const std::vector<TrajectoryFrame>& frames, Matrix TrajectoryFrame::*part) {
  const Index num_particles = (frames.front().*part).rows();
  const Index num_parameters = (frames.front().*part).cols();
  py::array_t<double> array({std::ssize(frames), num_particles, num_parameters});
  double* to = array.mutable_data();
  for (const TrajectoryFrame& frame : frames) {
    Eigen::Map<Inputs>(to, num_particles, num_parameters) = frame.*part;
    to += num_particles * num_parameters;
  }
  return array;
}

py::object trajectory_of(const MemoryRecord& record) {
  if (record.frames().empty()) {
    return py::none();
  }
  std::vector<std::int64_t> steps;
  std::vector<double> times;
  for (const TrajectoryFrame& frame : record.frames()) {
    steps.push_back(frame.step);
    times.push_back(frame.time);
  }
  const TrajectoryInfo& info = record.trajectory();
  py::dict trajectory;
  trajectory["positions"] = stacked(record.frames(), &TrajectoryFrame::positions);
  trajectory["velocities"] =
      info.velocities ? py::object(stacked(record.frames(), &TrajectoryFrame::velocities)) : py::none();
  trajectory["steps"] = integers(steps);
  trajectory["times"] = array_of(times);
  trajectory["ids"] = integers({info.particles.begin(), info.particles.end()});
  trajectory["names"] = info.parameter_names;
  return trajectory;
}

py::object predictions_of(const MemoryRecord& record) {
  if (!record.has_predictions()) {
    return py::none();
  }
  py::dict predictions;
  predictions["output"] = array_of(record.outputs());
  if (!record.outputs_std().empty()) {
    predictions["std"] = array_of(record.outputs_std());
  }
  return predictions;
}

}  // namespace

py::dict rows_of(const MemoryRecord& record) {
  const MemoryRecord::Rows& rows = record.rows();
  py::dict columns;
  columns["step"] = integers(rows.step);
  columns["phase"] = integers(rows.phase);
  columns["time"] = array_of(rows.time);
  columns["gradient_evaluations"] = integers(rows.gradient_evaluations);
  const std::size_t num_columns = record.columns().size();
  for (std::size_t k = 0; k < num_columns; ++k) {
    std::vector<double> values;
    for (std::size_t i = 0; i < rows.step.size(); ++i) {
      values.push_back(rows.values[i * num_columns + k]);
    }
    columns[py::str(record.columns()[k])] = array_of(values);
  }
  return columns;
}

void run_in_folder(const py::object& experiment, const py::dict& settings, const std::string& out,
                   const RunArguments& arguments) {
  const Source source = read_source(experiment, settings, arguments.only);
  const std::filesystem::path folder = user_path(out);
  if (source.plan.is_sweep) {
    run_many(source, folder, arguments);
  } else {
    run_one(source, folder, arguments);
  }
}

py::dict run_in_memory(const py::object& experiment, const py::dict& settings, const RunArguments& arguments) {
  const Source source = read_source(experiment, settings, arguments.only);
  if (source.plan.runs.size() > 1) {
    throw InvalidInput(
        fmt::format("out: must be a new folder for {} runs, or only the name of one of them", source.plan.runs.size()));
  }
  const Session session = session_of(source, arguments.loss, arguments.num_threads);
  MemoryRecord record;
  Attention attention;
  RunOptions options;
  options.progress = teller(arguments.progress, attention);
  compute_attentively(attention, [&] {
    with_threads_of(threads_allowed(arguments.num_threads),
                    [&] { run_experiment(*session.experiment, record, attention.stop(), options); });
  });
  py::dict result;
  result["config"] = session.experiment->resolved;
  result["summary"] = record::to_json(record.summary());
  result["metrics"] = rows_of(record);
  result["trajectory"] = trajectory_of(record);
  result["predictions"] = predictions_of(record);
  result["data"] = data_of(session.experiment->data);
  return result;
}

}  // namespace mfld::python

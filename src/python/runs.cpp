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
#include "python/recorded.hpp"
#include "python/session.hpp"
#include "record/summary_json.hpp"

namespace mfld::python {

namespace {

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
    if (!progress.doing.empty()) {
      return;  // of what takes no steps
    }
    const py::gil_scoped_acquire gil;
    try {
      function(dictionary_of(progress));
    } catch (py::error_already_set& error) {
      attention.keep(error);
    }
  };
}

void run_one(const Source& source, const std::filesystem::path& out, const RunArguments& arguments) {
  const Session session = session_of(source, arguments.own, arguments.num_threads);
  RunDirectory directory = RunDirectory::create(out);
  Attention attention;
  RunOptions options;
  options.provenance = provenance(arguments.command);
  options.progress = teller(arguments.progress, attention);
  session.own->add_to(options);
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

/// A sweep that stopped goes on from files, which know of no rule in Python.
void refuse_rule(const py::dict& own) {
  if (own.contains("until") && !own["until"].is_none()) {
    throw InvalidInput("until: a sweep in a folder takes none; run its experiments one by one, with only");
  }
}

void run_many(const Source& source, const std::filesystem::path& out, const RunArguments& arguments) {
  const OwnParts own(arguments.own);
  refuse_rule(arguments.own);
  Attention attention;
  FirstFailure failure;
  SweepOptions options;
  options.jobs = arguments.jobs;
  options.surroundings.stop = &attention.stop();
  options.surroundings.tables = std::make_shared<TableStore>();
  options.surroundings.arrays = source.arrays;
  own.add_to(options.surroundings);
  options.shard = arguments.shard;
  options.num_shards = arguments.num_shards;
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

}  // namespace

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
  const Session session = session_of(source, arguments.own, arguments.num_threads);
  MemoryRecord record;
  Attention attention;
  RunOptions options;
  options.progress = teller(arguments.progress, attention);
  session.own->add_to(options);
  compute_attentively(attention, [&] {
    with_threads_of(threads_allowed(arguments.num_threads),
                    [&] { run_experiment(*session.experiment, record, attention.stop(), options); });
  });
  py::dict result;
  result["config"] = session.experiment->resolved;
  result["summary"] = to_json(record.summary());
  result["metrics"] = rows_of(record);
  result["trajectory"] = trajectory_of(record);
  result["predictions"] = predictions_of(record);
  result["data"] = data_of(session.experiment->data);
  return result;
}

py::list runs_of(const py::object& experiment, const py::dict& settings, const py::dict& own) {
  const Source source = read_source(experiment, settings);
  const OwnParts parts(own);
  Attention attention;
  SweepOptions options;
  options.surroundings.stop = &attention.stop();
  options.surroundings.tables = std::make_shared<TableStore>();
  options.surroundings.arrays = source.arrays;
  parts.add_to(options.surroundings);
  compute_attentively(attention, [&] { const CheckedPlan checked(source.plan, options); });
  py::list runs;
  for (const RunPlan& run : source.plan.runs) {
    py::dict keys;
    for (const auto& [key, value] : run.assignments) {
      keys[py::str(key)] = to_toml_inline(value);
    }
    runs.append(py::make_tuple(run.name, run.case_name, keys));
  }
  return runs;
}

}  // namespace mfld::python

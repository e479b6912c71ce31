#include "mfld/runs/extend.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <limits>
#include <optional>
#include <string_view>
#include <utility>

#include "mfld/core/error.hpp"
#include "record/state_of.hpp"
#include "runs/belonging.hpp"
#include "runs/run_text.hpp"

namespace mfld {

namespace {

namespace fs = std::filesystem;

StoppedRun read_parent(const FilePlace& directory, Kept kept, const Surroundings& surroundings, std::string_view what) {
  StoppedRun parent = read_stopped_run(directory, kept, surroundings);
  if (parent.experiment.kernel) {
    throw InvalidInput(fmt::format("{}: kernel-regression takes no steps, and there is nothing to go on with",
                                   directory.path.string()));
  }
  if (!parent.checkpoint) {
    throw FileError(fmt::format("cannot {} {}: it has no checkpoint", what, directory.path.string()));
  }
  return parent;
}

Value config_of(const StoppedRun& run, const FilePlace& directory) {
  return parse_toml(run.experiment.resolved, (directory / "experiment.toml").path.string());
}

/// The child stands where the parent stood, which may have had fewer rows of it.
void take_checkpoint(const FilePlace& directory, StoppedRun& parent, StoppedRun& child) {
  child.notes = std::move(parent.notes);
  child.checkpoint_name = std::move(parent.checkpoint_name);
  child.checkpoint_checksum = parent.checkpoint_checksum;
  if (parent.experiment.divided && !child.experiment.divided) {
    const CheckpointFile file(directory / child.checkpoint_name);
    if (file.checksum() != parent.checkpoint_checksum) {
      throw FileError(fmt::format("{} changed meanwhile", (directory / child.checkpoint_name).path.string()));
    }
    parent.checkpoint = file.read([](std::string_view /*name*/) { return std::nullopt; });
  }
  child.checkpoint = std::move(parent.checkpoint);
  child.checkpoint->experiment_hash = child.experiment.hash;
}

// ---- Longer

/// Keys of a phase that depend on its number of steps by their form.
std::string schedule_by_length(const Phase& phase) {
  const auto schedules = std::to_array<std::pair<std::string_view, const Schedule*>>(
      {{"step_size", &phase.step_size},
       {phase.method->temperature == TemperatureKey::lambda2 ? "lambda2" : "beta", &phase.temperature},
       {"lambda1", &phase.lambda1},
       {"lambda1_fourth", &phase.lambda1_fourth}});
  for (const auto& [key, schedule] : schedules) {
    if (schedule->value != 0 && (schedule->kind == ScheduleKind::exponential || schedule->off_fraction > 0)) {
      return std::string(key);
    }
  }
  return {};
}

std::int64_t longer(const Extension& extension, std::int64_t num_steps, std::size_t phase) {
  const std::int64_t more = extension.more_steps.value_or(0);
  if (more > std::numeric_limits<std::int64_t>::max() - num_steps) {
    throw InvalidInput(fmt::format("--more-steps {}: is too many", more));
  }
  const std::int64_t wanted = extension.steps.value_or(num_steps + more);
  if (wanted <= num_steps) {
    throw InvalidInput(fmt::format("--{} {}: must make phase.{}.steps more than {}, what it is",
                                   extension.steps ? "steps" : "more-steps", extension.steps.value_or(more), phase,
                                   num_steps));
  }
  return wanted;
}

/// Steps of a trigger that are in [first, last].
List steps_between(const Trigger& trigger, std::int64_t first, std::int64_t last) {
  const std::vector<std::int64_t> found = trigger.steps_between(first, last);
  List steps(found.size());
  std::transform(found.begin(), found.end(), steps.begin(), [](std::int64_t step) {
    Value value;
    value.data = step;
    return value;
  });
  return steps;
}

/// Where looks are spread over all steps, those before `step` stay, and those from there on are of the longer run.
void keep_looks(Value& config, const std::string& section, const Trigger& before, std::int64_t step,
                std::int64_t num_steps) {
  auto* table = const_cast<Value*>(find(config, section))->as<Table>();
  const auto spread = std::find_if(table->members.begin(), table->members.end(),
                                   [](const Member& member) { return member.key == "log_spaced"; });
  if (spread == table->members.end()) {
    return;
  }
  const Trigger after = Trigger::log_spaced(*spread->value.as<std::int64_t>(), num_steps);
  List looks = steps_between(before, 0, step - 1);
  const List rest = steps_between(after, step, num_steps);
  looks.insert(looks.end(), rest.begin(), rest.end());
  spread->key = "at";
  spread->value = {std::move(looks)};
}

}  // namespace

StoppedRun extend(const FilePlace& directory, const Extension& extension, Kept kept, const Surroundings& surroundings) {
  StoppedRun parent = read_parent(directory, kept, surroundings, "extend");
  const Experiment& before = parent.experiment;
  const std::size_t index = before.phases.size() - 1;
  const Phase& last = before.phases[index];
  const std::int64_t num_steps = longer(extension, last.num_steps, index);
  if (before.stop_rules[index] || last.until_gradient_norm > 0 ||
      parent.checkpoint->phase > static_cast<std::int64_t>(index)) {
    throw InvalidInput(
        fmt::format("{}: phase {} ends by a rule of its own, and not by its number of steps; `mfld branch` "
                    "goes on with other numbers",
                    directory.path.string(), index));
  }
  if (const std::string key = schedule_by_length(last); !key.empty()) {
    throw InvalidInput(
        fmt::format("{}: phase.{}.{} depends on the number of steps by its form, so that the longer run differs from "
                    "the start; what "
                    "is constant, inverse, logarithmic or halving, without off_fraction, can be extended",
                    directory.path.string(), index, key));
  }
  Value config = config_of(parent, directory);
  assign(config, fmt::format("phase.{}.steps", index), {num_steps});
  const std::int64_t all_steps = before.num_steps() - last.num_steps + num_steps;
  keep_looks(config, "observe", before.observe, parent.checkpoint->step, all_steps);
  keep_looks(config, "observe.trajectory", before.track, parent.checkpoint->step, all_steps);
  StoppedRun child{build_experiment(config, surroundings.in(before.folder)), std::nullopt, {}};
  // The row and the frame of the end are the last, unless that look was interrupted; the longer run looks there again
  // if it looks at all.
  const Checkpoint& at = *parent.checkpoint;
  const bool saw_end =
      record::is_at_end(at, before) && step_of_row(directory / "metrics.csv", at.metrics_rows) == at.step;
  const std::int64_t num_of_end = saw_end ? 1 : 0;
  child.shorter_hash = before.hash;
  take_checkpoint(directory, parent, child);
  for (std::int64_t* count : {&child.checkpoint->metrics_rows, &child.checkpoint->trajectory_frames}) {
    *count = std::max<std::int64_t>(*count - num_of_end, 0);
  }
  return child;
}

void begin_extension(const StoppedRun& run, RunDirectory& directory, const std::vector<std::string>& provenance) {
  RunSummary summary;
  if (const auto earlier = directory.earlier_summary()) {
    summary = *earlier;
  }
  summary.end.ending = Ending::running;
  summary.advice.clear();
  summary.message = fmt::format("running on, to {} steps", run.experiment.num_steps());
  directory.write_summary(summary);
  RunOptions options;
  options.provenance = provenance;
  options.provenance.push_back(fmt::format("made longer at step {}", run.checkpoint->step));
  options.notes = run.notes;
  const CheckpointFile file(directory.place() / run.checkpoint_name);
  LentCheckpoint checkpoint = file.lend();
  static_cast<CheckpointNumbers&>(checkpoint) = *run.checkpoint;
  directory.write_checkpoint(checkpoint);
  directory.write_experiment(experiment_text(run.experiment, options, directory.present_path()));
  directory.replace_metrics_head(table_comments(run.experiment, options), run.experiment.columns,
                                 run.checkpoint->metrics_rows);
  directory.pass_on_kept_checkpoints(run.shorter_hash, run.experiment.hash);
}

// ---- Changed

namespace {

constexpr auto changeable =
    std::to_array<std::string_view>({"phase.", "observe.", "checkpoint.", "noise.", "seeds.noise=", "seeds.batches="});

/// What a trigger is given by takes the place of what it was given by.
void forget_other_looks(Value& config, std::string_view path) {
  constexpr auto ways = std::to_array<std::string_view>({"every", "at", "log_spaced"});
  const std::size_t dot = path.rfind('.');
  if (!path.starts_with("observe.") || std::count(ways.begin(), ways.end(), path.substr(dot + 1)) == 0) {
    return;
  }
  if (auto* section = const_cast<Value*>(find(config, path.substr(0, dot)));
      section != nullptr && section->as<Table>()) {
    std::erase_if(section->as<Table>()->members,
                  [&](const Member& member) { return std::count(ways.begin(), ways.end(), member.key) > 0; });
  }
}

/// Room for a key of the phase behind the last.
void add_phase(Value& config, std::string_view path) {
  auto* phases = const_cast<Value*>(find(config, "phase"))->as<List>();
  if (path.starts_with(fmt::format("phase.{}.", phases->size()))) {
    phases->emplace_back().data = Table{};
  }
}

void apply(const std::string& setting, Value& config) {
  const std::size_t equals = setting.find('=');
  if (equals == std::string::npos || equals == 0) {
    throw InvalidInput(fmt::format("--set {}: must be path=value, such as phase.0.step_size=0.01", setting));
  }
  if (std::none_of(changeable.begin(), changeable.end(),
                   [&setting](std::string_view start) { return setting.starts_with(start); })) {
    throw InvalidInput(
        fmt::format("--set {}: a branch goes on with the data, the network and the particles of its parent; what can "
                    "change is phase.*, observe.*, checkpoint.*, noise.*, seeds.noise and seeds.batches",
                    setting));
  }
  forget_other_looks(config, setting.substr(0, equals));
  add_phase(config, setting);
  try {
    assign(config, setting.substr(0, equals), parse_toml_value(setting.substr(equals + 1)));
  } catch (const InvalidInput& error) {
    throw InvalidInput(fmt::format("--set {}: {}", setting, error.what()));
  }
}

/// What is over stays as it was, and what is under way can be gone on with.
void check_phases(const StoppedRun& child, const Value& before, const Value& after, bool is_changed) {
  const Checkpoint& at = *child.checkpoint;
  for (std::int64_t k = 0; k < at.phase; ++k) {
    const std::string path = fmt::format("phase.{}", k);
    const Value* was = find(before, path);
    const Value* is = find(after, path);
    if (was != nullptr && (is == nullptr || to_toml_inline(*was) != to_toml_inline(*is))) {
      throw InvalidInput(
          fmt::format("{} is over at step {}, which the branch begins with: it cannot change", path, at.step));
    }
  }
  if (const std::string why = runs::objection(at, child.experiment); !why.empty()) {
    throw InvalidInput(
        fmt::format("phase.{} is under way, and what it carries from step to step does not fit the changes: "
                    "{}; a method, a step or averaging can change in a phase that has not begun",
                    at.phase, why));
  }
  if (is_changed && record::is_at_end(at, child.experiment)) {
    throw InvalidInput(fmt::format("no step is left after step {}; give phase.{}.steps more than {}", at.step,
                                   child.experiment.phases.size() - 1, child.experiment.phases.back().num_steps));
  }
}

}  // namespace

StoppedRun branch(const FilePlace& directory, const Changes& changes, Kept kept, const Surroundings& surroundings) {
  StoppedRun parent = read_parent(directory, kept, surroundings, "branch");
  if (changes.step) {
    take_checkpoint_at(*changes.step, directory, parent);
  }
  const Value before = config_of(parent, directory);
  Value config = before;
  for (const std::string& setting : changes.settings) {
    apply(setting, config);
  }
  if (changes.seed) {
    assign(config, "seeds.noise", {*changes.seed});
    assign(config, "seeds.batches", {*changes.seed});
  }
  StoppedRun child{build_experiment(config, surroundings.in(parent.experiment.folder)), std::nullopt, {}};
  take_checkpoint(directory, parent, child);
  child.checkpoint->metrics_rows = 0;
  child.checkpoint->trajectory_frames = 0;
  check_phases(child, before, parse_toml(child.experiment.resolved, {}), !changes.settings.empty());
  child.notes.push_back(note_of({fs::absolute(directory.path).lexically_normal().string(), child.checkpoint->step,
                                 static_cast<std::int64_t>(parent.experiment.seeds.noise), parent.experiment.hash}));
  for (const std::string& setting : changes.settings) {
    child.notes.push_back(std::string(runs::change_start) + setting);
  }
  return child;
}

}  // namespace mfld

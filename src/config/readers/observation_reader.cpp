#include <fmt/format.h>

#include <algorithm>
#include <numeric>

#include "config/memory.hpp"
#include "config/readers/readers.hpp"
#include "mfld/observe/observables.hpp"
#include "mfld/observe/own_columns.hpp"

namespace mfld::readers {

namespace {

constexpr std::int64_t fewest_certificate_samples = 512;
constexpr std::int64_t most_certificate_samples = 1 << 20;

/// Looks that cost no more than the steps do, from 20 to 200. A look computes the outputs of all samples, training and
/// test, and a step those of its own samples and their gradients, which takes twice as long a sample. That looks at
/// full-batch steps get those of training samples from the step is not counted: what runs have by default stays.
std::int64_t default_looks(const std::vector<Phase>& phases, const Dataset& data) {
  constexpr double fewest = 20;
  constexpr double most = 200;
  const auto num_train = static_cast<double>(data.num_train());
  double samples_of_steps = 0;
  for (const Phase& phase : phases) {
    samples_of_steps += static_cast<double>(phase.num_steps) * phase.samples_of_step(num_train);
  }
  const double samples_of_look = std::max(num_train + static_cast<double>(data.num_test()), 1.0);
  return static_cast<std::int64_t>(std::clamp(2 * samples_of_steps / samples_of_look, fewest, most));
}

/// Exactly one of every, log_spaced and at; the last number of steps, and all first steps of phases, fire as well.
Trigger read_trigger(Section& section, const std::vector<Phase>& phases, const Fallback<std::int64_t>& default_count) {
  std::vector<std::int64_t> landmarks = {0};
  for (const Phase& phase : phases) {
    landmarks.push_back(landmarks.back() + phase.num_steps);
  }
  const bool every = section.has("every");
  const bool at = section.has("at");
  const bool log_spaced = section.has("log_spaced");
  section.check(every + at + log_spaced <= 1, every ? "every" : "at",
                "only one of every, log_spaced and at can be given");
  Trigger trigger;
  if (section.reads("every", every, "no log_spaced and no at")) {
    trigger = Trigger::every(section.integer("every", "steps between looks", {1, "none"}, {1}));
  }
  if (section.reads("at", at, "no every and no log_spaced")) {
    trigger = Trigger::at(section.integers("at", "steps to look at", {std::vector<std::int64_t>{}, "none"}, {0}));
  }
  if (section.reads("log_spaced", !every && !at, "no every and no at")) {
    const std::int64_t count =
        section.integer("log_spaced", "number of looks, evenly spaced in log(step + 1)", default_count, {2, 1000000});
    trigger = Trigger::log_spaced(count, landmarks.back());
  }
  return trigger.with(landmarks);
}

std::vector<Index> first_particles(Index count) {
  std::vector<Index> particles(static_cast<std::size_t>(count));
  std::iota(particles.begin(), particles.end(), Index{0});
  return particles;
}

std::vector<Index> read_tracked(Section& section, Index width) {
  constexpr std::string_view doc = "which particles the trajectory records: a count is the first ones";
  const std::string allowed = "\"none\", \"all\", a count, or a list of particles";
  if (section.is_describing()) {
    section.describe("particles", allowed, "\"none\"", doc);
    return {};
  }
  const Value none = {"none"};
  const Value& value = section.has("particles") ? *section.find("particles") : none;
  const auto* text = value.as<std::string>();
  const auto* count = value.as<std::int64_t>();
  section.check(text == nullptr || *text == "none" || *text == "all", "particles", "must be " + allowed);
  section.check(text != nullptr || count != nullptr || value.as<List>() != nullptr, "particles", "must be " + allowed);
  section.check(count == nullptr || (*count >= 0 && *count <= width), "particles",
                fmt::format("must be between 0 and network.width = {}", width));
  std::vector<Index> particles;
  if (text != nullptr) {
    particles = first_particles(*text == "all" ? width : 0);
  } else if (count != nullptr) {
    particles = first_particles(*count);
  } else {
    for (const std::int64_t particle : section.integers("particles", doc, required, {0, width - 1})) {
      particles.push_back(particle);
    }
    std::sort(particles.begin(), particles.end());
    particles.erase(std::unique(particles.begin(), particles.end()), particles.end());
  }
  section.resolve("particles", value, doc);
  return particles;
}

/// Rejects observables whose kernel matrices, now and at the start, do not fit into memory.
void check_kernel_memory(const Section& observe, const Experiment& experiment) {
  for (const std::string& name : experiment.observables) {
    if (const Observable* row = find_observable(name); row != nullptr && row->needs.training_kernels) {
      const auto n = static_cast<double>(experiment.data.num_train());
      check_memory(observe, "columns", 2 * n * n, fmt::format("the n x n kernel matrices of {}", name));
    }
  }
}

/// What ends a phase is recorded, whether it is listed or not, and what the caller has of its own.
void add_what_is_not_listed(const Section& observe, const Scene& scene, std::string_view doc, Experiment& experiment) {
  constexpr std::string_view key = "observe.columns";
  const std::size_t num_listed = experiment.observables.size();
  if (scene.own != nullptr && !experiment.kernel) {
    for (const Observable& row : *scene.own) {
      if (std::count(experiment.observables.begin(), experiment.observables.end(), row.name) == 0) {
        experiment.observables.emplace_back(row.name);
      }
    }
  }
  for (std::size_t i = 0; i < experiment.stop_rules.size(); ++i) {
    const auto& rule = experiment.stop_rules[i];
    const auto columns = ObservedColumns(scene, experiment.observables, key).columns();
    if (rule && std::count(own_columns.begin(), own_columns.end(), rule->column) == 0 &&
        std::count(columns.begin(), columns.end(), rule->column) == 0) {
      experiment.observables.push_back(
          ObservedColumns::observable_of(scene, rule->column, fmt::format("phase.{}.until.column", i)));
    }
  }
  if (experiment.observables.size() > num_listed) {
    List names;
    for (const std::string& name : experiment.observables) {
      names.push_back({name});
    }
    observe.resolve("columns", {std::move(names)}, doc);
  }
}

/// [observe] columns: rows of the table of observables, and the columns that they have.
void read_columns(Section& observe, const Scene& scene, Experiment& experiment) {
  constexpr std::string_view key = "observe.columns";
  constexpr std::string_view doc = "observables of metrics.csv, rows of `mfld list observables`";
  const auto those_that_exist = [&](const std::vector<std::string>& names) {
    return experiment.kernel ? keep_observables_of_outputs(scene, names, key, experiment.kernel->left_out) : names;
  };
  const bool describing = observe.is_describing();
  const auto defaults =
      describing ? std::vector<std::string>() : those_that_exist(ObservedColumns::default_names(scene));
  if (experiment.kernel) {
    experiment.kernel->left_out.clear();  // nobody asked for these
  }
  experiment.observables =
      those_that_exist(observe.names("columns", doc, {defaults, "those that exist and are cheap"}));
  if (!describing) {
    add_what_is_not_listed(observe, scene, doc, experiment);
    check_kernel_memory(observe, experiment);
    experiment.columns = ObservedColumns(scene, experiment.observables, key).columns();
  }
  if (experiment.kernel && experiment.kernel->ridge == 0) {
    experiment.columns.emplace_back(generalisation_column);
  }
}

/// The steps at which the row certified_gap is computed, which costs far more than the others.
std::vector<std::int64_t> read_certified_steps(Section& observe, const Experiment& experiment) {
  constexpr std::string_view key = "certified_gap_at";
  const auto& names = experiment.observables;
  if (!observe.reads(key, std::find(names.begin(), names.end(), "certified_gap") != names.end(),
                     "certified_gap among observe.columns")) {
    return {};
  }
  std::vector<std::int64_t> steps =
      observe.integers(key, "steps at which certified_gap is computed, and a look made", required, {0});
  observe.check(observe.is_describing() || !steps.empty(), key, "must name a step at least");
  return steps;
}

bool read_track_velocities(Section& trajectory, const Experiment& experiment) {
  const std::vector<Phase>& phases = experiment.phases;
  const bool have_any = std::any_of(phases.begin(), phases.end(),
                                    [](const Phase& phase) { return info(phase.step_rule).has_velocities(); });
  return trajectory.reads("velocities", have_any && !experiment.tracked.empty(),
                          "particles and a phase of step = kinetic") &&
         trajectory.flag("velocities", "their velocities as well; 0 in phases of other steps", false);
}

}  // namespace

void read_observation(const Section& root, Experiment& experiment) {
  const Scene scene = experiment.scene();
  Section observe = root.table("observe");
  read_columns(observe, scene, experiment);
  experiment.observe = read_trigger(observe, experiment.phases,
                                    {default_looks(experiment.phases, experiment.data),
                                     "2 x samples of all steps / (training + test samples), from 20 to 200"});
  experiment.certified_gap_at = read_certified_steps(observe, experiment);
  experiment.observe = experiment.observe.with(experiment.certified_gap_at);
  experiment.predictions =
      observe.flag("predictions", "the outputs on the test samples in the end, as predictions.csv", false);
  observe.check(!experiment.predictions || experiment.objective == nullptr, "predictions",
                "needs a network, and the particles are points");
  observe.check(!experiment.predictions || experiment.data.num_test() > 0, "predictions",
                "needs test samples, and the task has none");
  // Only where it is given: the experiments of others stay what they were.
  if (observe.is_describing() || observe.has("certificate_samples")) {
    experiment.certificate_samples = observe.integer(
        "certificate_samples", "samples of the prior for expectations under p_mu (dual_bound, proximal_gap, ...)",
        IntegrationOptions{}.num_samples, {fewest_certificate_samples, most_certificate_samples});
  }
  Section trajectory = observe.table("trajectory");
  experiment.tracked = read_tracked(trajectory, experiment.initial.rows());
  if (experiment.kernel && !experiment.tracked.empty()) {
    experiment.kernel->left_out.emplace_back("observe.trajectory");
    experiment.tracked.clear();
  } else {
    experiment.track_velocities = read_track_velocities(trajectory, experiment);
  }
  experiment.track = read_trigger(trajectory, experiment.phases, 100);
}

void read_checkpointing(Section section, Experiment& experiment) {
  experiment.checkpoint_steps = section.integer("every_steps", "steps between checkpoints; 0: off", 0, {0});
  experiment.checkpoint_minutes =
      section.number("every_minutes", "minutes between checkpoints; 0: off", 10.0, NumberRule::non_negative);
  // Only where it is given: the experiments of others stay what they were.
  if (section.is_describing() || section.has("keep_at")) {
    experiment.kept_checkpoints =
        section.integers("keep_at", "steps whose checkpoints stay, as checkpoint.STEP.h5, for `mfld branch --at STEP`",
                         {std::vector<std::int64_t>{}}, {0});
  }
}

bool asks_for_predictions(const Section& root) {
  const Section observe = root.table("observe");
  const Value* value = observe.find("predictions");
  return value != nullptr && value->as<bool>() != nullptr && *value->as<bool>();
}

}  // namespace mfld::readers

#include "mfld/config/experiment.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <boost/algorithm/string/join.hpp>
#include <numeric>

#include "config/memory.hpp"
#include "config/readers.hpp"
#include "mfld/config/objective_table.hpp"
#include "mfld/config/task_table.hpp"
#include "mfld/core/error.hpp"
#include "mfld/core/invalid_option.hpp"
#include "mfld/dynamics/state.hpp"
#include "mfld/model/tangent_network.hpp"
#include "mfld/objective/median_distance.hpp"
#include "mfld/observe/notes.hpp"
#include "mfld/observe/observables.hpp"
#include "mfld/observe/own_columns.hpp"

namespace mfld {

namespace {

constexpr std::string_view file_task = "file";

constexpr std::array<Named<Reduction>, 2> reductions = {{{"mean", Reduction::mean}, {"sum", Reduction::sum}}};

Seeds read_seeds(Section root) {
  const std::int64_t seed = root.integer("seed", "the one number every random choice follows from", required, {0});
  Section section = root.table("seeds");
  const auto read = [&section, seed](std::string_view name, std::string_view doc) {
    return static_cast<std::uint64_t>(section.integer(name, doc, {seed, "seed"}, {0}));
  };
  Seeds seeds;
  seeds.data = read("data", "inputs, labels, teacher, rotation, split");
  seeds.initialisation = read("initialisation", "first particles");
  seeds.batches = read("batches", "which samples a mini-batch holds, and label_noise of a phase");
  seeds.noise = read("noise", "the Brownian motion");
  return seeds;
}

constexpr std::array<Named<bool>, 2> noise_precisions = {{{"own", false}, {"double", true}}};

NoiseRule read_noise(Section section) {
  NoiseRule rule;
  rule.substeps = section.integer(
      "substeps", "steps of a run with a smaller step size whose noise each step takes, added: both share their noise",
      rule.substeps, {1, NoiseRule::most_substeps});
  rule.in_double = pick(section, "precision",
                        "double: single precision draws the normals of double precision, rounded, and shares them",
                        "own", noise_precisions);
  return rule;
}

std::string with_task(std::string_view kind) { return fmt::format("task.kind = \"{}\"", kind); }

std::string with_objective(std::string_view kind) { return fmt::format("objective.kind = \"{}\"", kind); }

/// [objective]; without, it is the first row and nothing is written out: such runs keep their identity.
ObjectivePlan read_objective(const Section& root) {
  const bool describing = root.is_describing();
  if (!describing && !root.has("objective")) {
    return {};
  }
  Section section = root.table("objective");
  const auto rows = objectives();
  const std::size_t kind = section.choice("kind", "what a run minimises: a row of `mfld list objectives`",
                                          std::string(rows[0].name), names_of(rows));
  if (!describing) {
    ObjectivePlan plan = rows[kind].read(section);
    plan.name = rows[kind].name;
    return plan;
  }
  const Dataset data{Inputs::Zero(1, 1), Vector::Zero(1), {}, {}, {}, {}, {}};
  for (const ObjectiveRow& row : rows) {
    Section rest = root.table("objective", with_objective(row.name));
    if (const ObjectivePlan plan = row.read(rest); plan.is_of_points()) {
      plan.make(rest, data, 1);
    }
  }
  return {};
}

/// The task of an objective that takes none: no points of its dimension, whatever that is.
Dataset no_data() {
  Dataset data{Inputs(0, 0), Vector(0), Inputs(0, 0), Vector(0), {}, {}, {}};
  data.relevant_subspace.resize(0, 0);
  data.description = "none";
  data.has_labels = false;
  return data;
}

MakeDataset read_task(const Section& root, const ObjectivePlan& plan, const Surroundings& surroundings) {
  Section section = root.table("task");
  if (plan.task_use == TaskUse::nothing) {
    section.check(!root.has("task"), "kind", "the objective takes nothing from a task");
    return [](std::uint64_t /*seed*/) { return no_data(); };
  }
  const std::size_t kind = section.choice("kind", "where the data come from", required, names_of(tasks()));
  if (root.is_describing()) {
    for (const TaskRow& row : tasks()) {
      Section rest = root.table("task", with_task(row.name));
      row.read(rest, surroundings);
    }
  }
  return root.is_describing() ? MakeDataset() : tasks()[kind].read(section, surroundings);
}

void read_parameter(Section& section, const LossParameter& parameter, Loss& loss) {
  double& number = loss.*parameter.number;
  if (parameter.is_flag()) {
    const auto [if_true, if_false] = parameter.flag;
    number = section.flag(parameter.key, parameter.doc, number == if_true) ? if_true : if_false;
  } else {
    number = section.number(parameter.key, parameter.doc, number, parameter.rule);
  }
}

/// The losses that have the key.
std::string losses_with(std::string_view key) {
  std::vector<std::string> names;
  for (const LossInfo& row : losses()) {
    if (row.parameter.key == key) {
      names.push_back(fmt::format("\"{}\"", row.name));
    }
  }
  return "loss.kind = " + boost::algorithm::join(names, " or ");
}

/// A loss of the caller's own, of which the experiment says no more than how it is reduced.
Loss own_loss(const Section& section, const LossInfo& row) {
  const auto refuse = [&](std::string_view key) {
    section.check(key.empty() || !section.has(key), key, fmt::format("must be left out: the loss is {}", row.name));
  };
  refuse("kind");
  for (const LossInfo& other : losses()) {
    refuse(other.parameter.key);
  }
  section.resolve("kind", {std::string(row.name)}, "of the program that uses the library");
  Loss loss;
  loss.own = &row;
  return loss;
}

Loss read_loss(Section& section) {
  Loss loss;
  loss.kind = losses()[section.choice("kind", "l(f(x), y)", "squared", names_of(losses()))].kind;
  std::vector<std::string_view> keys = {std::string_view()};
  for (const LossInfo& row : losses()) {
    const std::string_view key = row.parameter.key;
    if (std::count(keys.begin(), keys.end(), key) > 0) {
      continue;  // of a loss before, too
    }
    keys.push_back(key);
    if (section.reads(key, key == loss.info().parameter.key, losses_with(key))) {
      read_parameter(section, section.is_describing() ? row.parameter : loss.info().parameter, loss);
    }
  }
  return loss;
}

Risk read_risk(Section section, const LossInfo* own) {
  const Loss loss = own != nullptr ? own_loss(section, *own) : read_loss(section);
  return {loss, pick(section, "reduction", "over the samples", "mean", reductions)};
}

/// Exactly one of every, log_spaced and at; the last number of steps, and all first steps of phases, fire as well.
Trigger read_trigger(Section& section, const std::vector<Phase>& phases, std::int64_t default_count) {
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

/// The text of the array that takes the place of a law, or nothing.
std::string read_particles(Section init) {
  constexpr std::string_view name = "particles";
  if (!init.reads(name, init.has(name), "arrays")) {
    return {};
  }
  std::string text =
      init.text(name, "an array of the program that uses the library, [width x p], in place of the laws", {"", "none"});
  for (const std::string_view key : {"input_law", "input_std", "bias_std", "output_law", "output_std", "symmetric"}) {
    init.check(!init.has(key), key, "must be left out where network.init.particles is given");
  }
  return text;
}

Particles<double> given_particles(const Section& init, const std::string& text, const readers::NetworkOptions& options,
                                  const ParameterLayout& layout, const Surroundings& surroundings) {
  constexpr std::string_view name = "particles";
  const Inputs* array = surroundings.arrays == nullptr ? nullptr : surroundings.arrays->find(text);
  init.check(array != nullptr, name, std::string(no_given_array));
  init.check(array->rows() == options.width && array->cols() == layout.size, name,
             fmt::format("must have network.width = {} rows and {} columns{}{}{}", options.width, layout.size,
                         layout.output >= 0 ? ", r first" : "", layout.size > 1 ? ", w" : "",
                         layout.bias >= 0 ? ", b last" : ""));
  const NeuronInfo& row = info(options.neuron.kind);
  init.check(!row.has_output || row.output_trainable || (array->col(layout.output).array().abs() == 1).all(), name,
             fmt::format("must have -1 or +1 in column {}, the r of the neuron {}", layout.output, row.name));
  return *array;
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

/// For what stands under `key`.
void check_classes(const Section& root, std::string_view key, const Vector& targets, std::string_view part) {
  const auto bad = std::find_if(targets.begin(), targets.end(), [](double y) { return y != -1 && y != 1; });
  if (bad != targets.end()) {
    root.check_data(
        false, key,
        fmt::format("needs labels -1 and +1, and the label of {} sample {} is {}", part, bad - targets.begin(), *bad));
  }
}

void check_labels(const Section& root, const Risk& risk, const Vector& targets, std::string_view part) {
  if (risk.loss().is_classification()) {
    check_classes(root, "loss.kind", targets, part);
  }
}

bool asks_for_predictions(const Section& root) {
  const Section observe = root.table("observe");
  const Value* value = observe.find("predictions");
  return value != nullptr && value->as<bool>() != nullptr && *value->as<bool>();
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

/// What ends a phase is recorded, whether it is listed or not.
void add_columns_of_rules(const Section& observe, const Scene& scene, std::string_view doc, Experiment& experiment) {
  constexpr std::string_view key = "observe.columns";
  const std::size_t num_listed = experiment.observables.size();
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
    return experiment.kernel ? readers::keep_observables_of_outputs(scene, names, key, experiment.kernel->left_out)
                             : names;
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
    add_columns_of_rules(observe, scene, doc, experiment);
    check_kernel_memory(observe, experiment);
    experiment.columns = ObservedColumns(scene, experiment.observables, key).columns();
  }
  if (experiment.kernel && experiment.kernel->ridge == 0) {
    experiment.columns.emplace_back(generalisation_column);
  }
}

bool read_track_velocities(Section& trajectory, const Experiment& experiment) {
  const std::vector<Phase>& phases = experiment.phases;
  const bool have_any = std::any_of(phases.begin(), phases.end(),
                                    [](const Phase& phase) { return info(phase.step_rule).has_velocities(); });
  return trajectory.reads("velocities", have_any && !experiment.tracked.empty(),
                          "particles and a phase of step = kinetic") &&
         trajectory.flag("velocities", "their velocities as well; 0 in phases of other steps", false);
}

/// The observables and the trajectory, with their triggers.
void read_observation(const Section& root, Experiment& experiment) {
  const Scene scene = experiment.scene();
  Section observe = root.table("observe");
  read_columns(observe, scene, experiment);
  experiment.observe = read_trigger(observe, experiment.phases, 200);
  experiment.predictions =
      observe.flag("predictions", "the outputs on the test samples in the end, as predictions.csv", false);
  observe.check(!experiment.predictions || experiment.objective == nullptr, "predictions",
                "needs a network, and the particles are points");
  observe.check(!experiment.predictions || experiment.data.num_test() > 0, "predictions",
                "needs test samples, and the task has none");
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
}

/// Whether that is what [task] kind says.
bool reads_file(const Value* kind) {
  return kind != nullptr && kind->as<std::string>() != nullptr && *kind->as<std::string>() == file_task;
}

/// What `make` makes of a file: what is wrong with it, and not with the options, only the file shows.
template <class Make>
auto from_file(const Make& make) {
  try {
    return make();
  } catch (const InvalidOption&) {
    throw;
  } catch (const InvalidInput& error) {
    throw WrongData(error.what());
  }
}

/// What `make` makes of the keys of a section.
template <class Make>
auto from_section(const Section& section, const Make& make) {
  try {
    return make();
  } catch (const InvalidOption& error) {
    section.check(false, error.key(), error.reason());
    throw;
  }
}

/// The opposite: the text says how many samples there are.
template <class Read>
auto from_text(const Read& read) {
  try {
    return read();
  } catch (const WrongData& error) {
    throw InvalidInput(error.what());
  }
}

constexpr std::uint64_t hash_start = 0xCBF29CE484222325U;

/// Fowler-Noll-Vo 1a.
std::uint64_t hash_of(std::string_view bytes, std::uint64_t hash) {
  for (const char c : bytes) {
    hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001B3U;
  }
  return hash;
}

/// A noise rule that changes nothing: of runs that were made before there were any.
bool is_plain_noise(const Member& section) {
  const auto* table = section.value.as<Table>();
  const auto is_default = [](const Member& key) {
    const auto* substeps = key.value.as<std::int64_t>();
    const auto* precision = key.value.as<std::string>();
    return (substeps != nullptr && *substeps == 1) || (precision != nullptr && *precision == noise_precisions[0].name);
  };
  return section.key == "noise" && table != nullptr &&
         std::all_of(table->members.begin(), table->members.end(), is_default);
}

/// Of what an experiment computes, and not of where its files lie.
std::uint64_t hash_of_values(Value resolved) {
  std::erase_if(std::get<Table>(resolved.data).members, is_plain_noise);
  for (Member& section : std::get<Table>(resolved.data).members) {
    if (auto* table = section.value.as<Table>(); table != nullptr && section.key == "task") {
      std::erase_if(table->members,
                    [](const Member& member) { return member.key == "path" || member.key == "test_path"; });
    }
  }
  return hash_of(to_toml_inline(resolved), hash_start);
}

std::uint64_t hash_of(const Dataset& data, std::uint64_t hash) {
  const auto add = [&hash](const auto& values) {
    hash = hash_of(
        {reinterpret_cast<const char*>(values.data()), sizeof(double) * static_cast<std::size_t>(values.size())}, hash);
  };
  add(data.train_inputs);
  add(data.train_targets);
  add(data.test_inputs);
  add(data.test_targets);
  return hash;
}

/// Doubles of all matrices that a state holds in the phase where they are most.
double num_doubles_of_state(const std::vector<Phase>& phases, const RunSizes& sizes) {
  double most = sizes.per_parameter().size();
  for (const Phase& phase : phases) {
    State<double> state;
    state.begin(phase);
    state.step_in_phase = 1;
    double sum = 0;
    State<double>::for_each_matrix(
        state, sizes,
        [&sum](std::string_view /*name*/, const auto& /*matrix*/, const MatrixShape& shape) { sum += shape.size(); });
    most = std::max(most, sum);
  }
  return most;
}

/// What an experiment is about, before its phases.
struct Subject {
  ObjectivePlan plan;
  MakeDataset make_dataset;
  readers::NetworkOptions options;
  std::string given;   // the first particles, where the program that uses the library has them
  Initialisation law;  // else
  Risk risk;
};

Subject read_subject(const Section& root, const Surroundings& surroundings) {
  ObjectivePlan plan = read_objective(root);
  MakeDataset make_dataset = read_task(root, plan, surroundings);
  const bool of_points = plan.is_of_points();
  readers::NetworkOptions options = of_points ? readers::read_points(root) : readers::read_network(root);
  std::string given = read_particles(root.table("network.init"));
  Initialisation law;
  if (given.empty()) {
    law = of_points ? readers::read_initialisation_of_points(root.table("network.init"))
                    : readers::read_initialisation(root, options.neuron, options.width);
  }
  const Risk risk = of_points ? Risk(Loss(), Reduction::mean)
                              : read_risk(root.table("loss", readers::with_network), surroundings.loss);
  return {std::move(plan), std::move(make_dataset), std::move(options), std::move(given), law, risk};
}

/// The data, fit for the objective. Over no file at all (describing) they are one sample.
Dataset make_data(const Section& root, const Subject& subject, bool is_of_file, std::uint64_t seed) {
  if (root.is_describing()) {
    return Dataset{Inputs::Zero(1, 1), Vector::Zero(1), {}, {}, {}, {}, {}};
  }
  const auto make = [&] { return subject.make_dataset(seed); };
  Dataset data = from_section(root.table("task"), [&] { return is_of_file ? from_file(make) : make(); });
  const TaskUse use = subject.plan.task_use;
  root.check(data.has_labels || use == TaskUse::points || use == TaskUse::nothing, "task.kind",
             "gives points without labels, which are for objective.kind = \"mmd\"");
  if (use == TaskUse::classes) {
    check_classes(root, "objective.target", data.train_targets, "training");
  }
  if (!subject.plan.is_of_points()) {
    check_labels(root, subject.risk, data.train_targets, "training");
    check_labels(root, subject.risk, data.test_targets, "test");
  }
  return data;
}

std::shared_ptr<const ParticleObjective> make_objective(const Section& root, const Subject& subject,
                                                        const Dataset& data) {
  if (!subject.plan.is_of_points()) {
    return nullptr;
  }
  Section section = root.table("objective");
  auto objective = std::make_shared<ParticleObjective>(subject.plan.make(section, data, subject.options.width));
  objective->name = subject.plan.name;
  return objective;
}

/// with_data(read): how what depends on the data is read.
template <class WithData>
void read_method(const Section& root, const Subject& subject, const WithData& with_data, Experiment& experiment) {
  const Network& network = experiment.network();
  const ParticleObjective* objective = experiment.objective.get();
  experiment.kernel =
      readers::read_kernel_method(root, {subject.options.neuron, subject.options.trained, &experiment.risk,
                                         &experiment.data, asks_for_predictions(root), subject.law, objective});
  if (experiment.kernel) {
    if (experiment.kernel->is_infinite() && !subject.given.empty()) {
      experiment.kernel->other_law = "particles";
    }
    return;
  }
  const auto num_trained = static_cast<double>(std::count(network.trained().begin(), network.trained().end(), 1));
  readers::PhaseList list = with_data([&] {
    return readers::read_phases(root, {subject.options.scaling, experiment.risk.loss(), experiment.sizes().num_samples,
                                       static_cast<double>(subject.options.width) * num_trained, objective});
  });
  experiment.phases = std::move(list.phases);
  experiment.stop_rules = std::move(list.stop_rules);
}

/// The first particles, the drift, the drift of an observed; what the state holds, and once more in a checkpoint.
void check_memory_of_particles(const Section& root, const Subject& subject, const Experiment& experiment) {
  const auto some = [&](const auto& condition) {
    return std::any_of(experiment.phases.begin(), experiment.phases.end(), condition) ? 1 : 0;
  };
  const int num_copies = 3 + some([](const Phase& phase) { return phase.anchor == Anchor::start; }) +
                         some([](const Phase& phase) { return phase.until_gradient_norm > 0; }) +
                         (subject.options.linearised ? 2 : 0) + (subject.plan.is_of_points() ? 4 : 0);
  const RunSizes sizes = experiment.sizes_of(subject.options.width);
  const double num_doubles =
      num_copies * sizes.per_parameter().size() + 2 * num_doubles_of_state(experiment.phases, sizes);
  check_memory(root.table("network"), "width", num_doubles, "the particles");
}

/// A first phase in a ball begins inside. Where the others begin is known when they do.
void check_start(const Section& root, const Experiment& experiment) {
  const auto moves = [](const Phase& phase) { return phase.num_steps > 0; };
  const auto first = std::find_if(experiment.phases.begin(), experiment.phases.end(), moves);
  if (first == experiment.phases.end() || first->step_rule != StepKind::ball) {
    return;
  }
  Vector squares = Vector::Zero(experiment.initial.rows());
  for (Index column = 0; column < experiment.initial.cols(); ++column) {
    if (experiment.network().trains(column)) {
      squares += experiment.initial.col(column).cwiseAbs2();
    }
  }
  Index farthest = 0;
  const double distance = std::sqrt(squares.maxCoeff(&farthest));
  root.check(distance < first->radius, fmt::format("phase.{}.radius", first - experiment.phases.begin()),
             fmt::format("must be above {:.6g}, the distance from 0 of particle {}, which the run begins with",
                         distance, farthest));
}

void make_particles(const Section& root, const Surroundings& surroundings, const Subject& subject,
                    Experiment& experiment) {
  const readers::NetworkOptions& options = subject.options;
  const Network& network = experiment.network();
  experiment.initial = subject.given.empty() ? initial_particles(subject.law, options.neuron, network.input_dim(),
                                                                 options.width, experiment.seeds.initialisation)
                                             : given_particles(root.table("network.init"), subject.given, options,
                                                               network.layout(), surroundings);
  if (options.precision == Precision::single_precision) {
    experiment.initial = experiment.initial.cast<float>().cast<double>().eval();
  }
  check_start(root, experiment);
  if (options.linearised) {
    experiment.model = std::make_shared<TangentNetwork>(experiment.network(), experiment.initial);
  }
}

/// A kernel far narrower than the distances of the first particles sees nearly no two of them.
void check_kernel_width(const Section& root, const Experiment& experiment) {
  const double width = experiment.objective ? experiment.objective->kernel_width : -1;
  if (width < 0) {
    return;
  }
  const double median = experiment.initial.rows() > 1 ? median_distance(experiment.initial) : 0;
  root.check(width > 0 && width >= least_kernel_width * median, "objective.kernel_width",
             fmt::format("must be positive, and not below a hundredth of the median distance of two first particles, "
                         "{:.4g}: nearly no two would see each other; that distance is a width to begin with",
                         median));
}

/// Reads everything in the order of the resolved file.
Experiment read_experiment(const Section& root, const Surroundings& surroundings) {
  const Seeds seeds = read_seeds(root);
  const NoiseRule noise = read_noise(root.table("noise"));
  const Subject subject = read_subject(root, surroundings);
  const readers::NetworkOptions& options = subject.options;
  const bool has_file = reads_file(root.find("task.kind"));
  // What is wrong with data that no file has, the text shows.
  const auto with_data = [has_file](const auto& read) { return has_file ? read() : from_text(read); };
  Dataset data = make_data(root, subject, has_file, seeds.data);
  const auto objective = with_data([&] { return make_objective(root, subject, data); });
  const Network network = objective ? network_of_points(objective->dimension)
                                    : Network(options.neuron, data.input_dim(), options.scaling, options.trained);
  Experiment experiment{seeds,       noise, std::move(data), std::make_shared<Network>(network), options.precision,
                        subject.risk};
  experiment.objective = objective;
  read_method(root, subject, with_data, experiment);
  check_memory_of_particles(root, subject, experiment);
  make_particles(root, surroundings, subject, experiment);
  check_kernel_width(root, experiment);
  read_observation(root, experiment);
  read_checkpointing(root.table("checkpoint"), experiment);
  return experiment;
}

}  // namespace

std::int64_t Experiment::num_steps() const {
  return std::accumulate(phases.begin(), phases.end(), std::int64_t{0},
                         [](std::int64_t sum, const Phase& phase) { return sum + phase.num_steps; });
}

RunSizes Experiment::sizes_of(Index num_particles) const {
  const Index p = network().layout().size;
  return objective ? RunSizes{num_particles, p, objective->num_terms, 0} : RunSizes{num_particles, p, data.num_train()};
}

std::vector<std::string> Experiment::parameter_names() const {
  const ParameterLayout& layout = network().layout();
  std::vector<std::string> names(static_cast<std::size_t>(layout.size));
  for (Index k = 0; k < layout.input_dim; ++k) {
    names[static_cast<std::size_t>(layout.input + k)] = objective ? fmt::format("x{}", k) : fmt::format("w_{}", k + 1);
  }
  if (layout.output >= 0) {
    names[static_cast<std::size_t>(layout.output)] = std::string(1, 'r');
  }
  if (layout.bias >= 0) {
    names[static_cast<std::size_t>(layout.bias)] = std::string(1, 'b');
  }
  return names;
}

bool Experiment::has_stop_rule() const {
  return std::any_of(stop_rules.begin(), stop_rules.end(), [](const auto& rule) { return rule.has_value(); });
}

double Experiment::num_bytes() const {
  return 8.0 * static_cast<double>(data.train_inputs.size() + data.test_inputs.size() + data.train_targets.size() +
                                   data.test_targets.size() + initial.size());
}

std::int64_t Experiment::num_frames(std::int64_t first_step) const {
  if (tracked.empty()) {
    return 0;
  }
  // What follows a phase that ends early begins, and ends, at steps that no trigger knows of; in their place the last
  // one that it knows of is not reached.
  std::int64_t num_unknown = 0;
  for (std::size_t i = 0; i + 1 < phases.size() && num_unknown == 0; ++i) {
    if (phases[i].until_gradient_norm > 0 || stop_rules[i]) {
      num_unknown = std::ssize(phases) - 1 - static_cast<std::int64_t>(i);
    }
  }
  return track.num_fires(first_step, num_steps()) + num_unknown;
}

double Experiment::frame_bytes() const {
  const int num_matrices = track_velocities ? 2 : 1;
  return 16 + 8.0 * num_matrices * static_cast<double>(tracked.size()) * static_cast<double>(initial.cols());
}

std::vector<std::string> Experiment::formulas() const {
  std::vector<std::string> lines = {"data: " + data.description};
  if (objective) {
    lines.push_back("objective: " + objective->make<double>(data)->describe(initial.rows()));
  } else {
    lines.insert(lines.end(), {"network: " + model->describe(initial.rows()), "risk: " + risk.describe()});
  }
  if (kernel) {
    const auto method = kernel->describe();
    lines.insert(lines.end(), method.begin(), method.end());
  }
  for (std::size_t i = 0; i < phases.size(); ++i) {
    const auto& rule = stop_rules[i];
    lines.push_back(fmt::format("phase {}: {}{}", i, phases[i].describe(),
                                rule ? fmt::format("; ends once {} {}", rule->column, rule->condition()) : ""));
  }
  const auto is_warm = [](const Phase& phase) { return phase.temperature.value > 0; };
  if (!noise.is_plain() && std::any_of(phases.begin(), phases.end(), is_warm)) {
    lines.push_back("noise: " + noise.describe());
  }
  if (!kernel) {
    const auto notes = observation_notes(scene(), observables);
    lines.insert(lines.end(), notes.begin(), notes.end());
  }
  if (const double bytes = static_cast<double>(num_frames()) * frame_bytes(); bytes >= 0x1p30) {
    lines.push_back(fmt::format("trajectory: large, up to {:.3g} GiB for {} frames of {} particles", bytes / 0x1p30,
                                num_frames(), tracked.size()));
  }
  return lines;
}

namespace {

/// A key on which it depends what others there are, as their `where` says: keys of other choices are known, but not to
/// an experiment that chose this one.
constexpr auto choices = std::to_array<std::string_view>({"task.kind", "objective.kind", "objective.target"});

/// Whether the key is one of what the experiment chose, or of nothing that is a choice.
bool is_of_choices(const Value& config, const KeyInfo& key, const std::vector<KeyInfo>& every_key) {
  return std::all_of(choices.begin(), choices.end(), [&](std::string_view choice) {
    const std::string with = fmt::format("{} = \"", choice);
    if (key.where.find(with) == std::string::npos) {
      return true;
    }
    const Value* value = find(config, choice);
    const auto* text = value == nullptr ? nullptr : value->as<std::string>();
    const std::string chosen = text != nullptr              ? *text
                               : choice == "objective.kind" ? std::string(objectives().front().name)
                                                            : "";
    const std::string with_chosen = with + chosen + '"';
    const bool exists = std::any_of(every_key.begin(), every_key.end(), [&](const KeyInfo& each) {
      return each.where.find(with_chosen) != std::string::npos;
    });
    return !exists || key.where.find(with_chosen) != std::string::npos;
  });
}

}  // namespace

std::vector<KeyInfo> describe_keys() {
  std::vector<KeyInfo> keys;
  Section root = Section::describing(keys);
  read_experiment(root, {});
  return keys;
}

Experiment build_experiment(const Value& config, const Surroundings& surroundings) {
  static const std::vector<KeyInfo> every_key = describe_keys();
  std::vector<KeyInfo> keys = every_key;
  const auto others = std::stable_partition(keys.begin(), keys.end(),
                                            [&](const KeyInfo& key) { return is_of_choices(config, key, every_key); });
  reject_unknown_keys(config, {keys.begin(), others}, {others, keys.end()});
  Value resolved{Table{}};
  Experiment experiment = read_experiment(Section::reading(config, resolved), surroundings);
  experiment.resolved = to_toml(resolved);
  experiment.hash = hash_of_values(resolved);
  if (reads_file(find(config, "task.kind"))) {  // which may have changed since
    experiment.hash = hash_of(experiment.data, experiment.hash);
    experiment.folder = surroundings.folder / ".";
  }
  return experiment;
}

Course build_course(const Value& config, Index num_parameters) {
  std::vector<KeyInfo> keys = describe_keys();
  std::erase_if(keys, [](const KeyInfo& key) {
    return key.path != "seed" && !key.path.starts_with("seeds.") && !key.path.starts_with("phase.");
  });
  reject_unknown_keys(config, keys, {});
  Value resolved{Table{}};
  const Section root = Section::reading(config, resolved);
  Course course;
  course.seeds = read_seeds(root);
  const std::vector<Section> sections = root.tables("phase");
  for (const Section& section : sections) {
    const auto* method = section.has("method") ? section.find("method")->as<std::string>() : nullptr;
    const auto row = std::find_if(methods.begin(), methods.end(),
                                  [&](const Method& each) { return method != nullptr && each.name == *method; });
    section.check(method == nullptr || *method != KernelMethod::method_name, "method",
                  "solves for the outputs on samples, which an objective of one's own has not");
    section.check(row == methods.end() || row->estimator == Estimator::full, "method",
                  "draws samples or needs outputs, and an objective of one's own has neither");
    section.check(!section.has("until"), "until", "needs columns, and an objective of one's own has none");
  }
  readers::PhaseList list = readers::read_phases(root, {{}, {}, 1, static_cast<double>(num_parameters)});
  course.phases = std::move(list.phases);
  return course;
}

}  // namespace mfld

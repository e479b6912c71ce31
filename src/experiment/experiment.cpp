#include "mfld/experiment/experiment.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <boost/algorithm/string/join.hpp>
#include <cmath>
#include <numeric>

#include "experiment/memory.hpp"
#include "mfld/core/error.hpp"
#include "mfld/experiment/task_table.hpp"
#include "mfld/observe/observer.hpp"

namespace mfld {

namespace {

constexpr std::array<Named<Precision>, 2> precisions = {
    {{"double", Precision::double_precision}, {"single", Precision::single_precision}}};
constexpr std::array<Named<OutputLaw>, 3> output_laws = {
    {{"gaussian", OutputLaw::gaussian}, {"sign", OutputLaw::sign}, {"uniform", OutputLaw::uniform}}};
constexpr std::array<Named<bool>, 2> input_laws = {{{"gaussian", false}, {"sphere", true}}};
constexpr std::array<Named<Reduction>, 2> reductions = {{{"mean", Reduction::mean}, {"sum", Reduction::sum}}};
constexpr std::array<Named<PenaltyMode>, 3> penalty_modes = {
    {{"additive", PenaltyMode::additive}, {"product", PenaltyMode::product}, {"half", PenaltyMode::half}}};
constexpr std::array<Named<Sampling>, 2> samplings = {
    {{"without-replacement", Sampling::without_replacement}, {"with-replacement", Sampling::with_replacement}}};
constexpr std::array<Named<ScheduleKind>, 5> schedules = {{{"constant", ScheduleKind::constant},
                                                           {"exponential", ScheduleKind::exponential},
                                                           {"inverse", ScheduleKind::inverse},
                                                           {"logarithmic", ScheduleKind::logarithmic},
                                                           {"halving", ScheduleKind::halving}}};

template <class Rows, class Condition>
std::string names_where(const Rows& rows, const Condition& condition) {
  std::vector<std::string> names;
  for (const auto& row : rows) {
    if (condition(row)) {
      names.emplace_back(row.name);
    }
  }
  return boost::algorithm::join(names, ", ");
}

Seeds read_seeds(Section root) {
  const std::int64_t seed = root.integer("seed", "the one number every random choice follows from", required, {0});
  Section section = root.table("seeds");
  const auto read = [&section, seed](std::string_view name, std::string_view doc) {
    return static_cast<std::uint64_t>(section.integer(name, doc, {seed, "seed"}, {0}));
  };
  Seeds seeds;
  seeds.data = read("data", "inputs, labels, teacher, rotation, split");
  seeds.initialisation = read("initialisation", "first particles");
  seeds.batches = read("batches", "which samples a mini-batch holds");
  seeds.noise = read("noise", "the Brownian motion");
  return seeds;
}

std::string with_task(std::string_view kind) { return fmt::format("task.kind = \"{}\"", kind); }

MakeDataset read_task(const Section& root, const std::filesystem::path& folder) {
  Section section = root.table("task");
  const std::size_t kind = section.choice("kind", "where the data come from", required, names_of(tasks()));
  if (root.is_describing()) {
    for (const TaskRow& row : tasks()) {
      Section rest = root.table("task", with_task(row.name));
      row.read(rest, folder);
    }
  }
  return root.is_describing() ? MakeDataset() : tasks()[kind].read(section, folder);
}

Neuron read_neuron(Section& section) {
  Neuron neuron;
  const NeuronInfo& row = neurons[section.choice("neuron", "h(theta; x)", "r-sigma", names_of(neurons))];
  neuron.kind = row.kind;
  const std::string default_activation(info(row.activation).name);
  neuron.activation = activations[section.choice("activation", "sigma", {default_activation, "the neuron's"},
                                                 names_of(activations))]
                          .kind;
  section.check(!row.fixed_activation || neuron.activation == row.activation, "activation",
                fmt::format("must be \"{}\", which is part of the neuron {}", default_activation, row.name));
  neuron.bias = section.flag("bias", "whether neurons have a bias b", {row.bias_default, "the neuron's"});
  section.check(row.bias_optional || neuron.bias == row.bias_default, "bias",
                fmt::format("must be {} for the neuron {}", row.bias_default, row.name));
  const auto with_bound = names_where(neurons, [](const NeuronInfo& other) { return other.has_bound; });
  if (section.reads("bound", row.has_bound, "network.neuron = " + with_bound)) {
    neuron.bound = section.number("bound", "R, bound of the output weight", neuron.bound, NumberRule::positive);
  }
  return neuron;
}

Scaling read_scaling(Section& section) {
  Scaling scaling;
  scaling.kind = pick(section, "scaling", "factor in front of the sum over neurons", "mean-field", scaling_names);
  if (section.reads("alpha", scaling.kind == ScalingKind::alpha, "network.scaling = \"alpha\"")) {
    scaling.alpha = section.number("alpha", "f = alpha/N sum_j h", required, NumberRule::positive);
  }
  return scaling;
}

TrainedBlocks read_trained_blocks(Section& section, const Neuron& neuron) {
  const NeuronInfo& row = info(neuron.kind);
  std::vector<std::string> existing = {"input"};
  if (neuron.bias) {
    existing.emplace_back("bias");
  }
  if (row.has_output && row.output_trainable) {
    existing.emplace_back("output");
  }
  const auto names = section.names("train", "blocks of parameters that move: input (w), bias (b), output (r)",
                                   {existing, "all that exist and can"});
  const auto has = [](const std::vector<std::string>& list, std::string_view name) {
    return std::find(list.begin(), list.end(), name) != list.end();
  };
  section.check(!names.empty(), "train", "must name at least one block");
  for (const std::string& name : names) {
    section.check(has(existing, name), "train",
                  fmt::format("\"{}\" is none of what the neuron {} {} bias can train: {}", name, row.name,
                              neuron.bias ? "with" : "without", boost::algorithm::join(existing, ", ")));
  }
  return {has(names, "input"), has(names, "bias"), has(names, "output")};
}

struct NetworkOptions {
  Neuron neuron;
  Index width = 0;
  Scaling scaling;
  TrainedBlocks trained;
  Precision precision = Precision::double_precision;
};

NetworkOptions read_network(Section& section) {
  NetworkOptions options;
  options.neuron = read_neuron(section);
  options.width = section.integer("width", "N, number of neurons = particles", required, {1, std::int64_t{1} << 31});
  options.scaling = read_scaling(section);
  options.trained = read_trained_blocks(section, options.neuron);
  options.precision = pick(section, "precision", "of the particles; sums are in double", "double", precisions);
  return options;
}

Initialisation read_initialisation(Section section, const Neuron& neuron, Index width) {
  const NeuronInfo& row = info(neuron.kind);
  const bool frozen_sign = row.has_output && !row.output_trainable;
  Initialisation law;
  law.input_on_sphere = pick(section, "input_law", "law of w: N(0, input_std^2 I), or the sphere of that radius",
                             "gaussian", input_laws);
  law.input_std = section.number("input_std", "standard deviation of w", law.input_std, NumberRule::non_negative);
  if (section.reads("bias_std", neuron.bias, "network.bias = true")) {
    law.bias_std = section.number("bias_std", "standard deviation of b", law.bias_std, NumberRule::non_negative);
  }
  if (section.reads("output_law", row.has_output, "a neuron that has an output weight")) {
    law.output_law = pick(section, "output_law", "law of r: N(0, output_std^2), a fair sign, Unif(0, 1)",
                          {frozen_sign ? "sign" : "gaussian", "gaussian; sign for fixed-sign"}, output_laws);
    section.check(!frozen_sign || law.output_law == OutputLaw::sign, "output_law",
                  fmt::format("must be \"sign\" for the neuron {}", row.name));
  }
  if (section.reads("output_std", row.has_output && law.output_law == OutputLaw::gaussian,
                    "network.init.output_law = \"gaussian\"")) {
    law.output_std = section.number("output_std", "standard deviation of r", law.output_std, NumberRule::non_negative);
  }
  law.symmetric = section.flag("symmetric", "pairs of neurons that cancel: f = 0 at the start", law.symmetric);
  section.check(!law.symmetric || row.odd_in_output, "symmetric",
                fmt::format("needs a neuron that is odd in its output weight, not {}", row.name));
  section.check(!law.symmetric || width % 2 == 0, "symmetric", fmt::format("needs an even network.width, not {}", width));
  return law;
}

EmpiricalRisk read_risk(Section section) {
  Loss loss;
  loss.kind = pick(section, "kind", "l(f(x), y)", "squared", loss_names);
  if (section.reads("half", loss.kind == LossKind::squared, "loss.kind = \"squared\"")) {
    loss.prefactor = section.flag("half", "(u - y)^2 / 2 rather than (u - y)^2", true) ? 0.5 : 1;
  }
  if (section.reads("delta", loss.kind == LossKind::huber, "loss.kind = \"huber\"")) {
    loss.delta = section.number("delta", "where the Huber loss turns linear", loss.delta, NumberRule::positive);
  }
  return {loss, pick(section, "reduction", "over the samples", "mean", reductions)};
}

Schedule read_schedule_table(Section section, NumberRule rule, std::string_view doc) {
  Schedule schedule;
  schedule.kind = pick(section, "kind", "how it changes with the step", "constant", schedules);
  schedule.value = section.number("value", doc, required, rule);
  if (section.reads("final", schedule.kind == ScheduleKind::exponential, "kind = \"exponential\"")) {
    schedule.final_value = section.number("final", "value at the last step", required, NumberRule::positive);
    section.check(schedule.value > 0, "value", "must be > 0 for an exponential schedule");
  }
  if (section.reads("timescale", schedule.kind != ScheduleKind::constant && schedule.kind != ScheduleKind::exponential,
                    "kind = \"inverse\", \"logarithmic\" or \"halving\"")) {
    schedule.timescale = section.number("timescale", "in steps", required, NumberRule::positive);
  }
  schedule.off_fraction = section.number("off_fraction", "the last fraction of the phase has the value 0",
                                         schedule.off_fraction, NumberRule::fraction);
  return schedule;
}

Schedule read_schedule(Section& section, std::string_view name, std::string_view doc, Fallback<double> fallback,
                       NumberRule rule) {
  if (section.is_describing()) {
    section.number(name, fmt::format("{}; or a schedule, a table of:", doc), fallback, rule);
    return read_schedule_table(section.table(name), rule, "at the first step");
  }
  const Value* value = section.find(name);
  if (value != nullptr && value->as<Table>() != nullptr) {
    return read_schedule_table(section.table(name), rule, doc);
  }
  Schedule schedule;
  schedule.value = section.number(name, doc, fallback, rule);
  return schedule;
}

Schedule read_temperature(Section& section, const Method& method) {
  const auto with = [](TemperatureKey key) {
    return "method = " + names_where(methods, [key](const Method& row) { return row.temperature == key; });
  };
  Schedule temperature;
  if (section.reads("lambda2", method.temperature == TemperatureKey::lambda2, with(TemperatureKey::lambda2))) {
    temperature = read_schedule(section, "lambda2", "temperature", required, NumberRule::non_negative);
  }
  if (section.reads("beta", method.temperature == TemperatureKey::inverse_beta, with(TemperatureKey::inverse_beta))) {
    temperature.value = 1 / section.number("beta", "inverse temperature: temperature 1/beta", required,
                                           NumberRule::positive);
  }
  return temperature;
}

/// ceil(n^(1/3)) without rounding errors.
Index cube_root_above(Index n) {
  Index root = 1;
  while (root * root * root < n) {
    ++root;
  }
  return root;
}

void read_batches(Section& section, Index num_samples, Phase& phase) {
  const Estimator estimator = phase.method->estimator;
  const std::string with_batch =
      "method = " + names_where(methods, [](const Method& row) { return row.estimator != Estimator::full; });
  const std::string with_snapshot =
      "method = " + names_where(methods, [](const Method& row) { return row.estimator == Estimator::svrg; });
  if (section.reads("batch_size", estimator != Estimator::full, with_batch)) {
    Fallback<std::int64_t> fallback = required;
    if (estimator == Estimator::svrg || section.is_describing()) {
      fallback = {cube_root_above(num_samples), "required; svrg-mfld: ceil(n^(1/3))"};
    }
    phase.batch_size = section.integer("batch_size", "samples per step, drawn afresh, shared by all particles", fallback,
                                       {1});
    section.check(phase.batch_size <= num_samples, "batch_size",
                  fmt::format("must be at most {}, the number of training samples", num_samples));
  }
  if (section.reads("sampling", estimator != Estimator::full, with_batch)) {
    phase.sampling = pick(section, "sampling", "how a batch is drawn", "without-replacement", samplings);
  }
  if (section.reads("snapshot_every", estimator == Estimator::svrg, with_snapshot)) {
    phase.snapshot_every = section.integer("snapshot_every", "steps between snapshots",
                                           {phase.batch_size * phase.batch_size, "batch_size^2"}, {1});
  }
}

Phase read_phase(Section& section, const Scaling& scaling, Index num_samples) {
  Phase phase;
  phase.method = &methods[section.choice("method", "a row of `mfld list methods`", required, names_of(methods))];
  const Method& method = *phase.method;
  const auto scaling_name = [](ScalingKind kind) {
    return std::find_if(scaling_names.begin(), scaling_names.end(), [kind](const auto& row) { return row.value == kind; })->name;
  };
  section.check(!method.only_scaling || *method.only_scaling == scaling.kind, "method",
                fmt::format("is defined in the mean-field scaling only, and network.scaling is \"{}\", which takes {}",
                            scaling_name(scaling.kind), names_where(methods, [&scaling](const Method& row) {
                              return !row.only_scaling || *row.only_scaling == scaling.kind;
                            })));
  phase.name = section.text("name", "shown in plots", {std::string(method.name), "the method"});
  phase.num_steps = section.integer("steps", "length of the phase", required, {0});
  phase.step_size = read_schedule(section, "step_size", "eta", required, NumberRule::positive);
  phase.lambda1 = read_schedule(section, "lambda1", "coefficient of |theta|^2", 0.0, NumberRule::non_negative);
  phase.temperature = read_temperature(section, method);
  phase.penalty_mode = pick(section, "penalty_mode", "coefficient lambda1, lambda1 * temperature, or lambda1 / 2",
                            "additive", penalty_modes);
  section.check(phase.penalty_mode != PenaltyMode::product || method.temperature != TemperatureKey::none, "penalty_mode",
                fmt::format("multiplies lambda1 by the temperature, which {} does not have", method.name));
  read_batches(section, num_samples, phase);
  phase.until_gradient_norm = section.number("until_gradient_norm", "ends the phase below this norm of the gradient; 0: off",
                                             phase.until_gradient_norm, NumberRule::non_negative);
  return phase;
}

std::vector<Phase> read_phases(const Section& root, const Scaling& scaling, Index num_samples) {
  std::vector<Phase> phases;
  for (Section& section : root.tables("phase")) {
    phases.push_back(read_phase(section, scaling, num_samples));
  }
  root.check(!phases.empty(), "phase", "an experiment needs at least one [[phase]]");
  return phases;
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
  section.check(every + at + log_spaced <= 1, every ? "every" : "at", "only one of every, log_spaced and at can be given");
  Trigger trigger;
  if (section.reads("every", every, "no log_spaced and no at")) {
    trigger = Trigger::every(section.integer("every", "steps between looks", {1, "none"}, {1}));
  }
  if (section.reads("at", at, "no every and no log_spaced")) {
    trigger = Trigger::at(section.integers("at", "steps to look at", {std::vector<std::int64_t>{}, "none"}, {0}));
  }
  if (section.reads("log_spaced", !every && !at, "no every and no at")) {
    const std::int64_t count = section.integer("log_spaced", "number of looks, evenly spaced in log(step + 1)",
                                               default_count, {2, std::int64_t{1} << 31});
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

void check_labels(const Section& root, const EmpiricalRisk& risk, const Vector& targets, std::string_view part) {
  const auto bad = std::find_if(targets.begin(), targets.end(), [](double y) { return y != -1 && y != 1; });
  if (risk.loss().is_classification() && bad != targets.end()) {
    root.check(false, "loss.kind",
               fmt::format("needs labels -1 and +1, and the label of {} sample {} is {}", part, bad - targets.begin(), *bad));
  }
}

/// The observables and the trajectory, with their triggers.
void read_observation(const Section& root, Experiment& experiment) {
  const Scene scene{&experiment.network, &experiment.risk, &experiment.data, &experiment.initial};
  Section observe = root.table("observe");
  const bool describing = root.is_describing();
  experiment.observables = observe.names("columns", "observables of metrics.csv, rows of `mfld list observables`",
                                         {describing ? std::vector<std::string>{} : Observer::default_names(scene),
                                          "those that exist and are cheap"});
  if (!describing) {
    experiment.columns = Observer(scene, experiment.observables, "observe.columns").columns();
  }
  experiment.observe = read_trigger(observe, experiment.phases, 200);
  Section trajectory = observe.table("trajectory");
  experiment.tracked = read_tracked(trajectory, experiment.initial.rows());
  experiment.track = read_trigger(trajectory, experiment.phases, 100);
}

void read_checkpointing(Section section, Experiment& experiment) {
  experiment.checkpoint_steps = section.integer("every_steps", "steps between checkpoints; 0: off", 0, {0});
  experiment.checkpoint_minutes = section.number("every_minutes", "minutes between checkpoints; 0: off", 10.0,
                                                 NumberRule::non_negative);
}

/// Fowler-Noll-Vo 1a.
std::uint64_t hash_of(std::string_view text) {
  std::uint64_t hash = 0xCBF29CE484222325U;
  for (const char c : text) {
    hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001B3U;
  }
  return hash;
}

/// Reads everything in the order of the resolved file. Over no file at all (describing) the data are one sample.
Experiment read_experiment(const Section& root, const std::filesystem::path& folder) {
  const bool describing = root.is_describing();
  const Seeds seeds = read_seeds(root);
  const MakeDataset make_dataset = read_task(root, folder);
  Section network_section = root.table("network");
  const NetworkOptions options = read_network(network_section);
  const Initialisation law = read_initialisation(network_section.table("init"), options.neuron, options.width);
  const EmpiricalRisk risk = read_risk(root.table("loss"));
  Dataset data = describing ? Dataset{Inputs::Zero(1, 1), Vector::Zero(1), {}, {}, {}, {}, {}} : make_dataset(seeds.data);
  check_labels(root, risk, data.train_targets, "training");
  check_labels(root, risk, data.test_targets, "test");
  const Network network(options.neuron, data.input_dim(), options.scaling, options.trained);
  Experiment experiment{seeds, std::move(data), network, options.precision, risk};
  experiment.phases = read_phases(root, options.scaling, experiment.data.num_train());
  // Particles, first particles, drift, and a snapshot of all three.
  check_memory(network_section, "width",
               5 * static_cast<double>(options.width) * static_cast<double>(experiment.network.layout().size),
               "the particles");
  experiment.initial = initial_particles(law, options.neuron, experiment.data.input_dim(), options.width,
                                         seeds.initialisation);
  if (options.precision == Precision::single_precision) {
    experiment.initial = experiment.initial.cast<float>().cast<double>().eval();
  }
  read_observation(root, experiment);
  read_checkpointing(root.table("checkpoint"), experiment);
  return experiment;
}

}  // namespace

std::int64_t Experiment::num_steps() const {
  return std::accumulate(phases.begin(), phases.end(), std::int64_t{0},
                         [](std::int64_t sum, const Phase& phase) { return sum + phase.num_steps; });
}

std::vector<std::string> Experiment::formulas() const {
  std::vector<std::string> lines = {"data: " + data.description, "network: " + network.describe(initial.rows()),
                                    "risk: " + risk.describe()};
  for (std::size_t i = 0; i < phases.size(); ++i) {
    lines.push_back(fmt::format("phase {}: {}", i, phases[i].describe()));
  }
  return lines;
}

std::vector<KeyInfo> describe_keys() {
  std::vector<KeyInfo> keys;
  Section root = Section::describing(keys);
  read_experiment(root, {});
  return keys;
}

Experiment build_experiment(const Value& config, const std::filesystem::path& folder) {
  std::vector<KeyInfo> keys = describe_keys();
  const Value* kind = find(config, "task.kind");
  const auto* text = kind == nullptr ? nullptr : kind->as<std::string>();
  const bool is_task = text != nullptr && std::any_of(tasks().begin(), tasks().end(),
                                                      [text](const TaskRow& row) { return row.name == *text; });
  // The keys of other tasks are known, too, but not to this experiment.
  const auto others = std::stable_partition(keys.begin(), keys.end(), [&](const KeyInfo& key) {
    return !is_task || !key.where.starts_with("task.kind") || key.where.starts_with(with_task(*text));
  });
  reject_unknown_keys(config, {keys.begin(), others}, {others, keys.end()});
  Value resolved{Table{}};
  Experiment experiment = read_experiment(Section::reading(config, resolved), folder);
  experiment.resolved = to_toml(resolved);
  experiment.hash = hash_of(to_toml_inline(resolved));
  return experiment;
}

}  // namespace mfld

#include "mfld/config/experiment.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <numeric>

#include "config/identity.hpp"
#include "config/memory.hpp"
#include "config/readers/readers.hpp"
#include "mfld/config/objective_table.hpp"
#include "mfld/core/divided_rows.hpp"
#include "mfld/core/error.hpp"
#include "mfld/dynamics/state.hpp"
#include "mfld/model/shares.hpp"
#include "mfld/model/tangent_network.hpp"
#include "mfld/objective/median_distance.hpp"
#include "mfld/observe/observables.hpp"

namespace mfld {

namespace {

using namespace readers;

constexpr std::string_view file_task = "file";

/// Whether that is what [task] kind says.
bool reads_file(const Value* kind) {
  return kind != nullptr && kind->as<std::string>() != nullptr && *kind->as<std::string>() == file_task;
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

/// with_data(read): how what depends on the data is read.
template <class WithData>
void read_method(const Section& root, const Subject& subject, const Surroundings& surroundings,
                 const WithData& with_data, Experiment& experiment) {
  const Network& network = experiment.network();
  const ParticleObjective* objective = experiment.objective.get();
  experiment.kernel = read_kernel_method(root, {subject.options.neuron, subject.options.trained, &experiment.risk,
                                                &experiment.data, asks_for_predictions(root), subject.law, objective});
  if (experiment.kernel) {
    if (experiment.kernel->is_infinite() && !subject.given.empty()) {
      experiment.kernel->other_law = subject.given.file.empty() ? "particles" : "from";
    }
    return;
  }
  const auto num_trained = static_cast<double>(std::count(network.trained().begin(), network.trained().end(), 1));
  PhaseList list = with_data([&] {
    return read_phases(root, {subject.options.scaling, experiment.risk.loss(), experiment.sizes().num_samples,
                              static_cast<double>(subject.options.width) * num_trained, objective, &network,
                              subject.options.linearised, subject.options.width, surroundings.arrays.get()});
  });
  experiment.phases = std::move(list.phases);
  experiment.stop_rules = std::move(list.stop_rules);
}

/// Whether something in the run but its observables has to have all particles at once.
bool reads_all_particles(const Experiment& experiment) {
  return experiment.kernel || experiment.objective ||
         std::any_of(experiment.phases.begin(), experiment.phases.end(), [](const Phase& phase) {
           return reads_all_particles(phase.method->estimator) || phase.solves_readout() ||
                  phase.until_gradient_norm > 0;
         });
}

bool observes_all_particles(const Experiment& experiment) {
  return ObservedColumns(experiment.scene(), experiment.observables, "observe.columns").needs_all_rows();
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

/// The first particles, the drift, the drift of an observed; what the state holds, and once more in a checkpoint.
void check_memory_of_particles(const Section& root, const Surroundings& surroundings, const Subject& subject,
                               const Experiment& experiment) {
  const auto some = [&](const auto& condition) {
    return std::any_of(experiment.phases.begin(), experiment.phases.end(), condition) ? 1 : 0;
  };
  const int num_copies = 3 + some([](const Phase& phase) { return phase.anchor == Anchor::start; }) +
                         some([](const Phase& phase) { return phase.until_gradient_norm > 0; }) +
                         (subject.options.linearised ? 2 : 0) + (subject.plan.is_of_points() ? 4 : 0);
  const RunSizes sizes = experiment.sizes_of(subject.options.width);
  const double num_doubles =
      num_copies * sizes.per_parameter().size() + 2 * num_doubles_of_state(experiment.phases, sizes);
  const double share = reads_all_particles(experiment) ? 1 : surroundings.num_ranks;
  check_memory(root.table("network"), "width", num_doubles / share, "the particles");
}

/// Of the law: those of `rows`, and some that all ranks can compare.
void draw_initial(const Subject& subject, RowRange rows, Experiment& experiment) {
  const Index input_dim = experiment.network().input_dim();
  make_room(subject.options.width, experiment.network().layout().size, experiment.initial);
  for (const RowRange& range : {RowRange{0, std::min(experiment.num_common(), rows.first)}, rows}) {
    draw_particles(subject.law, subject.options.neuron, input_dim, range, experiment.seeds.initialisation,
                   experiment.initial);
    if (subject.options.precision == Precision::single_precision) {
      auto part = experiment.initial.middleRows(range.first, range.count());
      part = part.cast<float>().cast<double>().eval();
    }
  }
}

/// rows: those that this process has, of a law's alone.
void make_particles(const Section& root, const Surroundings& surroundings, const Subject& subject, RowRange rows,
                    Experiment& experiment) {
  const NetworkOptions& options = subject.options;
  const Network& network = experiment.network();
  experiment.rows = rows;
  if (subject.given.empty()) {
    draw_initial(subject, rows, experiment);
  } else {
    std::string note;
    experiment.initial = given_particles(root.table("network.init"), subject.given, options, network.layout(),
                                         surroundings, experiment.seeds.initialisation, note);
    experiment.start = fmt::format("particles of {}{}{}", subject.given.file.empty() ? "an array" : subject.given.file,
                                   note.empty() ? "" : ": ", note);
    if (options.precision == Precision::single_precision) {
      experiment.initial = experiment.initial.cast<float>().cast<double>().eval();
    }
  }
  check_start(root, experiment);
  if (options.linearised) {
    experiment.model = std::make_shared<TangentNetwork>(Network(network), experiment.initial, rows);
  }
}

RowRange share_of(const Surroundings& surroundings, const NetworkOptions& options) {
  return options.precision == Precision::single_precision
             ? held_rows<float>(options.width, surroundings.num_ranks, surroundings.rank)
             : held_rows<double>(options.width, surroundings.num_ranks, surroundings.rank);
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
  const NetworkOptions& options = subject.options;
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
  experiment.own_observables = surroundings.observables;
  read_method(root, subject, surroundings, with_data, experiment);
  check_noise_law(root, noise, experiment.phases);
  check_memory_of_particles(root, surroundings, subject, experiment);
  const RowRange all = {0, options.width};
  experiment.divided = surroundings.num_ranks > 1 && !reads_all_particles(experiment);
  make_particles(root, surroundings, subject, experiment.divided ? share_of(surroundings, options) : all, experiment);
  check_kernel_width(root, experiment);
  read_observation(root, experiment);
  if (experiment.divided && observes_all_particles(experiment)) {
    experiment.divided = false;
    make_particles(root, surroundings, subject, all, experiment);
  }
  read_checkpointing(root.table("checkpoint"), experiment);
  return experiment;
}

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
  experiment.hash = identity::hash_of_values(resolved);
  // Files may have changed since.
  const bool has_data = reads_file(find(config, "task.kind"));
  const bool has_particles = find(config, "network.init.from") != nullptr;
  if (has_data) {
    experiment.hash = identity::hash_of(experiment.data, experiment.hash);
  }
  if (has_particles) {
    experiment.hash = identity::hash_of(experiment.initial, experiment.hash);
  }
  if (has_data || has_particles) {
    experiment.folder = surroundings.folder / ".";
  }
  return experiment;
}

Course build_course(const Value& config, Index num_parameters, const GivenArrays* arrays) {
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
  PhaseList list =
      read_phases(root, {{}, {}, 1, static_cast<double>(num_parameters), nullptr, nullptr, false, 0, arrays});
  course.phases = std::move(list.phases);
  return course;
}

}  // namespace mfld

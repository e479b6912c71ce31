#pragma once
#include <boost/algorithm/string/join.hpp>
#include <optional>
#include <string>
#include <vector>

#include "mfld/config/config.hpp"
#include "mfld/config/experiment.hpp"
#include "mfld/config/objective_table.hpp"
#include "mfld/config/task_table.hpp"
#include "mfld/dynamics/phase.hpp"
#include "mfld/model/initialisation.hpp"
#include "mfld/model/network.hpp"
#include "mfld/objective/particle_objective.hpp"
#include "mfld/observe/observables.hpp"
#include "mfld/observe/stop_rule.hpp"

namespace mfld::readers {

/// What keys are read with that only networks have.
inline constexpr std::string_view with_network = "objective.kind = \"risk\"";

/// [network]
struct NetworkOptions {
  Neuron neuron;
  Index width = 0;
  Scaling scaling;
  TrainedBlocks trained;
  bool linearised = false;
  Precision precision = Precision::double_precision;
};

NetworkOptions read_network(const Section& root);
/// The part of it that points have.
NetworkOptions read_points(const Section& root);

/// [network.init]
Initialisation read_initialisation(const Section& root, const Neuron& neuron, Index width);
/// The part of it that points have.
Initialisation read_initialisation_of_points(Section section);

/// [seed] and [seeds]
Seeds read_seeds(Section root);

/// [noise] law and precision: their names, the default first.
inline constexpr std::array<Named<NoiseLaw>, 2> noise_laws = {
    {{"gaussian", NoiseLaw::gaussian}, {"three-point", NoiseLaw::three_point}}};
inline constexpr std::array<Named<NormalPrecision>, 3> noise_precisions = {
    {{"own", NormalPrecision::own}, {"double", NormalPrecision::in_double}, {"single", NormalPrecision::in_single}}};
/// [noise]
NoiseRule read_noise(Section section);
/// What a phase with noise does not have of another law than the normal one.
void check_noise_law(const Section& root, const NoiseRule& noise, const std::vector<Phase>& phases);

/// What takes the place of a law of first particles: an array of the caller's, or a file.
struct GivenParticles {
  std::string array;
  std::string file;
  bool empty() const { return array.empty() && file.empty(); }
};

GivenParticles read_particles(const Section& root);
/// Those particles, fit for the network; of a file with another number of them some, or some twice (network.init.from).
/// Where that is not what the file holds, `note` says so.
Particles<double> given_particles(const Section& init, const GivenParticles& given, const NetworkOptions& options,
                                  const ParameterLayout& layout, const Surroundings& surroundings, std::uint64_t seed,
                                  std::string& note);
/// A first phase in a ball begins inside. Where the others begin is known when they do.
void check_start(const Section& root, const Experiment& experiment);

/// [loss]; one of the caller's own where it is given.
Risk read_risk(Section section, const LossInfo* own);

/// What an experiment is about, before its phases.
struct Subject {
  ObjectivePlan plan;
  MakeDataset make_dataset;
  NetworkOptions options;
  GivenParticles given;  // the first particles; none:
  Initialisation law;
  Risk risk;
};

Subject read_subject(const Section& root, const Surroundings& surroundings);
/// The data, fit for the objective. Over no file at all (describing) they are one sample.
Dataset make_data(const Section& root, const Subject& subject, bool is_of_file, std::uint64_t seed);
/// None where a risk is minimised.
std::shared_ptr<const ParticleObjective> make_objective(const Section& root, const Subject& subject,
                                                        const Dataset& data);

/// What a phase has to fit to.
struct PhaseSetting {
  Scaling scaling;
  Loss loss = {};
  Index num_samples = 0;
  double num_trained = 0;                        // trained parameters of all neurons
  const ParticleObjective* objective = nullptr;  // none: the risk of a network
  const Network* network = nullptr;              // that network, or its tangent model
  bool linearised = false;
  Index width = 0;
  const GivenArrays* arrays = nullptr;  // that schedules may be; null: there are none
};

/// The phases and what ends each of them, besides its number of steps and its own gradient.
struct PhaseList {
  std::vector<Phase> phases;
  std::vector<std::optional<StopRule>> stop_rules;
};

/// [[phase]]
PhaseList read_phases(const Section& root, const PhaseSetting& setting);

/// What one estimator alone has: the damping of the natural gradient; the length of outer iterations; what dual averages
/// and dual ascent are made of. Each refuses what does not go with its estimator; dual ascent comes last, once all else of
/// the phase is known.
void read_natural_gradient(Section& section, const PhaseSetting& setting, Phase& phase);
void read_outer_iterations(Section& section, Phase& phase);
void read_dual_average(Section& section, const PhaseSetting& setting, Phase& phase);
void read_dual_ascent(Section& section, const PhaseSetting& setting, Phase& phase);

/// Which blocks of parameters move in a phase, and how r does; once its method and samples are known.
void read_readout(Section& section, const PhaseSetting& setting, Phase& phase);
/// What does not go with a readout that is solved, once all of the phase is known.
void check_readout(const Section& section, const PhaseSetting& setting, const Phase& phase);

/// Refuses every key of methods that take steps, but for those in `kept`.
void refuse_step_keys(Section& section, const std::vector<std::string_view>& kept);

/// What [[phase]] method can be.
std::vector<std::string> method_names();

/// What a kernel method has to fit to.
struct KernelSetting {
  Neuron neuron;
  TrainedBlocks trained;
  const Risk* risk = nullptr;
  const Dataset* data = nullptr;
  bool predictions = false;
  Initialisation law = {};
  const ParticleObjective* objective = nullptr;  // none: the risk of a network
};

/// [[phase]] method = "kernel-regression"; nothing where the phases take steps.
std::optional<KernelMethod> read_kernel_method(const Section& root, const KernelSetting& setting);

/// Its keys, in a phase that has no use for them; has_ridge: but for the ridge of a readout.
void leave_kernel_keys(Section& section, bool has_ridge);

/// Those of the observables that need nothing but outputs; the names of others go into `left_out`. InvalidInput names
/// `key` and what is no observable of the scene.
std::vector<std::string> keep_observables_of_outputs(const Scene& scene, const std::vector<std::string>& names,
                                                     std::string_view key, std::vector<std::string>& left_out);

/// [observe]: the observables and the trajectory, with their triggers.
void read_observation(const Section& root, Experiment& experiment);
bool asks_for_predictions(const Section& root);

/// [checkpoint]
void read_checkpointing(Section section, Experiment& experiment);

/// The names of the rows of a table that meet a condition, for messages.
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

/// "method = ..." of the methods that meet a condition.
template <class Condition>
std::string methods_where(const Condition& condition) {
  return "method = " + names_where(methods, condition);
}

}  // namespace mfld::readers

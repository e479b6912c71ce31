#pragma once
#include <boost/algorithm/string/join.hpp>
#include <optional>
#include <string>
#include <vector>

#include "mfld/config/config.hpp"
#include "mfld/config/experiment.hpp"
#include "mfld/dynamics/phase.hpp"
#include "mfld/model/initialisation.hpp"
#include "mfld/model/network.hpp"
#include "mfld/objective/particle_objective.hpp"
#include "mfld/observe/observables.hpp"
#include "mfld/observe/stop_rule.hpp"

namespace mfld {

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

/// What a phase has to fit to.
struct PhaseSetting {
  Scaling scaling;
  Loss loss = {};
  Index num_samples = 0;
  double num_trained = 0;                        // trained parameters of all neurons
  const ParticleObjective* objective = nullptr;  // none: the risk of a network
};

/// The phases and what ends each of them, besides its number of steps and its own gradient.
struct PhaseList {
  std::vector<Phase> phases;
  std::vector<std::optional<StopRule>> stop_rules;
};

/// [[phase]]
PhaseList read_phases(const Section& root, const PhaseSetting& setting);

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

/// Its keys, in a phase that has no use for them.
void leave_kernel_keys(Section& section);

/// Those of the observables that need nothing but outputs; the names of others go into `left_out`. InvalidInput names
/// `key` and what is no observable of the scene.
std::vector<std::string> keep_observables_of_outputs(const Scene& scene, const std::vector<std::string>& names,
                                                     std::string_view key, std::vector<std::string>& left_out);

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

}  // namespace mfld

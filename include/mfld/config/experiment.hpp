#pragma once
#include <algorithm>
#include <array>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "mfld/config/config.hpp"
#include "mfld/config/kernel_method.hpp"
#include "mfld/core/matrix_list.hpp"
#include "mfld/core/random.hpp"
#include "mfld/dynamics/phase.hpp"
#include "mfld/model/initialisation.hpp"
#include "mfld/objective/particle_objective.hpp"
#include "mfld/objective/risk.hpp"
#include "mfld/observe/needs.hpp"
#include "mfld/observe/stop_rule.hpp"
#include "mfld/observe/trigger.hpp"
#include "mfld/task/dataset.hpp"
#include "mfld/task/surroundings.hpp"

namespace mfld {

/// What [network] scaling calls the scalings.
inline constexpr std::array<Named<ScalingKind>, 4> scaling_names = {{{"mean-field", ScalingKind::mean_field},
                                                                     {"ntk", ScalingKind::ntk},
                                                                     {"standard", ScalingKind::standard},
                                                                     {"alpha", ScalingKind::alpha}}};

enum class Precision { double_precision, single_precision };

/// Everything one run needs, checked: building it is the only place where an experiment can be found wrong.
struct Experiment {
  Seeds seeds;
  NoiseRule noise;
  Dataset data;
  std::shared_ptr<const Model> model;
  Precision precision;
  Risk risk;
  Particles<double> initial = {};                        // [N x p]; of single precision, already rounded
  bool divided = false;                                  // whether the ranks that make the run divide its particles
  RowRange rows = {};                                    // those that this process has
  std::string start = {};                                // what they are, where no law
  std::vector<Phase> phases = {};                        // none where `kernel` is set
  std::vector<std::optional<StopRule>> stop_rules = {};  // one a phase
  std::optional<KernelMethod> kernel = {};
  std::shared_ptr<const ParticleObjective> objective = {};   // none: the risk of the network
  const std::vector<Observable>* own_observables = nullptr;  // of Surroundings

  std::vector<std::string> observables = {};        // rows of the table in observe/observables.hpp
  std::vector<std::string> columns = {};            // their columns of metrics.csv
  std::vector<std::int64_t> certified_gap_at = {};  // steps; none where it is not among the observables
  Trigger observe = {};                             // with the first step of each phase, the last and those
  std::vector<Index> tracked = {};                  // particles of the trajectory, ascending; none: no trajectory
  Trigger track = {};
  bool track_velocities = false;                    // beside their positions
  bool predictions = false;                         // whether a run that finishes writes predictions.csv
  std::int64_t checkpoint_steps = 0;                // 0: off
  std::vector<std::int64_t> kept_checkpoints = {};  // steps
  double checkpoint_minutes = 0;                    // 0: off
  /// Of Scene.
  Index certificate_samples = IntegrationOptions{}.num_samples;

  std::string resolved = {};          // TOML with every default written out; building it again gives the same
  std::filesystem::path folder = {};  // where its paths start; empty: it has none
  std::uint64_t hash = 0;             // of the resolved values and of the data from files, wherever these lie

  /// Of points, what stands for them (particle_objective.hpp).
  const Network& network() const { return model->network(); }
  /// Those of the columns of the particles: "r", "w_1", .., "w_d", "b", of points "x0", .., "x<d-1>".
  std::vector<std::string> parameter_names() const;
  /// What its observers see; refers to it.
  Scene scene() const;
  /// So many of the first particles have all ranks that make the run.
  Index num_common() const { return divided && start.empty() ? std::min<Index>(16, initial.rows()) : initial.rows(); }
  std::int64_t num_steps() const;
  RunSizes sizes() const { return sizes_of(initial.rows()); }
  /// With so many particles, where they are not made yet.
  RunSizes sizes_of(Index num_particles) const;
  /// Memory that data and particles take.
  double num_bytes() const;
  /// The most frames that a run records from the step on, for a phase may end early; 0 where it has no trajectory.
  std::int64_t num_frames(std::int64_t first_step = 0) const;
  /// Of one, in the file.
  double frame_bytes() const;
  bool has_stop_rule() const;
  /// Data, network, risk and phases in words: the formulas this run uses, one a line.
  std::vector<std::string> formulas() const;
};

/// Reads one experiment (no cases, no sweep) and makes its data and first particles, writes nothing. Where ranks make the
/// run, each draws the first particles of its share (held_rows) and the first sixteen, unless something in the run reads
/// all at once: points, kernels, and methods, rules and observables that say so. Particles of a file all ranks have. Throws InvalidInput, one sentence naming the key, its value and what is allowed; FileError;
/// Interrupted.
Experiment build_experiment(const Value& config, const Surroundings& surroundings);

/// What an objective of the caller's own needs beside itself and its first particles: the keys seed, seeds and phase.
struct Course {
  Seeds seeds;
  std::vector<Phase> phases;
};

/// Reads one, for particles with so many parameters together. Methods that draw samples, rules on columns and other
/// keys are refused (InvalidInput): such an objective has neither samples nor columns. arrays: that phases may name.
Course build_course(const Value& config, Index num_parameters, const GivenArrays* arrays = nullptr);

/// Every key an experiment can have, in the order in which they are read.
std::vector<KeyInfo> describe_keys();

}  // namespace mfld

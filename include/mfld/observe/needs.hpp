#pragma once
#include <atomic>
#include <optional>
#include <string>
#include <vector>

#include "mfld/core/random.hpp"
#include "mfld/dynamics/phase.hpp"
#include "mfld/objective/particle_objective.hpp"
#include "mfld/objective/risk.hpp"
#include "mfld/task/dataset.hpp"
#include "mfld/trust/proximal_gibbs.hpp"

namespace mfld {

struct Observable;

/// What does not change during a run, as observers see it.
struct Scene {
  const Model* model = nullptr;
  const Risk* risk = nullptr;
  const Dataset* data = nullptr;
  const Particles<double>* initial = nullptr;    // [N x p] at step 0
  const std::vector<Phase>* phases = nullptr;    // how it trains
  Seeds seeds = {};                              // observers draw from (noise, certificate, ...) alone
  const ParticleObjective* objective = nullptr;  // of points; none: the risk of the model
  const std::vector<Observable>* own = nullptr;  // observables of the caller's own
  /// By so many samples are integrals over a Gibbs law taken.
  Index certificate_samples = IntegrationOptions{}.num_samples;
  const std::vector<std::int64_t>* certified_gap_at = nullptr;  // steps of that column; none: wherever it is asked for
  const std::atomic<bool>* stop = nullptr;  // once true, what takes long ends with Interrupted; none: nothing stops it
  Ranks* ranks = nullptr;                   // who makes the passes over the data together; none: this process alone
  Index num_common = -1;  // so many of the first particles have all ranks, and each its share; -1: all

  const Network& network() const { return model->network(); }
  /// How they are taken: node or chain k draws from stream (noise seed, certificate, k).
  IntegrationOptions integration() const { return {.seed = seeds.noise, .num_samples = certificate_samples}; }
};

/// Neighbours of a particle by which the entropy is estimated.
inline constexpr Index num_neighbours = 3;

/// What an observable needs besides the outputs on the training samples.
struct Needs {
  bool particles = false;         // now; without, it exists for predictors that have none as well
  bool all_rows = false;          // on each rank, now and at the start; without, it reads the rank's own rows alone
  bool training_kernels = false;  // the n x n tangent kernels, now and at the start
  bool test_samples = false;
  bool classes = false;  // labels -1 and +1
  bool teacher = false;
  bool relevant_subspace = false;
  bool output_parameter = false;  // r
  bool initial_particles = false;
  bool nonzero_start = false;  // initial particles that are not all zero
  bool unit_inputs = false;
  bool plane = false;               // inputs of dimension 2 at least
  bool linearised_descent = false;  // has_linearised_descent()
  bool ridge = false;               // a phase that solves the readout
  bool batches = false;             // a phase that draws mini-batches
  bool dual_ascent = false;         // a phase that ascends in dual variables
  bool neighbours = false;          // of a particle, as many as the entropy asks for (trust/entropy.hpp)
  bool pairs = false;               // of particles
  bool all_trained = false;         // no parameter is frozen
  bool mean_field = false;          // a network that mean_field_unavailable() accepts
  bool conjugate = false;           // a loss whose conjugate and second derivative are known, none of one's own
  bool gibbs_integral = false;      // a neuron that gibbs_integral_unavailable() accepts
  bool log_sobolev = false;         // a neuron that log_sobolev_unavailable() accepts
  bool gibbs_law = false;           // noise and a penalty from 0 in some phase
  bool network = true;              // particles that are neurons; without, points will do
  bool points = false;              // particles that are points
};

/// Why no step of the phase has a Gibbs law exp(-dF/dmu / lambda2) ("lambda2 is 0"), or nullopt. The last steps may
/// have none all the same, where a schedule is off.
std::optional<std::string> gibbs_law_lacking(const Phase& phase);

/// The first of the needs that the scene does not meet, in words ("needs a teacher"), or nullopt. Of ranks, all ask.
std::optional<std::string> what_is_lacking(const Needs& needs, const Scene& scene);

}  // namespace mfld

#pragma once
#include <cstdint>

#include "mfld/core/packed_inputs.hpp"
#include "mfld/core/random.hpp"
#include "mfld/model/neuron.hpp"

/// The narrow interface between the mathematics and the vector code: a table of plain functions, one table per
/// instruction set and precision, chosen at run time. Callers and tests never see a vector register.
namespace mfld::kernels {

inline constexpr Index tile_inputs = PackedInputs<double>::tile_inputs;
/// Samples the two passes handle at a time within a block, so that one group's activations stay in the first-level
/// cache.
inline constexpr Index strip_samples = 128;
/// Groups of particles a task has at most.
inline constexpr Index task_groups = 8;

template <class Scalar>
struct Ensemble {
  const Scalar* parameters;  // [N x p], columns `num_particles` apart
  Index num_particles;
  Neuron neuron;
  ParameterLayout layout;
};

/// A task works on groups [first_group, last_group) of group_size particles, for the samples [first, first + count).
template <class Scalar>
struct Block {
  const PackedInputs<Scalar>* inputs;
  Index first;
  Index count;
};

template <class Scalar>
struct ReduceTask {
  Ensemble<Scalar> ensemble;      // theta; of a linearised network theta_0
  const Scalar* linearised_from;  // nullptr; of a linearised network the current particles, in the same layout
  Block<Scalar> block;
  Index first_group;
  Index last_group;
  /// [group][sample of the block][particle of the group] from first_group on: sigma(z) for the map pass, or nullptr if
  /// there is none; sigma'(z) too where it does not follow from the value, else nullptr.
  Scalar* values;
  Scalar* slopes;
  /// Where the next task's values begin, counted from `values`: while this task computes, they come nearer. 0: they are
  /// near.
  Index next_values;
  double* partial;  // [count] sum over the task's particles of h(theta_j; x_i)
  Scalar* scratch;  // scratch_size(...)
};

template <class Scalar>
struct MapTask {
  Ensemble<Scalar> ensemble;
  Block<Scalar> block;
  Index first_group;
  Index last_group;
  Scalar* values;  // of the reduce pass; not kept beyond this one
  const Scalar* slopes;
  const Scalar* coefficients;  // [count] c_i
  double coefficient_sum;      // sum_i c_i
  double weight;
  bool assign;  // overwrite the drift (first block) or add to it
  bool train_input;
  bool train_bias;
  bool train_output;
  double* drift;  // [N x p], columns num_particles apart
  Scalar* scratch;
};

/// What is drawn for a step: normals of a precision, or -1, 0, 1 times sqrt 3 (steps/noise.hpp).
enum class NoiseKind { normal_double, normal_single, three_point };

struct StepTask {
  Index first;  // particles [first, last)
  Index last;
  Index num_particles;
  Index num_columns;
  const unsigned char* trained;  // [num_columns]
  const double* drift;
  double step_size;
  double penalty;
  double noise_amplitude;  // of xi; 0 draws nothing
  bool averages_noise;     // (xi^(k) + xi^(k+1)) / 2 instead of xi^(k)
  double velocity_decay;   // e^(-friction eta), with velocities
  PhiloxKey noise_key;
  std::uint64_t step;
  std::uint64_t noise_substeps;  // as in steps/noise.hpp
  NoiseKind noise_kind;
};

template <class Scalar>
struct Table {
  Index group_size;
  /// Scalars of scratch one task needs.
  Index (*scratch_size)(Index input_dim, Index block_samples);
  void (*reduce)(const ReduceTask<Scalar>& task);
  void (*reduce_linearised)(const ReduceTask<Scalar>& task);  // where there is task.linearised_from
  void (*map)(const MapTask<Scalar>& task);
  /// Moves the task's particles, with the penalty on the distance from `anchor` (same layout, or nullptr: from 0), by
  /// the Euler-Maruyama rule, or where there are velocities (same layout) by the kinetic one; returns the first
  /// particle that is not finite, or -1.
  Index (*step)(const StepTask& task, const Scalar* anchor, Scalar* particles, Scalar* velocities);
  /// a, a', c, c' of `count` output parameters, one after the other; count a multiple of every vector length.
  void (*head)(const Neuron& neuron, Index count, const Scalar* r, Scalar* values);
  void (*evaluate)(Activation kind, Index count, const Scalar* z, Scalar* values, Scalar* slopes);
};

template <class Scalar>
const Table<Scalar>& table();

/// xi of the columns that share Philox block `block` (2 in double, 4 in single precision) for particles
/// first..first+count: [column][count].
void normals(PhiloxKey key, std::uint64_t step, std::uint32_t block, Index first, Index count, double* const (&xi)[2]);
void normals(PhiloxKey key, std::uint64_t step, std::uint32_t block, Index first, Index count, float* const (&xi)[4]);

/// sigma'(z) cannot be had from sigma(z): the kernels need room for both.
bool needs_slopes(Activation kind);

}  // namespace mfld::kernels

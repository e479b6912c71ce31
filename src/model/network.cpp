#include "mfld/model/network.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <boost/align/aligned_allocator.hpp>
#include <cassert>
#include <numeric>
#include <type_traits>

#include "kernels/kernels.hpp"
#include "mfld/core/parallel.hpp"
#include "mfld/core/tree_sum.hpp"

namespace mfld {

namespace {

template <class T>
using AlignedVector = std::vector<T, boost::alignment::aligned_allocator<T, 256>>;

/// Activations of one block of samples: near the cores where so many samples fit, else in the last-level cache with
/// `min_block` of them; where even that is too much they come from memory, and the more samples a block has the less
/// often the particles and their drift pass by.
constexpr std::size_t near_bytes = std::size_t{8} << 20U;
constexpr std::size_t far_bytes = std::size_t{32} << 20U;
constexpr std::size_t most_bytes = std::size_t{100} << 20U;
constexpr Index min_block = 256;
/// Samples per block where no activation is kept.
constexpr Index outputs_block = 512;

/// Samples per block: a function of the ensemble and the precision only, so that the order of every sum is fixed.
Index block_samples(Index padded_particles, std::size_t bytes_per_activation) {
  const std::size_t row = static_cast<std::size_t>(padded_particles) * bytes_per_activation;
  const auto fit = [row](std::size_t bytes) { return static_cast<Index>(bytes / row); };
  const Index samples = fit(far_bytes) >= min_block ? std::max(fit(near_bytes), min_block) : fit(most_bytes);
  return std::max<Index>(8, samples / 8 * 8);
}

/// How the groups of particles are dealt out: 16 tasks of a size, up to one group, or more with as many groups as a
/// task may have.
class Partition {
 public:
  explicit Partition(Index num_groups)
      : num_groups_(num_groups),
        num_tasks_(std::max(std::min<Index>(16, num_groups),
                            (num_groups + kernels::task_groups - 1) / kernels::task_groups)) {}
  Index num_tasks() const { return num_tasks_; }
  /// Rounded up: the thread that hands the tasks out begins with the first ones, before the others are there.
  Index first_group(Index task) const { return (task * num_groups_ + num_tasks_ - 1) / num_tasks_; }

 private:
  Index num_groups_;
  Index num_tasks_;
};

}  // namespace

template <class Scalar>
struct KernelWorkspace<Scalar>::Buffers {
  AlignedVector<Scalar> values;
  AlignedVector<Scalar> slopes;
  AlignedVector<Scalar> scratch;     // [slot][scratch_size]
  AlignedVector<double> partial;     // [task][block sample]
  std::vector<double> outputs;       // [block sample]
  std::vector<double> coefficients;  // [block sample]
  std::vector<Scalar> rounded;       // [block sample] the coefficients in the precision of the particles
};

template <class Scalar>
KernelWorkspace<Scalar>::KernelWorkspace() : buffers_(std::make_unique<Buffers>()) {}
template <class Scalar>
KernelWorkspace<Scalar>::~KernelWorkspace() = default;
template <class Scalar>
KernelWorkspace<Scalar>::KernelWorkspace(KernelWorkspace&&) noexcept = default;
template <class Scalar>
KernelWorkspace<Scalar>& KernelWorkspace<Scalar>::operator=(KernelWorkspace&&) noexcept = default;

template class KernelWorkspace<double>;
template class KernelWorkspace<float>;

namespace {

template <class Vector>
void reserve(Vector& vector, Index size) {
  if (static_cast<Index>(vector.size()) < size) {
    vector.resize(static_cast<std::size_t>(size));
  }
}

/// One pass over the blocks of samples: the part that `outputs` and `drift` share.
template <class Scalar>
class Pass {
 public:
  using Buffers = typename KernelWorkspace<Scalar>::Buffers;

  /// anchor: theta_0 of a linearised network, else nullptr. maps: a map pass will want the activations of each block.
  Pass(const Network& network, const Scalar* anchor, const Particles<Scalar>& particles,
       const PackedInputs<Scalar>& inputs, bool maps, KernelWorkspace<Scalar>& workspace)
      : table_(kernels::table<Scalar>()),
        ensemble_{anchor == nullptr ? particles.data() : anchor, particles.rows(), network.neuron(), network.layout()},
        linearised_from_(anchor == nullptr ? nullptr : particles.data()),
        reduce_(anchor == nullptr ? table_.reduce : table_.reduce_linearised),
        inputs_(inputs),
        factor_(network.scaling().output_factor(particles.rows())),
        buffers_(workspace.buffers()) {
    assert(particles.cols() == network.layout().size && inputs.input_dim() == network.input_dim());
    const Index num_groups = (particles.rows() + table_.group_size - 1) / table_.group_size;
    partition_ = Partition(num_groups);
    const Index padded = num_groups * table_.group_size;
    keeps_values_ = maps;
    keeps_slopes_ = maps && kernels::needs_slopes(network.neuron().activation);
    const Index most = maps ? block_samples(padded, sizeof(Scalar) * (keeps_slopes_ ? 2 : 1)) : outputs_block;
    block_ = std::min(most, std::max<Index>(1, inputs.num_samples()));
    values_from_memory_ =
        keeps_values_ && padded * block_ * static_cast<Index>(sizeof(Scalar)) > static_cast<Index>(far_bytes);
    scratch_size_ = (table_.scratch_size(network.input_dim(), block_) + 63) / 64 * 64;
    reserve(buffers_.values, keeps_values_ ? padded * block_ : 0);
    reserve(buffers_.slopes, keeps_slopes_ ? padded * block_ : 0);
    reserve(buffers_.scratch, num_slots() * scratch_size_);
    reserve(buffers_.partial, partition_.num_tasks() * block_);
    reserve(buffers_.outputs, block_);
    reserve(buffers_.coefficients, block_);
    reserve(buffers_.rounded, block_);
  }

  /// Calls body(outputs of the block) for the blocks in order.
  template <class Body>
  void for_each_block(const Body& body) {
    for (Index first = 0; first < inputs_.num_samples(); first += block_) {
      const kernels::Block<Scalar> block = block_from(first);
      for_each_task(partition_.num_tasks(), [&](Index index) { reduce(index, block); });
      body(first, add_up(block));
    }
  }

  /// Calls coefficients(first sample, outputs, coefficients) for the blocks in order and maps the coefficients onto the
  /// drift. A task that has mapped one block reduces the next: the activations it overwrites are the ones it has just
  /// read, still in its cache, and there is one barrier a block.
  template <class Coefficients>
  void for_each_block(const Coefficients& coefficients_of, const kernels::MapTask<Scalar>& drift_task,
                      const Finish& finish) {
    const Index num_samples = inputs_.num_samples();
    kernels::Block<Scalar> block = block_from(0);
    for_each_task(partition_.num_tasks(), [&](Index index) { reduce(index, block); });
    while (block.count > 0) {
      const std::span<const double> outputs = add_up(block);
      const std::span<double> coefficients = {buffers_.coefficients.data(), outputs.size()};
      coefficients_of(block.first, outputs, coefficients);
      std::transform(coefficients.begin(), coefficients.end(), buffers_.rounded.begin(),
                     [](double c) { return static_cast<Scalar>(c); });
      const double coefficient_sum = std::accumulate(coefficients.begin(), coefficients.end(), 0.0);
      const kernels::Block<Scalar> next = block_from(std::min(num_samples, block.first + block_));
      for_each_task(partition_.num_tasks(), [&](Index index) {
        kernels::MapTask<Scalar> task = drift_task;
        task.ensemble = ensemble_;
        task.block = block;
        task.coefficients = buffers_.rounded.data();
        task.coefficient_sum = coefficient_sum;
        task.assign = drift_task.assign && block.first == 0;
        place(index, task);
        table_.map(task);
        if (next.count > 0) {
          reduce(index, next);
        } else if (finish) {
          finish(task.first_group * table_.group_size,
                 std::min(ensemble_.num_particles, task.last_group * table_.group_size));
        }
      });
      block = next;
    }
  }

 private:
  kernels::Block<Scalar> block_from(Index first) const {
    return {&inputs_, first, std::min(block_, inputs_.num_samples() - first)};
  }

  /// The share of task `index`: its groups, its part of the kept activations, and this thread's scratch.
  template <class Task>
  void place(Index index, Task& task) {
    task.first_group = partition_.first_group(index);
    task.last_group = partition_.first_group(index + 1);
    const Index kept = task.first_group * table_.group_size * block_;
    task.values = keeps_values_ ? buffers_.values.data() + kept : nullptr;
    task.slopes = keeps_slopes_ ? buffers_.slopes.data() + kept : nullptr;
    task.scratch = buffers_.scratch.data() + current_slot() * scratch_size_;
  }

  void reduce(Index index, const kernels::Block<Scalar>& block) {
    kernels::ReduceTask<Scalar> task{};
    task.ensemble = ensemble_;
    task.linearised_from = linearised_from_;
    task.block = block;
    task.partial = buffers_.partial.data() + index * block_;
    place(index, task);
    task.next_values = values_from_memory_ ? (task.last_group - task.first_group) * table_.group_size * block_ : 0;
    reduce_(task);
  }

  /// The outputs of a block whose tasks have been reduced, whoever computed them: along the tree of the tasks, so that
  /// the sum does not depend on the threads. What the tasks gave is overwritten.
  std::span<const double> add_up(const kernels::Block<Scalar>& block) {
    double* partial = buffers_.partial.data();
    add_along_tree({0, partition_.num_tasks()}, partition_.num_tasks(), [&](Index to, Index from) {
      for (Index i = 0; i < block.count; ++i) {
        partial[to * block_ + i] += partial[from * block_ + i];
      }
    });
    double* outputs = buffers_.outputs.data();
    for (Index i = 0; i < block.count; ++i) {
      outputs[i] = factor_ * partial[i];
    }
    return {outputs, static_cast<std::size_t>(block.count)};
  }

  const kernels::Table<Scalar>& table_;
  kernels::Ensemble<Scalar> ensemble_;
  const Scalar* linearised_from_;
  void (*reduce_)(const kernels::ReduceTask<Scalar>& task);
  const PackedInputs<Scalar>& inputs_;
  double factor_;
  Buffers& buffers_;
  Partition partition_{0};
  Index block_ = 0;
  Index scratch_size_ = 0;
  bool keeps_values_ = false;
  bool keeps_slopes_ = false;
  bool values_from_memory_ = false;
};

void copy_outputs(std::span<const double> from, Index first, std::span<double> to) {
  std::copy(from.begin(), from.end(), to.begin() + first);
}

}  // namespace

struct Network::Anchor {
  Particles<double> in_double;
  Particles<float> in_single;
};

template <class Scalar>
const Scalar* Network::anchor_data() const {
  if (anchor_ == nullptr) {
    return nullptr;
  }
  if constexpr (std::is_same_v<Scalar, double>) {
    return anchor_->in_double.data();
  } else {
    return anchor_->in_single.data();
  }
}

const Particles<double>& Network::anchor() const {
  assert(is_linearised());
  return anchor_->in_double;
}

Network Network::linearised_at(const Particles<double>& anchor) const {
  assert(anchor.cols() == layout_.size);
  Network result = *this;
  result.anchor_ = std::make_shared<const Anchor>(Anchor{anchor, anchor.cast<float>()});
  return result;
}

Network::Network(Neuron neuron, Index input_dim, Scaling scaling, TrainedBlocks trained)
    : neuron_(neuron),
      layout_(parameter_layout(neuron, input_dim)),
      scaling_(scaling),
      trained_(static_cast<std::size_t>(layout_.size)) {
  std::fill_n(trained_.begin() + layout_.input, input_dim, static_cast<unsigned char>(trained.input));
  if (layout_.bias >= 0) {
    trained_[static_cast<std::size_t>(layout_.bias)] = static_cast<unsigned char>(trained.bias);
  }
  if (layout_.output >= 0) {
    trained_[static_cast<std::size_t>(layout_.output)] =
        static_cast<unsigned char>(trained.output && info(neuron.kind).output_trainable);
  }
}

template <class Scalar>
void Network::outputs(const Particles<Scalar>& particles, const PackedInputs<Scalar>& inputs, std::span<double> outputs,
                      KernelWorkspace<Scalar>& workspace) const {
  assert(static_cast<Index>(outputs.size()) == inputs.num_samples());
  Pass<Scalar> pass(*this, anchor_data<Scalar>(), particles, inputs, false, workspace);
  pass.for_each_block(
      [&](Index first, std::span<const double> block_outputs) { copy_outputs(block_outputs, first, outputs); });
}

template <class Scalar>
void Network::drift(const Particles<Scalar>& particles, const PackedInputs<Scalar>& inputs, const Field& field,
                    double weight, Accumulate accumulate, Drift& drift, std::span<double> outputs,
                    KernelWorkspace<Scalar>& workspace, const Finish& finish) const {
  assert(drift.rows() == particles.rows() && drift.cols() == particles.cols());
  const auto trains = [this](Index column) { return column >= 0 && trained_[static_cast<std::size_t>(column)] != 0; };
  for (Index column = 0; accumulate == Accumulate::assign && column < drift.cols(); ++column) {
    if (!trains(column)) {
      drift.col(column).setZero();
    }
  }
  kernels::MapTask<Scalar> task{};
  task.weight = weight;
  task.assign = accumulate == Accumulate::assign;
  task.train_input = trains(layout_.input);
  task.train_bias = trains(layout_.bias);
  task.train_output = trains(layout_.output);
  task.drift = drift.data();
  Pass<Scalar> pass(*this, anchor_data<Scalar>(), particles, inputs, true, workspace);
  pass.for_each_block(
      [&](Index first, std::span<const double> block_outputs, std::span<double> coefficients) {
        if (!outputs.empty()) {
          copy_outputs(block_outputs, first, outputs);
        }
        field.coefficients(first, block_outputs, coefficients);
      },
      task, finish);
}

#define MFLD_INSTANTIATE(Scalar)                                                                            \
  template void Network::outputs(const Particles<Scalar>&, const PackedInputs<Scalar>&, std::span<double>,  \
                                 KernelWorkspace<Scalar>&) const;                                           \
  template void Network::drift(const Particles<Scalar>&, const PackedInputs<Scalar>&, const Field&, double, \
                               Accumulate, Drift&, std::span<double>, KernelWorkspace<Scalar>&, const Finish&) const;
MFLD_INSTANTIATE(double)
MFLD_INSTANTIATE(float)
#undef MFLD_INSTANTIATE

std::string Network::describe(Index num_particles) const {
  const NeuronInfo& row = info(neuron_.kind);
  std::string text = fmt::format("f(x) = {} * sum_j h(theta_j; x), N = {}, h(theta; x) = {}",
                                 scaling_.output_factor(num_particles), num_particles, row.formula);
  if (!neuron_.bias && row.bias_optional) {
    text += " with b = 0";
  }
  if (!row.fixed_activation) {
    text += fmt::format(", sigma(z) = {}", info(neuron_.activation).formula);
  }
  if (row.has_bound) {
    text += fmt::format(", R = {}", neuron_.bound);
  }
  if (is_linearised()) {
    text += ", linearised at the first particles";
  }
  return text;
}

Vector outputs_at(const Network& network, const Particles<double>& particles, const Inputs& inputs) {
  Vector outputs(inputs.rows());
  KernelWorkspace<double> workspace;
  if (inputs.rows() > 0) {
    network.outputs(particles, PackedInputs<double>(inputs), {outputs.data(), static_cast<std::size_t>(outputs.size())},
                    workspace);
  }
  return outputs;
}

}  // namespace mfld

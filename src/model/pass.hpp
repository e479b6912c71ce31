#pragma once
#include <algorithm>
#include <boost/align/aligned_allocator.hpp>
#include <cassert>
#include <numeric>
#include <span>
#include <vector>

#include "kernels/kernels.hpp"
#include "mfld/core/divided_rows.hpp"
#include "mfld/core/parallel.hpp"
#include "mfld/core/ranks.hpp"
#include "mfld/core/tree_sum.hpp"
#include "mfld/model/network.hpp"
#include "mfld/model/shares.hpp"
#include "model/partition.hpp"

namespace mfld {

namespace passes {

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
/// An activation takes as long as so many products. Products that take less than some eight microseconds together are
/// not worth a second thread; the time goes with their bytes.
constexpr Index products_of_activation = 16;
constexpr double least_shared_bytes = 1.5e6;

/// Samples per block: a function of the ensemble and the precision only, so that the order of every sum is fixed.
inline Index block_samples(Index padded_particles, std::size_t bytes_per_activation) {
  const std::size_t row = static_cast<std::size_t>(padded_particles) * bytes_per_activation;
  const auto fit = [row](std::size_t bytes) { return static_cast<Index>(bytes / row); };
  const Index samples = fit(far_bytes) >= min_block ? std::max(fit(near_bytes), min_block) : fit(most_bytes);
  return std::max<Index>(8, samples / 8 * 8);
}

}  // namespace passes

template <class Scalar>
struct KernelWorkspace<Scalar>::Buffers {
  passes::AlignedVector<Scalar> values;
  passes::AlignedVector<Scalar> slopes;
  passes::AlignedVector<Scalar> scratch;  // [slot][scratch_size]
  passes::AlignedVector<double> partial;  // [task][sample of the stack]
  std::vector<double> outputs;            // [sample of the stack]
  std::vector<double> coefficients;       // [sample of the stack]
  std::vector<Scalar> rounded;            // [sample of the stack] the coefficients in the precision of the particles
  std::vector<double> coefficient_sums;   // [block of the stack]
  Shares shares;                          // of the ranks
  SharedSum shared_sum;                   // over their tasks
  Index shares_of_particles = -1;         // of how many particles those are
};

namespace passes {

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

  /// anchor: theta_0 of a tangent network, else nullptr. maps: a map pass will want the activations of each block.
  /// ranks: who else makes this pass, each with the tasks of its share.
  Pass(const Network& network, const Particles<Scalar>* anchor, const Particles<Scalar>& particles,
       const PackedInputs<Scalar>& inputs, bool maps, KernelWorkspace<Scalar>& workspace, Ranks* ranks)
      : table_(kernels::table<Scalar>()),
        ensemble_{anchor == nullptr ? particles.data() : anchor->data(), particles.rows(), network.neuron(),
                  network.layout()},
        linearised_from_(anchor == nullptr ? nullptr : particles.data()),
        reduce_(anchor == nullptr ? table_.reduce : table_.reduce_linearised),
        inputs_(inputs),
        factor_(network.scaling().output_factor(particles.rows())),
        buffers_(workspace.buffers()),
        ranks_(ranks) {
    assert(particles.cols() == network.layout().size && inputs.input_dim() == network.input_dim());
    const Index num_groups = (particles.rows() + table_.group_size - 1) / table_.group_size;
    partition_ = Partition(num_groups);
    const Index padded = num_groups * table_.group_size;
    take_share(num_groups);
    const Index own = (own_groups_.last - own_groups_.first) * table_.group_size;
    keeps_values_ = maps;
    keeps_slopes_ = maps && kernels::needs_slopes(network.neuron().activation);
    const Index most = maps ? block_samples(padded, sizeof(Scalar) * (keeps_slopes_ ? 2 : 1)) : outputs_block;
    block_ = std::min(whole_pages(most), std::max<Index>(1, inputs.num_samples()));
    stack_ = block_ * blocks_at_once();
    values_from_memory_ =
        keeps_values_ && own * stack_ * static_cast<Index>(sizeof(Scalar)) > static_cast<Index>(far_bytes);
    scratch_size_ = (table_.scratch_size(network.input_dim(), block_) + 63) / 64 * 64;
    reserve(buffers_.values, keeps_values_ ? own * stack_ : 0);
    reserve(buffers_.slopes, keeps_slopes_ ? own * stack_ : 0);
    reserve(buffers_.scratch, num_slots() * scratch_size_);
    reserve(buffers_.partial, (own_.last - own_.first) * stack_);
    reserve(buffers_.outputs, stack_);
    reserve(buffers_.coefficients, stack_);
    reserve(buffers_.rounded, stack_);
    reserve(buffers_.coefficient_sums, stack_ / block_);
  }

  /// Calls body(first sample, outputs from there on) for the stacks of blocks in order.
  template <class Body>
  void for_each_block(const Body& body) {
    for (Index first = 0; first < inputs_.num_samples(); first += stack_) {
      const kernels::Block<Scalar> stack = stack_from(first);
      for_each_share(stack, [&](Index index) { reduce_stack(index, stack); });
      body(first, add_up(stack));
    }
  }

  /// Calls take(group, block, sigma(z) [sample of the block][particle of the group]) for every group of every block,
  /// from the tasks. The pass was made with `maps`.
  template <class Take>
  void for_each_group(const Take& take) {
    for (Index first = 0; first < inputs_.num_samples(); first += block_) {
      const kernels::Block<Scalar> block = block_from(first);
      for_each_share(block, [&](Index index) {
        const kernels::ReduceTask<Scalar> done = reduce(index, first, block);
        for (Index group = done.first_group; group < done.last_group; ++group) {
          take(group, block, done.values + (group - done.first_group) * block.count * table_.group_size);
        }
      });
    }
  }

  /// Calls coefficients(first sample, outputs, coefficients) for the stacks of blocks in order and maps the
  /// coefficients onto the drift, block by block. A task that has mapped one stack reduces the next: the activations it
  /// overwrites are the ones it has just read, still in its cache, and there is one barrier a stack.
  template <class Coefficients>
  void for_each_block(const Coefficients& coefficients_of, const kernels::MapTask<Scalar>& drift_task,
                      const Finish& finish) {
    const Index num_samples = inputs_.num_samples();
    kernels::Block<Scalar> stack = stack_from(0);
    for_each_share(stack, [&](Index index) { reduce_stack(index, stack); });
    while (stack.count > 0) {
      const std::span<const double> outputs = add_up(stack);
      const std::span<double> coefficients = {buffers_.coefficients.data(), outputs.size()};
      coefficients_of(stack.first, outputs, coefficients);
      round(coefficients);
      const kernels::Block<Scalar> next = stack_from(std::min(num_samples, stack.first + stack_));
      for_each_share(stack, [&](Index index) {
        map_stack(index, stack, drift_task);
        if (next.count > 0) {
          reduce_stack(index, next);
        } else if (finish && is_shared(stack)) {
          finish(partition_.first_group(index) * table_.group_size,
                 std::min(ensemble_.num_particles, partition_.first_group(index + 1) * table_.group_size));
        }
      });
      if (next.count == 0 && finish && !is_shared(stack)) {
        // At once: noise comes in vectors that are wider than a small task.
        finish(own_first_particle(), own_last_particle());
      }
      stack = next;
    }
  }

 private:
  void take_share(Index num_groups) {
    own_ = {0, partition_.num_tasks()};
    own_groups_ = {0, num_groups};
    if (ranks_ == nullptr) {
      return;
    }
    if (buffers_.shares_of_particles != ensemble_.num_particles) {
      buffers_.shares = shares_of<Scalar>(ensemble_.num_particles, ranks_->count());
      buffers_.shared_sum = SharedSum(buffers_.shares.tasks, ranks_->rank());
      buffers_.shares_of_particles = ensemble_.num_particles;
    }
    const auto rank = static_cast<std::size_t>(ranks_->rank());
    own_ = {buffers_.shares.tasks[rank], buffers_.shares.tasks[rank + 1]};
    own_groups_ = {partition_.first_group(own_.first), partition_.first_group(own_.last)};
  }
  /// How many blocks are reduced before any is mapped. Ranks exchange once for all of them: as many as an ensemble of
  /// the largest share would have in one block, the same number on all. What a sample gives, and the order in which the
  /// blocks are mapped, are as of one process.
  Index blocks_at_once() const {
    if (ranks_ == nullptr || !keeps_values_ || block_ >= min_block) {
      return 1;
    }
    Index largest = 1;
    for (std::size_t rank = 1; rank < buffers_.shares.rows.size(); ++rank) {
      largest = std::max(largest, buffers_.shares.rows[rank] - buffers_.shares.rows[rank - 1]);
    }
    const Index together = std::min(min_block, block_samples(largest, sizeof(Scalar) * (keeps_slopes_ ? 2 : 1)));
    const Index num_blocks = (inputs_.num_samples() + block_ - 1) / block_;
    return std::clamp<Index>(together / block_, 1, std::max<Index>(1, num_blocks));
  }

  Index own_first_particle() const { return own_groups_.first * table_.group_size; }
  Index own_last_particle() const { return std::min(ensemble_.num_particles, own_groups_.last * table_.group_size); }

  /// Not where handing the tasks to other threads would take longer than they do.
  bool is_shared(const kernels::Block<Scalar>& block) const {
    const Index own = own_last_particle() - own_first_particle();
    const auto activations = static_cast<double>(own) * static_cast<double>(block.count);
    const Index per_sample = inputs_.has_bits() ? inputs_.num_quads() : inputs_.input_dim();
    const double products = activations * static_cast<double>(per_sample + products_of_activation);
    return products * sizeof(Scalar) >= least_shared_bytes;
  }

  /// Runs body(task) for every task of this rank, on the calling thread where they are not shared.
  template <class Body>
  void for_each_share(const kernels::Block<Scalar>& block, const Body& body) {
    if (is_shared(block)) {
      for_each_task(own_.last - own_.first, [&](Index index) { body(own_.first + index); });
      return;
    }
    for (Index index = own_.first; index < own_.last; ++index) {
      body(index);
    }
  }

  /// Two-valued inputs are read page by page of samples.
  Index whole_pages(Index samples) const {
    constexpr Index page = PackedInputs<Scalar>::page_samples;
    return inputs_.has_bits() && samples > page ? samples / page * page : samples;
  }

  kernels::Block<Scalar> block_from(Index first) const {
    return {&inputs_, first, std::min(block_, inputs_.num_samples() - first)};
  }

  kernels::Block<Scalar> stack_from(Index first) const {
    return {&inputs_, first, std::min(stack_, inputs_.num_samples() - first)};
  }

  /// Calls body(block) for the blocks of a stack.
  template <class Body>
  void for_each_of(const kernels::Block<Scalar>& stack, const Body& body) {
    for (Index first = stack.first; first < stack.first + stack.count; first += block_) {
      body(block_from(first));
    }
  }

  /// The share of task `index` in a block of the stack that begins at sample `first`: its groups, its part of the kept
  /// activations, and this thread's scratch.
  template <class Task>
  void place(Index index, Index first, Task& task) {
    task.first_group = partition_.first_group(index);
    task.last_group = partition_.first_group(index + 1);
    const Index before = (task.first_group - own_groups_.first) * stack_;
    const Index within = (task.last_group - task.first_group) * (task.block.first - first);
    const Index kept = (before + within) * table_.group_size;
    task.values = keeps_values_ ? buffers_.values.data() + kept : nullptr;
    task.slopes = keeps_slopes_ ? buffers_.slopes.data() + kept : nullptr;
    task.scratch = buffers_.scratch.data() + current_slot() * scratch_size_;
  }

  void reduce_stack(Index index, const kernels::Block<Scalar>& stack) {
    for_each_of(stack, [&](const kernels::Block<Scalar>& block) { reduce(index, stack.first, block); });
  }

  /// A block of the stack that begins at sample `first`.
  kernels::ReduceTask<Scalar> reduce(Index index, Index first, const kernels::Block<Scalar>& block) {
    kernels::ReduceTask<Scalar> task{};
    task.ensemble = ensemble_;
    task.linearised_from = linearised_from_;
    task.block = block;
    task.partial = buffers_.partial.data() + (index - own_.first) * stack_ + block.first - first;
    place(index, first, task);
    task.next_values = values_from_memory_ ? (task.last_group - task.first_group) * table_.group_size * block_ : 0;
    reduce_(task);
    return task;
  }

  /// The coefficients of a stack in the precision of the particles, and their sums over its blocks.
  void round(std::span<const double> coefficients) {
    std::transform(coefficients.begin(), coefficients.end(), buffers_.rounded.begin(),
                   [](double c) { return static_cast<Scalar>(c); });
    const auto count = static_cast<Index>(coefficients.size());
    for (Index first = 0; first < count; first += block_) {
      const auto begin = coefficients.begin() + first;
      buffers_.coefficient_sums[static_cast<std::size_t>(first / block_)] =
          std::accumulate(begin, begin + std::min(block_, count - first), 0.0);
    }
  }

  void map_stack(Index index, const kernels::Block<Scalar>& stack, const kernels::MapTask<Scalar>& drift_task) {
    for_each_of(stack, [&](const kernels::Block<Scalar>& block) {
      const Index offset = block.first - stack.first;
      kernels::MapTask<Scalar> task = drift_task;
      task.ensemble = ensemble_;
      task.block = block;
      task.coefficients = buffers_.rounded.data() + offset;
      task.coefficient_sum = buffers_.coefficient_sums[static_cast<std::size_t>(offset / block_)];
      task.assign = drift_task.assign && block.first == 0;
      place(index, stack.first, task);
      table_.map(task);
    });
  }

  /// The outputs of a stack whose tasks have been reduced, whoever computed them: along the tree of the tasks, so that
  /// the sum does not depend on the threads. What the tasks gave is overwritten.
  std::span<const double> add_up(const kernels::Block<Scalar>& stack) {
    double* const partial = buffers_.partial.data();
    double* const outputs = buffers_.outputs.data();
    add_along_tree(own_, partition_.num_tasks(), [&](Index to, Index from) {
      double* const sum = partial + (to - own_.first) * stack_;
      const double* const term = partial + (from - own_.first) * stack_;
      for (Index i = 0; i < stack.count; ++i) {
        sum[i] += term[i];
      }
    });
    const double* total = partial;
    if (ranks_ != nullptr) {
      buffers_.shared_sum.complete(*ranks_, partial, stack_, stack.count, outputs);
      total = outputs;
    }
    for (Index i = 0; i < stack.count; ++i) {
      outputs[i] = factor_ * total[i];
    }
    return {outputs, static_cast<std::size_t>(stack.count)};
  }

  const kernels::Table<Scalar>& table_;
  kernels::Ensemble<Scalar> ensemble_;
  const Scalar* linearised_from_;
  void (*reduce_)(const kernels::ReduceTask<Scalar>& task);
  const PackedInputs<Scalar>& inputs_;
  double factor_;
  Buffers& buffers_;
  Ranks* ranks_;
  Partition partition_{0};
  TaskRange own_{0, 0};
  TaskRange own_groups_{0, 0};  // of those tasks
  Index block_ = 0;
  Index stack_ = 0;  // samples of blocks_at_once blocks
  Index scratch_size_ = 0;
  bool keeps_values_ = false;
  bool keeps_slopes_ = false;
  bool values_from_memory_ = false;
};

/// Outputs of a network, or with an anchor of its tangent model there.
template <class Scalar>
void run(const Network& network, const Particles<Scalar>* anchor, const OutputsPass<Scalar>& pass) {
  assert(pass.outputs.num_samples() == pass.inputs.num_samples() && pass.outputs.per_sample() == 1);
  Pass<Scalar> blocks(network, anchor, pass.particles, pass.inputs, false, pass.workspace, pass.workspace.ranks());
  blocks.for_each_block([&](Index first, std::span<const double> outputs) {
    std::copy(outputs.begin(), outputs.end(), pass.outputs.values().begin() + first);
  });
}

/// Its drift. Where nobody takes the rows as they become complete, all ranks want all of them: then they share a pass
/// only if that saves more than the exchange of the rows takes.
template <class Scalar>
void run(const Network& network, const Particles<Scalar>* anchor, const DriftPass<Scalar>& pass) {
  assert(pass.drift.rows() == pass.particles.rows() && pass.drift.cols() == pass.particles.cols());
  assert(pass.outputs.empty() ||
         (pass.outputs.num_samples() == pass.inputs.num_samples() && pass.outputs.per_sample() == 1));
  const ParameterLayout& layout = network.layout();
  const bool assign = pass.accumulate == Accumulate::assign;
  for (Index column = 0; assign && column < pass.drift.cols(); ++column) {
    if (!network.trains(column)) {
      pass.drift.col(column).setZero();
    }
  }
  kernels::MapTask<Scalar> task{};
  task.weight = pass.weight;
  task.assign = assign;
  task.train_input = network.trains(layout.input);
  task.train_bias = network.trains(layout.bias);
  task.train_output = network.trains(layout.output);
  task.drift = pass.drift.data();
  constexpr Index worth_exchange = 256;  // samples
  Ranks* const ranks = pass.finish || pass.inputs.num_samples() >= worth_exchange ? pass.workspace.ranks() : nullptr;
  Pass<Scalar> blocks(network, anchor, pass.particles, pass.inputs, true, pass.workspace, ranks);
  blocks.for_each_block(
      [&](Index first, std::span<const double> outputs, std::span<double> coefficients) {
        if (!pass.outputs.empty()) {
          std::copy(outputs.begin(), outputs.end(), pass.outputs.values().begin() + first);
        }
        pass.field.coefficients(first, outputs, coefficients);
      },
      task, pass.finish);
  if (ranks != nullptr && !pass.finish) {
    exchange_rows(*ranks, pass.workspace.buffers().shares.rows, pass.drift);
  }
}

}  // namespace passes

}  // namespace mfld

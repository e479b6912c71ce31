#include "mfld/model/network.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <boost/align/aligned_allocator.hpp>
#include <cassert>
#include <numeric>
#include <type_traits>

#include "mfld/core/parallel.hpp"
#include "model/kernels.hpp"

namespace mfld {

namespace {

template <class T>
using AlignedVector = std::vector<T, boost::alignment::aligned_allocator<T, 256>>;

/// Activations of one block: near the cores where a block of min_block samples fits, and never more than this.
constexpr std::size_t cached_bytes = std::size_t{4} << 20U;
constexpr std::size_t most_bytes = std::size_t{100} << 20U;
constexpr Index min_block = 128;
/// Samples per block where no activation is kept.
constexpr Index outputs_block = 512;

/// Samples per block: a function of the ensemble and the precision only, so that the order of every sum is fixed.
Index block_samples(Index padded_particles, std::size_t bytes_per_activation) {
  const std::size_t row = static_cast<std::size_t>(padded_particles) * bytes_per_activation;
  const auto fits = [row](std::size_t bytes) { return static_cast<Index>(bytes / row); };
  const Index samples = std::max(fits(cached_bytes), std::min(min_block, fits(most_bytes)));
  return std::max<Index>(8, samples / 8 * 8);
}

/// How the groups of particles are dealt out: about 32 tasks, of at most 8 groups each.
struct Partition {
  Index groups_per_task;
  Index num_tasks;
};

Partition partition(Index num_groups) {
  const Index groups_per_task = std::clamp<Index>((num_groups + 31) / 32, 1, 8);
  return {groups_per_task, (num_groups + groups_per_task - 1) / groups_per_task};
}

}  // namespace

template <class Scalar>
PackedInputs<Scalar>::PackedInputs(Index capacity, Index input_dim)
    : capacity_(capacity),
      input_dim_(input_dim),
      values_(static_cast<std::size_t>((input_dim + tile_inputs - 1) / tile_inputs * tile_inputs * capacity)) {}

template <class Scalar>
PackedInputs<Scalar>::PackedInputs(const Inputs& inputs) : PackedInputs(inputs.rows(), inputs.cols()) {
  num_samples_ = inputs.rows();
  for (Index k = 0; k < input_dim_; ++k) {
    Scalar* column = values_.data() + k / tile_inputs * tile_inputs * capacity_;
    for (Index i = 0; i < num_samples_; ++i) {
      column[i * tile_inputs + k % tile_inputs] = static_cast<Scalar>(inputs(i, k));
    }
  }
}

template <class Scalar>
void PackedInputs<Scalar>::gather(const PackedInputs& source, std::span<const Index> samples) {
  assert(static_cast<Index>(samples.size()) <= capacity_ && input_dim_ == source.input_dim_);
  num_samples_ = static_cast<Index>(samples.size());
  for (Index first = 0; first < input_dim_; first += tile_inputs) {
    Scalar* to = values_.data() + first * capacity_;
    const Scalar* from = source.values_.data() + first * source.capacity_;
    for (const Index sample : samples) {
      to = std::copy_n(from + sample * tile_inputs, tile_inputs, to);
    }
  }
}

template class PackedInputs<double>;
template class PackedInputs<float>;

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
        inputs_(inputs),
        factor_(network.scaling().output_factor(particles.rows())),
        buffers_(workspace.buffers()) {
    assert(particles.cols() == network.layout().size && inputs.input_dim() == network.input_dim());
    const Index num_groups = (particles.rows() + table_.group_size - 1) / table_.group_size;
    num_groups_ = num_groups;
    partition_ = partition(num_groups);
    const Index padded = num_groups * table_.group_size;
    keeps_values_ = maps;
    keeps_slopes_ = maps && kernels::needs_slopes(network.neuron().activation);
    const Index most = maps ? block_samples(padded, sizeof(Scalar) * (keeps_slopes_ ? 2 : 1)) : outputs_block;
    block_ = std::min(most, std::max<Index>(1, inputs.num_samples()));
    scratch_size_ = (table_.scratch_size(network.input_dim(), block_) + 63) / 64 * 64;
    reserve(buffers_.values, keeps_values_ ? padded * block_ : 0);
    reserve(buffers_.slopes, keeps_slopes_ ? padded * block_ : 0);
    reserve(buffers_.scratch, num_slots() * scratch_size_);
    reserve(buffers_.partial, partition_.num_tasks * block_);
    reserve(buffers_.outputs, block_);
    reserve(buffers_.coefficients, block_);
    reserve(buffers_.rounded, block_);
  }

  /// Calls body(block, outputs of the block) for the blocks in order.
  template <class Body>
  void for_each_block(const Body& body) {
    for (Index first = 0; first < inputs_.num_samples(); first += block_) {
      const kernels::Block<Scalar> block = {&inputs_, first, std::min(block_, inputs_.num_samples() - first)};
      reduce(block);
      body(block, std::span<const double>(buffers_.outputs.data(), static_cast<std::size_t>(block.count)));
    }
  }

  void map(const kernels::Block<Scalar>& block, std::span<const double> coefficients, double weight, bool assign,
           const Network& network, Drift& drift) {
    std::transform(coefficients.begin(), coefficients.end(), buffers_.rounded.begin(),
                   [](double c) { return static_cast<Scalar>(c); });
    const ParameterLayout& layout = ensemble_.layout;
    const auto trained = [&](Index column) {
      return column >= 0 && network.trained()[static_cast<std::size_t>(column)] != 0;
    };
    kernels::MapTask<Scalar> whole{};
    whole.ensemble = ensemble_;
    whole.block = block;
    whole.coefficients = buffers_.rounded.data();
    whole.coefficient_sum = std::accumulate(coefficients.begin(), coefficients.end(), 0.0);
    whole.weight = weight;
    whole.assign = assign;
    whole.train_input = trained(layout.input);
    whole.train_bias = trained(layout.bias);
    whole.train_output = trained(layout.output);
    whole.drift = drift.data();
    for_each_task(partition_.num_tasks, [&](Index index) {
      kernels::MapTask<Scalar> task = whole;
      place(index, block, task);
      table_.map(task);
    });
  }

  std::span<double> coefficients(Index count) {
    return {buffers_.coefficients.data(), static_cast<std::size_t>(count)};
  }

 private:
  /// The share of task `index`: its groups, its part of the kept activations, and this thread's scratch.
  template <class Task>
  void place(Index index, const kernels::Block<Scalar>& block, Task& task) {
    task.first_group = index * partition_.groups_per_task;
    task.last_group = std::min(num_groups_, task.first_group + partition_.groups_per_task);
    const Index kept = task.first_group * table_.group_size * block.count;
    task.values = keeps_values_ ? buffers_.values.data() + kept : nullptr;
    task.slopes = keeps_slopes_ ? buffers_.slopes.data() + kept : nullptr;
    task.scratch = buffers_.scratch.data() + current_slot() * scratch_size_;
  }

  void reduce(const kernels::Block<Scalar>& block) {
    for_each_task(partition_.num_tasks, [&](Index index) {
      kernels::ReduceTask<Scalar> task{};
      task.ensemble = ensemble_;
      task.linearised_from = linearised_from_;
      task.block = block;
      task.partial = buffers_.partial.data() + index * block_;
      place(index, block, task);
      table_.reduce(task);
    });
    // In task order, whoever computed them: the sum does not depend on the threads.
    double* outputs = buffers_.outputs.data();
    std::fill_n(outputs, block.count, 0.0);
    for (Index task = 0; task < partition_.num_tasks; ++task) {
      const double* partial = buffers_.partial.data() + task * block_;
      for (Index i = 0; i < block.count; ++i) {
        outputs[i] += partial[i];
      }
    }
    for (Index i = 0; i < block.count; ++i) {
      outputs[i] *= factor_;
    }
  }

  const kernels::Table<Scalar>& table_;
  kernels::Ensemble<Scalar> ensemble_;
  const Scalar* linearised_from_;
  const PackedInputs<Scalar>& inputs_;
  double factor_;
  Buffers& buffers_;
  Partition partition_{};
  Index num_groups_ = 0;
  Index block_ = 0;
  Index scratch_size_ = 0;
  bool keeps_values_ = false;
  bool keeps_slopes_ = false;
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
  pass.for_each_block([&](const kernels::Block<Scalar>& block, std::span<const double> block_outputs) {
    copy_outputs(block_outputs, block.first, outputs);
  });
}

template <class Scalar>
void Network::drift(const Particles<Scalar>& particles, const PackedInputs<Scalar>& inputs, const Field& field,
                    double weight, Accumulate accumulate, Drift& drift, std::span<double> outputs,
                    KernelWorkspace<Scalar>& workspace) const {
  assert(drift.rows() == particles.rows() && drift.cols() == particles.cols());
  if (accumulate == Accumulate::assign) {
    for (Index column = 0; column < drift.cols(); ++column) {
      if (trained_[static_cast<std::size_t>(column)] == 0) {
        drift.col(column).setZero();
      }
    }
  }
  Pass<Scalar> pass(*this, anchor_data<Scalar>(), particles, inputs, true, workspace);
  pass.for_each_block([&](const kernels::Block<Scalar>& block, std::span<const double> block_outputs) {
    if (!outputs.empty()) {
      copy_outputs(block_outputs, block.first, outputs);
    }
    const std::span<double> coefficients = pass.coefficients(block.count);
    field.coefficients(block.first, block_outputs, coefficients);
    const bool assign = accumulate == Accumulate::assign && block.first == 0;
    pass.map(block, coefficients, weight, assign, *this, drift);
  });
}

#define MFLD_INSTANTIATE(Scalar)                                                                            \
  template void Network::outputs(const Particles<Scalar>&, const PackedInputs<Scalar>&, std::span<double>,  \
                                 KernelWorkspace<Scalar>&) const;                                           \
  template void Network::drift(const Particles<Scalar>&, const PackedInputs<Scalar>&, const Field&, double, \
                               Accumulate, Drift&, std::span<double>, KernelWorkspace<Scalar>&) const;
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

}  // namespace mfld

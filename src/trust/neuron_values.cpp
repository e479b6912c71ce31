#include "mfld/trust/neuron_values.hpp"

#include <algorithm>
#include <cassert>
#include <vector>

#include "mfld/core/parallel.hpp"

namespace mfld {

namespace {

// A tile of activations stays in the second-level cache.
constexpr Index tile_rows = 128;
constexpr Index tile_thetas = 64;

/// The thetas [first, first + count), with what does not depend on the input.
struct Tile {
  Tile(const Network& network, const Particles<double>& thetas, Index first, Index count)
      : neuron(network.neuron()),
        input_weights(thetas.block(first, network.layout().input, count, network.layout().input_dim).transpose()),
        bias(network.layout().bias >= 0 ? Vector(thetas.col(network.layout().bias).segment(first, count))
                                        : Vector::Zero(count)),
        head(head_values(neuron, network.layout().output >= 0
                                     ? Vector(thetas.col(network.layout().output).segment(first, count))
                                     : Vector::Zero(count))) {}

  /// sigma(w_s . x_i + b_s) at rows [first, first + count) of the inputs.                         [count x thetas]
  const Matrix& activations(const Inputs& inputs, Index first, Index count) {
    z = (inputs.middleRows(first, count) * input_weights).rowwise() + bias.transpose();
    values.resize(z.rows(), z.cols());
    slopes.resize(z.rows(), z.cols());
    const auto length = static_cast<std::size_t>(z.size());
    evaluate(neuron.activation, {z.data(), length}, {values.data(), length}, {slopes.data(), length});
    return values;
  }

  Neuron neuron;
  Matrix input_weights;  // [d x thetas]
  Vector bias;
  HeadValues head;
  Matrix z, values, slopes;
};

template <class Body>
void for_each_tile(Index size, Index tile, const Body& body) {
  for_each_task((size + tile - 1) / tile, [&](Index task) { body(task * tile, std::min(tile, size - task * tile)); });
}

}  // namespace

int growth_order(const Neuron& neuron) {
  const NeuronInfo& row = info(neuron.kind);
  return std::max(row.weight_growth + info(neuron.activation).growth, +row.offset_growth);
}

Vector first_variation(const Network& network, const Particles<double>& thetas, const Inputs& inputs,
                       const Vector& coefficients) {
  assert(inputs.rows() == coefficients.size());
  const double coefficient_sum = coefficients.sum();
  Vector result(thetas.rows());
  for_each_tile(thetas.rows(), tile_thetas, [&](Index first, Index count) {
    Tile tile(network, thetas, first, count);
    Vector sums = Vector::Zero(count);
    for (Index row = 0; row < inputs.rows(); row += tile_rows) {
      const Index rows = std::min(tile_rows, inputs.rows() - row);
      sums.noalias() += tile.activations(inputs, row, rows).transpose() * coefficients.segment(row, rows);
    }
    result.segment(first, count) = tile.head.weight.cwiseProduct(sums) + coefficient_sum * tile.head.offset;
  });
  return result;
}

Vector weighted_outputs(const Network& network, const Particles<double>& thetas, const Vector& weights,
                        const Inputs& inputs) {
  assert(thetas.rows() == weights.size());
  Vector result(inputs.rows());
  for_each_tile(inputs.rows(), tile_rows, [&](Index row, Index rows) {
    Vector sums = Vector::Zero(rows);
    for (Index first = 0; first < thetas.rows(); first += tile_thetas) {
      const Index count = std::min(tile_thetas, thetas.rows() - first);
      Tile tile(network, thetas, first, count);
      const auto weight = weights.segment(first, count);
      sums.noalias() += tile.activations(inputs, row, rows) * weight.cwiseProduct(tile.head.weight);
      sums.array() += weight.dot(tile.head.offset);
    }
    result.segment(row, rows) = sums;
  });
  return result;
}

}  // namespace mfld

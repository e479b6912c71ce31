#include "mfld/ntk/empirical.hpp"

#include <algorithm>
#include <cassert>

#include "mfld/core/parallel.hpp"
#include "mfld/linear/eigenvalues.hpp"
#include "mfld/model/neuron_derivatives.hpp"

namespace mfld {

namespace {

constexpr Index tile_inputs = 128;
constexpr Index tile_particles = 256;

/// Sums tile(neurons at a row tile of x, neurons at a row tile of z) over the particles, for all pairs of row tiles.
template <class Body>
void sum_over_particles(const Network& network, const Particles<double>& particles, const Inputs& x, const Inputs& z,
                        const Watch& watch, const Body& body) {
  const bool symmetric = &x == &z;
  const Index row_tiles = (x.rows() + tile_inputs - 1) / tile_inputs;
  const Index column_tiles = (z.rows() + tile_inputs - 1) / tile_inputs;
  for (Index first = 0; first < particles.rows(); first += tile_particles) {
    const Index count = std::min(tile_particles, particles.rows() - first);
    const auto share = [&](Index last) { return static_cast<double>(last) / static_cast<double>(particles.rows()); };
    const auto of_tile = [&](const Inputs& inputs, Index tile) {
      const Index row = tile * tile_inputs;
      return neuron_derivatives(network, particles.middleRows(first, count),
                                inputs.middleRows(row, std::min(tile_inputs, inputs.rows() - row)));
    };
    std::vector<NeuronDerivatives> of_z(static_cast<std::size_t>(column_tiles));
    for_each_task(column_tiles, [&](Index tile) { of_z[static_cast<std::size_t>(tile)] = of_tile(z, tile); });
    for_each_task(row_tiles, watch.within(share(first), share(first + count)), [&](Index tile) {
      const NeuronDerivatives of_x = symmetric ? of_z[static_cast<std::size_t>(tile)] : of_tile(x, tile);
      for (Index column = symmetric ? tile : 0; column < column_tiles; ++column) {
        body(of_x, of_z[static_cast<std::size_t>(column)], tile * tile_inputs, column * tile_inputs);
      }
    });
  }
}

/// The lower triangle from the upper one, if x and z are the same object.
void mirror(const Inputs& x, const Inputs& z, Matrix& kernel) {
  if (&x == &z) {
    kernel.triangularView<Eigen::StrictlyLower>() = kernel.transpose();
  }
}

bool is_trained(const Network& network, Index column) {
  return column >= 0 && network.trained()[static_cast<std::size_t>(column)] != 0;
}

}  // namespace

Matrix empirical_ntk(const Network& network, const Particles<double>& particles, const Inputs& x, const Inputs& z,
                     const Watch& watch) {
  assert(particles.cols() == network.layout().size && x.cols() == z.cols() && x.cols() == network.input_dim());
  const ParameterLayout& layout = network.layout();
  const double factor =
      network.scaling().output_factor(particles.rows()) * network.scaling().drift_factor(particles.rows());
  Matrix kernel = Matrix::Zero(x.rows(), z.rows());
  sum_over_particles(network, particles, x, z, watch,
                     [&](const NeuronDerivatives& of_x, const NeuronDerivatives& of_z, Index row, Index column) {
                       const Index rows = of_x.value.rows();
                       const Index columns = of_z.value.rows();
                       auto block = kernel.block(row, column, rows, columns);
                       if (is_trained(network, layout.output)) {
                         block += of_x.output * of_z.output.transpose();
                       }
                       const bool input = is_trained(network, layout.input);
                       const bool bias = is_trained(network, layout.bias);
                       if (input || bias) {
                         Matrix inner = Matrix::Constant(rows, columns, bias ? 1.0 : 0.0);
                         if (input) {
                           inner += x.middleRows(row, rows) * z.middleRows(column, columns).transpose();
                         }
                         block += (of_x.hidden * of_z.hidden.transpose()).cwiseProduct(inner);
                       }
                     });
  mirror(x, z, kernel);
  return factor * kernel;
}

Matrix conjugate_kernel(const Network& network, const Particles<double>& particles, const Inputs& x, const Inputs& z,
                        const Watch& watch) {
  Matrix kernel = Matrix::Zero(x.rows(), z.rows());
  sum_over_particles(network, particles, x, z, watch,
                     [&](const NeuronDerivatives& of_x, const NeuronDerivatives& of_z, Index row, Index column) {
                       kernel.block(row, column, of_x.value.rows(), of_z.value.rows()) +=
                           of_x.value * of_z.value.transpose();
                     });
  mirror(x, z, kernel);
  return kernel / static_cast<double>(particles.rows());
}

Network hidden_network(const Network& network) {
  const Neuron& neuron = network.neuron();
  return {{NeuronKind::sigma, neuron.activation, neuron.bias, 1}, network.input_dim(), {}};
}

Particles<double> hidden_parameters(const Network& network, const Particles<double>& particles) {
  return particles.rightCols(particles.cols() - network.layout().input);
}

Matrix feature_kernel(const Network& network, const Particles<double>& particles, const Inputs& x) {
  return conjugate_kernel(hidden_network(network), hidden_parameters(network, particles), x, x);
}

double kernel_drift(const Matrix& kernel, const Matrix& initial) {
  const double norm = initial.norm();
  const double difference = (kernel - initial).norm();
  return norm > 0 ? difference / norm : (difference > 0 ? std::numeric_limits<double>::infinity() : 0.0);
}

double kernel_alignment(const Matrix& kernel, const Vector& targets) {
  const double scale = kernel.norm() * targets.squaredNorm();
  return scale > 0 ? targets.dot(kernel * targets) / scale : 0.0;
}

double effective_dimension(const Matrix& kernel, double ridge) {
  const Vector eigenvalues = symmetric_eigenvalues(kernel);
  const double shift = ridge * static_cast<double>(kernel.rows());
  return eigenvalues.unaryExpr([shift](double value) { return std::max(value, 0.0) / (std::max(value, 0.0) + shift); })
      .sum();
}

}  // namespace mfld

#include "mfld/ntk/ridge_readout.hpp"

#include <algorithm>
#include <cassert>
#include <limits>
#include <vector>

#include "mfld/core/parallel.hpp"
#include "mfld/linear/cholesky.hpp"
#include "mfld/model/neuron_derivatives.hpp"
#include "mfld/ntk/empirical.hpp"

namespace mfld {

namespace {

constexpr Index readout_tile_inputs = 128;
constexpr Index readout_tile_particles = 256;

Index num_tiles(Index size, Index tile) { return (size + tile - 1) / tile; }

/// The neurons of a network without their output weights, by tiles of particles.
class Features {
 public:
  Features(const Network& network, const Particles<double>& particles, const Inputs& inputs)
      : neurons_(hidden_network(network)), particles_(hidden_parameters(network, particles)), inputs_(&inputs) {}

  /// Phi' v: each task has particles of its own, and adds the tiles of samples in their order.        [N]
  Vector times(const Vector& v) const {
    Vector result(particles_.rows());
    for_each_task(num_tiles(particles_.rows(), readout_tile_particles), [&](Index task) {
      const Index first = task * readout_tile_particles;
      const Index count = std::min(readout_tile_particles, particles_.rows() - first);
      Vector sum = Vector::Zero(count);
      for (Index row = 0; row < inputs_->rows(); row += readout_tile_inputs) {
        const Matrix values = at(task, row);
        sum += values.transpose() * v.segment(row, values.rows());
      }
      result.segment(first, count) = sum;
    });
    return result;
  }

  /// Phi' Phi, its lower triangle.                                                                   [N x N]
  Matrix gram() const {
    const Index tiles = num_tiles(particles_.rows(), readout_tile_particles);
    Matrix result = Matrix::Zero(particles_.rows(), particles_.rows());
    std::vector<Matrix> values(static_cast<std::size_t>(tiles));
    for (Index row = 0; row < inputs_->rows(); row += readout_tile_inputs) {
      for_each_task(tiles, [&](Index task) { values[static_cast<std::size_t>(task)] = at(task, row); });
      for_each_task(tiles, [&](Index task) {
        const Matrix& left = values[static_cast<std::size_t>(task)];
        for (Index other = 0; other <= task; ++other) {
          const Matrix& right = values[static_cast<std::size_t>(other)];
          result.block(task * readout_tile_particles, other * readout_tile_particles, left.cols(), right.cols())
              .noalias() += left.transpose() * right;
        }
      });
    }
    return result;
  }

 private:
  Matrix at(Index task, Index row) const {
    const Index first = task * readout_tile_particles;
    return neuron_derivatives(neurons_,
                              particles_.middleRows(first, std::min(readout_tile_particles, particles_.rows() - first)),
                              inputs_->middleRows(row, std::min(readout_tile_inputs, inputs_->rows() - row)))
        .value;
  }

  Network neurons_;
  Particles<double> particles_;
  const Inputs* inputs_;
};

/// solution <- (matrix + shift I)^-1 solution, from the lower triangle of the matrix, which is overwritten. False where
/// it is not positive definite: then some pivots are of rounding size instead of 0, or not numbers.
bool solve_in_place(Matrix& matrix, double shift, Vector& solution) {
  matrix.diagonal().array() += shift;
  const double scale = matrix.diagonal().maxCoeff();
  const double rounding = static_cast<double>(matrix.rows()) * std::numeric_limits<double>::epsilon() * scale;
  if (!cholesky_in_place(matrix) || !(matrix.diagonal().array().square() > rounding).all()) {
    return false;
  }
  solve_cholesky(matrix, solution);
  return solution.allFinite();
}

}  // namespace

std::optional<Vector> ridge_readout(const Network& network, const Particles<double>& particles, const Inputs& inputs,
                                    const Vector& targets, double shift, RidgeForm form) {
  assert(info(network.neuron().kind).linear_in_output && inputs.rows() == targets.size() && shift > 0);
  const bool of_samples =
      form == RidgeForm::of_samples || (form == RidgeForm::smaller && inputs.rows() <= particles.rows());
  const double drift_factor = network.scaling().drift_factor(particles.rows());
  const double factor = network.scaling().output_factor(particles.rows()) * drift_factor;
  const Features features(network, particles, inputs);
  Matrix matrix;
  Vector solution;
  if (of_samples) {
    matrix = feature_kernel(network, particles, inputs);
    matrix *= factor * static_cast<double>(particles.rows());
    solution = targets;
  } else {
    matrix = features.gram();
    matrix *= factor;
    solution = features.times(targets);
  }
  if (!solve_in_place(matrix, shift, solution)) {
    return std::nullopt;
  }
  const Vector readout = drift_factor * (of_samples ? features.times(solution) : solution);
  return readout.allFinite() ? std::optional(readout) : std::nullopt;
}

double num_doubles_of_ridge_readout(Index num_samples, Index num_particles, Index num_parameters) {
  const auto size = static_cast<double>(std::min(num_samples, num_particles));
  return 2 * size * size + 3 * static_cast<double>(num_particles) * static_cast<double>(num_parameters);
}

}  // namespace mfld

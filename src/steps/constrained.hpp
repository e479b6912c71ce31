#pragma once
#include <algorithm>
#include <cassert>
#include <cmath>
#include <cstdint>
#include <type_traits>
#include <vector>

#include "mfld/steps/step.hpp"

namespace mfld {

/// The trained columns of some particles, in double: what a step on a set of its own moves.                [rows x
/// columns]
template <class Matrix>
Particles<double> trained_part(const Matrix& of_all, const std::vector<unsigned char>& trained, Index first,
                               Index rows) {
  Particles<double> part(rows, std::count(trained.begin(), trained.end(), 1));
  Index to = 0;
  for (Index column = 0; column < of_all.cols(); ++column) {
    if (trained[static_cast<std::size_t>(column)] != 0) {
      part.col(to++) = of_all.col(column).segment(first, rows).template cast<double>();
    }
  }
  return part;
}

/// The other way. Returns the first particle with a number that is not finite, or -1.
template <class Matrix>
Index put_back(const Particles<double>& part, const std::vector<unsigned char>& trained, Index first, Matrix& of_all) {
  Index from = 0;
  for (Index column = 0; column < of_all.cols(); ++column) {
    if (trained[static_cast<std::size_t>(column)] != 0) {
      of_all.col(column).segment(first, part.rows()) = part.col(from++).template cast<typename Matrix::Scalar>();
    }
  }
  Index bad = -1;
  for (Index j = part.rows() - 1; j >= 0; --j) {
    bad = part.row(j).allFinite() ? bad : first + j;
  }
  return bad;
}

/// g of the particles first, ..., first + position.rows() - 1 at their positions.
template <class Scalar>
Particles<double> force_at(const StepContext<Scalar>& context, Index first, const Particles<double>& position) {
  const Index rows = position.rows();
  const double gain = 2 * context.options.penalty;
  Particles<double> g = trained_part(context.drift, context.trained, first, rows) + gain * position;
  if (context.anchor != nullptr) {
    g -= gain * trained_part(*context.anchor, context.trained, first, rows);
  }
  return g;
}

/// The normals that a step takes, drawn in one precision and rounded to that of the particles.    [rows x all columns]
template <class Scalar, class Drawn>
Particles<double> normals_drawn_as(const StepOptions& options, Index first, Index rows, Index columns) {
  const std::int64_t num_draws = options.noise.substeps;
  Particles<double> sum = Particles<double>::Zero(rows, columns);
  Particles<Drawn> xi(rows, columns);
  for (std::int64_t k = 0; k < num_draws; ++k) {
    langevin_noise(options.noise_seed, options.step * num_draws + k, first, xi);
    sum += xi.template cast<Scalar>().template cast<double>();
  }
  return sum / std::sqrt(static_cast<double>(num_draws));
}

/// The same by the rule of the run.
template <class Scalar>
Particles<double> normals_of_step(const StepOptions& options, Index first, Index rows, Index columns) {
  assert(options.noise.law == NoiseLaw::gaussian);
  return options.noise.draws_double(std::is_same_v<Scalar, double>)
             ? normals_drawn_as<Scalar, double>(options, first, rows, columns)
             : normals_drawn_as<Scalar, float>(options, first, rows, columns);
}

/// w <- w + sqrt(2 T eta) xi^(k).
template <class Scalar>
void add_noise(const StepContext<Scalar>& context, Index first, Particles<double>& w) {
  const StepOptions& options = context.options;
  if (const double amplitude = overdamped_noise(options); amplitude > 0) {
    const Particles<double> xi = normals_of_step<Scalar>(options, first, w.rows(), context.particles.cols());
    w += amplitude * trained_part(xi, context.trained, 0, w.rows());
  }
}

}  // namespace mfld

#include "mfld/dynamics/sphere.hpp"

#include <algorithm>
#include <cmath>

#include "dynamics/step_task.hpp"

namespace mfld {

namespace {

/// The trained columns of some particles, in double.                                                      [rows x columns]
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

/// The normals that a step takes in the precision of the particles, by the rule of the run.
template <class Scalar>
Particles<double> normals_of_step(const StepOptions& options, Index first, Index rows, Index columns) {
  const std::int64_t num_draws = options.noise.substeps;
  Particles<double> sum = Particles<double>::Zero(rows, columns);
  const auto add = [&]<class Drawn>(Particles<Drawn> xi, std::int64_t step) {
    langevin_noise(options.noise_seed, step, first, xi);
    sum += xi.template cast<Scalar>().template cast<double>();
  };
  for (std::int64_t k = 0; k < num_draws; ++k) {
    if (options.noise.in_double) {
      add(Particles<double>(rows, columns), options.step * num_draws + k);
    } else {
      add(Particles<Scalar>(rows, columns), options.step * num_draws + k);
    }
  }
  return sum / std::sqrt(static_cast<double>(num_draws));
}

/// w = -eta g + amplitude xi of the particles first, ..., first + position.rows() - 1.
template <class Scalar>
Particles<double> moves(const StepContext<Scalar>& context, Index first, const Particles<double>& position) {
  const StepOptions& options = context.options;
  const Index rows = position.rows();
  Particles<double> w =
      -options.step_size * (trained_part(context.drift, context.trained, first, rows) + 2 * options.penalty * position);
  if (context.anchor != nullptr) {
    w += 2 * options.step_size * options.penalty * trained_part(*context.anchor, context.trained, first, rows);
  }
  if (const double amplitude = overdamped_noise(options); amplitude > 0) {
    const Particles<double> xi = normals_of_step<Scalar>(options, first, rows, context.particles.cols());
    w += amplitude * trained_part(xi, context.trained, 0, rows);
  }
  return w;
}

/// theta_j <- its place along the great circle that leaves it in the direction of the tangent part of w_j, by its length.
void move_along_geodesics(const Eigen::ArrayXd& radius, const Particles<double>& w, Particles<double>& theta) {
  const Eigen::ArrayXd inverse = (radius > 0).select(1 / radius, 0);
  const Eigen::ArrayXd along = theta.cwiseProduct(w).rowwise().sum().array() * inverse.square();
  const Particles<double> u = w - along.matrix().asDiagonal() * theta;
  const Eigen::ArrayXd length = u.rowwise().norm();
  const Eigen::ArrayXd angle = length * inverse;
  const Eigen::ArrayXd gain = (length > 0).select(radius * angle.sin() / length, 0);
  theta = angle.cos().matrix().asDiagonal() * theta + gain.matrix().asDiagonal() * u;
  const Eigen::ArrayXd norm = theta.rowwise().norm();
  theta = (norm > 0).select(radius / norm, 1).matrix().asDiagonal() * theta;
}

}  // namespace

template <class Scalar>
void Sphere<Scalar>::begin(const StepContext<Scalar>& context) {
  radii_ = trained_part(context.particles, context.trained, 0, context.particles.rows()).rowwise().norm();
}

template <class Scalar>
Index Sphere<Scalar>::move(const StepContext<Scalar>& context, Index first, Index last) {
  Particles<double> position = trained_part(context.particles, context.trained, first, last - first);
  move_along_geodesics(radii_.col(0).segment(first, last - first), moves(context, first, position), position);
  Index bad = -1;
  for (Index j = position.rows() - 1; j >= 0; --j) {
    bad = position.row(j).allFinite() ? bad : first + j;
  }
  Index from = 0;
  for (Index column = 0; column < context.particles.cols(); ++column) {
    if (context.trained[static_cast<std::size_t>(column)] != 0) {
      context.particles.col(column).segment(first, last - first) = position.col(from++).template cast<Scalar>();
    }
  }
  return bad;
}

template class Sphere<double>;
template class Sphere<float>;

}  // namespace mfld

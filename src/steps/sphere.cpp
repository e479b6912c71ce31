#include "mfld/steps/sphere.hpp"

#include <cmath>

#include "mfld/core/divided_rows.hpp"
#include "steps/constrained.hpp"

namespace mfld {

namespace {

/// theta_j <- its place along the great circle that leaves it in the direction of the tangent part of w_j, by its
/// length.
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
  const RowRange rows = context.rows;
  make_room(context.particles.rows(), 1, radii_);
  radii_.middleRows(rows.first, rows.count()) =
      trained_part(context.particles, context.trained, rows.first, rows.count()).rowwise().norm();
}

template <class Scalar>
Index Sphere<Scalar>::move(const StepContext<Scalar>& context, Index first, Index last) {
  Particles<double> position = trained_part(context.particles, context.trained, first, last - first);
  Particles<double> w = -context.options.step_size * force_at(context, first, position);
  add_noise(context, first, w);
  move_along_geodesics(radii_.col(0).segment(first, last - first), w, position);
  return put_back(position, context.trained, first, context.particles);
}

template class Sphere<double>;
template class Sphere<float>;

}  // namespace mfld

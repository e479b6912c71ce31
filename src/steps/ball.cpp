#include "mfld/steps/ball.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "mfld/core/divided_rows.hpp"
#include "steps/constrained.hpp"

namespace mfld {

namespace {

using Eigen::ArrayXd;

/// f(x) / x, and at 0 its limit 1.
ArrayXd over(const ArrayXd& f, const ArrayXd& x) { return (x > 0).select(f / x, 1); }

/// 2 / sinh(2 rho) - 1 / rho.
double slope_of_log_ratio(double rho) {
  return rho < 1e-3 ? rho * (-2.0 / 3 + 14.0 / 45 * rho * rho) : 2 / std::sinh(2 * rho) - 1 / rho;
}

/// d log det J / d |y|, times R: of (p - 1) log(tanh(rho) / rho) - 2 log cosh(rho).
ArrayXd slope_of_log_det(const ArrayXd& rho, Index num_columns) {
  return static_cast<double>(num_columns - 1) * rho.unaryExpr(&slope_of_log_ratio) - 2 * rho.tanh();
}

/// J' g: tanh(rho) / rho across y, cosh(rho)^-2 along it.
Particles<double> pulled_back(const Particles<double>& direction, const ArrayXd& rho, const Particles<double>& g) {
  const ArrayXd across = over(rho.tanh(), rho);
  const ArrayXd along = rho.cosh().square().inverse();
  const ArrayXd radial = direction.cwiseProduct(g).rowwise().sum();
  return across.matrix().asDiagonal() * g + ((along - across) * radial).matrix().asDiagonal() * direction;
}

}  // namespace

template <class Scalar>
void Ball<Scalar>::begin(const StepContext<Scalar>& context) {
  const RowRange rows = context.rows;
  const Particles<double> position = trained_part(context.particles, context.trained, rows.first, rows.count());
  // A particle that a phase left next to the boundary may have been rounded onto it.
  constexpr double rounding = 4 * static_cast<double>(std::numeric_limits<Scalar>::epsilon());
  const ArrayXd share = (position.rowwise().norm().array() / context.options.radius).unaryExpr([](double s) {
    return s < 1 + rounding ? std::min(s, 1 - rounding) : s;
  });
  make_room(context.particles.rows(), context.particles.cols(), mirror_);
  mirror_.middleRows(rows.first, rows.count()).setZero();
  const ArrayXd gain = over(share.unaryExpr([](double s) { return std::atanh(s); }), share);
  put_back(gain.matrix().asDiagonal() * position, context.trained, rows.first, mirror_);
}

template <class Scalar>
std::optional<Index> Ball<Scalar>::first_bad(RowRange rows) const {
  for (Index j = rows.first; j < rows.last; ++j) {
    if (!mirror_.row(j).allFinite()) {
      return j;
    }
  }
  return std::nullopt;
}

template <class Scalar>
std::string Ball<Scalar>::failure(Index particle) {
  return fmt::format("particle {} is not inside the ball whose radius the next phase has", particle);
}

template <class Scalar>
Index Ball<Scalar>::move(const StepContext<Scalar>& context, Index first, Index last) {
  const StepOptions& options = context.options;
  const Index rows = last - first;
  Particles<double> y = trained_part(mirror_, context.trained, first, rows);
  const ArrayXd length = y.rowwise().norm();
  const ArrayXd rho = length / options.radius;
  const Particles<double> direction = (length > 0).select(length.inverse(), 0).matrix().asDiagonal() * y;
  const Particles<double> position = over(rho.tanh(), rho).matrix().asDiagonal() * y;
  Particles<double> w = -options.step_size * pulled_back(direction, rho, force_at(context, first, position));
  const double gain = options.step_size * options.temperature / options.radius;
  w += (gain * slope_of_log_det(rho, y.cols())).matrix().asDiagonal() * direction;
  add_noise(context, first, w);
  y += w;
  put_back(y, context.trained, first, mirror_);
  const ArrayXd moved = y.rowwise().norm().array() / options.radius;
  return put_back(over(moved.tanh(), moved).matrix().asDiagonal() * y, context.trained, first, context.particles);
}

template class Ball<double>;
template class Ball<float>;

}  // namespace mfld

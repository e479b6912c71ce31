#include "mfld/objective/penalty.hpp"

#include <algorithm>
#include <array>
#include <cmath>

namespace mfld {

namespace {

/// Particles at a time whose distances are in a register's reach.
constexpr Index strip = 128;
using Squares = std::array<double, static_cast<std::size_t>(strip)>;

/// squares <- |theta_j - anchor_j|^2 of `count` particles from `first` on.
template <class Scalar>
void squared_distances(const std::vector<unsigned char>& trained, const Particles<Scalar>& particles,
                       const Particles<Scalar>* anchor, Index first, Index count, Squares& squares) {
  Eigen::Map<Eigen::ArrayXd> sums(squares.data(), count);
  sums.setZero();
  for (Index column = 0; column < particles.cols(); ++column) {
    if (trained[static_cast<std::size_t>(column)] != 0) {
      const auto position = particles.col(column).segment(first, count).array().template cast<double>();
      if (anchor == nullptr) {
        sums += position.square();
      } else {
        sums += (position - anchor->col(column).segment(first, count).array().template cast<double>()).square();
      }
    }
  }
}

/// sum_j |theta_j - anchor_j|^4.
double sum_of_fourth_powers(const std::vector<unsigned char>& moved, const Particles<double>& particles,
                            const Particles<double>* anchor) {
  Squares squares;
  double sum = 0;
  for (Index first = 0; first < particles.rows(); first += strip) {
    const Index count = std::min(strip, particles.rows() - first);
    squared_distances(moved, particles, anchor, first, count, squares);
    sum += Eigen::Map<const Vector>(squares.data(), count).squaredNorm();
  }
  return sum;
}

}  // namespace

double penalty_value(const Network& network, const Particles<double>& particles, const Penalty<double>& penalty) {
  return penalty_value(network, network.trained(), particles, penalty);
}

double penalty_value(const Network& network, const std::vector<unsigned char>& moved,
                     const Particles<double>& particles, const Penalty<double>& penalty) {
  const double factor = network.scaling().penalty_factor(particles.rows());
  const double fourth =
      penalty.fourth == 0 ? 0 : penalty.fourth * factor * sum_of_fourth_powers(moved, particles, penalty.anchor);
  if (penalty.coefficient == 0) {
    return fourth;
  }
  double sum = 0;
  for (Index column = 0; column < particles.cols(); ++column) {
    if (moved[static_cast<std::size_t>(column)] != 0) {
      sum += penalty.anchor == nullptr ? particles.col(column).squaredNorm()
                                       : (particles.col(column) - penalty.anchor->col(column)).squaredNorm();
    }
  }
  return penalty.coefficient * factor * sum + fourth;
}

template <class Scalar>
void add_penalty(const std::vector<unsigned char>& trained, const Particles<Scalar>& particles,
                 const std::type_identity_t<Penalty<Scalar>>& penalty, Drift& drift) {
  const double twice = 2 * penalty.coefficient;
  for (Index column = 0; column < drift.cols(); ++column) {
    if (trained[static_cast<std::size_t>(column)] != 0) {
      const auto position = particles.col(column).template cast<double>();
      if (penalty.anchor == nullptr) {
        drift.col(column) += twice * position;
      } else {
        drift.col(column) += twice * (position - penalty.anchor->col(column).template cast<double>());
      }
    }
  }
  if (penalty.fourth != 0) {
    add_fourth_penalty(trained, particles, penalty, 0, particles.rows(), drift);
  }
}

template void add_penalty(const std::vector<unsigned char>&, const Particles<double>&, const Penalty<double>&, Drift&);
template void add_penalty(const std::vector<unsigned char>&, const Particles<float>&, const Penalty<float>&, Drift&);

template <class Scalar>
void add_fourth_penalty(const std::vector<unsigned char>& trained, const Particles<Scalar>& particles,
                        const std::type_identity_t<Penalty<Scalar>>& penalty, Index first, Index last, Drift& drift) {
  Squares squares;
  for (Index from = first; from < last; from += strip) {
    const Index count = std::min(strip, last - from);
    squared_distances(trained, particles, penalty.anchor, from, count, squares);
    const auto gain = 4 * penalty.fourth * Eigen::Map<const Eigen::ArrayXd>(squares.data(), count);
    for (Index column = 0; column < drift.cols(); ++column) {
      if (trained[static_cast<std::size_t>(column)] != 0) {
        const auto position = particles.col(column).segment(from, count).array().template cast<double>();
        auto to = drift.col(column).segment(from, count).array();
        if (penalty.anchor == nullptr) {
          to += gain * position;
        } else {
          to += gain * (position - penalty.anchor->col(column).segment(from, count).array().template cast<double>());
        }
      }
    }
  }
}

template void add_fourth_penalty(const std::vector<unsigned char>&, const Particles<double>&, const Penalty<double>&,
                                 Index, Index, Drift&);
template void add_fourth_penalty(const std::vector<unsigned char>&, const Particles<float>&, const Penalty<float>&,
                                 Index, Index, Drift&);

void set_unmoved_to_zero(const std::vector<unsigned char>& moved, Drift& drift) {
  for (Index column = 0; column < drift.cols(); ++column) {
    if (moved[static_cast<std::size_t>(column)] == 0) {
      drift.col(column).setZero();
    }
  }
}

double drift_norm(const Drift& drift) { return std::sqrt(drift.squaredNorm() / static_cast<double>(drift.rows())); }

}  // namespace mfld

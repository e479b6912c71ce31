#include "mfld/objective/penalty.hpp"

#include <algorithm>
#include <cmath>

namespace mfld {

namespace {

/// theta - anchor of one column at some rows.
template <class Scalar>
auto distance_of(const Particles<Scalar>& particles, const Particles<Scalar>& anchor, Index column, RowRange rows) {
  return rows.of(particles.col(column)).template cast<double>() - rows.of(anchor.col(column)).template cast<double>();
}

/// |theta_j - anchor_j|^2 of each particle of a strip.
template <class Scalar>
StripNumbers squares_of(const std::vector<unsigned char>& trained, const Particles<Scalar>& particles,
                        const Particles<Scalar>* anchor, RowRange strip) {
  StripNumbers squares = StripNumbers::Zero(strip.count());
  for (Index column = 0; column < particles.cols(); ++column) {
    if (trained[static_cast<std::size_t>(column)] != 0) {
      if (anchor == nullptr) {
        squares += strip.of(particles.col(column)).template cast<double>().square();
      } else {
        squares += distance_of(particles, *anchor, column, strip).square();
      }
    }
  }
  return squares;
}

}  // namespace

double penalty_value(const Network& network, const Particles<double>& particles, const Penalty<double>& penalty) {
  RowSums<double> sums;
  return penalty_value(network, network.trained(), particles, penalty, sums);
}

double penalty_value(const Network& network, const std::vector<unsigned char>& moved,
                     const Particles<double>& particles, const Penalty<double>& penalty, RowSums<double>& sums) {
  if (penalty.coefficient == 0 && penalty.fourth == 0) {
    return 0;
  }
  const double sum = sums.sum(particles.rows(), particles.cols(), [&](RowRange strip) {
    const StripNumbers squares = squares_of(moved, particles, penalty.anchor, strip);
    const double fourth = penalty.fourth == 0 ? 0 : penalty.fourth * squares.square().sum();
    return penalty.coefficient == 0 ? fourth : penalty.coefficient * squares.sum() + fourth;
  });
  return network.scaling().penalty_factor(particles.rows()) * sum;
}

template <class Scalar>
void add_penalty(const std::vector<unsigned char>& trained, const Particles<Scalar>& particles,
                 const std::type_identity_t<Penalty<Scalar>>& penalty, Drift& drift) {
  add_penalty(trained, particles, penalty, RowRange{0, particles.rows()}, drift);
}

template <class Scalar>
void add_penalty(const std::vector<unsigned char>& trained, const Particles<Scalar>& particles,
                 const std::type_identity_t<Penalty<Scalar>>& penalty, RowRange rows, Drift& drift) {
  const double twice = 2 * penalty.coefficient;
  for (Index column = 0; column < drift.cols(); ++column) {
    if (trained[static_cast<std::size_t>(column)] != 0) {
      auto to = drift.col(column).segment(rows.first, rows.count()).array();
      if (penalty.anchor == nullptr) {
        to += twice * rows.of(particles.col(column)).template cast<double>();
      } else {
        to += twice * distance_of(particles, *penalty.anchor, column, rows);
      }
    }
  }
  if (penalty.fourth != 0) {
    add_fourth_penalty(trained, particles, penalty, rows.first, rows.last, drift);
  }
}

template void add_penalty(const std::vector<unsigned char>&, const Particles<double>&, const Penalty<double>&, Drift&);
template void add_penalty(const std::vector<unsigned char>&, const Particles<float>&, const Penalty<float>&, Drift&);
template void add_penalty(const std::vector<unsigned char>&, const Particles<double>&, const Penalty<double>&, RowRange,
                          Drift&);
template void add_penalty(const std::vector<unsigned char>&, const Particles<float>&, const Penalty<float>&, RowRange,
                          Drift&);

template <class Scalar>
void add_fourth_penalty(const std::vector<unsigned char>& trained, const Particles<Scalar>& particles,
                        const std::type_identity_t<Penalty<Scalar>>& penalty, Index first, Index last, Drift& drift) {
  for (Index from = first; from < last; from += strip_rows) {
    const RowRange strip = {from, std::min(from + strip_rows, last)};
    const StripNumbers gain = 4 * penalty.fourth * squares_of(trained, particles, penalty.anchor, strip);
    for (Index column = 0; column < drift.cols(); ++column) {
      if (trained[static_cast<std::size_t>(column)] != 0) {
        auto to = drift.col(column).segment(strip.first, strip.count()).array();
        if (penalty.anchor == nullptr) {
          to += gain * strip.of(particles.col(column)).template cast<double>();
        } else {
          to += gain * distance_of(particles, *penalty.anchor, column, strip);
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
  set_unmoved_to_zero(moved, {0, drift.rows()}, drift);
}

void set_unmoved_to_zero(const std::vector<unsigned char>& moved, RowRange rows, Drift& drift) {
  for (Index column = 0; column < drift.cols(); ++column) {
    if (moved[static_cast<std::size_t>(column)] == 0) {
      drift.col(column).segment(rows.first, rows.count()).setZero();
    }
  }
}

template <class Scalar>
double drift_norm(const Drift& drift, RowSums<Scalar>& sums) {
  const double sum =
      sums.sum(drift.rows(), drift.cols(), [&drift](RowRange strip) { return squared_norms(drift, strip).sum(); });
  return std::sqrt(sum / static_cast<double>(drift.rows()));
}

template double drift_norm(const Drift&, RowSums<double>&);
template double drift_norm(const Drift&, RowSums<float>&);

double drift_norm(const Drift& drift) {
  RowSums<double> sums;
  return drift_norm(drift, sums);
}

}  // namespace mfld

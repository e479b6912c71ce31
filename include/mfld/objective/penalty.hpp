#pragma once
#include <type_traits>
#include <vector>

#include "mfld/core/particles.hpp"
#include "mfld/model/network.hpp"
#include "mfld/model/row_sums.hpp"

namespace mfld {

/// coefficient |theta_j - anchor_j|^2 + fourth |theta_j - anchor_j|^4 for every particle, over its trained parameters.
template <class Scalar>
struct Penalty {
  Penalty(double of = 0, const Particles<Scalar>* from = nullptr, double of_fourth = 0)
      : coefficient(of), anchor(from), fourth(of_fourth) {}

  double coefficient;               // >= 0
  const Particles<Scalar>* anchor;  // [N x p], or nullptr: 0
  double fourth;                    // >= 0
};

/// penalty_factor times the sum of the penalty over the particles; with the data part R, the objective F.
double penalty_value(const Network& network, const Particles<double>& particles, const Penalty<double>& penalty);

/// The same over the columns of `moved` [p] alone, with the penalty_factor of the network. sums: with whom it is added
/// up, each over its own rows.
double penalty_value(const Network& network, const std::vector<unsigned char>& moved,
                     const Particles<double>& particles, const Penalty<double>& penalty, RowSums<double>& sums);

/// g_j = v_j + (2 coefficient + 4 fourth |theta_j - anchor_j|^2) (theta_j - anchor_j), in place: from the data part of
/// the drift to all of it. trained [p]: 1 where a column moves.
template <class Scalar>
void add_penalty(const std::vector<unsigned char>& trained, const Particles<Scalar>& particles,
                 const std::type_identity_t<Penalty<Scalar>>& penalty, Drift& drift);

/// The same for some particles. May be called at once for different ones.
template <class Scalar>
void add_penalty(const std::vector<unsigned char>& trained, const Particles<Scalar>& particles,
                 const std::type_identity_t<Penalty<Scalar>>& penalty, RowRange rows, Drift& drift);

/// The same with the part of the fourth power alone, for the particles [first, last). May be called at once for
/// different particles.
template <class Scalar>
void add_fourth_penalty(const std::vector<unsigned char>& trained, const Particles<Scalar>& particles,
                        const std::type_identity_t<Penalty<Scalar>>& penalty, Index first, Index last, Drift& drift);

/// drift <- 0 in the columns that do not move; of some particles.
void set_unmoved_to_zero(const std::vector<unsigned char>& moved, Drift& drift);
void set_unmoved_to_zero(const std::vector<unsigned char>& moved, RowRange rows, Drift& drift);

/// sqrt(sum_j |g_j|^2 / N), the root mean square over particles: the one meaning of "gradient norm". With g_j the full
/// drift it does not depend on the width in the mean-field scaling, and is |grad F| / sqrt(N) in ntk and standard.
/// sums: with whom it is added up, each over its own rows, in the precision of the particles.
double drift_norm(const Drift& drift);
template <class Scalar>
double drift_norm(const Drift& drift, RowSums<Scalar>& sums);

}  // namespace mfld

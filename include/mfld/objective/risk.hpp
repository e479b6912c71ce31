#pragma once
#include <span>
#include <string>
#include <type_traits>

#include "mfld/model/loss.hpp"
#include "mfld/model/network.hpp"

namespace mfld {

enum class Reduction { mean, sum };

/// The data part of the objective, R(f) = (1/n) sum_i l(f(x_i), y_i) (or the sum without 1/n), and its field
/// c_i = l'(f(x_i), y_i), the coefficients of the first variation delta R / delta mu (src/README.md, equations 3 and
/// 4).
class Risk {
 public:
  Risk(Loss loss, Reduction reduction) : loss_(loss), reduction_(reduction) {}

  const Loss& loss() const { return loss_; }
  Reduction reduction() const { return reduction_; }

  /// R from outputs and targets of one length n >= 1. Summed in order, in double.
  double value(std::span<const double> outputs, std::span<const double> targets) const;

  /// What multiplies sum_{i in I} c_i grad h over a batch of `batch_size` of n samples in the drift:
  /// kappa / |I| for the mean, kappa n / |I| for the sum (an unbiased estimate of it).
  double drift_weight(const Network& network, Index num_particles, Index batch_size, Index num_samples) const;

  std::string describe() const;

 private:
  Loss loss_;
  Reduction reduction_;
};

/// c_i = l'(f(x_i), y_i) at the current outputs: the field of every Langevin and descent method.
class CurrentField : public Field {
 public:
  CurrentField(const Loss& loss, std::span<const double> targets) : loss_(&loss), targets_(targets) {}
  void coefficients(Index first, std::span<const double> outputs, std::span<double> coefficients) const override;

 private:
  const Loss* loss_;
  std::span<const double> targets_;
};

/// Coefficients that are already known (the frozen outputs of a snapshot; dual variables).
class GivenField : public Field {
 public:
  explicit GivenField(std::span<const double> coefficients) : given_(coefficients) {}
  void coefficients(Index first, std::span<const double> outputs, std::span<double> coefficients) const override;

 private:
  std::span<const double> given_;
};

/// coefficient |theta_j - anchor_j|^2 for every particle, over its trained parameters.
template <class Scalar>
struct Penalty {
  Penalty(double of = 0, const Particles<Scalar>* from = nullptr) : coefficient(of), anchor(from) {}

  double coefficient;               // >= 0
  const Particles<Scalar>* anchor;  // [N x p], or nullptr: 0
};

/// penalty_factor times the sum of the penalty over the particles; with the data part, the objective F.
double penalty_value(const Network& network, const Particles<double>& particles, const Penalty<double>& penalty);

/// v_j <- v_j + 2 coefficient (theta_j - anchor_j): from the data part of the drift to all of it.
template <class Scalar>
void add_penalty(const Network& network, const Particles<Scalar>& particles,
                 const std::type_identity_t<Penalty<Scalar>>& penalty, Drift& drift);

/// sqrt(sum_j |v_j|^2 / N), the root mean square of |v_j| over particles: the one meaning of "gradient norm". With v_j
/// the full drift it does not depend on the width in the mean-field scaling, and is |grad F| / sqrt(N) in ntk and
/// standard.
double drift_norm(const Drift& drift);

}  // namespace mfld

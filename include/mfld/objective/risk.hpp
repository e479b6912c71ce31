#pragma once
#include <span>
#include <string>

#include "mfld/model/field.hpp"
#include "mfld/model/loss.hpp"
#include "mfld/model/network.hpp"

namespace mfld {

enum class Reduction { mean, sum };

/// R(f) = (1/n) sum_i l(f(x_i), y_i) (or the sum without 1/n) as a function of the outputs f(x_i): a loss and how it is
/// reduced (src/README.md, equation 3).
class Risk {
 public:
  Risk(Loss loss, Reduction reduction) : loss_(loss), reduction_(reduction) {}

  const Loss& loss() const { return loss_; }
  Reduction reduction() const { return reduction_; }

  /// R from outputs and targets [n x K], n >= 1, K = 1. Summed in order, in double.
  double value(SampleSpan<const double> outputs, SampleSpan<const double> targets) const;

  /// n R over the sum of its n losses: 1 for the mean, n for the sum.
  double scale(Index num_samples) const { return reduction_ == Reduction::mean ? 1 : static_cast<double>(num_samples); }

  /// What multiplies sum_{i in I} c_i grad h over a batch of `batch_size` of n samples in the drift:
  /// kappa / |I| for the mean, kappa n / |I| for the sum (an unbiased estimate of it).
  double drift_weight(const Network& network, Index num_particles, Index batch_size, Index num_samples) const;

  std::string describe() const;

 private:
  Loss loss_;
  Reduction reduction_;
};

/// (1/n) sum_i l(f(x_i), y_i), whatever a run reduces its losses to: what it reports.
double mean_loss(const Loss& loss, std::span<const double> outputs, const Vector& targets);

/// c_i = l'(f(x_i), y_i) at the current outputs, the coefficients of the first variation delta R / delta mu
/// (src/README.md, equation 4): the field of every Langevin and descent method.
class CurrentField : public Field {
 public:
  CurrentField(const Loss& loss, SampleSpan<const double> targets) : loss_(&loss), targets_(targets) {}
  void coefficients(Index first, SampleSpan<const double> outputs, SampleSpan<double> coefficients) const override;

 private:
  const Loss* loss_;
  SampleSpan<const double> targets_;
};

/// Coefficients that are already known (the frozen outputs of a snapshot; dual variables).
class GivenField : public Field {
 public:
  explicit GivenField(SampleSpan<const double> coefficients) : given_(coefficients) {}
  void coefficients(Index first, SampleSpan<const double> outputs, SampleSpan<double> coefficients) const override;

 private:
  SampleSpan<const double> given_;
};

}  // namespace mfld

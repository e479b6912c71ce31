#pragma once
// The mathematics of networks and losses a second time: plain loops over standard functions in long double, written
// from the formulas (Mei, Montanari & Nguyen, PNAS 2018, eqs. (1)-(4); Suzuki, Wu & Nitanda, NeurIPS 2023, section 2)
// and not from the library, which is compared against it. Nothing here is fast.
#include <cmath>
#include <limits>

#include "mfld/core/particles.hpp"
#include "mfld/model/loss.hpp"
#include "mfld/model/neuron.hpp"
#include "mfld/model/scaling.hpp"

namespace mfld::reference {

using Real = long double;
using RealVector = Eigen::Matrix<Real, Eigen::Dynamic, 1>;
using RealMatrix = Eigen::Matrix<Real, Eigen::Dynamic, Eigen::Dynamic>;

inline constexpr Real pi = 3.141592653589793238462643383279502884L;

inline Real sigma(Activation kind, Real z) {
  switch (kind) {
    case Activation::relu:
    case Activation::relu_right:
      return z > 0 ? z : 0;
    case Activation::tanh:
      return std::tanh(z);
    case Activation::erf:
      return std::erf(z);
    case Activation::sigmoid:
      return 1 / (1 + std::exp(-z));
    case Activation::softplus:
      return z > 0 ? z + std::log1p(std::exp(-z)) : std::log1p(std::exp(z));
    case Activation::squared_relu:
      return z > 0 ? z * z : 0;
    case Activation::linear:
      return z;
  }
  return std::numeric_limits<Real>::quiet_NaN();
}

inline Real sigma_slope(Activation kind, Real z) {
  switch (kind) {
    case Activation::relu:
      return z > 0 ? 1 : 0;
    case Activation::relu_right:
      return z >= 0 ? 1 : 0;
    case Activation::tanh:
      return 1 / (std::cosh(z) * std::cosh(z));
    case Activation::erf:
      return 2 / std::sqrt(pi) * std::exp(-z * z);
    case Activation::sigmoid:
      return 1 / (2 + 2 * std::cosh(z));
    case Activation::softplus:
      return 1 / (1 + std::exp(-z));
    case Activation::squared_relu:
      return z > 0 ? 2 * z : 0;
    case Activation::linear:
      return 1;
  }
  return std::numeric_limits<Real>::quiet_NaN();
}

inline bool has_output(NeuronKind kind) { return kind != NeuronKind::sigma && kind != NeuronKind::linear; }

/// h(theta; x) and its gradient for theta = (r, w, b), r and b where the neuron has them. The scales are sums of the
/// absolute values of the terms: what a rounding error is a multiple of.
struct NeuronAt {
  Real value = 0;
  Real value_scale = 0;
  RealVector gradient;
  RealVector gradient_scale;
};

inline NeuronAt neuron_at(const Neuron& neuron, const RealVector& theta, const RealVector& x) {
  const Index first_input = has_output(neuron.kind) ? 1 : 0;
  const Real r = has_output(neuron.kind) ? theta[0] : 0;
  const Real bound = neuron.bound;
  Real z = 0;
  Real z_scale = 0;
  for (Index k = 0; k < x.size(); ++k) {
    z += theta[first_input + k] * x[k];
    z_scale += std::abs(theta[first_input + k] * x[k]);
  }
  if (neuron.bias) {
    z += theta[first_input + x.size()];
    z_scale += std::abs(theta[first_input + x.size()]);
  }
  const Real value = sigma(neuron.activation, z);
  const Real slope = sigma_slope(neuron.activation, z);

  Real by_sigma = 0;   // dh / dsigma
  Real by_r_head = 0;  // what multiplies sigma in dh / dr
  Real offset = 0;
  Real by_r_offset = 0;
  switch (neuron.kind) {
    case NeuronKind::r_sigma:
    case NeuronKind::fixed_sign:
      by_sigma = r;
      by_r_head = 1;
      break;
    case NeuronKind::bounded_r:
      by_sigma = bound * std::tanh(r);
      by_r_head = bound / (std::cosh(r) * std::cosh(r));
      break;
    case NeuronKind::sigma:
    case NeuronKind::linear:
      by_sigma = 1;
      break;
    case NeuronKind::parity:
      by_sigma = bound / 3;
      offset = 2 * bound / 3 * std::tanh(r);
      by_r_offset = 2 * bound / 3 / (std::cosh(r) * std::cosh(r));
      break;
    case NeuronKind::parity_unbounded:
      by_sigma = bound / 2;
      offset = bound / 2 * r;
      by_r_offset = bound / 2;
      break;
  }
  NeuronAt at;
  at.value = by_sigma * value + offset;
  at.value_scale = std::abs(by_sigma) * (std::abs(value) + std::abs(slope) * z_scale) + std::abs(offset);
  at.gradient.resize(theta.size());
  at.gradient_scale.resize(theta.size());
  const Real slope_scale = (1 + std::abs(slope)) * (1 + z_scale);
  for (Index k = 0; k < x.size(); ++k) {
    at.gradient[first_input + k] = by_sigma * slope * x[k];
    at.gradient_scale[first_input + k] = std::abs(by_sigma * x[k]) * slope_scale;
  }
  if (neuron.bias) {
    at.gradient[first_input + x.size()] = by_sigma * slope;
    at.gradient_scale[first_input + x.size()] = std::abs(by_sigma) * slope_scale;
  }
  if (has_output(neuron.kind)) {
    const bool trainable = neuron.kind != NeuronKind::fixed_sign;
    at.gradient[0] = trainable ? by_r_head * value + by_r_offset : 0;
    at.gradient_scale[0] = trainable ? bound * (std::abs(value) + std::abs(slope) * z_scale) + bound : 0;
  }
  return at;
}

inline Real loss_value(const Loss& loss, Real u, Real y) {
  switch (loss.kind) {
    case LossKind::squared:
      return loss.prefactor * (u - y) * (u - y);
    case LossKind::logistic:
      return std::log1p(std::exp(-y * u));
    case LossKind::huber:
      return std::abs(u - y) <= loss.delta ? (u - y) * (u - y) / 2 : loss.delta * (std::abs(u - y) - loss.delta / 2);
  }
  return std::numeric_limits<Real>::quiet_NaN();
}

inline Real loss_slope(const Loss& loss, Real u, Real y) {
  switch (loss.kind) {
    case LossKind::squared:
      return 2 * static_cast<Real>(loss.prefactor) * (u - y);
    case LossKind::logistic:
      return -y / (1 + std::exp(y * u));
    case LossKind::huber:
      return u - y > loss.delta ? loss.delta : (u - y < -loss.delta ? -static_cast<Real>(loss.delta) : u - y);
  }
  return std::numeric_limits<Real>::quiet_NaN();
}

/// Output factor and drift factor of a scaling: f = factor sum_j h, drift = kappa / n sum_i l' grad h.
inline Real output_factor(const Scaling& scaling, Index num_particles) {
  const auto n = static_cast<Real>(num_particles);
  switch (scaling.kind) {
    case ScalingKind::mean_field:
      return 1 / n;
    case ScalingKind::ntk:
      return 1 / std::sqrt(n);
    case ScalingKind::standard:
      return 1;
    case ScalingKind::alpha:
      return static_cast<Real>(scaling.alpha) / n;
  }
  return std::numeric_limits<Real>::quiet_NaN();
}

inline Real drift_factor(const Scaling& scaling, Index num_particles) {
  switch (scaling.kind) {
    case ScalingKind::mean_field:
    case ScalingKind::standard:
      return 1;
    case ScalingKind::ntk:
      return 1 / std::sqrt(static_cast<Real>(num_particles));
    case ScalingKind::alpha:
      return 1 / static_cast<Real>(scaling.alpha);
  }
  return std::numeric_limits<Real>::quiet_NaN();
}

/// f(x_i) of every sample, and sum_{i < m} c_i grad h(theta_j; x_i) for m = 0, 1, ..., n, one sample after the other:
/// outputs and coefficients do not depend on m, so one reference serves every number of samples.
class Evaluation {
 public:
  template <class Scalar>
  Evaluation(const Neuron& neuron, const Scaling& scaling, const Loss& loss, const Particles<Scalar>& particles,
             const Inputs& inputs, const Vector& targets)
      : neuron_(neuron),
        loss_(loss),
        particles_(particles.template cast<Real>()),
        // The library rounds the inputs to the precision of the particles.
        inputs_(inputs.cast<Scalar>().template cast<Real>()),
        targets_(targets),
        outputs_(RealVector::Zero(inputs.rows())),
        output_scales_(RealVector::Zero(inputs.rows())),
        drift_sum_(RealMatrix::Zero(particles.rows(), particles.cols())),
        drift_scale_sum_(drift_sum_),
        kappa_(drift_factor(scaling, particles.rows())) {
    const Real factor = output_factor(scaling, particles.rows());
    for (Index i = 0; i < inputs.rows(); ++i) {
      for (Index j = 0; j < particles.rows(); ++j) {
        const NeuronAt h = neuron_at(neuron_, particles_.row(j).transpose(), inputs_.row(i).transpose());
        outputs_[i] += factor * h.value;
        output_scales_[i] += factor * h.value_scale;
      }
    }
  }

  const RealVector& outputs() const { return outputs_; }
  const RealVector& output_scales() const { return output_scales_; }

  Real risk() const {
    Real sum = 0;
    for (Index i = 0; i < outputs_.size(); ++i) {
      sum += loss_value(loss_, outputs_[i], targets_[i]);
    }
    return sum / static_cast<Real>(outputs_.size());
  }

  Index num_summed() const { return num_summed_; }

  void add_next_sample() {
    const Index i = num_summed_++;
    const Real c = loss_slope(loss_, outputs_[i], targets_[i]);
    // No loss here has a second derivative above 2.
    const Real c_scale = std::abs(c) + 2 * output_scales_[i];
    for (Index j = 0; j < particles_.rows(); ++j) {
      const NeuronAt h = neuron_at(neuron_, particles_.row(j).transpose(), inputs_.row(i).transpose());
      drift_sum_.row(j) += c * h.gradient.transpose();
      drift_scale_sum_.row(j) += c_scale * h.gradient_scale.transpose();
    }
  }

  /// kappa / m sum_{i < m} c_i grad h over the m samples added so far, and the same sum of absolute terms.
  RealMatrix drift() const { return drift_sum_ * (kappa_ / static_cast<Real>(num_summed_)); }
  RealMatrix drift_scale() const { return drift_scale_sum_ * (kappa_ / static_cast<Real>(num_summed_)); }

 private:
  Neuron neuron_;
  Loss loss_;
  RealMatrix particles_;
  RealMatrix inputs_;
  Vector targets_;
  RealVector outputs_;
  RealVector output_scales_;
  RealMatrix drift_sum_;
  RealMatrix drift_scale_sum_;
  Real kappa_;
  Index num_summed_ = 0;
};

/// Largest |value - reference| / scale; entries of scale 0 must agree exactly (they count as infinite otherwise).
template <class Values, class References, class Scales>
double worst_error(const Values& values, const References& references, const Scales& scales) {
  Real worst = 0;
  for (Index k = 0; k < references.size(); ++k) {
    const Real difference = std::abs(static_cast<Real>(values.data()[k]) - references.data()[k]);
    const Real error = difference == 0 ? 0 : difference / scales.data()[k];
    if (!(error <= worst)) {  // NaN is worst of all
      worst = error;
      if (std::isnan(error)) {
        break;
      }
    }
  }
  return static_cast<double>(worst);
}

}  // namespace mfld::reference

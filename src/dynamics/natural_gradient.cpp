#include "mfld/dynamics/natural_gradient.hpp"

#include <Eigen/Cholesky>
#include <algorithm>
#include <cassert>
#include <limits>

#include "mfld/ntk/empirical.hpp"

namespace mfld {

bool NaturalGradient::solve(const Network& network, const Particles<double>& particles, const Inputs& inputs,
                            double damping, std::span<const double> residual, std::span<double> coefficients) {
  assert(static_cast<Index>(residual.size()) == inputs.rows() && coefficients.size() == residual.size());
  const bool known = network.is_linearised() && factored_damping_ == damping;
  if (!known && !factorise(network, network.is_linearised() ? network.anchor() : particles, inputs, damping)) {
    factored_damping_ = -1;
    return false;
  }
  factored_damping_ = damping;
  std::copy(residual.begin(), residual.end(), coefficients.begin());
  Eigen::Map<Vector> c(coefficients.data(), inputs.rows());
  factor_.triangularView<Eigen::Lower>().solveInPlace(c);
  factor_.transpose().triangularView<Eigen::Upper>().solveInPlace(c);
  return true;
}

bool NaturalGradient::factorise(const Network& network, const Particles<double>& particles, const Inputs& inputs,
                                double damping) {
  factor_.resize(0, 0);  // room for the new one
  factor_ = empirical_ntk(network, particles, inputs, inputs);
  factor_.diagonal().array() += damping;
  const double scale = factor_.diagonal().maxCoeff();
  const Eigen::LLT<Eigen::Ref<Matrix>> in_place(factor_);
  // A singular matrix leaves pivots of rounding size instead of 0. A comparison with NaN is false.
  const double rounding = static_cast<double>(inputs.rows()) * std::numeric_limits<double>::epsilon() * scale;
  return in_place.info() == Eigen::Success && (factor_.diagonal().array().square() > rounding).all();
}

}  // namespace mfld

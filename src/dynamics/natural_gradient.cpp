#include "mfld/dynamics/natural_gradient.hpp"

#include <fmt/format.h>

#include <Eigen/Cholesky>
#include <limits>

#include "mfld/ntk/empirical.hpp"

namespace mfld {

namespace {

const Particles<double>& in_double(const Particles<double>& particles) { return particles; }
Particles<double> in_double(const Particles<float>& particles) { return particles.cast<double>(); }

}  // namespace

template <class Scalar>
Estimate NaturalGradient<Scalar>::estimate(const EstimateContext<Scalar>& context) {
  EmpiricalRisk<Scalar>& objective = context.objective;
  const Network& network = objective.network();
  coefficients_.resize(static_cast<std::size_t>(objective.num_samples()));
  objective.outputs(context.particles, coefficients_);
  Eigen::Map<Vector> c(coefficients_.data(), objective.num_samples());
  c -= objective.data().train_targets;
  const double damping = context.phase.damping;
  const bool known = network.is_linearised() && factored_damping_ == damping;
  if (!known && !factorise(network, context.particles, objective.data().train_inputs, damping)) {
    factored_damping_ = -1;
    return {0,
            "the tangent kernel matrix of the natural gradient is not finite and positive definite; a damping > 0, a "
            "larger one, or a smaller step_size keeps it so"};
  }
  factored_damping_ = damping;
  factor_.triangularView<Eigen::Lower>().solveInPlace(c);
  factor_.transpose().triangularView<Eigen::Upper>().solveInPlace(c);
  objective.drift_from(coefficients_, context.particles, context.drift, context.finish);
  return {objective.num_samples()};
}

template <class Scalar>
bool NaturalGradient<Scalar>::factorise(const Network& network, const Particles<Scalar>& particles,
                                        const Inputs& inputs, double damping) {
  factor_.resize(0, 0);  // room for the new one
  factor_ = empirical_ntk(network, network.is_linearised() ? network.anchor() : in_double(particles), inputs, inputs);
  factor_.diagonal().array() += damping;
  const double scale = factor_.diagonal().maxCoeff();
  const Eigen::LLT<Eigen::Ref<Matrix>> in_place(factor_);
  // A singular matrix leaves pivots of rounding size instead of 0. A comparison with NaN is false.
  const double rounding = static_cast<double>(inputs.rows()) * std::numeric_limits<double>::epsilon() * scale;
  return in_place.info() == Eigen::Success && (factor_.diagonal().array().square() > rounding).all();
}

template <class Scalar>
std::string NaturalGradient<Scalar>::describe(const Phase& phase) {
  return fmt::format("all samples every step, damping = {}", phase.damping);
}

template class NaturalGradient<double>;
template class NaturalGradient<float>;

}  // namespace mfld

#include "mfld/dynamics/natural_gradient.hpp"

#include <fmt/format.h>

#include <limits>

#include "mfld/linear/cholesky.hpp"
#include "mfld/ntk/empirical.hpp"
#include "mfld/objective/empirical_risk.hpp"

namespace mfld {

namespace {

const Particles<double>& in_double(const Particles<double>& particles) { return particles; }
Particles<double> in_double(const Particles<float>& particles) { return particles.cast<double>(); }

}  // namespace

template <class Scalar>
Estimate NaturalGradient<Scalar>::estimate(const EstimateContext<Scalar>& context) {
  auto* const risk = dynamic_cast<EmpiricalRisk<Scalar>*>(&context.objective);
  if (risk == nullptr) {
    return {0, "the natural gradient is that of the risk of a network on samples, and this objective is another one"};
  }
  coefficients_.resize(static_cast<std::size_t>(risk->num_terms()));
  risk->outputs(context.particles, coefficients_);
  Eigen::Map<Vector> c(coefficients_.data(), risk->num_terms());
  c -= Eigen::Map<const Vector>(risk->targets().values().data(), risk->num_terms());
  const double damping = context.phase.damping;
  const bool known = risk->model().tangent_point() != nullptr && factored_damping_ == damping;
  if (!known && !factorise(risk->model(), context.particles, risk->data().train_inputs, damping)) {
    factored_damping_ = -1;
    return {0,
            "the tangent kernel matrix of the natural gradient is not finite and positive definite; a damping > 0, a "
            "larger one, or a smaller step_size keeps it so"};
  }
  factored_damping_ = damping;
  solve_cholesky(factor_, c);
  risk->drift_from(coefficients_, context.particles, context.drift, context.finish);
  return {risk->num_terms()};
}

template <class Scalar>
bool NaturalGradient<Scalar>::factorise(const Model& model, const Particles<Scalar>& particles, const Inputs& inputs,
                                        double damping) {
  factor_.resize(0, 0);  // room for the new one
  const Particles<double>* const fixed = model.tangent_point();
  factor_ = empirical_ntk(model.network(), fixed == nullptr ? in_double(particles) : *fixed, inputs, inputs);
  factor_.diagonal().array() += damping;
  const double scale = factor_.diagonal().maxCoeff();
  // A singular matrix leaves pivots of rounding size instead of 0. A comparison with NaN is false.
  const double rounding = static_cast<double>(inputs.rows()) * std::numeric_limits<double>::epsilon() * scale;
  return cholesky_in_place(factor_) && (factor_.diagonal().array().square() > rounding).all();
}

template <class Scalar>
std::string NaturalGradient<Scalar>::describe(const Phase& phase) {
  return fmt::format("all samples every step, damping = {}", phase.damping);
}

template class NaturalGradient<double>;
template class NaturalGradient<float>;

}  // namespace mfld

#include "mfld/dynamics/readout.hpp"

#include "mfld/ntk/ridge_readout.hpp"
#include "mfld/objective/empirical_risk.hpp"

namespace mfld {

namespace {

/// The shift of the kernel: ridge over the weight of (f(x_i) - y_i)^2 / 2 in the risk.
double shift_of(const Phase& phase, const Risk& risk, Index num_samples, Index num_terms) {
  const double curvature = 2 * risk.loss().prefactor;
  return phase.ridge * static_cast<double>(num_samples) / (curvature * risk.scale(num_terms));
}

}  // namespace

template <class Scalar>
std::string_view solve_readout(const Phase& phase, const Objective<Scalar>& objective, Particles<Scalar>& particles) {
  const auto* const risk = dynamic_cast<const EmpiricalRisk<Scalar>*>(&objective);
  if (risk == nullptr || risk->model().tangent_point() != nullptr || !risk->risk().loss().is_squared()) {
    return "the readout is solved for the squared loss of a network on samples, and this objective is another one";
  }
  const Network& network = risk->model().network();
  const Index first = phase.samples_begin;
  const Index count = phase.takes_all_samples() ? risk->num_terms() : phase.num_samples();
  const Eigen::Map<const Vector> targets(risk->targets().values().data(), risk->num_terms());
  const double shift = shift_of(phase, risk->risk(), count, risk->num_terms());
  const Inputs& all = risk->data().train_inputs;
  const Particles<double> in_double = particles.template cast<double>();
  const Vector labels = targets.segment(first, count);
  const auto readout = phase.takes_all_samples()
                           ? ridge_readout(network, in_double, all, labels, shift)
                           : ridge_readout(network, in_double, all.middleRows(first, count), labels, shift);
  if (!readout) {
    return "the readout has no solution, for the matrix of its ridge problem is not finite and positive definite; a "
           "larger ridge, or a smaller step_size keeps it so";
  }
  particles.col(network.layout().output) = readout->template cast<Scalar>();
  return {};
}

template std::string_view solve_readout(const Phase&, const Objective<double>&, Particles<double>&);
template std::string_view solve_readout(const Phase&, const Objective<float>&, Particles<float>&);

}  // namespace mfld

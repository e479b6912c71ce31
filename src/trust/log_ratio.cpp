#include "trust/log_ratio.hpp"

#include <cmath>
#include <numbers>

namespace mfld::trust {

namespace {

Vector coefficients_of(const MeanFieldProblem& problem, const Vector& dual) {
  return -problem.sample_weight() / problem.temperature * dual;
}

}  // namespace

LogRatio::LogRatio(const MeanFieldProblem& problem, const Vector& dual)
    : problem_(problem),
      neuron_(problem.network->neuron()),
      layout_(problem.network->layout()),
      integrates_output_(info(neuron_.kind).linear_in_output),
      scale_(std::sqrt(problem.temperature / (2 * problem.penalty))),
      log_prior_integral_(0.5 * static_cast<double>(layout_.size) *
                          std::log(std::numbers::pi * problem.temperature / problem.penalty)),
      coefficient_sum_(coefficients_of(problem, dual).sum()),
      ends_(head_values(neuron_, Vector::LinSpaced(2, 0, 1))),
      sums_(*problem.network, problem.data->train_inputs, coefficients_of(problem, dual)),
      rounded_sums_(*problem.network, problem.data->train_inputs, coefficients_of(problem, dual)) {}

Particles<double> LogRatio::thetas(const Particles<double>& u) const {
  if (!integrates_output_) {
    return scale_ * u;
  }
  Particles<double> result = Particles<double>::Zero(u.rows(), layout_.size);
  result.rightCols(u.cols()) = scale_ * u;  // r is the first column
  return result;
}

Vector LogRatio::at_zero(const Vector& sums) const {
  return (ends_.weight[0] * sums).array() + ends_.offset[0] * coefficient_sum_;
}

Vector LogRatio::slope(const Vector& sums) const {
  const double weight = ends_.weight[1] - ends_.weight[0];
  const double offset = ends_.offset[1] - ends_.offset[0];
  return (weight * sums).array() + offset * coefficient_sum_;
}

template <class Scalar>
Vector LogRatio::values(const Particles<double>& u, HiddenSums<Scalar>& hidden_sums) const {
  problem_.stop_if_asked();
  const Vector sums = hidden_sums(thetas(u));
  if (integrates_output_) {
    return at_zero(sums) + 0.5 * (scale_ * slope(sums)).cwiseAbs2();
  }
  if (layout_.output < 0) {
    return at_zero(sums);
  }
  const HeadValues head = head_values(neuron_, scale_ * u.col(layout_.output));
  return head.weight.cwiseProduct(sums) + coefficient_sum_ * head.offset;
}

template Vector LogRatio::values(const Particles<double>&, HiddenSums<double>&) const;
template Vector LogRatio::values(const Particles<double>&, HiddenSums<float>&) const;

Particles<double> LogRatio::nodes(const Particles<double>& u) {
  Particles<double> result = thetas(u);
  if (integrates_output_) {
    result.col(layout_.output) = scale_ * scale_ * slope(sums_(result));
  }
  return result;
}

}  // namespace mfld::trust

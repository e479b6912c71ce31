#pragma once
#include <string>
#include <variant>

#include "mfld/dynamics/at_rest.hpp"
#include "mfld/dynamics/dual_ascent.hpp"
#include "mfld/dynamics/dual_average.hpp"
#include "mfld/dynamics/full_batch.hpp"
#include "mfld/dynamics/mini_batch.hpp"
#include "mfld/dynamics/natural_gradient.hpp"
#include "mfld/dynamics/svrg.hpp"

namespace mfld {

/// The estimators there are, in the order of `Estimator`: one class each, with
///   Estimate estimate(const EstimateContext<Scalar>&);          the drift of one step
///   static constexpr std::string_view formula;                  v, in words
///   static std::string describe(const Phase&);                  which samples, in words
///   static void for_each_matrix(self, const RunSizes&, visit);  what it carries from step to step (matrix_list.hpp)
/// and where it changes the penalty
///   static double penalty_factor(const Phase&, std::int64_t step_in_phase);  what multiplies that of a step
/// where an estimate is a function of the particles alone, made of the outputs of all samples at them
///   static bool gives_outputs(const Phase&);                    whether a phase has such
/// and where it replaces particles before a step
///   std::int64_t prepare(const EstimateContext<Scalar>&, Particles<Scalar>&);  returns evaluations, as an Estimate
template <class Scalar>
using AnyEstimator = std::variant<FullBatch<Scalar>, MiniBatch<Scalar>, Svrg<Scalar>, DualAverage<Scalar>,
                                  DualAscent<Scalar>, AtRest<Scalar>, NaturalGradient<Scalar>>;

template <class Scalar>
AnyEstimator<Scalar> make_estimator(Estimator kind);

/// What multiplies the penalty in the drift of a step: 1 unless the estimator says otherwise.
template <class Scalar>
double penalty_factor(const AnyEstimator<Scalar>& estimator, const Phase& phase, std::int64_t step_in_phase) {
  return std::visit(
      [&]<class Kind>(const Kind&) {
        if constexpr (requires { Kind::penalty_factor(phase, step_in_phase); }) {
          return Kind::penalty_factor(phase, step_in_phase);
        } else {
          return 1.0;
        }
      },
      estimator);
}

/// Whether its estimates are functions of the particles that a step begins with, and give the outputs there.
template <class Scalar>
bool gives_outputs(const AnyEstimator<Scalar>& estimator, const Phase& phase) {
  return std::visit(
      [&]<class Kind>(const Kind&) {
        if constexpr (requires { Kind::gives_outputs(phase); }) {
          return Kind::gives_outputs(phase);
        } else {
          return false;
        }
      },
      estimator);
}

/// What an estimator does to the particles before a step; returns the evaluations it made.
template <class Scalar>
std::int64_t prepare(AnyEstimator<Scalar>& estimator, const EstimateContext<Scalar>& context,
                     Particles<Scalar>& particles) {
  return std::visit(
      [&](auto& kind) -> std::int64_t {
        if constexpr (requires { kind.prepare(context, particles); }) {
          return kind.prepare(context, particles);
        } else {
          return 0;
        }
      },
      estimator);
}

}  // namespace mfld

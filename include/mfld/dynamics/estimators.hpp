#pragma once
#include <string>
#include <variant>

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
template <class Scalar>
using AnyEstimator = std::variant<FullBatch<Scalar>, MiniBatch<Scalar>, Svrg<Scalar>, NaturalGradient<Scalar>>;

template <class Scalar>
AnyEstimator<Scalar> make_estimator(Estimator kind);

}  // namespace mfld

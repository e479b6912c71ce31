#include "mfld/dynamics/estimators.hpp"

#include <algorithm>
#include <boost/mp11/algorithm.hpp>
#include <cstddef>

namespace mfld {

namespace {

constexpr bool has_class(const Method& method) {
  return static_cast<std::size_t>(method.estimator) < std::variant_size_v<AnyEstimator<double>>;
}
static_assert(std::all_of(methods.begin(), methods.end(), has_class), "the estimator of a method has no class");

}  // namespace

template <class Scalar>
AnyEstimator<Scalar> make_estimator(Estimator kind) {
  return boost::mp11::mp_with_index<std::variant_size_v<AnyEstimator<Scalar>>>(
      static_cast<std::size_t>(kind),
      [](auto index) { return AnyEstimator<Scalar>(std::in_place_index<decltype(index)::value>); });
}

template AnyEstimator<double> make_estimator(Estimator);
template AnyEstimator<float> make_estimator(Estimator);

}  // namespace mfld

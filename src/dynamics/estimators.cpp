#include "mfld/dynamics/estimators.hpp"

namespace mfld {

template <class Scalar>
AnyEstimator<Scalar> make_estimator(Estimator kind) {
  switch (kind) {
    case Estimator::full:
      return FullBatch<Scalar>();
    case Estimator::minibatch:
      return MiniBatch<Scalar>();
    case Estimator::svrg:
      return Svrg<Scalar>();
    case Estimator::natural:
      return NaturalGradient<Scalar>();
  }
  return {};
}

template AnyEstimator<double> make_estimator(Estimator);
template AnyEstimator<float> make_estimator(Estimator);

}  // namespace mfld

#pragma once
#include <string>
#include <vector>

#include "mfld/objective/objective.hpp"
#include "python/python.hpp"

namespace mfld::python {

/// An objective that is written in Python: an object with value(theta) and drift(theta) of arrays [N, p], which gives
///   drift(theta)_j = N dR / dtheta_j,    R = value(theta).
/// One call a step. It has no samples: estimators that draw some are refused where phases are read. What it raises
/// passes through, and no particle has moved then.
class OwnObjective final : public Objective<double> {
 public:
  OwnObjective(py::object objective, Index num_parameters);
  ~OwnObjective() override;

  /// Whom the arrays that Python gets belong to: borrowed, and in place while there are such arrays.
  void belong_to(const py::handle& owner) { owner_ = owner; }

  Index num_terms() const override { return 1; }
  const std::vector<unsigned char>& trained() const override { return trained_; }
  std::string describe(Index num_particles) const override;
  double value(const Particles<double>& particles) override;
  void drift(const Particles<double>& particles, Drift& drift, SampleSpan<double> coefficients,
             const Finish& finish) override;
  void drift_of(std::span<const Index> terms, const Particles<double>& particles, Drift& drift,
                const Finish& finish) override;
  void subtract(std::span<const Index> terms, SampleSpan<const double> coefficients, const Particles<double>& particles,
                Drift& drift, const Finish& finish) override;

 private:
  py::object objective_;
  py::handle owner_;
  std::vector<unsigned char> trained_;
};

}  // namespace mfld::python

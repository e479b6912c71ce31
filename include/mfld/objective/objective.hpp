#pragma once
#include <cassert>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "mfld/core/sample_span.hpp"
#include "mfld/model/model.hpp"
#include "mfld/model/shares.hpp"

namespace mfld {

/// The part R of what a run minimises that makes its particles interact: a function of all particles that is a sum or
/// mean of n terms, one a sample or another unit. Knows neither penalty nor noise. Another objective is another class:
/// every estimator of the drift that does not say otherwise works with it.
///
/// Its drift is v_j = (1 / penalty_factor) dR / dtheta_j, in the mean-field scaling N dR / dtheta_j, and a sum over the
/// terms. Where a term acts on the particles through K numbers, as a sample through l'(f(x_i), y_i), those are its
/// coefficients, and v is linear in them.
///
/// One object per caller that runs concurrently: it may keep memory for its passes. These are virtual once a pass over
/// the terms, allocate only when sizes change, are parallel over particles and give the same bits on any number of
/// threads. `finish` is called as Model::drift says.
template <class Scalar>
class Objective {
 public:
  virtual ~Objective() = default;

  virtual Index num_terms() const = 0;  // n
  /// [p] 1 where a column of the particles moves; the drift of the others is 0.
  virtual const std::vector<unsigned char>& trained() const = 0;
  /// R and how the particles make it up, in words.
  virtual std::string describe(Index num_particles) const = 0;

  /// Fresh noise on the labels until the next call, where the terms have labels: uniform on [-level, level], in the
  /// order of the terms, from stream (seed, step_label, step); level 0: none.
  virtual void set_label_noise(double /*level*/, std::uint64_t /*seed*/, std::int64_t /*step*/) {}

  /// Whether the drift of one particle reads all the others, so that ranks exchange them before every step.
  virtual bool reads_all_particles() const { return false; }
  /// [P + 1] where the particles of each rank begin, of P ranks that share its passes.
  virtual std::vector<Index> row_cuts(Index num_particles, int num_ranks) const {
    return shares_of<Scalar>(num_particles, num_ranks).rows;
  }

  virtual double value(const Particles<Scalar>& particles) = 0;

  /// drift [N x p] <- v over all terms; coefficients, if not empty, <- theirs [n x K].
  virtual void drift(const Particles<Scalar>& particles, Drift& drift, SampleSpan<double> coefficients = {},
                     const Finish& finish = {}) = 0;

  /// Whether the particles together represent K numbers a term, as a network its outputs on a sample; else the next one
  /// does not exist.
  virtual bool has_outputs() const { return false; }
  /// As `drift`, and outputs [n x K] <- those numbers, which are made on the way.
  virtual void drift_and_outputs(const Particles<Scalar>& /*particles*/, Drift& /*drift*/,
                                 SampleSpan<double> /*outputs*/, const Finish& /*finish*/ = {}) {
    assert(false);
  }

  /// drift <- v_I over the terms I alone, ascending, an unbiased estimate of v when they are drawn.
  virtual void drift_of(std::span<const Index> terms, const Particles<Scalar>& particles, Drift& drift,
                        const Finish& finish = {}) = 0;

  /// drift <- drift - v_I at other particles, whose coefficients of all terms are known [n x K].
  virtual void subtract(std::span<const Index> terms, SampleSpan<const double> coefficients,
                        const Particles<Scalar>& particles, Drift& drift, const Finish& finish = {}) = 0;

  /// Numbers through which a term acts; 0: it has none, `coefficients` above are empty and what follows does not exist.
  virtual Index num_coefficients() const { return 0; }  // K
  /// coefficients [n x K] <- those of all terms, without their drift.
  virtual void coefficients(const Particles<Scalar>& /*particles*/, SampleSpan<double> /*coefficients*/) {
    assert(false);
  }
  /// What `drift` multiplies them by besides drift_factor: 1/n where R is a mean of the terms, 1 where it is their sum.
  virtual double term_weight() const { return 1; }
  /// drift <- the drift of these coefficients [n x K], each with the weight drift_factor.
  virtual void drift_from(SampleSpan<const double> /*coefficients*/, const Particles<Scalar>& /*particles*/,
                          Drift& /*drift*/, const Finish& /*finish*/ = {}) {
    assert(false);
  }
};

}  // namespace mfld

#pragma once
#include "mfld/trust/certificate.hpp"
#include "selfcheck/finding.hpp"

namespace mfld::theorems {

/// One neuron tanh(theta x) at two samples, lambda1 = lambda2 = 0.1, whose optimum is known from quadrature on the
/// line. Independent particles of the prior N(0, 1/2), before training or after.
struct LineProblem {
  Index num_particles = 200000;
  std::int64_t num_steps = 0;
  double lambda2 = 0.1;  // of the steps and of the certificate
};

Certificate line_certificate(const LineProblem& problem);

/// The bound is below the optimum and that below the free energy.
Finding judge_sandwich(const Certificate& seen);

/// Of the prior: lambda2 KL(mu | p_mu) by quadrature, in standard errors that the certificate states. After training: 0
/// within the stated error and 1e-3, together at least six standard errors.
Finding judge_gap_of_prior(const Certificate& seen);
Finding judge_gap_after_training(const Certificate& seen);

}  // namespace mfld::theorems

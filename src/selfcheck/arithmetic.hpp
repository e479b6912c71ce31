#pragma once
#include <cstddef>

#include "selfcheck/finding.hpp"

namespace mfld::theorems {

/// The known answer of Salmon et al. (SC 2011) for the digits of pi.
Finding check_philox();

/// The particle gradients of a network of a few neurons against 30 digits, for each of four networks:
/// r relu(w.x), r tanh(w.x), tanh(r) tanh(w.x), parity.
Finding check_gradients(std::size_t network);

}  // namespace mfld::theorems

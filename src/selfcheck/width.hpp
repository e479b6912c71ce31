#pragma once
#include "mfld/model/scaling.hpp"
#include "selfcheck/finding.hpp"

namespace mfld::theorems {

/// A coordinate check: as powers of the width N, from 256 to 16384 neurons that are nested, how far five steps of
/// gradient descent of one step size move the outputs, and the activations.
struct WidthSlopes {
  double outputs;      // of the root mean square of f, which is 0 at the start
  double activations;  // of the root mean square of the change of sigma(w_j.x)
};

WidthSlopes width_slopes(const Scaling& scaling);

/// Outputs flat in both scalings; activations flat in the mean-field scaling, like N^(-1/2) in the ntk scaling. The
/// fluctuation of the first neurons is 0.03; a wrong factor of sqrt N anywhere is 0.5.
Finding judge_width(const WidthSlopes& found, ScalingKind scaling);

}  // namespace mfld::theorems

#pragma once
#include <cstdint>
#include <numbers>

#include "mfld/core/particles.hpp"
#include "mfld/model/neuron.hpp"

namespace mfld {

enum class OutputLaw { gaussian, sign, uniform };

/// Law of the first particles: independent coordinates, w ~ N(0, input_std^2), b ~ N(0, bias_std^2) and r by
/// `output_law`: output_std times N(0, 1), a fair sign, or Unif(0, 1).
struct Initialisation {
  double input_std = 1;
  double bias_std = 1;
  double output_std = 1;
  OutputLaw output_law = OutputLaw::gaussian;
  bool input_on_sphere = false;  // w uniform on the sphere of radius input_std instead
  bool input_in_box = false;     // w uniform on [box_low, box_high)^d instead
  double box_low = 0;
  double box_high = 2 * std::numbers::pi;
  /// Zero output at the start (Chizat, Oyallon & Bach 2019): particles 2i and 2i+1 share w and b and have opposite r,
  /// so every sum over the pair cancels to exactly 0. Needs an even width and a neuron odd in its output parameter.
  bool symmetric = false;
};

/// theta_1..theta_N [N x p]. Particle j (or pair j) reads only the stream (seed, initialisation, j), coordinate by
/// coordinate in the order w, b, r: the first N particles of a wider ensemble are the particles of a narrower one.
Particles<double> initial_particles(const Initialisation& law, const Neuron& neuron, Index input_dim,
                                    Index num_particles, std::uint64_t seed);
/// Those rows of them alone, in particles [N x p].
void draw_particles(const Initialisation& law, const Neuron& neuron, Index input_dim, RowRange rows, std::uint64_t seed,
                    Particles<double>& particles);

}  // namespace mfld

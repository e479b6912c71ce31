#pragma once
#include <cmath>

#include "mfld/core/particles.hpp"
#include "support/oracles/reference_values.hpp"

namespace mfld {

/// The law exp(-V / lambda) of the line of reference_values.hpp, V = (1/2) sum_i c_i tanh(theta x_i) + factor lambda
/// theta^2, in cells from -12 to 12.
inline constexpr Index line_cells = 60000;
inline constexpr double line_end = 12;
inline constexpr double line_width = 2 * line_end / line_cells;

inline double line_cell(Index k) { return -line_end + (static_cast<double>(k) + 0.5) * line_width; }

inline double line_density(const Vector& c, double factor, double theta) {
  double potential = factor * reference::line_lambda * theta * theta;
  for (Index i = 0; i < 2; ++i) {
    potential += c[i] / 2 * std::tanh(theta * reference::line_inputs[i]);
  }
  return std::exp(-potential / reference::line_lambda);
}

/// N equal quantiles of the law.
inline Particles<double> quantiles_of_line_law(const Vector& c, double factor, Index num_particles) {
  Vector mass(line_cells + 1);
  mass[0] = 0;
  for (Index k = 0; k < line_cells; ++k) {
    mass[k + 1] = mass[k] + line_density(c, factor, line_cell(k));
  }
  Particles<double> particles(num_particles, 1);
  Index cell = 0;
  for (Index j = 0; j < num_particles; ++j) {
    const double share = (static_cast<double>(j) + 0.5) / static_cast<double>(num_particles) * mass[line_cells];
    while (mass[cell + 1] < share) {
      ++cell;
    }
    particles(j, 0) =
        -line_end + (static_cast<double>(cell) + (share - mass[cell]) / (mass[cell + 1] - mass[cell])) * line_width;
  }
  return particles;
}

/// The law p[g]: its outputs, the logarithm of the integral of exp(-V / lambda), and L = F + lambda int p log p.
struct LineLaw {
  Eigen::Vector2d outputs;
  double log_integral = 0;
  double free_energy = 0;
};

inline LineLaw line_law(const Eigen::Vector2d& g) {
  double mass = 0;
  double square = 0;
  double logarithm = 0;
  Eigen::Vector2d outputs = Eigen::Vector2d::Zero();
  for (Index k = 0; k < line_cells; ++k) {
    const double theta = line_cell(k);
    const double density = line_density(g, 1, theta) * line_width;
    mass += density;
    square += density * theta * theta;
    logarithm += density > 0 ? density * std::log(density / line_width) : 0;
    for (Index i = 0; i < 2; ++i) {
      outputs[i] += density * std::tanh(theta * reference::line_inputs[i]);
    }
  }
  LineLaw law{outputs / mass, std::log(mass), 0};
  for (Index i = 0; i < 2; ++i) {
    law.free_energy += std::pow(law.outputs[i] - reference::line_targets[i], 2) / 4;
  }
  law.free_energy += reference::line_lambda * (square / mass + logarithm / mass - law.log_integral);
  return law;
}

/// D(g) = (1/2) sum_i l*(g_i) + lambda log int exp(-V / lambda).
inline double line_dual_value(const Eigen::Vector2d& g, const LineLaw& law) {
  double value = reference::line_lambda * law.log_integral;
  for (Index i = 0; i < 2; ++i) {
    value += (g[i] * g[i] / 2 + g[i] * reference::line_targets[i]) / 2;
  }
  return value;
}

/// (1/2) sum_i [l(f_i) + l*(g_i) - g_i f_i].
inline double line_gap(const Eigen::Vector2d& outputs, const Eigen::Vector2d& g) {
  double gap = 0;
  for (Index i = 0; i < 2; ++i) {
    gap += std::pow(outputs[i] - reference::line_targets[i] - g[i], 2) / 4;
  }
  return gap;
}

}  // namespace mfld

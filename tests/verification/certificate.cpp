#include "mfld/trust/certificate.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <span>

#include "mfld/trust/log_sobolev.hpp"
#include "support/oracles/line_chain.hpp"
#include "support/oracles/mean_field_world.hpp"
#include "verification/studies.hpp"

namespace mfld {

namespace {

constexpr double lambda = reference::line_lambda;
constexpr double step_size = 0.05;
constexpr double first_mean = -1;
constexpr double first_deviation = 0.4;

/// The law of infinitely many Euler-Maruyama particles on the line, by its density on a grid.
class LawOnGrid {
 public:
  LawOnGrid() {
    for (Index a = 0; a < size; ++a) {
      theta_[a] = -5 + cell * (static_cast<double>(a) + 0.5);
    }
    density_ = (-(theta_.array() - first_mean).square() / (2 * first_deviation * first_deviation)).exp();
    density_ /= density_.sum() * cell;
  }

  void step() {
    const Vector force = slope(outputs());
    const double variance = 2 * step_size * lambda;
    Vector next = Vector::Zero(size);
    for (Index a = 0; a < size; ++a) {
      if (density_[a] > 1e-30) {
        const double to = theta_[a] - step_size * force[a];
        next.array() += density_[a] * (-(theta_.array() - to).square() / (2 * variance)).exp();
      }
    }
    density_ = next / (next.sum() * cell);
  }

  /// lambda2 KL(mu | mu*), L(mu) - L*, lambda2 KL(mu | p_mu): each below the next.
  Eigen::Vector3d gaps() const {
    const Vector f = outputs();
    const Eigen::Map<const Vector> optimum(reference::line_optimum, 2);
    const Eigen::Map<const Vector> targets(reference::line_targets, 2);
    const double energy = 0.25 * (f - targets).squaredNorm() + lambda * cell * density_.dot(theta_.cwiseAbs2()) +
                          lambda * negative_entropy();
    return {divergence(optimum), energy - reference::line_minimum, divergence(f)};
  }

 private:
  static constexpr Index size = 500;
  static constexpr double cell = 10.0 / size;

  Vector hidden(int i) const { return (reference::line_inputs[i] * theta_.array()).tanh(); }
  Vector outputs() const { return Eigen::Vector2d(hidden(0).dot(density_), hidden(1).dot(density_)) * cell; }

  Vector slope(const Vector& f) const {
    Vector force = 2 * lambda * theta_;
    for (int i = 0; i < 2; ++i) {
      force.array() +=
          0.5 * (f[i] - reference::line_targets[i]) * reference::line_inputs[i] * (1 - hidden(i).array().square());
    }
    return force;
  }
  double negative_entropy() const { return cell * (density_.array() * density_.array().max(1e-300).log()).sum(); }
  /// lambda2 KL from the Gibbs law of the outputs f.
  double divergence(const Vector& f) const {
    Vector potential = lambda * theta_.cwiseAbs2();
    for (int i = 0; i < 2; ++i) {
      potential += 0.5 * (f[i] - reference::line_targets[i]) * hidden(i);
    }
    const double log_integral = std::log((-potential.array() / lambda).exp().sum() * cell);
    return lambda * (negative_entropy() + log_integral) + cell * density_.dot(potential);
  }

  Vector theta_{size};
  Vector density_;
};

}  // namespace

void study_certificate(const std::filesystem::path& folder) {
  constexpr std::int64_t num_steps = 240;
  const MeanFieldWorld world({NeuronKind::sigma, Activation::tanh, false, 1},
                             Eigen::Map<const Vector>(reference::line_inputs, 2),
                             Eigen::Map<const Vector>(reference::line_targets, 2));
  const MeanFieldProblem problem = world.problem(lambda, lambda);
  LawOnGrid law;
  std::vector<std::vector<double>> exact, seen;
  std::vector<double> times, values, errors;
  double log_sobolev = std::numeric_limits<double>::infinity();
  const Particles<double> start = (first_deviation * random_normals(100000, 1, 1)).array() + first_mean;
  run_chain(line_chain(step_size), start, num_steps, [&](const Particles<double>& theta, std::int64_t k) {
    law.step();
    const double time = static_cast<double>(k) * step_size;
    const Eigen::Vector3d gaps = law.gaps();
    exact.push_back({time, gaps[0], gaps[1], gaps[2]});
    if (k % 10 != 0) {
      return;
    }
    std::vector<double> outputs(2);
    KernelWorkspace<double> workspace;
    world.network.outputs(theta, PackedInputs<double>(world.data.train_inputs), outputs, workspace);
    const Certificate now = certificate(problem, theta, outputs);
    log_sobolev = std::min(log_sobolev, log_sobolev_bound(problem, dual_of(problem, outputs)));
    if (now.dual_gap > 10 * now.dual_gap_error) {
      times.push_back(time);
      values.push_back(now.dual_gap);
      errors.push_back(now.dual_gap_error);
    }
    seen.push_back({time, now.dual_gap, now.dual_gap_error, now.free_energy, now.dual_bound});
  });
  write_table(folder, "certificate_exact", "time,lower_gap,true_gap,dual_gap", exact);
  // Only what is late decays at one rate.
  const auto late = static_cast<std::size_t>(std::ssize(times) / 2);
  const DecayRate decay =
      decay_rate(std::span(times).subspan(late), std::span(values).subspan(late), std::span(errors).subspan(late));
  write_table(folder, "certificate_rate", "rate,low,high,never_slower",
              {{decay.rate, decay.low, decay.high, 2 * log_sobolev * lambda}});
  write_table(folder, "certificate", "time,dual_gap,dual_gap_error,free_energy,dual_bound", seen);
}

}  // namespace mfld

#include "mfld/trust/proximal_gibbs.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <boost/random/normal_distribution.hpp>
#include <boost/random/uniform_01.hpp>
#include <cassert>
#include <cmath>
#include <limits>
#include <numbers>
#include <vector>

#include "mfld/core/parallel.hpp"
#include "mfld/core/random.hpp"
#include "trust/log_ratio.hpp"

namespace mfld {

namespace {

constexpr Index most_quadrature_dimensions = 3;
constexpr double coarsest_step = 0.75;  // in standard deviations of nu
constexpr double squared_radius = 64;   // of the ball for psi = 0: exp(-32) of the mass is outside
constexpr double converged = 1e-11;
constexpr double tolerated = 0.01;
constexpr double least_effective_share = 0.1;
constexpr double least_pilot_share = 0.05;     // less among few samples, and more of them will not have the above
constexpr double least_annealed_share = 0.25;  // less, and mass was missed that nothing shows
constexpr double least_powers = 64;
constexpr double most_powers = 384;
constexpr Index task_chains = 64;
constexpr double first_move = 0.7;  // of a move: u <- sqrt(1 - size^2) u + size xi
constexpr double wanted_moves = 0.3;

/// (sum w)^2 / sum w^2.
double effective_size(const Vector& log_weights) {
  const Vector weights = (log_weights.array() - log_weights.maxCoeff<Eigen::PropagateNaN>()).exp();
  return weights.sum() * weights.sum() / weights.squaredNorm();
}

/// Weighted points u, whose weights' sum estimates E_nu exp(-psi / lambda2).
ProximalGibbs gather(const trust::LogRatio& log_ratio, Integration method, const Particles<double>& u,
                     const Vector& log_weights) {
  ProximalGibbs result;
  result.method = method;
  result.nodes = u;  // thetas in the end
  const double largest = log_weights.maxCoeff<Eigen::PropagateNaN>();
  result.weights = (log_weights.array() - largest).exp();
  const double sum = result.weights.sum();
  result.weights /= sum;
  result.log_integral = log_ratio.log_prior_integral() + largest + std::log(sum);
  result.effective_sample_size = effective_size(log_weights);
  const auto num_nodes = static_cast<double>(u.rows());
  result.standard_error = std::sqrt(std::max(0.0, 1 / result.effective_sample_size - 1 / num_nodes));
  return result;
}

/// The points of step * Z^p in the ball.                                                             [S x p]
Particles<double> points_of_ball(Index dimension, double step, double radius) {
  const auto reach = static_cast<Index>(radius / step);
  const Index side = 2 * reach + 1;
  Index num_all = 1;
  for (Index k = 0; k < dimension; ++k) {
    num_all *= side;
  }
  Particles<double> points(num_all, dimension);
  Index num_inside = 0;
  for (Index index = 0; index < num_all; ++index) {
    Index rest = index;
    for (Index k = 0; k < dimension; ++k) {
      points(num_inside, k) = step * static_cast<double>(rest % side - reach);
      rest /= side;
    }
    num_inside += points.row(num_inside).squaredNorm() <= radius * radius ? 1 : 0;
  }
  points.conservativeResize(num_inside, Eigen::NoChange);
  return points;
}

double num_points_of_ball(Index dimension, double step, double radius) {
  const auto d = static_cast<double>(dimension);
  return std::pow(std::sqrt(std::numbers::pi) * radius / step, d) / std::tgamma(1 + d / 2);
}

/// nullopt where the rule does not converge with the nodes there may be.
std::optional<ProximalGibbs> by_quadrature(trust::LogRatio& log_ratio, Index most_nodes) {
  const Index dimension = log_ratio.dimension();
  const auto d = static_cast<double>(dimension);
  double radius = std::sqrt(squared_radius);
  double step = coarsest_step;
  std::optional<ProximalGibbs> result;
  double change = std::numeric_limits<double>::infinity();
  while (num_points_of_ball(dimension, step, radius) <= static_cast<double>(most_nodes)) {
    const Particles<double> u = points_of_ball(dimension, step, radius);
    const Vector ratios = log_ratio(u);
    const Vector log_weights =
        ratios.array() - 0.5 * u.rowwise().squaredNorm().array() + d * std::log(step / std::sqrt(2 * std::numbers::pi));
    ProximalGibbs next = gather(log_ratio, Integration::quadrature, u, log_weights);
    // Outside there is at most exp(-radius^2 / 2 + this) of the mass, as far as psi can be seen.
    const double gain = ratios.maxCoeff<Eigen::PropagateNaN>() - (next.log_integral - log_ratio.log_prior_integral());
    const double needed = std::sqrt(squared_radius + 2 * std::max(gain, 0.0));
    if (!std::isfinite(needed)) {
      return std::nullopt;
    }
    if (needed > 1.001 * radius) {
      radius = needed;
      continue;
    }
    if (result) {
      change = std::abs(next.log_integral - result->log_integral);
    }
    result = std::move(next);
    if (change <= converged) {
      break;
    }
    step /= std::numbers::sqrt2;
  }
  if (!result || !(change <= tolerated)) {
    return std::nullopt;
  }
  result->standard_error = change;
  result->effective_sample_size = static_cast<double>(result->nodes.rows());
  return result;
}

/// What one node or chain draws, in order.
struct Draws {
  Draws(std::uint64_t seed, Purpose purpose, Index node) : stream(seed, purpose, static_cast<std::uint64_t>(node)) {}

  double next_normal() { return normal(stream); }
  double next_uniform() { return uniform(stream); }

  RandomStream stream;
  boost::random::normal_distribution<double> normal;
  boost::random::uniform_01<double> uniform;
};

template <class Body>
void for_each_chain(std::vector<Draws>& draws, const Body& body) {
  const auto num_chains = std::ssize(draws);
  for_each_task((num_chains + task_chains - 1) / task_chains, [&](Index task) {
    for (Index s = task * task_chains; s < std::min<Index>((task + 1) * task_chains, num_chains); ++s) {
      body(s, draws[static_cast<std::size_t>(s)]);
    }
  });
}

std::vector<Draws> draws_of(std::uint64_t seed, Purpose purpose, Index num_nodes) {
  std::vector<Draws> draws;
  draws.reserve(static_cast<std::size_t>(num_nodes));
  for (Index s = 0; s < num_nodes; ++s) {
    draws.emplace_back(seed, purpose, s);
  }
  return draws;
}

Particles<double> standard_normals(std::vector<Draws>& draws, Index dimension) {
  Particles<double> u(std::ssize(draws), dimension);
  for_each_chain(draws, [&](Index s, Draws& chain) {
    for (Index k = 0; k < dimension; ++k) {
      u(s, k) = chain.next_normal();
    }
  });
  return u;
}

double variance_of(const Vector& values) { return (values.array() - values.mean()).square().mean(); }

/// One preconditioned Crank-Nicolson move of every chain at exp(power * ratio) nu. Returns the share that moved.
double move_chains(trust::LogRatio& log_ratio, double power, double size, std::vector<Draws>& draws,
                   Particles<double>& u, Vector& ratios) {
  Particles<double> proposal = standard_normals(draws, u.cols());
  proposal = std::sqrt(1 - size * size) * u + size * proposal;
  const Vector proposed = log_ratio.rounded(proposal);
  Vector moved = Vector::Zero(u.rows());
  for_each_chain(draws, [&](Index s, Draws& chain) {
    if (std::log(chain.next_uniform()) < power * (proposed[s] - ratios[s])) {
      u.row(s) = proposal.row(s);
      ratios[s] = proposed[s];
      moved[s] = 1;
    }
  });
  return moved.mean();
}

/// The next size, after a share of the chains has moved.
double adapted(double size, double moved) { return std::clamp(size * std::exp(moved - wanted_moves), 0.05, 0.95); }

/// The logarithms of the weights vary by about variance / powers times the moves that a chain remembers, some twenty:
/// few chains over many powers, for what is lost to that variance is lost exponentially.
int num_powers_for(const Vector& ratios) {
  const double wanted = std::clamp(64 * variance_of(ratios), least_powers, most_powers);
  return static_cast<int>(std::isfinite(wanted) ? wanted : most_powers);
}

/// From the chains' first points, drawn from nu, and the ratios there.
ProximalGibbs by_annealing(trust::LogRatio& log_ratio, int num_powers, std::vector<Draws>& draws, Particles<double> u,
                           Vector ratios) {
  Vector log_weights = Vector::Constant(u.rows(), -std::log(static_cast<double>(u.rows())));
  double size = first_move;
  double power = 0;
  // Once too much is lost there will be no number: the rest is spared.
  const double least = least_annealed_share * static_cast<double>(u.rows());
  for (int k = 1; k <= num_powers && effective_size(log_weights) >= least; ++k) {
    const double share = static_cast<double>(k) / num_powers;
    log_weights += (share * share - power) * ratios;  // small differences first, where the variance is largest
    power = share * share;
    if (k < num_powers) {
      const double moved = move_chains(log_ratio, power, size, draws, u, ratios);
      size = adapted(size, moved);
    }
  }
  return gather(log_ratio, Integration::annealed, u, log_weights);
}

/// As many as 80 powers would leave time for, within a factor of two.
Index num_chains_for(int num_powers, Index num_samples) {
  return std::max<Index>(std::clamp<Index>(5 * num_samples / num_powers, num_samples / 32, num_samples / 16), 1);
}

/// Samples of the prior that say whether more of them are worth their cost, and how many powers there are to be; the
/// chains begin at the first of them.
Index num_pilots_for(Index num_samples) { return std::max<Index>(num_samples / 8, 1); }

ProximalGibbs by_monte_carlo(trust::LogRatio& log_ratio, const IntegrationOptions& options) {
  std::vector<Draws> draws = draws_of(options.seed, Purpose::certificate, options.num_samples);
  const Particles<double> u = standard_normals(draws, log_ratio.dimension());
  const Vector log_weights = log_ratio.rounded(u).array() - std::log(static_cast<double>(options.num_samples));
  return gather(log_ratio, Integration::monte_carlo, u, log_weights);
}

/// By the first method that is accurate enough, or the one asked for.
ProximalGibbs integrate(trust::LogRatio& log_ratio, const IntegrationOptions& options) {
  const auto asked = [&](Integration method) { return !options.method || *options.method == method; };
  if (asked(Integration::quadrature) && log_ratio.dimension() <= most_quadrature_dimensions) {
    if (auto result = by_quadrature(log_ratio, options.most_nodes)) {
      return *std::move(result);
    }
  }
  std::vector<Draws> draws = draws_of(options.seed, Purpose::certificate, num_pilots_for(options.num_samples));
  Particles<double> u = standard_normals(draws, log_ratio.dimension());
  Vector ratios = log_ratio.rounded(u);
  if (asked(Integration::monte_carlo)) {
    const double pilot_share = effective_size(ratios) / static_cast<double>(ratios.size());
    if (options.method || pilot_share >= least_pilot_share) {
      ProximalGibbs result = by_monte_carlo(log_ratio, options);
      if (options.method ||
          result.effective_sample_size >= least_effective_share * static_cast<double>(options.num_samples)) {
        return result;
      }
    }
  }
  const int num_powers = num_powers_for(ratios);
  const Index num_chains = num_chains_for(num_powers, options.num_samples);
  draws.erase(draws.begin() + num_chains, draws.end());
  return by_annealing(log_ratio, num_powers, draws, u.topRows(num_chains), ratios.head(num_chains));
}

/// Rows of `points`, each about weight * count times.
Particles<double> resampled(const Particles<double>& points, const Vector& weights, Index count, double shift) {
  Particles<double> result(count, points.cols());
  Index node = 0;
  double below = weights[0];
  for (Index k = 0; k < count; ++k) {
    while (below < (static_cast<double>(k) + shift) / static_cast<double>(count) && node + 1 < weights.size()) {
      below += weights[++node];
    }
    result.row(k) = points.row(node);
  }
  return result;
}

void refuse(ProximalGibbs& result, std::string reason) {
  result.reason = std::move(reason);
  result.log_integral = result.standard_error = std::numeric_limits<double>::quiet_NaN();
}

}  // namespace

const char* name_of(Integration method) {
  switch (method) {
    case Integration::quadrature:
      return "quadrature";
    case Integration::monte_carlo:
      return "Monte Carlo";
    case Integration::annealed:
      return "annealed importance sampling";
  }
  return "";
}

std::string describe_integration(const Network& network, const IntegrationOptions& options) {
  const bool integrates_output = info(network.neuron().kind).linear_in_output;
  const Index dimension = network.layout().size - (integrates_output ? 1 : 0);
  const std::string sampled = fmt::format(
      "by {} samples of the prior (method 1), or where they are worth less than a tenth by {} to {} annealed chains "
      "(method 2)",
      options.num_samples, options.num_samples / 32, options.num_samples / 16);
  return fmt::format("integral over {} parameters{}, {}", dimension, integrates_output ? " and, exactly, r" : "",
                     dimension <= most_quadrature_dimensions
                         ? fmt::format("by quadrature with up to {} nodes (method 0); where that does not converge {}",
                                       options.most_nodes, sampled)
                         : sampled);
}

double MeanFieldProblem::sample_weight() const {
  return risk->scale(data->num_train()) / static_cast<double>(data->num_train());
}

std::optional<std::string> mean_field_unavailable(const Model& model) {
  if (model.network().scaling().kind != ScalingKind::mean_field) {
    return "needs network.scaling = \"mean-field\"";
  }
  if (model.tangent_point() != nullptr) {
    return "needs a network that is not linearised";
  }
  const auto& trained = model.network().trained();
  if (!std::all_of(trained.begin(), trained.end(), [](unsigned char moves) { return moves != 0; })) {
    return "needs a network all of whose parameters are trained (network.train, and not the neuron fixed-sign)";
  }
  return std::nullopt;
}

std::optional<std::string> gibbs_integral_unavailable(const Network& network) {
  if (growth_order(network.neuron()) > 1) {
    return "needs a neuron that is bounded or grows linearly with its parameters (bounded-r, parity or sigma, or "
           "r-sigma with a bounded activation): else exp(-dF/dmu / lambda2) may have no integral";
  }
  return std::nullopt;
}

ProximalGibbs proximal_gibbs(const MeanFieldProblem& problem, const Vector& dual, const IntegrationOptions& options) {
  assert(problem.penalty > 0 && problem.temperature > 0 && dual.size() == problem.data->num_train());
  trust::LogRatio log_ratio(problem, dual);
  ProximalGibbs result = integrate(log_ratio, options);
  result.nodes = log_ratio.nodes(result.nodes);
  const double least = result.method == Integration::annealed ? least_annealed_share : least_effective_share;
  if (result.method != Integration::quadrature &&
      !(result.effective_sample_size >= least * static_cast<double>(result.nodes.rows()))) {
    refuse(result, fmt::format("{} leaves an effective sample size of {:.1f} of {}: the temperature is too low for it",
                               name_of(result.method), result.effective_sample_size, result.nodes.rows()));
  }
  return result;
}

Particles<double> gibbs_draws(const MeanFieldProblem& problem, const Vector& dual, const ProximalGibbs& gibbs,
                              Index count, std::uint64_t seed, int num_moves) {
  assert(gibbs.reason.empty() && count >= 1);
  trust::LogRatio log_ratio(problem, dual);
  std::vector<Draws> draws = draws_of(seed, Purpose::gibbs_draw, count);
  Particles<double> u = resampled(log_ratio.positions(gibbs.nodes), gibbs.weights, count, draws.front().next_uniform());
  Vector ratios = log_ratio.rounded(u);
  double size = first_move;
  for (int k = 0; k < num_moves; ++k) {
    size = adapted(size, move_chains(log_ratio, 1, size, draws, u, ratios));
  }
  Particles<double> result = log_ratio.nodes(u);
  if (const double deviation = log_ratio.output_deviation(); deviation > 0) {
    const Index output = problem.network->layout().output;
    for_each_chain(draws, [&](Index s, Draws& chain) { result(s, output) += deviation * chain.next_normal(); });
  }
  return result;
}

}  // namespace mfld

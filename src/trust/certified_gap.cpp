#include "mfld/trust/certified_gap.hpp"

#include <Eigen/Cholesky>
#include <algorithm>
#include <cassert>
#include <cmath>
#include <limits>
#include <optional>
#include <utility>
#include <vector>

#include "mfld/core/parallel.hpp"
#include "mfld/trust/neuron_values.hpp"
#include "trust/population.hpp"

namespace mfld {

namespace {

constexpr Index most_normals = 16;
constexpr Index least_of_normal = 8;  // particles
constexpr Index num_choosing_pairs = 2048;
constexpr Index most_responding = 256;  // points of a law that the linear response is made of
constexpr int num_step_lengths = 3;
constexpr int most_failures = 3;
constexpr double most_disagreement = 0.5;  // of the logarithm of the integral; more, and the jackknife means nothing
constexpr double beyond_errors = 3;
constexpr double none = std::numeric_limits<double>::quiet_NaN();

/// A mean over draws with its standard error.
struct Estimate {
  double value = std::numeric_limits<double>::infinity();
  double error = none;
};

/// L(q), and the error of its first variation.
Estimate energy_of(const MeanFieldProblem& problem, const trust::NormalMixture& law, Index num_pairs,
                   RandomStream stream) {
  problem.stop_if_asked();
  const Particles<double> thetas = law.draw_pairs(num_pairs, stream);
  const Vector outputs = weighted_outputs(*problem.network, thetas,
                                          Vector::Constant(thetas.rows(), 1 / static_cast<double>(thetas.rows())),
                                          problem.data->train_inputs);
  const std::span<const double> span(outputs.data(), static_cast<std::size_t>(outputs.size()));
  const Vector own = problem.temperature * law.log_density(thetas) + problem.penalty * thetas.rowwise().squaredNorm();
  const Vector variation = own + first_variation(*problem.network, thetas, problem.data->train_inputs,
                                                 problem.sample_weight() * dual_of(problem, span));
  const Vector of_pairs = variation.reshaped(2, num_pairs).colwise().mean().transpose();
  const auto count = static_cast<double>(num_pairs);
  return {problem.risk->value(span, {problem.data->train_targets.data(), span.size()}) + own.mean(),
          std::sqrt((of_pairs.array() - of_pairs.mean()).square().sum() / (count - 1) / count)};
}

/// The smoothed particles of least L, if any of them has a density.
std::optional<trust::NormalMixture> smoothed(const MeanFieldProblem& problem, const Particles<double>& particles,
                                             std::uint64_t seed) {
  std::optional<trust::NormalMixture> best;
  double least = std::numeric_limits<double>::infinity();
  for (Index k = 1; k <= std::clamp<Index>(particles.rows() / least_of_normal, 1, most_normals); k *= 2) {
    trust::NormalMixture law(particles, k, seed);
    if (law.has_density()) {
      const auto use = static_cast<std::uint64_t>(k);
      const double energy =
          energy_of(problem, law, num_choosing_pairs, RandomStream(seed, Purpose::smoothed_draw, use)).value;
      if (energy < least) {
        least = energy;
        best.emplace(std::move(law));
      }
    }
  }
  return best;
}

/// Rows of `points` evenly, at most most_responding of them.
std::vector<Index> some_of(Index num_points) {
  std::vector<Index> rows;
  const Index stride = (num_points + most_responding - 1) / most_responding;
  for (Index j = 0; j < num_points; j += stride) {
    rows.push_back(j);
  }
  return rows;
}

/// Dual variables l'(f), and the law p[g] that populations found.
struct Guess {
  Vector outputs;  // f
  Vector dual;     // g
  double bound = -std::numeric_limits<double>::infinity();
  trust::Population law = {};
  Vector law_outputs = {};  // f_p
};

/// The search for dual variables whose bound is high.
class DualSearch {
 public:
  DualSearch(const MeanFieldProblem& problem, const Particles<double>& particles, const trust::NormalMixture& start,
             const CertifiedGapOptions& options)
      : problem_(problem),
        start_(start),
        prior_(particles.cols(), problem.temperature / (2 * problem.penalty)),
        options_(options),
        inputs_(problem.data->train_inputs) {
    const std::vector<Index> rows = some_of(particles.rows());
    const Vector weights = Vector::Constant(std::ssize(rows), 1 / static_cast<double>(rows.size()));
    of_particles_ = deviations(particles(rows, Eigen::all), weights);
  }

  /// From outputs f [n] on.
  Guess best_from(const Vector& outputs) {
    Guess guess = at(outputs);
    for (int failures = 0; std::isfinite(guess.bound) && failures < most_failures && num_tried_ < options_.num_duals;) {
      const Vector direction = newton_direction(guess);
      std::optional<Guess> better;
      double length = 1;
      for (int k = 0; k < num_step_lengths && !better; ++k, length /= 4) {
        Guess next = at(guess.outputs + length * direction);
        if (next.bound > guess.bound) {
          better = std::move(next);
        }
      }
      failures = better ? 0 : failures + 1;
      // What was better by chance would stop the search: it is tried anew.
      guess = better ? *std::move(better) : at(guess.outputs);
    }
    return guess;
  }

  /// -D(g), by populations that nothing was chosen with: led from the smoothed particles, and once more from the prior.
  /// A start that misses mass of p[g] makes the integral too small, alike in all of its populations; where the prior's
  /// is the larger one beyond both errors, that is the one.
  Estimate bound_at(const Guess& guess) {
    const trust::LogMean near = log_integral_from(start_, guess.dual);
    const trust::LogMean wide = log_integral_from(prior_, guess.dual);
    const double errors = std::hypot(wide.standard_error, near.standard_error);
    const bool agree = wide.value - near.value <= beyond_errors * errors;
    const trust::LogMean& found = agree ? near : wide;
    return {bound_of(guess.dual, found.value), problem_.temperature * found.standard_error};
  }

 private:
  RandomStream next_stream() { return {options_.seed, Purpose::population, num_streams_++}; }

  /// Not a number where a pilot does not arrive.
  trust::LogMean log_integral_from(const trust::NormalMixture& start, const Vector& dual) {
    trust::GibbsDensity density(problem_, dual);
    RandomStream pilot_stream = next_stream();
    const trust::Path path = trust::lead(start, density, options_.num_points / 2, pilot_stream).path;
    if (path.powers.empty()) {
      return {none, none};
    }
    Vector logs(options_.num_populations);
    const std::uint64_t first = num_streams_;
    num_streams_ += static_cast<std::uint64_t>(options_.num_populations);
    for_each_task(options_.num_populations, [&](Index k) {
      RandomStream stream(options_.seed, Purpose::population, first + static_cast<std::uint64_t>(k));
      trust::GibbsDensity own(problem_, dual);
      logs[k] = trust::lead(start, own, options_.num_points / 2, stream, &path).log_integral;
    });
    return trust::log_mean(logs);
  }

  double bound_of(const Vector& dual, double log_integral) const {
    ProximalGibbs gibbs;
    gibbs.log_integral = log_integral;
    return -dual_value(problem_, dual, gibbs);
  }

  Guess at(const Vector& outputs) {
    ++num_tried_;
    Guess guess{outputs, dual_of(problem_, {outputs.data(), static_cast<std::size_t>(outputs.size())})};
    trust::GibbsDensity density(problem_, guess.dual);
    RandomStream stream = next_stream();
    guess.law = trust::lead(start_, density, options_.num_points, stream);
    guess.law_outputs =
        weighted_outputs(*problem_.network, guess.law.thetas, guess.law.weights, problem_.data->train_inputs);
    const double bound = bound_of(guess.dual, guess.law.log_integral);
    if (std::isfinite(bound) && guess.law_outputs.allFinite()) {
      guess.bound = bound;
    }
    return guess;
  }

  /// Rows sqrt(weight) (h - f), whose squares sum to the covariance of h over samples.                    [S x n]
  Matrix deviations(const Particles<double>& thetas, const Vector& weights) {
    Particles<double> values;
    problem_.network->neuron_outputs(thetas, inputs_, values, workspace_);
    const Eigen::RowVectorXd mean = weights.transpose() * values / weights.sum();
    return (weights / weights.sum()).cwiseSqrt().asDiagonal() * (values.rowwise() - mean);
  }

  /// (I + A'A D)^-1 (f_p - f), D = w l'' / lambda2: A'A is the covariance of h, half that of the law that was found and
  /// half that of the particles, for the law of a bad guess may be narrow.                                        [n]
  Vector newton_direction(const Guess& guess) {
    const std::vector<Index> rows = some_of(guess.law.thetas.rows());
    const Matrix of_law = guess.law_outputs.allFinite()
                              ? deviations(guess.law.thetas(rows, Eigen::all), guess.law.weights(rows))
                              : Matrix(0, inputs_.num_samples());
    Matrix a(of_law.rows() + of_particles_.rows(), inputs_.num_samples());
    a << std::sqrt(0.5) * of_law, std::sqrt(0.5) * of_particles_;
    Vector curvature(inputs_.num_samples());
    for (Index i = 0; i < curvature.size(); ++i) {
      curvature[i] = problem_.sample_weight() / problem_.temperature *
                     problem_.risk->loss().second_derivative(guess.outputs[i], problem_.data->train_targets[i]);
    }
    const Vector residual = guess.law_outputs - guess.outputs;
    const Matrix weighted = a * curvature.asDiagonal();
    const Matrix response = Matrix::Identity(a.rows(), a.rows()) + weighted * a.transpose();
    return residual - a.transpose() * response.llt().solve(weighted * residual);
  }

  MeanFieldProblem problem_;
  const trust::NormalMixture& start_;
  trust::NormalMixture prior_;
  CertifiedGapOptions options_;
  PackedInputs<double> inputs_;
  KernelWorkspace<double> workspace_;
  Matrix of_particles_;
  std::uint64_t num_streams_ = 0;
  int num_tried_ = 0;
};

CertifiedGap refused(std::string reason) { return {none, none, none, none, none, none, 0, std::move(reason)}; }

}  // namespace

CertifiedGap certified_gap(const MeanFieldProblem& problem, const Particles<double>& particles,
                           std::span<const double> outputs, const CertifiedGapOptions& options) {
  assert(problem.penalty > 0 && problem.temperature > 0 && options.num_populations >= 2);
  if (particles.rows() < least_of_normal || !particles.allFinite()) {
    return refused("needs eight particles at least, and finite ones");
  }
  const std::optional<trust::NormalMixture> law = smoothed(problem, particles, options.seed);
  if (!law) {
    return refused("the particles have no density: some parameter is the same in all of them");
  }
  const Estimate energy =
      energy_of(problem, *law, options.num_pairs, RandomStream(options.seed, Purpose::smoothed_draw, 0));
  DualSearch search(problem, particles, *law, options);
  CertifiedGap result = refused("");
  result.energy = energy.value;
  result.energy_error = energy.error;
  result.num_normals = law->size();
  const Guess guess = search.best_from(Eigen::Map<const Vector>(outputs.data(), std::ssize(outputs)));
  const Estimate bound = std::isfinite(guess.bound) ? search.bound_at(guess) : Estimate{none, none};
  if (!(bound.error <= most_disagreement * problem.temperature)) {
    result.reason = "the populations do not arrive at the Gibbs law, or disagree: the particles are too far from it";
    return result;
  }
  result.gap = energy.value - bound.value;
  result.error = std::hypot(energy.error, bound.error);
  result.bound = bound.value;
  result.bound_error = bound.error;
  return result;
}

}  // namespace mfld

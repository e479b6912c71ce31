#include "trust/population.hpp"

#include <algorithm>
#include <boost/random/normal_distribution.hpp>
#include <boost/random/uniform_01.hpp>
#include <cmath>
#include <limits>

#include "mfld/model/neuron_derivatives.hpp"

namespace mfld::trust {

namespace {

constexpr double wanted_change = 0.2;  // deviation of the logarithms of the weights from one power to the next
constexpr int most_powers = 100;
constexpr double least_effective = 0.5;  // of the effective number of points, before they are resampled
constexpr double wanted_moves = 0.6;
constexpr double patience = 0.2;
constexpr double first_size = 0.3;

std::vector<double> numbers_of(const MeanFieldProblem& problem, const Vector& dual) {
  const Vector coefficients = -problem.sample_weight() / problem.temperature * dual;
  return {coefficients.begin(), coefficients.end()};
}

Eigen::Map<const Vector> as_vector(const std::vector<double>& values) {
  return {values.data(), static_cast<Index>(values.size())};
}

/// Points with the two densities and their slopes.
struct Points {
  Particles<double> thetas;
  Vector start;
  Vector target;
  Particles<double> start_slope;
  Particles<double> target_slope;

  Vector ratios() const { return target - start; }
  Vector density(double power) const { return (1 - power) * start + power * target; }
  Particles<double> slope(double power) const { return (1 - power) * start_slope + power * target_slope; }
};

Vector normalised(const Vector& log_weights) {
  const Vector weights = (log_weights.array() - log_weights.maxCoeff<Eigen::PropagateNaN>()).exp();
  return weights / weights.sum();
}

double log_sum(const Vector& log_weights) {
  const double largest = log_weights.maxCoeff<Eigen::PropagateNaN>();
  return largest + std::log((log_weights.array() - largest).exp().sum());
}

double deviation(const Vector& values, const Vector& weights) {
  const double mean = weights.dot(values);
  return std::sqrt(weights.dot((values.array() - mean).square().matrix()));
}

/// The points that come next, evenly by one offset.
std::vector<Index> chosen_by(const Vector& weights, double offset) {
  std::vector<Index> chosen;
  Index node = 0;
  double below = weights[0];
  for (Index k = 0; k < weights.size(); ++k) {
    while (below * static_cast<double>(weights.size()) < static_cast<double>(k) + offset && node + 1 < weights.size()) {
      below += weights[++node];
    }
    chosen.push_back(node);
  }
  return chosen;
}

void keep(const std::vector<Index>& chosen, Points& points) {
  points = {points.thetas(chosen, Eigen::all), points.start(chosen), points.target(chosen),
            points.start_slope(chosen, Eigen::all), points.target_slope(chosen, Eigen::all)};
}

/// A population on its way.
class Walk {
 public:
  Walk(const NormalMixture& start, GibbsDensity& target, Index num_pairs, RandomStream& stream)
      : start_(start), target_(target), stream_(stream), lengths_(start.lengths()) {
    points_ = at(start.draw_pairs(num_pairs, stream));
    log_weights_ = Vector::Constant(2 * num_pairs, -std::log(2 * static_cast<double>(num_pairs)));
  }

  /// The power at which the logarithms of the weights will have changed as they should.
  double next_power() const {
    const double next = power_ + wanted_change / deviation(points_.ratios(), normalised(log_weights_));
    return next < 1 ? next : 1;  // of one that is not a number too
  }

  void weigh(double power) {
    log_weights_ += (power - power_) * points_.ratios();
    power_ = power;
    const Vector weights = normalised(log_weights_);
    const auto count = static_cast<double>(weights.size());
    if (power < 1 && 1 / weights.squaredNorm() < least_effective * count) {
      keep(chosen_by(weights, boost::random::uniform_01<double>()(stream_)), points_);
      log_weights_.setConstant(log_sum(log_weights_) - std::log(count));
    }
  }

  /// Moves all points; returns the share that was accepted.
  double move(double size) {
    const Index count = points_.thetas.rows();
    Particles<double> xi(count, points_.thetas.cols());
    boost::random::normal_distribution<double> standard_normal;
    for (double& value : xi.reshaped()) {
      value = standard_normal(stream_);
    }
    const Points next =
        at(points_.thetas + pull(points_, size) + size * (xi.array().rowwise() * lengths_.array()).matrix());
    const Particles<double> way_back = points_.thetas - next.thetas - pull(next, size);
    const Particles<double> back = way_back.array().rowwise() / (size * lengths_.array());
    const Vector gains = next.density(power_) - points_.density(power_) +
                         0.5 * (xi.rowwise().squaredNorm() - back.rowwise().squaredNorm());
    boost::random::uniform_01<double> uniform;
    Index num_moved = 0;
    for (Index s = 0; s < count; ++s) {
      if (std::log(uniform(stream_)) < gains[s]) {
        points_.thetas.row(s) = next.thetas.row(s);
        points_.start[s] = next.start[s];
        points_.target[s] = next.target[s];
        points_.start_slope.row(s) = next.start_slope.row(s);
        points_.target_slope.row(s) = next.target_slope.row(s);
        ++num_moved;
      }
    }
    return static_cast<double>(num_moved) / static_cast<double>(count);
  }

  double power() const { return power_; }
  Population result(Path path) && {
    const Vector weights = normalised(log_weights_);
    return {std::move(points_.thetas), weights, log_sum(log_weights_), std::move(path)};
  }

 private:
  Points at(Particles<double> thetas) {
    Points points;
    points.thetas = std::move(thetas);
    points.start = start_.log_density(points.thetas, &points.start_slope);
    points.target = target_(points.thetas, points.target_slope);
    return points;
  }

  Particles<double> pull(const Points& points, double size) const {
    return points.slope(power_).array().rowwise() * (0.5 * size * size * lengths_.array().square());
  }

  const NormalMixture& start_;
  GibbsDensity& target_;
  RandomStream& stream_;
  Eigen::RowVectorXd lengths_;
  Points points_;
  Vector log_weights_;
  double power_ = 0;
};

}  // namespace

GibbsDensity::GibbsDensity(const MeanFieldProblem& problem, const Vector& dual)
    : problem_(problem),
      precision_(2 * problem.penalty / problem.temperature),
      coefficients_(numbers_of(problem, dual)),
      coefficient_sum_(as_vector(coefficients_).sum()),
      sums_(*problem.network, problem.data->train_inputs, as_vector(coefficients_)),
      inputs_(problem.data->train_inputs) {}

Vector GibbsDensity::operator()(const Particles<double>& thetas, Particles<double>& slope) {
  problem_.stop_if_asked();
  slope.resize(thetas.rows(), thetas.cols());
  const HeadValues head = heads_of(*problem_.network, thetas);
  problem_.network->drift(Particles<float>(thetas.cast<float>()), inputs_, GivenField(coefficients_), 1,
                          Accumulate::assign, slope, {}, workspace_);
  slope -= precision_ * thetas;
  return head.weight.cwiseProduct(sums_(thetas)) + coefficient_sum_ * head.offset -
         0.5 * precision_ * thetas.rowwise().squaredNorm();
}

Population lead(const NormalMixture& start, GibbsDensity& target, Index num_pairs, RandomStream& stream,
                const Path* path) {
  Walk walk(start, target, num_pairs, stream);
  Path taken;
  if (path != nullptr) {
    for (std::size_t k = 0; k < path->powers.size(); ++k) {
      walk.weigh(path->powers[k]);
      if (k < path->sizes.size()) {
        walk.move(path->sizes[k]);
      }
    }
    return std::move(walk).result(*path);
  }
  double size = first_size;
  while (walk.power() < 1 && taken.powers.size() < most_powers) {
    taken.powers.push_back(walk.next_power());
    walk.weigh(taken.powers.back());
    if (walk.power() < 1) {
      taken.sizes.push_back(size);
      size = std::clamp(size * std::exp(patience * (walk.move(size) - wanted_moves)), 1e-3, 2.0);
    }
  }
  if (walk.power() < 1) {
    Population lost = std::move(walk).result({});
    lost.log_integral = std::numeric_limits<double>::quiet_NaN();
    return lost;
  }
  return std::move(walk).result(std::move(taken));
}

LogMean log_mean(const Vector& logs) {
  const auto count = static_cast<double>(logs.size());
  const double whole = log_sum(logs) - std::log(count);
  Vector without(logs.size());
  for (Index k = 0; k < logs.size(); ++k) {
    Vector rest = logs;
    rest[k] = -std::numeric_limits<double>::infinity();
    without[k] = log_sum(rest) - std::log(count - 1);
  }
  const double mean = without.mean();
  return {count * whole - (count - 1) * mean, std::sqrt((count - 1) / count * (without.array() - mean).square().sum())};
}

}  // namespace mfld::trust

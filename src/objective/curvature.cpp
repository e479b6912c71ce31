#include "mfld/objective/curvature.hpp"

#include <Eigen/Eigenvalues>
#include <cmath>
#include <limits>
#include <utility>

namespace mfld {

namespace {

constexpr double relative_distance = 1e-5;  // of the two drifts of a difference

/// All terms, or so many that lie evenly among them; none: all.
std::vector<Index> some_terms(Index num_terms, Index most) {
  std::vector<Index> terms;
  for (Index k = 0; num_terms > most && k < most; ++k) {
    terms.push_back(
        static_cast<Index>(static_cast<double>(k) * static_cast<double>(num_terms) / static_cast<double>(most)));
  }
  return terms;
}

/// Rows of all particles as a vector: what a rank has of it, and its products, which all ranks make together.
class Space {
 public:
  Space(const Objective<double>& objective, Ranks* ranks, Index num_particles)
      : sums_(ranks),
        has_all_(objective.reads_all_particles()),
        rows_(has_all_ ? RowRange{0, num_particles} : sums_.own(num_particles)) {}

  bool has_all() const { return has_all_; }
  RowRange rows() const { return rows_; }
  auto of(Drift& matrix) const { return matrix.middleRows(rows_.first, rows_.count()); }
  auto of(const Drift& matrix) const { return matrix.middleRows(rows_.first, rows_.count()); }

  double product(const Drift& a, const Drift& b) {
    return sums_.sum(a.rows(), 2 * a.cols(), [&](RowRange strip) {
      StripNumbers products = StripNumbers::Zero(strip.count());
      for (Index column = 0; column < a.cols(); ++column) {
        products += strip.of(a.col(column)) * strip.of(b.col(column));
      }
      return products.sum();
    });
  }
  double norm(const Drift& a) { return std::sqrt(product(a, a)); }

 private:
  RowSums<double> sums_;
  bool has_all_;
  RowRange rows_;
};

/// The derivative of the drift at one place.
class Hessian {
 public:
  Hessian(Objective<double>& objective, const Particles<double>& at, const Penalty<double>& penalty,
          const std::vector<unsigned char>& moved, Index most_terms, Space& space)
      : objective_(&objective),
        at_(&at),
        penalty_(&penalty),
        moved_(&moved),
        space_(&space),
        terms_(some_terms(objective.num_terms(), most_terms)) {
    const double norm = space.norm(at);
    distance_ = relative_distance * (norm > 0 ? norm : 1);
    there_.resize(at.rows(), at.cols());
    drift_at(at, here_);
  }

  /// image <- H v, |v| = 1.
  void apply(const Drift& v, Drift& image) {
    space_->of(there_) = space_->of(*at_) + distance_ * space_->of(v);
    drift_at(there_, image);
    space_->of(image) = (space_->of(image) - space_->of(here_)) / distance_;
  }

 private:
  void drift_at(const Particles<double>& particles, Drift& drift) {
    drift.resize(particles.rows(), particles.cols());
    const auto leave = [](Index /*first*/, Index /*last*/) {};  // each rank has its own rows
    const Finish finish = space_->has_all() ? Finish() : leave;
    if (terms_.empty()) {
      objective_->drift(particles, drift, {}, finish);
    } else {
      objective_->drift_of(terms_, particles, drift, finish);
    }
    add_penalty(*moved_, particles, *penalty_, space_->rows(), drift);
    set_unmoved_to_zero(*moved_, space_->rows(), drift);
  }

  Objective<double>* objective_;
  const Particles<double>* at_;
  const Penalty<double>* penalty_;
  const std::vector<unsigned char>* moved_;
  Space* space_;
  std::vector<Index> terms_;
  double distance_ = 0;
  Drift here_;
  Particles<double> there_;
};

/// Something of every direction, from no stream of random numbers: the fractional parts of multiples of the golden
/// ratio, around 0.
Drift first_direction(const Particles<double>& particles, const std::vector<unsigned char>& moved, const Space& space) {
  constexpr double golden = 0.6180339887498949;
  Drift v(particles.rows(), particles.cols());
  for (Index j = space.rows().first; j < space.rows().last; ++j) {
    for (Index c = 0; c < v.cols(); ++c) {
      const double k = golden * static_cast<double>(j * v.cols() + c + 1);
      v(j, c) = k - std::floor(k) - 0.5;
    }
  }
  set_unmoved_to_zero(moved, space.rows(), v);
  return v;
}

/// The largest eigenvalue of the tridiagonal matrix that Lanczos has made; infinity is no number.
double largest_of(const std::vector<double>& diagonal, const std::vector<double>& beside) {
  const auto size = std::ssize(diagonal);
  const Eigen::Map<const Vector> main(diagonal.data(), size);
  const Eigen::Map<const Vector> below(beside.data(), size - 1);
  if (!main.allFinite() || !below.allFinite()) {
    return std::numeric_limits<double>::quiet_NaN();
  }
  Eigen::SelfAdjointEigenSolver<Matrix> solver;
  solver.computeFromTridiagonal(main, below, Eigen::EigenvaluesOnly);
  return solver.eigenvalues().maxCoeff();
}

}  // namespace

double largest_curvature(Objective<double>& objective, const Particles<double>& particles,
                         const Penalty<double>& penalty, const std::vector<unsigned char>& moved,
                         const CurvatureOptions& options, Ranks* ranks) {
  Space space(objective, ranks, particles.rows());
  Hessian hessian(objective, particles, penalty, moved, options.most_terms, space);
  Drift v = first_direction(particles, moved, space);
  const double length = space.norm(v);
  if (length == 0) {
    return 0;
  }
  space.of(v) /= length;
  Drift before(v.rows(), v.cols());
  space.of(before).setZero();
  Drift image;
  std::vector<double> diagonal;
  std::vector<double> beside;
  for (int k = 0; k < options.num_drifts; ++k) {
    hessian.apply(v, image);
    diagonal.push_back(space.product(v, image));
    space.of(image) -= diagonal.back() * space.of(v) + (beside.empty() ? 0 : beside.back()) * space.of(before);
    const double rest = space.norm(image);
    if (!(rest > 1e-6 * std::abs(diagonal.back())) || k + 1 == options.num_drifts) {
      break;  // all of the space that the first direction reaches, but for the error of the differences
    }
    beside.push_back(rest);
    std::swap(before, v);
    space.of(v) = space.of(image) / rest;
  }
  return largest_of(diagonal, beside);
}

}  // namespace mfld

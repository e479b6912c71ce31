#include "mfld/objective/curvature.hpp"

#include <Eigen/Eigenvalues>
#include <cmath>
#include <limits>

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

/// The derivative of the drift at one place.
class Hessian {
 public:
  Hessian(Objective<double>& objective, const Particles<double>& at, const Penalty<double>& penalty,
          const std::vector<unsigned char>& moved, Index most_terms)
      : objective_(&objective),
        at_(&at),
        penalty_(&penalty),
        moved_(&moved),
        terms_(some_terms(objective.num_terms(), most_terms)),
        distance_(relative_distance * (at.norm() > 0 ? at.norm() : 1)) {
    drift_at(at, here_);
  }

  /// image <- H v, |v| = 1.
  void apply(const Drift& v, Drift& image) {
    there_ = *at_ + distance_ * v;
    drift_at(there_, image);
    image = (image - here_) / distance_;
  }

 private:
  void drift_at(const Particles<double>& particles, Drift& drift) {
    drift.resize(particles.rows(), particles.cols());
    if (terms_.empty()) {
      objective_->drift(particles, drift);
    } else {
      objective_->drift_of(terms_, particles, drift);
    }
    add_penalty(*moved_, particles, *penalty_, drift);
    set_unmoved_to_zero(*moved_, drift);
  }

  Objective<double>* objective_;
  const Particles<double>* at_;
  const Penalty<double>* penalty_;
  const std::vector<unsigned char>* moved_;
  std::vector<Index> terms_;
  double distance_;
  Drift here_;
  Particles<double> there_;
};

/// Something of every direction, from no stream of random numbers: the fractional parts of multiples of the golden
/// ratio, around 0.
Drift first_direction(const Particles<double>& particles, const std::vector<unsigned char>& moved) {
  constexpr double golden = 0.6180339887498949;
  Drift v(particles.rows(), particles.cols());
  double k = 0;
  for (Index j = 0; j < v.rows(); ++j) {
    for (Index c = 0; c < v.cols(); ++c) {
      k += golden;
      v(j, c) = k - std::floor(k) - 0.5;
    }
  }
  set_unmoved_to_zero(moved, v);
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
                         const CurvatureOptions& options) {
  Hessian hessian(objective, particles, penalty, moved, options.most_terms);
  Drift v = first_direction(particles, moved);
  if (v.norm() == 0) {
    return 0;
  }
  v /= v.norm();
  Drift before = Drift::Zero(v.rows(), v.cols());
  Drift image;
  std::vector<double> diagonal;
  std::vector<double> beside;
  for (int k = 0; k < options.num_drifts; ++k) {
    hessian.apply(v, image);
    diagonal.push_back((v.array() * image.array()).sum());
    image -= diagonal.back() * v + (beside.empty() ? 0 : beside.back()) * before;
    const double rest = image.norm();
    if (!(rest > 1e-6 * std::abs(diagonal.back())) || k + 1 == options.num_drifts) {
      break;  // all of the space that the first direction reaches, but for the error of the differences
    }
    beside.push_back(rest);
    before = v;
    v = image / rest;
  }
  return largest_of(diagonal, beside);
}

}  // namespace mfld

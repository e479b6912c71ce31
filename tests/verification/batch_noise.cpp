#include <array>
#include <cmath>

#include "mfld/observe/observables.hpp"
#include "support/oracles/chain.hpp"
#include "support/statistics.hpp"
#include "verification/quadratic.hpp"
#include "verification/studies.hpp"

namespace mfld {

namespace {

constexpr double eta = 0.2;
constexpr int period = 3;  // steps from a snapshot to the next
constexpr auto with_samples = std::to_array<std::string_view>({"mfld", "sgd-mfld", "svrg-mfld"});

/// Means over the stationary law.
struct Stationary {
  double error = 0;  // E |m - m*|^2 of the mean of the particles
  double noise = 0;  // E |v_I - v|^2 of the drift's estimate
};

/// Second moments of (e, s), e = m - m* of the mean of the particles and s that of the snapshot. A step with one sample
/// i is linear in them: e <- (I - eta (A_i + 2 lambda1)) e + eta (A - A_i) s - eta gradient_i + noise of variance
/// 2 eta lambda2 / N a coordinate; A_i = x_i x_i', A their mean, gradient_i that of sample i at m*, 0 where a snapshot
/// corrects it.
class Moments {
 public:
  Moments(std::size_t method, Index width)
      : method_(method), heat_(2 * eta * problem_.lambda2 / static_cast<double>(width)) {}

  Stationary stationary() {
    Stationary sum;
    // Contracts by less than 0.9 a step.
    for (int k = 0; k < 600 + period; ++k) {
      if (k >= 600) {
        sum.noise += noise(k % period) / period;
      }
      step(k % period);
      if (k >= 600) {
        sum.error += moments_.topLeftCorner(2, 2).trace() / period;
      }
    }
    return sum;
  }

 private:
  bool is_exact(int k) const { return method_ == 0 || (method_ == 2 && k == 0); }
  Matrix square(Index i) const { return problem_.inputs.row(i).transpose() * problem_.inputs.row(i); }
  Matrix mean_square() const { return problem_.inputs.transpose() * problem_.inputs / 3; }

  /// The gradient of sample i at m*, with the penalty there: its mean over the samples is 0.
  Vector gradient(Index i) const {
    const double residual = problem_.inputs.row(i).dot(problem_.optimum) - problem_.targets[i];
    return problem_.inputs.row(i).transpose() * residual + 2 * problem_.lambda1 * problem_.optimum;
  }

  double noise(int k) const {
    if (is_exact(k)) {
      return 0;
    }
    double sum = 0;
    for (Index i = 0; i < 3; ++i) {
      Matrix move(2, 4);  // of (e, s)
      move << square(i) - mean_square(), (method_ == 2 ? 1.0 : 0.0) * (mean_square() - square(i));
      sum += (move * moments_ * move.transpose()).trace() / 3;
      sum += method_ == 1 ? gradient(i).squaredNorm() / 3 : 0.0;
    }
    return sum;
  }

  void step(int k) {
    if (k == 0) {  // the snapshot is the mean itself
      Matrix copy = Matrix::Zero(4, 4);
      copy.leftCols(2) << Matrix::Identity(2, 2), Matrix::Identity(2, 2);
      moments_ = (copy * moments_ * copy.transpose()).eval();
    }
    Matrix next = Matrix::Zero(4, 4);
    for (Index i = 0; i < 3; ++i) {
      const Matrix square_used = is_exact(k) ? mean_square() : square(i);
      Matrix move = Matrix::Identity(4, 4);
      move.topLeftCorner(2, 2) -= eta * (square_used + 2 * problem_.lambda1 * Matrix::Identity(2, 2));
      move.topRightCorner(2, 2) = (method_ == 2 ? eta : 0.0) * (square_used - mean_square());
      next += move * moments_ * move.transpose() / 3;
      if (method_ == 1) {
        next.topLeftCorner(2, 2) += eta * eta * gradient(i) * gradient(i).transpose() / 3;
      }
    }
    next.topLeftCorner(2, 2) += heat_ * Matrix::Identity(2, 2);
    moments_ = next;
  }

  Quadratic problem_;
  std::size_t method_;
  double heat_;
  Matrix moments_ = Matrix::Zero(4, 4);
};

/// The same two from the particles: their means, each with its standard error.
std::array<MeanTest, 2> simulate(std::string_view method, Index width) {
  constexpr std::int64_t burn_in = 300;
  constexpr std::int64_t batch = 1500;
  constexpr std::int64_t num_batches = 100;
  const Quadratic problem;
  ChainOptions options;
  options.inputs = problem.inputs;
  options.targets = problem.targets;
  options.method = method;
  options.step_size = eta;
  options.lambda1 = problem.lambda1;
  options.lambda2 = problem.lambda2;
  options.seed = static_cast<std::uint64_t>(width) + 1;
  const Chain chain(options, burn_in + batch * num_batches);
  const Particles<double> start = problem.optimum.transpose().replicate(width, 1);
  const Scene scene{&chain.network, &chain.risk,   &chain.data,
                    &start,         &chain.phases, {0, 0, options.seed, options.seed}};
  std::array<MeanTest, 2> means;
  MeanTest error;
  MeanTest noise;
  chain.run(options.seed, start, [&](const State<double>& state) {
    if (state.step <= burn_in) {
      return;
    }
    error.add((state.particles.colwise().mean().transpose() - problem.optimum).squaredNorm());
    if (method != with_samples[0] && state.step % 10 == 0 && state.step < burn_in + batch * num_batches) {
      noise.add(observe_now(scene, {"gradient_noise"}, state)[0]);
    }
    if ((state.step - burn_in) % batch == 0) {
      means[0].add(error.mean());
      means[1].add(method == with_samples[0] ? 0 : noise.mean());
      error = {};
      noise = {};
    }
  });
  return means;
}

}  // namespace

void study_batch_noise(const std::filesystem::path& folder) {
  std::vector<std::vector<double>> rows;
  for (std::size_t method = 0; method < with_samples.size(); ++method) {
    for (const Index width : {1, 4, 16, 64, 256, 1024, 4096}) {
      const auto [error, noise] = simulate(with_samples[method], width);
      const Stationary exact = Moments(method, width).stationary();
      rows.push_back({static_cast<double>(method), static_cast<double>(width), error.mean(), error.standard_error(),
                      exact.error, noise.mean(), noise.standard_error(), exact.noise});
    }
  }
  write_table(folder, "batch_noise", "method,width,error,error_error,exact_error,noise,noise_error,exact_noise", rows);
}

}  // namespace mfld

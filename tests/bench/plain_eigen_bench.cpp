// The step as one writes it with Eigen: the n x N activations in one matrix, elementwise operations in between.
#include <Eigen/Dense>
#include <random>

#include "bench/step_server.hpp"

namespace mfld::bench {

template <class Scalar>
class PlainEigen {
 public:
  using Array = Eigen::Array<Scalar, Eigen::Dynamic, Eigen::Dynamic>;
  using Matrix = Eigen::Matrix<Scalar, Eigen::Dynamic, Eigen::Dynamic>;
  using Vector = Eigen::Matrix<Scalar, Eigen::Dynamic, 1>;
  using Samples = std::vector<Eigen::Index>;

  explicit PlainEigen(const Problem& problem) : problem_(problem) {
    Eigen::MatrixXd inputs(problem.input_dim, problem.num_samples);
    read_doubles(problem, "inputs.bin", inputs.data(), inputs.size());
    inputs_ = inputs.transpose().cast<Scalar>();
    Eigen::VectorXd targets(problem.num_samples);
    read_doubles(problem, "targets.bin", targets.data(), targets.size());
    targets_ = targets.cast<Scalar>();
    start_over();
  }

  template <class Body>
  void with_threads(int threads, const Body& body) {
    Eigen::setNbThreads(threads);
    body();
  }

  void step() {
    if (problem_.batch_size > 0) {
      std::uniform_int_distribution<Eigen::Index> any(0, problem_.num_samples - 1);
      Samples samples(static_cast<std::size_t>(problem_.batch_size));
      std::generate(samples.begin(), samples.end(), [&] { return any(generator_); });
      descend(inputs_(samples, Eigen::all), targets_(samples));
    } else {
      descend(inputs_, targets_);
    }
    const auto amplitude = static_cast<Scalar>(std::sqrt(2 * temperature * step_size));
    std::normal_distribution<Scalar> normal;
    particles_ +=
        amplitude * Matrix::NullaryExpr(particles_.rows(), particles_.cols(), [&] { return normal(generator_); });
  }

  Samples batch() const { return {}; }

  void check(const std::string& path, const Samples& samples) {
    start_over();
    if (samples.empty()) {
      descend(inputs_, targets_);
    } else {
      descend(inputs_(samples, Eigen::all), targets_(samples));
    }
    const Eigen::MatrixXd result = particles_.template cast<double>();
    write_doubles(path, result.data(), result.size());
  }

 private:
  void start_over() {
    Eigen::MatrixXd particles(problem_.num_particles, problem_.num_columns());
    read_doubles(problem_, "particles.bin", particles.data(), particles.size());
    particles_ = particles.cast<Scalar>();
  }

  /// theta <- theta - eta (v + 2 lambda theta) with v the mean over samples of (f - y) grad h.
  void descend(const Matrix& x, const Vector& y) {
    const Eigen::Index d = problem_.input_dim;
    const auto r = particles_.col(0);
    const auto w = particles_.middleCols(1, d);
    const auto b = particles_.col(d + 1);
    // The one large matrix: first the activations, then c_i sigma'(z_ij). Kept, since a fresh one costs page faults.
    activations_.noalias() = x * w.transpose();
    activations_ = (activations_.rowwise() + b.transpose()).array().tanh().matrix();
    const Vector outputs = activations_ * r / static_cast<Scalar>(problem_.num_particles);
    const Vector c = (outputs - y) / static_cast<Scalar>(x.rows());
    drift_.resize(particles_.rows(), particles_.cols());
    drift_.col(0).noalias() = activations_.transpose() * c;
    activations_ = ((1 - activations_.array().square()).colwise() * c.array()).matrix();
    drift_.middleCols(1, d).noalias() = activations_.transpose() * x;
    drift_.middleCols(1, d).array().colwise() *= r.array();
    drift_.col(d + 1) = (activations_.colwise().sum().transpose().array() * r.array()).matrix();
    particles_ -= static_cast<Scalar>(step_size) * (drift_ + static_cast<Scalar>(2 * penalty) * particles_);
  }

  Problem problem_;
  Matrix inputs_;
  Vector targets_;
  Matrix particles_;
  Matrix activations_;
  Matrix drift_;
  std::mt19937_64 generator_{1};
};

template <class Scalar>
void run(const Problem& problem) {
  PlainEigen<Scalar> engine(problem);
  serve(engine);
}

}  // namespace mfld::bench

int main(int argc, char** argv) {
  CLI::App app("Times Langevin steps written plainly with Eigen.");
  mfld::bench::Problem problem;
  add_options(app, problem);
  CLI11_PARSE(app, argc, argv);
  problem.precision == "single" ? mfld::bench::run<float>(problem) : mfld::bench::run<double>(problem);
}

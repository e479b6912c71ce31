// Times the library's steps on a problem read from files, one request at a time.
#include "bench/mfld_steps.hpp"
#include "bench/step_server.hpp"

namespace mfld::bench {

Dataset read_data(const Problem& problem) {
  Dataset data;
  data.train_inputs.resize(problem.num_samples, problem.input_dim);
  read_doubles(problem, "inputs.bin", data.train_inputs.data(), data.train_inputs.size());
  data.train_targets.resize(problem.num_samples);
  read_doubles(problem, "targets.bin", data.train_targets.data(), data.train_targets.size());
  return data;
}

/// Column by column, so that reading takes no second copy of the ensemble.
template <class Scalar>
Particles<Scalar> read_particles(const Problem& problem) {
  Particles<Scalar> particles(problem.num_particles, problem.num_columns());
  std::ifstream file(problem.data + "/particles.bin", std::ios::binary);
  Vector column(particles.rows());
  for (Index k = 0; k < particles.cols(); ++k) {
    file.read(reinterpret_cast<char*>(column.data()), static_cast<std::streamsize>(sizeof(double)) * column.size());
    particles.col(k) = column.cast<Scalar>();
  }
  if (!file) {
    throw std::runtime_error(problem.data + "/particles.bin is too short");
  }
  return particles;
}

std::string method_of(const Problem& problem) {
  if (!problem.method.empty()) {
    return problem.method;
  }
  return problem.batch_size > 0 ? "sgd-mfld" : "mfld";
}

template <class Scalar>
class MfldEngine {
 public:
  explicit MfldEngine(const Problem& problem)
      : problem_(problem),
        steps_(neuron_of(problem.neuron), read_data(problem), read_particles<Scalar>(problem),
               phase_of(method_of(problem), problem.batch_size, step_size, penalty, temperature)) {}

  template <class Body>
  void with_threads(int threads, const Body& body) {
    mfld::with_threads(threads, body);
  }

  void step() { steps_.step(); }

  std::vector<Index> batch() const {
    std::vector<Index> samples(static_cast<std::size_t>(problem_.batch_size));
    draw_batch(1, 0, problem_.num_samples, Sampling::without_replacement, samples);
    return samples;
  }

  void check(const std::string& path, const std::vector<Index>& samples) {
    if (samples != batch()) {
      throw std::runtime_error("step 0 uses the samples that `batch` answers, and no others");
    }
    steps_.start_over(read_particles<Scalar>(problem_));
    steps_.step_without_noise();
    const Matrix result = steps_.particles().template cast<double>();
    write_doubles(path, result.data(), result.size());
  }

 private:
  Problem problem_;
  MfldSteps<Scalar> steps_;
};

template <class Scalar>
void run(const Problem& problem) {
  MfldEngine<Scalar> engine(problem);
  serve(engine);
}

}  // namespace mfld::bench

int main(int argc, char** argv) {
  CLI::App app("Times mfld's Langevin steps.");
  mfld::bench::Problem problem;
  add_options(app, problem);
  app.add_option("--neuron", problem.neuron)->check(CLI::IsMember({"tanh", "relu", "parity"}));
  app.add_option("--method", problem.method)->check(CLI::IsMember({"mfld", "sgd-mfld", "svrg-mfld"}));
  CLI11_PARSE(app, argc, argv);
  problem.precision == "single" ? mfld::bench::run<float>(problem) : mfld::bench::run<double>(problem);
}

// Times the tangent kernel of a deep ReLU network between inputs read from a file, one request at a time: the requests
// of step_server.hpp, a step being one whole kernel.
#include "bench/step_server.hpp"
#include "mfld/core/parallel.hpp"
#include "mfld/ntk/infinite_width.hpp"

namespace mfld::bench {

class KernelEngine {
 public:
  KernelEngine(Inputs inputs, int depth)
      : inputs_(std::move(inputs)), convention_(KernelConvention::arora(depth, Activation::relu)) {}

  template <class Body>
  void with_threads(int threads, const Body& body) {
    mfld::with_threads(threads, body);
  }

  void step() { kernel_ = infinite_width_kernel(convention_, Activation::relu, inputs_, KernelParts::ntk).ntk; }

  static std::vector<std::ptrdiff_t> batch() { return {}; }

  void check(const std::string& path, const std::vector<std::ptrdiff_t>& /*samples*/) {
    step();
    write_doubles(path, kernel_.data(), kernel_.size());
  }

 private:
  Inputs inputs_;
  KernelConvention convention_;
  Matrix kernel_;
};

int run(int argc, char** argv) {
  CLI::App app("Times the kernel of a deep ReLU network; comparison/kernels.py asks.");
  Problem problem;
  int depth = 3;
  app.add_option("--samples", problem.num_samples)->check(CLI::PositiveNumber);
  app.add_option("--dim", problem.input_dim)->check(CLI::PositiveNumber);
  app.add_option("--depth", depth)->check(CLI::PositiveNumber);
  app.add_option("--data", problem.data)->required()->check(CLI::ExistingDirectory);
  CLI11_PARSE(app, argc, argv);
  Inputs inputs(problem.num_samples, problem.input_dim);
  read_doubles(problem, "inputs.bin", inputs.data(), inputs.size());
  KernelEngine engine(std::move(inputs), depth);
  serve(engine);
  return 0;
}

}  // namespace mfld::bench

int main(int argc, char** argv) {
  try {
    return mfld::bench::run(argc, argv);
  } catch (const std::exception& error) {
    std::cerr << "kernel_matrix_bench: " << error.what() << '\n';
    return 1;
  }
}

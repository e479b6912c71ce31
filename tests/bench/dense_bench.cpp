// Seconds of dense symmetric matrices: all eigenvalues, a Cholesky factor, and ridge regression from a kernel, here, by
// Eigen and, where the build found a LAPACK, by that. A table in Markdown.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <Eigen/Cholesky>
#include <Eigen/Eigenvalues>
#include <algorithm>
#include <ctime>
#include <functional>
#include <iostream>

#include "mfld/core/parallel.hpp"
#include "mfld/core/stopwatch.hpp"
#include "mfld/linear/cholesky.hpp"
#include "mfld/linear/eigenvalues.hpp"
#include "mfld/model/network.hpp"
#include "mfld/ntk/kernel_regression.hpp"
#include "mfld/ntk/spectrum.hpp"
#include "support/random_normals.hpp"

#ifdef MFLD_LAPACK
extern "C" {
void dpotrf_(const char* part, const int* n, double* a, const int* stride, int* info);
void dpotrs_(const char* part, const int* n, const int* columns, const double* a, const int* stride, double* x,
             const int* x_stride, int* info);
void dsyevd_(const char* vectors, const char* part, const int* n, double* a, const int* stride, double* values,
             double* work, const int* num_work, int* iwork, const int* num_iwork, int* info);
void openblas_set_num_threads(int num_threads);
char* openblas_get_corename();
}
#endif

namespace mfld::bench {
namespace {

/// Of the processor, in all threads, since the program began.
double processor_seconds() { return static_cast<double>(std::clock()) / CLOCKS_PER_SEC; }

bool counts_processor = false;

/// Of the fastest of `turns`, each with the matrix as it was.
double seconds(int turns, const std::function<void(Matrix&)>& body, const Matrix& matrix) {
  double best = std::numeric_limits<double>::infinity();
  for (int turn = 0; turn < turns; ++turn) {
    Matrix own = matrix;
    const Clock::time_point start = Clock::now();
    const double processor_start = processor_seconds();
    body(own);
    best = std::min(best, counts_processor ? processor_seconds() - processor_start : seconds_since(start));
  }
  return best;
}

constexpr double ridge = 1e-3;

void eigen_ridge(Matrix& a) {
  const Index n = a.rows();
  a.diagonal().array() += static_cast<double>(n) * ridge;
  const Eigen::LLT<Eigen::Ref<Matrix>> factor(a);
  Vector x = Vector::Ones(n);
  factor.solveInPlace(x);
}

struct Work {
  std::string name;
  std::function<void(Matrix&)> mfld;
  std::function<void(Matrix&)> eigen;
  std::function<void(Matrix&)> lapack;
};

#ifdef MFLD_LAPACK
void lapack_factor(Matrix& a) {
  const int n = static_cast<int>(a.rows());
  int info = 0;
  dpotrf_("L", &n, a.data(), &n, &info);
}

void lapack_ridge(Matrix& a) {
  const int n = static_cast<int>(a.rows());
  const int one = 1;
  int info = 0;
  a.diagonal().array() += n * ridge;
  Vector x = Vector::Ones(n);
  lapack_factor(a);
  dpotrs_("L", &n, &one, a.data(), &n, x.data(), &n, &info);
}

void lapack_eigenvalues(Matrix& a) {
  const int n = static_cast<int>(a.rows());
  const int ask = -1;
  Vector values(n);
  double best_work = 0;
  int best_iwork = 0;
  int info = 0;
  dsyevd_("N", "L", &n, a.data(), &n, values.data(), &best_work, &ask, &best_iwork, &ask, &info);
  const int num_work = static_cast<int>(best_work);
  std::vector<double> work(static_cast<std::size_t>(num_work));
  std::vector<int> iwork(static_cast<std::size_t>(best_iwork));
  dsyevd_("N", "L", &n, a.data(), &n, values.data(), work.data(), &num_work, iwork.data(), &best_iwork, &info);
}

std::string set_lapack_threads(int threads) {
  openblas_set_num_threads(threads);
  return openblas_get_corename();
}
#else
constexpr auto lapack_factor = nullptr;
constexpr auto lapack_ridge = nullptr;
constexpr auto lapack_eigenvalues = nullptr;
std::string set_lapack_threads(int /*threads*/) { return "none"; }
#endif

std::vector<Work> works() {
  return {{"20 leading eigenvalues", [](Matrix& a) { empirical_eigenvalues(a, 20); }, nullptr, nullptr},
          {"100 leading eigenvalues", [](Matrix& a) { empirical_eigenvalues(a, 100); }, nullptr, nullptr},
          {"all eigenvalues", [](Matrix& a) { empirical_eigenvalues(a); },
           [](Matrix& a) { Eigen::SelfAdjointEigenSolver<Matrix>(a, Eigen::EigenvaluesOnly); }, lapack_eigenvalues},
          {"Cholesky factor", [](Matrix& a) { cholesky_in_place(a); },
           [](Matrix& a) { const Eigen::LLT<Eigen::Ref<Matrix>> factor(a); }, lapack_factor},
          {"ridge regression", [](Matrix& a) { KernelRegression::ridge(a, Vector::Ones(a.rows()), ridge); },
           eigen_ridge, lapack_ridge}};
}

int run(int argc, char** argv) {
  CLI::App app("Times dense symmetric matrices.");
  std::vector<Index> sizes = {1000, 2000, 5000};
  std::vector<int> threads = {1, 2};
  std::string set = "best";
  bool without_eigen = false;
  app.add_option("--sizes", sizes)->delimiter(',');
  app.add_option("--threads", threads)->delimiter(',');
  app.add_option("--instruction-set", set);
  app.add_flag("--processor", counts_processor,
               "seconds of the processor, for one thread on a machine that does other things");
  app.add_flag("--without-eigen", without_eigen, "which takes minutes at n = 5000");
  CLI11_PARSE(app, argc, argv);
  force_instruction_set(set);
  std::cout << fmt::format("instruction set {}; core type of OpenBLAS {}\n\n", instruction_set(), set_lapack_threads(1))
            << "| | n | threads | mfld, s | Eigen, s | LAPACK, s | mfld : LAPACK |\n|---|---|---|---|---|---|---|\n";
  for (const Index n : sizes) {
    const Matrix x = random_normals(n, 40, 1);
    const Matrix kernel = (x * x.transpose() / 40).array().exp().matrix();  // a kernel, of all ranks
    const int turns = n > 2500 ? 2 : 5;
    for (const Work& work : works()) {
      for (const int count : threads) {
        set_lapack_threads(count);
        const double own = with_threads(count, [&] { return seconds(turns, work.mfld, kernel); });
        const bool with_eigen = work.eigen && !without_eigen && count == 1;
        const double eigen = with_eigen ? seconds(1, work.eigen, kernel) : 0;
        const double lapack = work.lapack ? seconds(turns, work.lapack, kernel) : 0;
        const auto text = [](double value) { return value > 0 ? fmt::format("{:.3g}", value) : std::string(); };
        std::cout << fmt::format("| {} | {} | {} | {} | {} | {} | {} |\n", work.name, n, count, text(own), text(eigen),
                                 text(lapack), lapack > 0 ? fmt::format("{:.2f}", own / lapack) : "")
                  << std::flush;
      }
    }
  }
  return 0;
}

}  // namespace
}  // namespace mfld::bench

int main(int argc, char** argv) {
  try {
    return mfld::bench::run(argc, argv);
  } catch (const std::exception& error) {
    std::cerr << "dense_bench: " << error.what() << '\n';
    return 1;
  }
}

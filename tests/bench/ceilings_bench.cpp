// What this machine can do at most: multiply-adds, tanh and normals a second, each from data in the first-level cache.
// Answers a line "THREADS" with "fma_double fma_single tanh_double tanh_single normals_double normals_single", in units
// of 1e9 a second (a multiply-add counts as two operations).
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "bench/ceilings_bench.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "kernels/vector/noise-inl.hpp"

HWY_BEFORE_NAMESPACE();
namespace mfld::HWY_NAMESPACE {

/// Twelve independent chains x <- a x + b: more than latency times throughput, fewer than 16 registers.
template <class Scalar>
double multiply_adds(std::int64_t repetitions) {
  const hn::ScalableTag<Scalar> d;
  constexpr int chains = 12;
  hn::Vec<decltype(d)> x[chains];
  for (int i = 0; i < chains; ++i) {
    x[i] = hn::Set(d, static_cast<Scalar>(i));
  }
  const auto a = hn::Set(d, static_cast<Scalar>(0.5));
  const auto b = hn::Set(d, static_cast<Scalar>(repetitions));
  for (std::int64_t k = 0; k < repetitions; ++k) {
    for (int i = 0; i < chains; ++i) {
      x[i] = hn::MulAdd(x[i], a, b);
    }
  }
  auto sum = x[0];
  for (int i = 1; i < chains; ++i) {
    sum = hn::Add(sum, x[i]);
  }
  volatile Scalar used = hn::GetLane(sum);
  static_cast<void>(used);
  return 2.0 * chains * static_cast<double>(hn::Lanes(d)) * static_cast<double>(repetitions);
}

template <class Scalar>
double tanh_values(std::int64_t repetitions) {
  const hn::ScalableTag<Scalar> d;
  constexpr Index count = 1024;
  alignas(256) Scalar z[count];
  volatile Scalar used = 0;
  alignas(256) Scalar values[count];
  for (Index i = 0; i < count; ++i) {
    z[i] = static_cast<Scalar>(static_cast<double>(i) / count * 8 - 4);
  }
  for (std::int64_t k = 0; k < repetitions; ++k) {
    z[0] = static_cast<Scalar>(k & 1);
    for (Index i = 0; i < count; i += static_cast<Index>(hn::Lanes(d))) {
      hn::Store(tanh(d, hn::Load(d, z + i)), d, values + i);
    }
    used = values[k % count];
  }
  static_cast<void>(used);
  return static_cast<double>(count) * static_cast<double>(repetitions);
}

template <class Scalar>
double normal_values(std::int64_t repetitions) {
  constexpr Index num = noise_columns<Scalar>;
  constexpr Index count = 512;
  alignas(256) Scalar memory[num][count + 64];
  Scalar* xi[num];
  for (Index k = 0; k < num; ++k) {
    xi[k] = memory[k];
  }
  volatile Scalar used = 0;
  for (std::int64_t k = 0; k < repetitions; ++k) {
    normals_of_block({1, 2}, static_cast<std::uint64_t>(k), 0, 0, count, xi);
    used = memory[0][k % count] + memory[1][k % count];
  }
  static_cast<void>(used);
  return static_cast<double>(num * count) * static_cast<double>(repetitions);
}

double multiply_adds_double(std::int64_t repetitions) { return multiply_adds<double>(repetitions); }
double multiply_adds_single(std::int64_t repetitions) { return multiply_adds<float>(repetitions); }
double tanh_double(std::int64_t repetitions) { return tanh_values<double>(repetitions); }
double tanh_single(std::int64_t repetitions) { return tanh_values<float>(repetitions); }
double normals_double(std::int64_t repetitions) { return normal_values<double>(repetitions); }
double normals_single(std::int64_t repetitions) { return normal_values<float>(repetitions); }

}  // namespace mfld::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
#include <algorithm>
#include <atomic>
#include <chrono>
#include <iostream>
#include <thread>
#include <vector>

namespace mfld {

HWY_EXPORT(multiply_adds_double);
HWY_EXPORT(multiply_adds_single);
HWY_EXPORT(tanh_double);
HWY_EXPORT(tanh_single);
HWY_EXPORT(normals_double);
HWY_EXPORT(normals_single);

namespace {

/// Units of 1e9 a second when `threads` threads do the same work at once.
template <class Work>
double rate(int threads, std::int64_t repetitions, const Work& work) {
  std::atomic<int> waiting{threads};
  std::atomic<double> total{0};
  std::vector<double> seconds(static_cast<std::size_t>(threads));
  std::vector<std::thread> pool;
  for (double& mine : seconds) {
    pool.emplace_back([&] {
      work(repetitions / 10 + 1);
      --waiting;
      while (waiting > 0) {
      }
      const auto start = std::chrono::steady_clock::now();
      total += work(repetitions);
      mine = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    });
  }
  for (std::thread& thread : pool) {
    thread.join();
  }
  return total / *std::max_element(seconds.begin(), seconds.end()) * 1e-9;
}

}  // namespace

}  // namespace mfld

int main() {
  using namespace mfld;  // NOLINT(google-build-using-namespace): HWY_DYNAMIC_DISPATCH needs unqualified names
  for (int threads = 0; std::cin >> threads;) {
    std::cout << rate(threads, 2'000'000, HWY_DYNAMIC_DISPATCH(multiply_adds_double)) << ' '
              << rate(threads, 2'000'000, HWY_DYNAMIC_DISPATCH(multiply_adds_single)) << ' '
              << rate(threads, 30'000, HWY_DYNAMIC_DISPATCH(tanh_double)) << ' '
              << rate(threads, 60'000, HWY_DYNAMIC_DISPATCH(tanh_single)) << ' '
              << rate(threads, 10'000, HWY_DYNAMIC_DISPATCH(normals_double)) << ' '
              << rate(threads, 10'000, HWY_DYNAMIC_DISPATCH(normals_single)) << std::endl;
  }
}
#endif

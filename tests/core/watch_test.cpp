// Long computations hear that they are to stop, and say what part of them is done.
#include "mfld/core/watch.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

#include "mfld/linear/cholesky.hpp"
#include "mfld/linear/eigenvalues.hpp"
#include "mfld/ntk/empirical.hpp"
#include "mfld/ntk/infinite_width.hpp"
#include "support/file_text.hpp"
#include "support/random_normals.hpp"

namespace mfld {
namespace {

using test::mentions;
using test::message_of;

TEST(Watch, OfNobodyHearsNothing) {
  const Watch watch;
  EXPECT_FALSE(watch.is_there());
  watch.hear(0.5);
  watch.within(0.2, 0.3).hear(0.5);
}

TEST(Watch, EveryTaskIsDoneOnce) {
  for (const Index num_tasks : {0, 1, 15, 16, 17, 1600, 1601, 5000}) {
    std::vector<int> done(static_cast<std::size_t>(num_tasks));
    std::vector<double> parts;
    const Watch watch(nullptr, "counting", [&](double part) { parts.push_back(part); });
    with_threads(2,
                 [&] { for_each_task(num_tasks, watch, [&](Index task) { ++done[static_cast<std::size_t>(task)]; }); });
    EXPECT_EQ(std::count(done.begin(), done.end(), 1), num_tasks);
    EXPECT_TRUE(std::is_sorted(parts.begin(), parts.end()));
    EXPECT_EQ(parts.empty() ? 1 : parts.back(), 1);
    EXPECT_LE(parts.size(), 100U);
    if (num_tasks >= 1600) {
      EXPECT_GE(parts.size(), 90U);
    }
  }
}

/// The threads of a large machine do not wait for one another at every few tasks.
TEST(Watch, LeavesWorkForManyThreads) {
  for (const int num_threads : {2, 64}) {
    std::vector<double> parts;
    const Watch watch(nullptr, "counting", [&](double part) { parts.push_back(part); });
    with_threads(num_threads, [&] { for_each_task(1024, watch, [](Index /*task*/) {}); });
    EXPECT_EQ(parts.size(), num_threads == 2 ? 64U : 4U);
  }
}

TEST(Watch, OfAPartHearsOfThatPart) {
  std::vector<double> parts;
  const Watch watch(nullptr, "counting", [&](double part) { parts.push_back(part); });
  watch.within(0.25, 0.75).within(0.5, 1).hear(0.5);
  EXPECT_EQ(parts, std::vector<double>{0.625});
}

/// Runs work(watch) to its end, then again until a tenth of it is done, when somebody asks it to stop.
template <class Work>
void expect_it_stops(const char* name, const Work& work) {
  std::vector<double> parts;
  work(Watch(nullptr, name, [&](double part) { parts.push_back(part); }));
  EXPECT_GE(parts.size(), 3U) << name;
  EXPECT_TRUE(std::is_sorted(parts.begin(), parts.end())) << name;
  EXPECT_GE(parts.front(), 0) << name;
  EXPECT_LE(parts.back(), 1) << name;
  EXPECT_GE(parts.back(), 0.9) << name;
  std::atomic<bool> stop = false;
  double last = 0;
  const Watch watch(&stop, name, [&](double part) {
    last = part;
    stop = part >= 0.1;
  });
  EXPECT_TRUE(mentions(message_of<Interrupted>([&] { work(watch); }), name)) << name;
  EXPECT_LT(last, 0.9) << name;
}

TEST(Watch, LongComputationsStop) {
  const Matrix x = random_normals(900, 5, 1);
  const Matrix kernel = x * x.transpose() + 10 * Matrix::Identity(900, 900);
  expect_it_stops("factor", [&](const Watch& watch) {
    Matrix factor = kernel;
    cholesky_in_place(factor, watch);
  });
  expect_it_stops("eigenvalues", [&](const Watch& watch) { symmetric_eigenvalues(kernel, watch); });
  const Inputs inputs = x;
  expect_it_stops("kernel", [&](const Watch& watch) {
    infinite_width_kernel(KernelConvention::two_layer(), Activation::relu, inputs, KernelParts::ntk, watch);
  });
  expect_it_stops("kernel of two", [&](const Watch& watch) {
    infinite_width_kernel(KernelConvention::two_layer(), Activation::relu, inputs, inputs, KernelParts::ntk, watch);
  });
  const Network network({}, 5, {});
  const Particles<double> particles = random_normals(2000, network.layout().size, 2);
  expect_it_stops("tangent kernel",
                  [&](const Watch& watch) { empirical_ntk(network, particles, inputs, inputs, watch); });
  expect_it_stops("features", [&](const Watch& watch) { conjugate_kernel(network, particles, inputs, inputs, watch); });
}

TEST(Watch, LeadingEigenvaluesStop) {
  const Matrix x = random_normals(900, 900, 3);
  std::atomic<bool> stop = false;
  const Watch watch(&stop, "leading", [&, count = 0](double) mutable { stop = ++count == 10; });
  EXPECT_THROW(leading_eigenvalues(x * x.transpose(), 10, watch), Interrupted);
}

}  // namespace
}  // namespace mfld

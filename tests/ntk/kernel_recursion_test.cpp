// Kernels of infinite width against the same recursion with 50 digits, at random inputs.
#include <gtest/gtest.h>

#include <cmath>
#include <random>
#include <vector>

#include "mfld/ntk/infinite_width.hpp"
#include "support/instruction_sets.hpp"
#include "support/oracles/kernel_recursion.hpp"

namespace mfld {
namespace {

using test::angle_of;
using test::expect_close;
using test::first_layer;
using test::FirstLayer;
using test::Quad;
using test::quad_kernel;
using test::quad_pi;
using test::quad_relu;
using test::QuadDual;
using test::QuadKernel;
using test::random_inputs;

std::vector<KernelConvention> conventions_of_depth(int depth, Index d, Activation activation) {
  return {KernelConvention::jacot(depth, 0.1, d), KernelConvention::lee(depth, 1.8, 0.05, d),
          KernelConvention::arora(depth, activation)};
}

TEST(KernelRecursion, ReluMatchesTheRecursionAtRandomInputsToDepthFive) {
  const Inputs x = random_inputs(70, 6, 1);
  const Inputs z = random_inputs(2, 6, 2);
  for (int depth = 1; depth <= 5; ++depth) {
    for (const KernelConvention& convention : conventions_of_depth(depth, 6, Activation::relu)) {
      std::vector<QuadKernel> want;
      for (Index i = 0; i < x.rows(); ++i) {
        for (Index j = 0; j < z.rows(); ++j) {
          want.push_back(quad_kernel(convention, first_layer(convention, x, i, z, j), quad_relu));
        }
      }
      on_every_instruction_set([&] {
        const auto got = infinite_width_kernel(convention, Activation::relu, x, z);
        for (Index i = 0; i < x.rows(); ++i) {
          for (Index j = 0; j < z.rows(); ++j) {
            const QuadKernel& entry = want[static_cast<std::size_t>(i * z.rows() + j)];
            expect_close(got.nngp(i, j), entry.nngp);
            expect_close(got.ntk(i, j), entry.ntk);
          }
        }
      });
    }
  }
}

TEST(KernelRecursion, SquaredReluAndErfMatchTheRecursion) {
  const auto squared = [](Quad root_a, Quad root_b, Quad angle) -> QuadDual {
    const Quad norms = root_a * root_b;
    const Quad degree_two = 3 * sin(angle) * cos(angle) + (quad_pi - angle) * (1 + 2 * cos(angle) * cos(angle));
    return {norms * norms * degree_two / (2 * quad_pi), 4 * quad_relu(root_a, root_b, angle).value};
  };
  const auto erf = [](Quad root_a, Quad root_b, Quad angle) -> QuadDual {
    const Quad a = 1 + 2 * root_a * root_a;
    const Quad b = 1 + 2 * root_b * root_b;
    const Quad c = 2 * root_a * root_b * cos(angle);
    return {2 / quad_pi * asin(c / sqrt(a * b)), 4 / quad_pi / sqrt(a * b - c * c)};
  };
  const Inputs x = random_inputs(8, 4, 3);
  const auto compare = [&](Activation kind, const auto& dual, const KernelConvention& convention) {
    const auto got = infinite_width_kernel(convention, kind, x);
    for (Index i = 0; i < x.rows(); ++i) {
      for (Index j = 0; j < x.rows(); ++j) {
        const QuadKernel want = quad_kernel(convention, first_layer(convention, x, i, x, j), dual);
        expect_close(got.nngp(i, j), want.nngp);
        expect_close(got.ntk(i, j), want.ntk);
      }
    }
  };
  for (int depth = 1; depth <= 5; ++depth) {
    compare(Activation::erf, erf, KernelConvention::lee(depth, 1.5, 0.05, 4));
    compare(Activation::squared_relu, squared, KernelConvention::lee(depth, 0.7, 0.05, 4));
  }
}

TEST(KernelRecursion, NearParallelAndAntiparallelInputsKeepTheirAngle) {
  std::mt19937_64 engine(4);
  std::normal_distribution<double> normal;
  const Index d = 5;
  const Inputs base = random_inputs(6, d, 5);
  for (const double distance : {3e-2, 1e-2, 1e-4, 1e-6, 1e-8, 1e-10, 0.0}) {
    for (const double sign : {1.0, -1.0}) {
      Inputs moved = base;
      for (Index i = 0; i < base.rows(); ++i) {
        for (Index k = 0; k < d; ++k) {
          moved(i, k) = sign * (base(i, k) * 1.7 + distance * normal(engine));
        }
      }
      for (int depth = 2; depth <= 5; ++depth) {
        for (const KernelConvention& convention : conventions_of_depth(depth, d, Activation::relu)) {
          const auto got = infinite_width_kernel(convention, Activation::relu, base, moved);
          for (Index i = 0; i < base.rows(); ++i) {
            const QuadKernel want = quad_kernel(convention, first_layer(convention, base, i, moved, i), quad_relu);
            expect_close(got.ntk(i, i), want.ntk);
            expect_close(got.nngp(i, i), want.nngp);
          }
        }
      }
      // One layer: the relative error even of kappa_0 near opposite inputs, where it vanishes, is that of the angle.
      const auto convention = KernelConvention::two_layer_hidden();
      const auto hidden = infinite_width_kernel(convention, Activation::relu, base, moved);
      for (Index i = 0; i < base.rows(); ++i) {
        const FirstLayer f = first_layer(convention, base, i, moved, i);
        const Quad angle = angle_of(f.a, f.b, f.c);
        const auto opening = static_cast<double>(sign > 0 ? angle : Quad(quad_pi - angle));
        const auto want = static_cast<double>(f.c * quad_relu(f.a, f.b, angle).slope);
        if (opening > 1e-14) {
          EXPECT_NEAR(hidden.ntk(i, i) / want, 1, 1e-13 + 4e-16 / opening) << distance;
        }
      }
    }
  }
}

}  // namespace
}  // namespace mfld

#include <gtest/gtest.h>

#include <cmath>

#include "support/oracles/quartic_chain.hpp"

namespace mfld {
namespace {

TEST(Steps, HaveTheirOrderInTheStepSizeOnANonlinearForce) {
  // The errors that the three chains have, of order 1, 2 and 2: by iterating their transition operators on a grid
  // (cubic splines and Gauss-Hermite sums, or Fourier shifts in position and velocity) until they rest. Five standard
  // errors: false alarm below 1e-4 a line by the t law of 19 degrees of freedom.
  struct Case {
    StepKind kind;
    double step_size;
    double error;
    std::int64_t steps_of_block;
  };
  for (const Case& each : {Case{StepKind::euler_maruyama, 0.1, 0.066867, 10},
                           {StepKind::euler_maruyama, 0.05, 0.030345, 20},
                           {StepKind::leimkuhler_matthews, 0.2, -0.0050171, 40},
                           {StepKind::leimkuhler_matthews, 0.1, -0.0013169, 80},
                           {StepKind::kinetic, 0.3, -0.0025022, 60},
                           {StepKind::kinetic, 0.2, -0.0010371, 80}}) {
    const Estimated found = error_of_moment(each.kind, each.step_size, each.steps_of_block);
    EXPECT_NEAR(found.value, each.error, 5 * found.standard_error) << info(each.kind).name << " " << each.step_size;
    EXPECT_LT(8 * found.standard_error, std::abs(each.error)) << "the test could not tell the error from none";
  }
}

}  // namespace
}  // namespace mfld

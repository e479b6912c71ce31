#include <limits>

#include "support/oracles/quartic_chain.hpp"
#include "verification/studies.hpp"

namespace mfld {

void study_step_order(const std::filesystem::path& folder) {
  // The number of each in the figure's table.
  const auto number_of = [](StepKind kind) {
    return kind == StepKind::euler_maruyama ? 0.0 : kind == StepKind::leimkuhler_matthews ? 1.0 : 2.0;
  };
  constexpr double unknown = std::numeric_limits<double>::quiet_NaN();
  struct Case {
    StepKind kind;
    double step_size;
    std::int64_t steps_of_block;
    double exact;  // by iterating the transition operator of the chain: cubic splines and 80 Gauss-Hermite nodes
  };
  std::vector<std::vector<double>> rows;
  for (const Case& each : {Case{StepKind::euler_maruyama, 0.0125, 100, 0.00719528226},
                           {StepKind::euler_maruyama, 0.025, 40, 0.01463059962},
                           {StepKind::euler_maruyama, 0.05, 40, 0.0303445376},
                           {StepKind::euler_maruyama, 0.1, 10, 0.06686702085},
                           {StepKind::leimkuhler_matthews, 0.06, 300, -0.0004336897964},
                           {StepKind::leimkuhler_matthews, 0.085, 250, -0.0009212285238},
                           {StepKind::leimkuhler_matthews, 0.12, 120, -0.001967748437},
                           {StepKind::leimkuhler_matthews, 0.17, 60, -0.00400606056},
                           {StepKind::kinetic, 0.14, 300, unknown},
                           {StepKind::kinetic, 0.2, 200, unknown},
                           {StepKind::kinetic, 0.28, 100, unknown},
                           {StepKind::kinetic, 0.4, 60, unknown}}) {
    const Estimated error = error_of_moment(each.kind, each.step_size, each.steps_of_block);
    rows.push_back({number_of(each.kind), each.step_size, error.value, error.standard_error, each.exact});
  }
  write_table(folder, "step_order", "step,step_size,error,standard_error,exact", rows);
}

}  // namespace mfld

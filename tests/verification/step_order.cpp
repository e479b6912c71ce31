#include "support/quartic_chain.hpp"
#include "verification/studies.hpp"

namespace mfld {

void study_step_order(const std::filesystem::path& folder) {
  struct Case {
    StepKind kind;
    double step_size;
    std::int64_t steps_of_block;
  };
  std::vector<std::vector<double>> rows;
  for (const Case& each : {Case{StepKind::euler_maruyama, 0.0125, 100},
                           {StepKind::euler_maruyama, 0.025, 40},
                           {StepKind::euler_maruyama, 0.05, 40},
                           {StepKind::euler_maruyama, 0.1, 10},
                           {StepKind::leimkuhler_matthews, 0.06, 300},
                           {StepKind::leimkuhler_matthews, 0.085, 250},
                           {StepKind::leimkuhler_matthews, 0.12, 120},
                           {StepKind::leimkuhler_matthews, 0.17, 60},
                           {StepKind::kinetic, 0.14, 300},
                           {StepKind::kinetic, 0.2, 200},
                           {StepKind::kinetic, 0.28, 100},
                           {StepKind::kinetic, 0.4, 60}}) {
    const Estimated error = error_of_moment(each.kind, each.step_size, each.steps_of_block);
    rows.push_back({static_cast<double>(each.kind), each.step_size, error.value, error.standard_error});
  }
  write_table(folder, "step_order", "step,step_size,error,standard_error", rows);
}

}  // namespace mfld

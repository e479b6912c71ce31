#include "selfcheck/run.hpp"

#include <atomic>
#include <memory>
#include <utility>

#include "mfld/objective/empirical_risk.hpp"
#include "mfld/task/teacher_student.hpp"

namespace mfld::theorems {

namespace {

class Looking : public Listener<double> {
 public:
  explicit Looking(const std::function<void(const State<double>&)>& look) : look_(look) {}
  void hear(const State<double>& state, Ending /*ending*/) override { look_(state); }

 private:
  const std::function<void(const State<double>&)>& look_;
};

}  // namespace

State<double> SelfcheckRun::from(State<double> start, std::int64_t step_limit,
                                 const std::function<void(const State<double>&)>& look) const {
  const Risk risk({}, Reduction::mean);
  Simulation<double> simulation(std::make_unique<EmpiricalRisk<double>>(network, risk, data), phases, {1, 2, 3, 4},
                                std::move(start));
  Looking listener(look);
  simulation.run(listener, std::atomic<bool>(false), step_limit);
  return simulation.state();
}

Phase selfcheck_phase(std::string_view method, std::int64_t num_steps, double step_size, double lambda1,
                      double lambda2) {
  Phase phase;
  phase.method = find_method(method);
  phase.num_steps = num_steps;
  phase.step_size.value = step_size;
  phase.lambda1.value = lambda1;
  phase.temperature.value = lambda2;
  phase.step_rule = phase.method->defaults.step_rule;
  return phase;
}

Dataset selfcheck_samples(Index num_samples) {
  TeacherStudentOptions task;
  task.num_train = num_samples;
  return make_teacher_student(task, 1);
}

}  // namespace mfld::theorems

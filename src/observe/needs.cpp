#include "mfld/observe/needs.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <string_view>

#include "mfld/observe/gradient_noise.hpp"
#include "mfld/observe/harmonics.hpp"
#include "mfld/observe/linearisation.hpp"
#include "mfld/trust/log_sobolev.hpp"
#include "mfld/trust/proximal_gibbs.hpp"

namespace mfld {

namespace {

/// Any loss will do: the sign of the output is a class whenever the labels are.
bool has_classes(const Scene& scene) {
  const auto is_class = [](double y) { return y == 1 || y == -1; };
  const auto all_classes = [&is_class](const Vector& y) { return std::all_of(y.begin(), y.end(), is_class); };
  return all_classes(scene.data->train_targets) && all_classes(scene.data->test_targets);
}

bool has_plane(const Scene& scene) { return scene.data->input_dim() >= 2; }

bool has_unit_inputs(const Scene& scene) { return has_plane(scene) && rows_are_unit_vectors(scene.data->train_inputs); }

bool trains_all(const Scene& scene) {
  const auto& trained = scene.network().trained();
  return std::all_of(trained.begin(), trained.end(), [](unsigned char moves) { return moves != 0; });
}

bool has_batches(const Scene& scene) {
  return scene.phases != nullptr && std::any_of(scene.phases->begin(), scene.phases->end(),
                                                [](const Phase& phase) { return has_gradient_noise(phase); });
}

bool has_dual_ascent(const Scene& scene) {
  return scene.phases != nullptr && std::any_of(scene.phases->begin(), scene.phases->end(), [](const Phase& phase) {
           return phase.method->estimator == Estimator::dual_ascent;
         });
}

bool has_ridge(const Scene& scene) {
  return scene.phases != nullptr && std::any_of(scene.phases->begin(), scene.phases->end(),
                                                [](const Phase& phase) { return phase.solves_readout(); });
}

bool has_start(const Scene& scene) { return scene.initial != nullptr; }

/// Alike on all ranks: of a law, that of some says it of all.
bool has_nonzero_start(const Scene& scene) {
  return has_start(scene) &&
         (scene.initial->topRows(scene.num_common < 0 ? scene.initial->rows() : scene.num_common).array() != 0).any();
}

std::optional<std::string> no_neighbours(const Scene& scene) {
  if (scene.initial == nullptr || scene.initial->rows() > num_neighbours) {
    return std::nullopt;
  }
  return fmt::format("needs network.width above {}, and it is {}", num_neighbours, scene.initial->rows());
}

std::optional<std::string> no_mean_field(const Scene& scene) { return mean_field_unavailable(*scene.model); }

std::optional<std::string> no_gibbs_integral(const Scene& scene) { return gibbs_integral_unavailable(scene.network()); }

std::optional<std::string> no_log_sobolev(const Scene& scene) { return log_sobolev_unavailable(scene.network()); }

/// One phase that has the law is enough: the rows of the others say that there is no number.
std::optional<std::string> no_gibbs_law(const Scene& scene) {
  if (scene.phases == nullptr || scene.phases->empty()) {
    return "needs phases of a Langevin method";
  }
  std::optional<std::string> lacking;
  bool some = false;
  for (std::size_t k = 0; k < scene.phases->size(); ++k) {
    const Phase& phase = (*scene.phases)[k];
    const auto reason = gibbs_law_lacking(phase);
    if (!reason && phase.averaging) {
      return fmt::format("needs phase.{}.averaging = false: averages of particles are a sample of no law", k);
    }
    if (reason && !lacking) {
      lacking = fmt::format("needs a phase with lambda1 > 0, lambda2 > 0 and anchor = \"zero\", and in phase.{} {}", k,
                            *reason);
    }
    some = some || !reason;
  }
  return some ? std::nullopt : lacking;
}

/// A need that not every scene meets.
struct Condition {
  bool Needs::*need;
  bool (*is_met)(const Scene&);
  std::string_view otherwise;
};

constexpr auto conditions = std::to_array<Condition>({
    {&Needs::network, [](const Scene& scene) { return scene.objective == nullptr; },
     "needs a network, and the particles are points"},
    {&Needs::points, [](const Scene& scene) { return scene.objective != nullptr; },
     "needs particles that are points (objective.kind)"},
    {&Needs::test_samples, [](const Scene& scene) { return scene.data->num_test() > 0; },
     "needs test samples (num_test > 0)"},
    {&Needs::classes, has_classes, "needs labels that are all -1 or +1"},
    {&Needs::teacher, [](const Scene& scene) { return scene.data->teacher.has_value(); },
     "needs a teacher (task teacher-student)"},
    {&Needs::relevant_subspace, [](const Scene& scene) { return scene.data->relevant_subspace.cols() > 0; },
     "needs a task whose relevant directions are known (any kind but file and arrays)"},
    {&Needs::output_parameter, [](const Scene& scene) { return scene.network().layout().output >= 0; },
     "needs a neuron with an output parameter r"},
    {&Needs::unit_inputs, has_unit_inputs, "needs training inputs that are unit vectors, of dimension 2 at least"},
    {&Needs::plane, has_plane, "needs inputs of dimension 2 at least"},
    {&Needs::initial_particles, has_start, "needs the initial particles"},
    {&Needs::nonzero_start, has_nonzero_start, "needs initial particles that are not all zero"},
    {&Needs::neighbours, [](const Scene& scene) { return scene.objective == nullptr || !scene.objective->is_periodic; },
     "needs distances in R^d, and the points are on a torus (objective.kernel)"},
    {&Needs::pairs, [](const Scene& scene) { return scene.initial == nullptr || scene.initial->rows() >= 2; },
     "needs network.width of at least 2"},
    {&Needs::all_trained, trains_all, "needs a network all of whose parameters are trained (network.train)"},
    {&Needs::ridge, has_ridge, "needs a phase that solves the readout (readout = \"ridge\", or ridge-readout)"},
    {&Needs::batches, has_batches,
     "needs a phase that draws fresh mini-batches of all samples, without label noise, and moves all of network.train "
     "(sgd, sgd-mfld, svrg-mfld, ...)"},
    {&Needs::dual_ascent, has_dual_ascent, "needs a phase with method = \"p-sdca\""},
    {&Needs::conjugate, [](const Scene& scene) { return scene.risk->loss().own == nullptr; },
     "needs a loss whose conjugate is known, a row of `mfld list losses`"},
    {&Needs::linearised_descent,
     [](const Scene& scene) { return has_linearised_descent(scene.risk->loss(), scene.phases, scene.initial); },
     "needs the squared loss and gd as the only phase, of all parameters on all samples with their own labels, with a "
     "constant step_size, "
     "step = \"euler-maruyama\" and no penalty"},
});

/// The same where the sentence tells more.
struct Explanation {
  bool Needs::*need;
  std::optional<std::string> (*lacking)(const Scene&);
};

constexpr auto explanations = std::to_array<Explanation>({{&Needs::mean_field, no_mean_field},
                                                          {&Needs::gibbs_integral, no_gibbs_integral},
                                                          {&Needs::log_sobolev, no_log_sobolev},
                                                          {&Needs::neighbours, no_neighbours},
                                                          {&Needs::gibbs_law, no_gibbs_law}});

}  // namespace

std::optional<std::string> gibbs_law_lacking(const Phase& phase) {
  if (phase.anchor == Anchor::start) {
    return "the penalty is from the start (anchor)";
  }
  if (phase.lambda1_fourth.value != 0) {
    return "the penalty has a fourth power (lambda1_fourth)";
  }
  if (phase.solves_readout()) {
    return "the output weights are solved for (readout)";
  }
  if (!phase.moved.empty()) {
    return "only some of the parameters move (train)";
  }
  if (!phase.takes_all_samples()) {
    return "the risk is of some of the samples (samples)";
  }
  if (phase.step_rule == StepKind::sphere || phase.step_rule == StepKind::ball) {
    return fmt::format("the particles stay {} (step)",
                       phase.step_rule == StepKind::sphere ? "on a sphere" : "in a ball");
  }
  // No schedule is 0 first and more later.
  if (phase.temperature_at(0) == 0) {
    return "lambda2 is 0";
  }
  if (phase.penalty_at(0) == 0) {
    return "lambda1 is 0";
  }
  return std::nullopt;
}

std::optional<std::string> what_is_lacking(const Needs& needs, const Scene& scene) {
  const auto lacking = std::find_if(conditions.begin(), conditions.end(), [&](const Condition& condition) {
    return needs.*condition.need && !condition.is_met(scene);
  });
  if (lacking != conditions.end()) {
    return std::string(lacking->otherwise);
  }
  for (const Explanation& each : explanations) {
    if (auto reason = needs.*each.need ? each.lacking(scene) : std::nullopt) {
      return reason;
    }
  }
  return std::nullopt;
}

}  // namespace mfld

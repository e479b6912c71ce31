// mfld list.
#include <fmt/format.h>

#include <array>
#include <string_view>

#include "commands.hpp"
#include "mfld/config/experiment.hpp"
#include "mfld/config/objective_table.hpp"
#include "mfld/config/task_table.hpp"
#include "mfld/observe/observables.hpp"
#include "mfld/task/index_model.hpp"
#include "say.hpp"

namespace commands {

namespace {

void list_tasks() {
  for (const mfld::TaskRow& row : mfld::tasks()) {
    print(fmt::format("  {:<20} {}\n", row.name, row.formula));
  }
}

void list_objectives() {
  for (const mfld::ObjectiveRow& row : mfld::objectives()) {
    print(fmt::format("  {:<20} {}\n", row.name, row.formula));
  }
}

void list_neurons() {
  for (const mfld::NeuronInfo& row : mfld::neurons) {
    print(fmt::format("  {:<20} {}; sigma {}{}; bias {}{}\n", row.name, row.formula, mfld::info(row.activation).name,
                      row.fixed_activation ? "" : " by default", row.bias_default ? "yes" : "no",
                      row.bias_optional ? " by default" : ""));
  }
}

void list_activations() {
  for (const mfld::ActivationInfo& row : mfld::activations) {
    print(fmt::format("  {:<20} {}\n", row.name, row.formula));
  }
}

void list_losses() {
  for (const mfld::LossInfo& row : mfld::losses()) {
    print(fmt::format("  {:<20} {}\n", row.name, mfld::Loss{row.kind}.describe()));
  }
}

void list_scalings() {
  for (const auto& row : mfld::scaling_names) {
    print(fmt::format("  {:<20} {}\n", row.name, mfld::Scaling{row.value}.describe()));
  }
}

void list_methods() {
  for (const mfld::Method& row : mfld::methods) {
    print(fmt::format("  {:<20} {}\n  {:<20} ({})\n", row.name, row.update, "", row.source));
  }
  using Kernel = mfld::KernelMethod;
  print(fmt::format("  {:<20} {}\n  {:<20} ({})\n", Kernel::method_name, Kernel::update, "", Kernel::source));
}

void list_steps() {
  for (const mfld::StepInfo& row : mfld::step_rules) {
    print(fmt::format("  {:<20} {}\n  {:<20} ({})\n", row.name, row.update, "", row.source));
  }
}

void list_kernels() {
  for (const mfld::RegressionKernelInfo& row : mfld::regression_kernels) {
    print(fmt::format("  {:<20} {}\n", row.name, row.formula));
  }
}

void list_conventions() {
  for (const mfld::KernelConventionInfo& row : mfld::kernel_conventions) {
    print(fmt::format("  {:<20} {}\n", row.name, row.formula));
  }
}

void list_observables() {
  for (const mfld::Observable& row : mfld::observables()) {
    print(fmt::format("  {:<20} {}\n", row.name, row.formula));
  }
}

void list_schedules() {
  for (const mfld::ScheduleInfo& row : mfld::schedules) {
    print(fmt::format("  {:<20} {}\n", row.name, row.formula));
  }
}

void list_links() {
  for (const mfld::IndexLinkInfo& row : mfld::index_links) {
    print(fmt::format("  {:<20} {}\n", row.name, row.formula));
  }
}

void list_keys() {
  for (const mfld::KeyInfo& key : mfld::describe_keys()) {
    print(fmt::format("  {:<30} {}\n  {:<30} {}; {}{}{}\n", key.path, key.doc, "", key.allowed,
                      key.fallback == "required" ? "" : "default: ", key.fallback,
                      key.where.empty() ? "" : "; only with " + key.where));
  }
}

struct Topic {
  std::string_view name;
  std::string_view title;
  void (*print_rows)();
};

constexpr std::array<Topic, 14> topics = {{
    {"tasks", "[task] kind", list_tasks},
    {"objectives", "[objective] kind: what a run minimises", list_objectives},
    {"neurons", "[network] neuron: h(theta; x), theta = (r, w, b)", list_neurons},
    {"activations", "[network] activation: sigma", list_activations},
    {"scalings", "[network] scaling", list_scalings},
    {"losses", "[loss] kind", list_losses},
    {"methods", "[[phase]] method: eta the step size, v the drift, xi normal", list_methods},
    {"steps", "[[phase]] step: how a particle moves, v the drift with its penalty", list_steps},
    {"kernels", "[[phase]] kernel of the method kernel-regression", list_kernels},
    {"conventions", "[[phase]] convention, mfld kernel --convention: networks of infinite width", list_conventions},
    {"observables", "[observe] columns", list_observables},
    {"schedules", "kind of step_size, lambda1, lambda1_fourth and lambda2: at step k = 0..K-1 of the phase",
     list_schedules},
    {"links", "[task] link of single-index and multi-index: the label of z, x = z or a rotation of it", list_links},
    {"keys", "keys of an experiment file; --set writes phase.0.steps for steps of the first [[phase]]", list_keys},
}};

}  // namespace

std::vector<std::string> list_topics() { return mfld::names_of(topics); }

ExitStatus list(const std::string& chosen) {
  for (const Topic& topic : topics) {
    if (chosen.empty() || chosen == topic.name) {
      print(fmt::format("{} ({})\n", topic.name, topic.title));
      topic.print_rows();
    }
  }
  return finished;
}

}  // namespace commands

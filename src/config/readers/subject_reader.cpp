#include <fmt/format.h>

#include <algorithm>

#include "config/readers/readers.hpp"
#include "mfld/config/objective_table.hpp"
#include "mfld/config/task_table.hpp"
#include "mfld/core/error.hpp"
#include "mfld/core/invalid_option.hpp"

namespace mfld::readers {

namespace {

std::string with_task(std::string_view kind) { return fmt::format("task.kind = \"{}\"", kind); }

std::string with_objective(std::string_view kind) { return fmt::format("objective.kind = \"{}\"", kind); }

/// [objective]; without, it is the first row and nothing is written out: such runs keep their identity.
ObjectivePlan read_objective(const Section& root) {
  const bool describing = root.is_describing();
  if (!describing && !root.has("objective")) {
    return {};
  }
  Section section = root.table("objective");
  const auto rows = objectives();
  const std::size_t kind = section.choice("kind", "what a run minimises: a row of `mfld list objectives`",
                                          std::string(rows[0].name), names_of(rows));
  if (!describing) {
    ObjectivePlan plan = rows[kind].read(section);
    plan.name = rows[kind].name;
    return plan;
  }
  const Dataset data{Inputs::Zero(1, 1), Vector::Zero(1), {}, {}, {}, {}, {}};
  for (const ObjectiveRow& row : rows) {
    Section rest = root.table("objective", with_objective(row.name));
    if (const ObjectivePlan plan = row.read(rest); plan.is_of_points()) {
      plan.make(rest, data, 1);
    }
  }
  return {};
}

/// The task of an objective that takes none: no points of its dimension, whatever that is.
Dataset no_data() {
  Dataset data{Inputs(0, 0), Vector(0), Inputs(0, 0), Vector(0), {}, {}, {}};
  data.relevant_subspace.resize(0, 0);
  data.description = "none";
  data.has_labels = false;
  return data;
}

MakeDataset read_task(const Section& root, const ObjectivePlan& plan, const Surroundings& surroundings) {
  Section section = root.table("task");
  if (plan.task_use == TaskUse::nothing) {
    section.check(!root.has("task"), "kind", "the objective takes nothing from a task");
    return [](std::uint64_t /*seed*/) { return no_data(); };
  }
  const std::size_t kind = section.choice("kind", "where the data come from", required, names_of(tasks()));
  if (root.is_describing()) {
    for (const TaskRow& row : tasks()) {
      Section rest = root.table("task", with_task(row.name));
      row.read(rest, surroundings);
    }
  }
  return root.is_describing() ? MakeDataset() : tasks()[kind].read(section, surroundings);
}

/// For what stands under `key`.
void check_classes(const Section& root, std::string_view key, const Vector& targets, std::string_view part) {
  const auto bad = std::find_if(targets.begin(), targets.end(), [](double y) { return y != -1 && y != 1; });
  if (bad != targets.end()) {
    const Section task = root.table("task");
    const Value* kind = task.find("kind");
    const bool is_file = kind != nullptr && kind->as<std::string>() != nullptr && *kind->as<std::string>() == "file";
    root.check_data(
        false, key,
        fmt::format("needs labels -1 and +1, and the label of {} sample {} is {}{}", part, bad - targets.begin(), *bad,
                    is_file ? " (task.binary_labels = true makes -1 and +1 of two labels)" : ""));
  }
}

void check_labels(const Section& root, const Risk& risk, const Vector& targets, std::string_view part) {
  if (risk.loss().is_classification()) {
    check_classes(root, "loss.kind", targets, part);
  }
}

/// What `make` makes of a file: what is wrong with it, and not with the options, only the file shows.
template <class Make>
auto from_file(const Make& make) {
  try {
    return make();
  } catch (const InvalidOption&) {
    throw;
  } catch (const InvalidInput& error) {
    throw WrongData(error.what());
  }
}

/// What `make` makes of the keys of a section.
template <class Make>
auto from_section(const Section& section, const Make& make) {
  try {
    return make();
  } catch (const InvalidOption& error) {
    section.check(false, error.key(), error.reason());
    throw;
  }
}

}  // namespace

Subject read_subject(const Section& root, const Surroundings& surroundings) {
  ObjectivePlan plan = read_objective(root);
  MakeDataset make_dataset = read_task(root, plan, surroundings);
  const bool of_points = plan.is_of_points();
  NetworkOptions options = of_points ? read_points(root) : read_network(root);
  GivenParticles given = read_particles(root);
  Initialisation law;
  if (given.empty()) {
    law = of_points ? read_initialisation_of_points(root.table("network.init"))
                    : read_initialisation(root, options.neuron, options.width);
  }
  const Risk risk =
      of_points ? Risk(Loss(), Reduction::mean) : read_risk(root.table("loss", with_network), surroundings.loss);
  return {std::move(plan), std::move(make_dataset), std::move(options), std::move(given), law, risk};
}

Dataset make_data(const Section& root, const Subject& subject, bool is_of_file, std::uint64_t seed) {
  if (root.is_describing()) {
    return Dataset{Inputs::Zero(1, 1), Vector::Zero(1), {}, {}, {}, {}, {}};
  }
  const auto make = [&] { return subject.make_dataset(seed); };
  Dataset data = from_section(root.table("task"), [&] { return is_of_file ? from_file(make) : make(); });
  const TaskUse use = subject.plan.task_use;
  root.check(data.has_labels || use == TaskUse::points || use == TaskUse::nothing, "task.kind",
             "gives points without labels, which are for objective.kind = \"mmd\"");
  if (use == TaskUse::classes) {
    check_classes(root, "objective.target", data.train_targets, "training");
  }
  if (!subject.plan.is_of_points()) {
    check_labels(root, subject.risk, data.train_targets, "training");
    check_labels(root, subject.risk, data.test_targets, "test");
  }
  return data;
}

std::shared_ptr<const ParticleObjective> make_objective(const Section& root, const Subject& subject,
                                                        const Dataset& data) {
  if (!subject.plan.is_of_points()) {
    return nullptr;
  }
  Section section = root.table("objective");
  auto objective = std::make_shared<ParticleObjective>(subject.plan.make(section, data, subject.options.width));
  objective->name = subject.plan.name;
  return objective;
}

}  // namespace mfld::readers

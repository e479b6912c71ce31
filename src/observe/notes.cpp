#include "mfld/observe/notes.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <iterator>

#include "mfld/observe/observables.hpp"

namespace mfld {

namespace {

/// Those of the names whose rows have the need.
std::vector<std::string> names_with(bool Needs::*need, const std::vector<std::string>& names) {
  std::vector<std::string> found;
  std::copy_if(names.begin(), names.end(), std::back_inserter(found), [need](const std::string& name) {
    const Observable* row = find_observable(name);
    return row != nullptr && row->needs.*need;
  });
  return found;
}

/// Where a phase has no number, and why; empty if everywhere it has one.
std::string where_there_is_none(const Phase& phase) {
  if (const auto reason = gibbs_law_lacking(phase)) {
    return fmt::format(", where {}", *reason);
  }
  const std::int64_t last = std::max<std::int64_t>(phase.num_steps - 1, 0);
  if (phase.temperature_at(last) == 0) {
    return " once lambda2 is 0";
  }
  return phase.penalty_at(last) == 0 ? " once lambda1 is 0" : "";
}

}  // namespace

std::vector<std::string> observation_notes(const Scene& scene, const std::vector<std::string>& names) {
  std::vector<std::string> lines;
  if (const auto integrals = names_with(&Needs::gibbs_integral, names); !integrals.empty()) {
    lines.push_back(fmt::format("{}: {}; the nodes that are drawn come from the noise seed, alike in every row",
                                fmt::join(integrals, ", "),
                                describe_integration(scene.network(), scene.integration())));
  }
  const auto of_law = names_with(&Needs::gibbs_law, names);
  for (std::size_t k = 0; !of_law.empty() && k < scene.phases->size(); ++k) {
    if (const std::string where = where_there_is_none((*scene.phases)[k]); !where.empty()) {
      lines.push_back(fmt::format("{}: not a number in phase {}{}", fmt::join(of_law, ", "), k, where));
    }
  }
  return lines;
}

}  // namespace mfld

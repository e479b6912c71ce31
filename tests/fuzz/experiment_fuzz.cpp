// An experiment file: whatever the text, it is either refused with InvalidInput or an experiment, and then what it
// resolves to is the same experiment again. Numbers are kept small first, so that no input asks for hours of work.

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "mfld/config/experiment.hpp"
#include "mfld/config/sweep.hpp"
#include "mfld/core/error.hpp"

namespace {

void shrink(mfld::Value& value) {
  if (auto* table = value.as<mfld::Table>()) {
    for (mfld::Member& member : table->members) {
      shrink(member.value);
    }
  } else if (auto* list = value.as<mfld::List>()) {
    for (mfld::Value& item : *list) {
      shrink(item);
    }
  } else if (auto* integer = value.as<std::int64_t>(); integer != nullptr && *integer < (std::int64_t{1} << 62)) {
    *integer = std::min<std::int64_t>(*integer, 64);  // but sizes beyond all memory stay
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  try {
    mfld::Value file = mfld::parse_toml({reinterpret_cast<const char*>(data), size}, "fuzz.toml");
    shrink(file);
    const mfld::Plan plan = mfld::expand(file, "/nonexistent");
    if (plan.runs.size() > 4) {
      return 0;
    }
    for (const mfld::RunPlan& run : plan.runs) {
      const mfld::Experiment experiment = mfld::build_experiment(run.config, plan.folder());
      const mfld::Experiment again =
          mfld::build_experiment(mfld::parse_toml(experiment.resolved, "resolved.toml"), plan.folder());
      if (again.hash != experiment.hash || again.resolved != experiment.resolved) {
        std::abort();
      }
    }
  } catch (const mfld::InvalidInput&) {
  }
  return 0;
}

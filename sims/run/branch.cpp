// mfld branch, merge.
#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <optional>
#include <string_view>

#include "mfld/core/error.hpp"
#include "mfld/files/folder.hpp"
#include "mfld/files/user_path.hpp"
#include "mfld/runs/merge.hpp"
#include "run/one_run.hpp"
#include "say.hpp"
#include "stopping.hpp"

namespace commands {

namespace {

namespace fs = std::filesystem;

bool draws_random_numbers(const mfld::Phase& phase) {
  const bool in_batches = draws_batches(phase.method->estimator);
  return phase.temperature.value > 0 || phase.label_noise > 0 ||
         (in_batches && phase.sampling != mfld::Sampling::one_pass);
}

/// Other noise makes no difference where there is none.
void say_if_it_repeats(const mfld::StoppedRun& child) {
  const auto& phases = child.experiment.phases;
  auto next =
      phases.begin() + std::min<std::ptrdiff_t>(child.checkpoint ? child.checkpoint->phase : 0, std::ssize(phases));
  if (next != phases.end() && child.checkpoint && child.checkpoint->step_in_phase >= next->num_steps) {
    ++next;  // it is over
  }
  if (std::none_of(next, phases.end(), draws_random_numbers)) {
    complain("no phase from here on draws random numbers: this branch repeats its parent");
  }
}

/// The directory of a run by its own name, where dots or links lead to it.
fs::path named_run(const fs::path& given) {
  std::error_code error;
  const fs::path canonical = fs::canonical(given, error);
  if (error) {
    return given;
  }
  const fs::path plain = (given / ".").lexically_normal().parent_path();
  return !plain.empty() && fs::absolute(plain).lexically_normal() == canonical ? plain : canonical;
}

/// Beside the parent, called by what is other: DIR_step_size=0.01_seed=7, by the last components of the keys as in
/// sweeps.
fs::path beside(const fs::path& parent, const RunArguments& arguments) {
  std::string name = parent.filename().string();
  for (const std::string& setting : arguments.settings) {
    const std::size_t equals = std::min(setting.find('='), setting.size());
    const std::size_t dot = setting.rfind('.', equals);
    name += '_' + setting.substr(dot == std::string::npos ? 0 : dot + 1);
  }
  name += arguments.seed ? fmt::format("_seed={}", *arguments.seed) : "";
  name += arguments.at_step ? fmt::format("_at={}", *arguments.at_step) : "";
  const bool is_plain = std::all_of(name.begin(), name.end(), [](unsigned char c) {
    return std::isalnum(c) != 0 || std::string_view("._-+=").find(static_cast<char>(c)) != std::string_view::npos;
  });
  if (!arguments.settings.empty() && (!is_plain || name.size() > 100)) {
    throw mfld::InvalidInput("no directory can be named after these settings; give one with --out");
  }
  return parent.parent_path() / name;
}

}  // namespace

ExitStatus branch(const RunArguments& arguments) {
  if (!arguments.seed && arguments.settings.empty()) {
    throw mfld::InvalidInput("branch: needs --seed S for other noise, or --set path=value for a change");
  }
  const fs::path parent = named_run(mfld::user_path(arguments.path));
  const fs::path out = arguments.out.empty() ? beside(parent, arguments) : mfld::user_path(arguments.out);
  const mfld::Folder folder = mfld::Folder::open(parent);
  use_instruction_set_of(folder.place());
  const mfld::StoppedRun child = mfld::branch(folder.place(), {arguments.seed, arguments.settings, arguments.at_step},
                                              arguments.kept(), surroundings_in({}));
  if (const auto origin = mfld::parent_in(child.notes); arguments.seed && origin && origin->seed == *arguments.seed) {
    throw mfld::InvalidInput(fmt::format("--seed {}: is the seed of {} itself; give another for other noise",
                                         *arguments.seed, parent.string()));
  }
  check_ranks(child.experiment);
  const ExitStatus status = run_in(out, child, arguments);
  if (!arguments.quiet && arguments.settings.empty()) {
    say_if_it_repeats(child);
  }
  return status;
}

ExitStatus merge(const RunArguments& arguments) {
  std::vector<mfld::Folder> folders;  // held open
  std::vector<mfld::FilePlace> places;
  for (const std::string& path : arguments.paths) {
    folders.push_back(mfld::Folder::open(mfld::user_path(path)));
    places.push_back(folders.back().place());
  }
  mfld::Surroundings surroundings(fs::path(), &stop_requested);
  surroundings.tables = std::make_shared<mfld::TableStore>();
  const mfld::StoppedRun merged = mfld::merge_runs(places, surroundings);
  if (!arguments.quiet) {
    for (const std::string& note : merged.notes) {
      say(note);
    }
  }
  return run_in(mfld::user_path(arguments.out), merged, arguments);
}

}  // namespace commands

#include "run/sweep.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cinttypes>
#include <cstdio>
#include <memory>
#include <utility>

#include "mfld/core/error.hpp"
#include "mfld/record/provenance.hpp"
#include "progress.hpp"
#include "ranks/company.hpp"
#include "run/job_array.hpp"
#include "run/one_run.hpp"
#include "say.hpp"
#include "stopping.hpp"

namespace commands {

namespace fs = std::filesystem;

namespace {

/// On a terminal at once; elsewhere one line where it takes longer than people wait.
void draw_checking(std::int64_t num_checked, std::int64_t num_runs, bool draws, bool first) {
  if (draws) {
    draw(fmt::format("checking run {} of {}", num_checked + 1, num_runs));
  } else if (first) {
    say(fmt::format("checking {} runs", num_runs));
  }
}

}  // namespace

void refuse_several_runs(const fs::path& path) {
  if (ranks() != nullptr) {
    throw mfld::InvalidInput(fmt::format(
        "{}: is several runs, and ranks make one together; start it without mpirun, with --jobs on one machine, or as "
        "a job array with --shard auto",
        path.string()));
  }
}

void read_shard(const std::string& given, mfld::SweepOptions& options) {
  constexpr std::int64_t most = 1000000;
  char rest = 0;
  const std::string text = given == "auto" ? shard_of_job_array() : given;
  if (!text.empty() &&
      (std::sscanf(text.c_str(), "%" SCNd64 "/%" SCNd64 "%c", &options.shard, &options.num_shards, &rest) != 2 ||
       options.shard < 1 || options.shard > options.num_shards || options.num_shards > most)) {
    throw mfld::InvalidInput(
        fmt::format("--shard {}: must be i/k with 1 <= i <= k <= {}, such as 2/5, or auto", text, most));
  }
}

mfld::SweepOptions sweep_options(const mfld::Plan& plan, const fs::path& out, const RunArguments& arguments,
                                 ExitStatus& worst, bool told) {
  mfld::SweepOptions options;
  read_shard(arguments.shard, options);
  options.jobs = arguments.jobs;
  options.kept = arguments.kept();
  options.surroundings.stop = &stop_requested;
  options.surroundings.tables = std::make_shared<mfld::TableStore>();
  options.provenance = mfld::provenance(arguments.command);
  const auto all = std::ssize(plan.runs);
  const auto sweep = std::make_shared<SweepProgress>((all - options.shard + options.num_shards) / options.num_shards);
  if (draws_progress(arguments)) {
    options.progress = [sweep](const mfld::Progress& run) { draw(progress_line(*sweep, run, terminal_width())); };
  }
  if (!arguments.quiet) {
    options.checking = [draws = draws_progress(arguments), first = !told](std::int64_t num_checked,
                                                                          std::int64_t num) mutable {
      draw_checking(num_checked, num, draws, std::exchange(first, false));
    };
  }
  options.lacking = [out](const mfld::CellReport& report, const std::string& instruction_set) {
    say_what_is_lacking(out / report.run->name, instruction_set);
  };
  // The formulas of one run after the other, as far as they differ from the last one's.
  options.begun = [&plan, &arguments, sweep,
                   last = std::vector<std::string>()](const mfld::CellReport& report) mutable {
    if (!arguments.quiet) {
      const std::string words = sweep->words();
      say(fmt::format("run {} of {}: {}{}", report.position + 1, plan.runs.size(), report.run->name,
                      words.empty() ? "" : fmt::format(" ({})", words)));
    }
    for (const std::string& formula : report.experiment->formulas()) {
      if (!arguments.quiet && std::find(last.begin(), last.end(), formula) == last.end()) {
        say("  " + formula, longest_formula);
      }
    }
    last = report.experiment->formulas();
  };
  options.ended = [out, &arguments, &worst, sweep](const mfld::CellReport& report) {
    sweep->count(report.earlier);
    worst = std::max(worst, status_of(report.end.ending));
    if (report.earlier ? report.end.ending != mfld::Ending::finished
                       : (!arguments.quiet || report.end.ending != mfld::Ending::finished)) {
      say(fmt::format("{}: {}", (out / report.run->name).string(), report.message));
    }
    if (!arguments.quiet && !report.earlier) {
      say_advice(out / report.run->name, report.advice);
    }
  };
  return options;
}

ExitStatus make_sweep(const mfld::Plan& plan, const mfld::FilePlace& out, const mfld::SweepOptions& options,
                      mfld::CheckedPlan* checked) {
  const mfld::SweepOutcome outcome = mfld::run_sweep(plan, out, stop_requested, options, checked);
  if (outcome.num_left > 0) {
    say(fmt::format("{}: interrupted with {} of {} runs left", out.path.string(), outcome.num_left, outcome.num_runs));
  }
  return outcome.num_left > 0 ? interrupted : finished;
}

}  // namespace commands

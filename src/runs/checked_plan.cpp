#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <exception>
#include <utility>

#include "mfld/core/error.hpp"
#include "mfld/core/parallel.hpp"
#include "mfld/core/stopwatch.hpp"
#include "mfld/runs/sweep_runner.hpp"
#include "record/data_record.hpp"

namespace mfld {

namespace {

/// Experiments kept between their check and their run take this much memory at most.
constexpr double kept_bytes = 0x1p28;

template <class Error>
Error in_run(const RunPlan& run, const std::exception& error) {
  return Error(fmt::format("run {}: {}", run.name, error.what()));
}

/// A run that was checked.
struct Built {
  std::size_t position = 0;  // in the plan
  std::optional<Experiment> experiment = {};
  RunCost cost = {};
  std::exception_ptr refused = {};     // no run is made then
  std::exception_ptr wrong_data = {};  // what only its data show: for the run to say
};

/// Throws nothing but for what is no fault of the run, for other runs are built beside it.
void try_to_build(const Plan& plan, const SweepOptions& options, int num_threads, Built& built) {
  const RunPlan& run = plan.runs[built.position];
  try {
    stop_if_asked(options.surroundings.stop,
                  fmt::format("run {} of {} was checked", built.position + 1, plan.runs.size()));
    built.experiment = build_run(plan, run, options);
    built.cost = cost_of(*built.experiment, num_threads);
  } catch (const WrongData& error) {
    built.wrong_data = std::make_exception_ptr(in_run<InvalidInput>(run, error));
  } catch (const InvalidInput& error) {
    built.refused = std::make_exception_ptr(in_run<InvalidInput>(run, error));
  } catch (const FileError& error) {
    built.wrong_data = std::make_exception_ptr(in_run<FileError>(run, error));
  } catch (const Interrupted&) {
    built.refused = std::current_exception();
  }
}

/// Whether two runs differ in their seeds and phases alone: then they take the same memory.
bool same_sizes(const RunPlan& one, const RunPlan& other) {
  const auto same = [](const auto& a, const auto& b) {
    return a.first == b.first && (a.first.starts_with("seed") || a.first.starts_with("phase.") ||
                                  to_toml_inline(a.second) == to_toml_inline(b.second));
  };
  return one.case_name == other.case_name && std::equal(one.assignments.begin(), one.assignments.end(),
                                                        other.assignments.begin(), other.assignments.end(), same);
}

}  // namespace

Experiment build_run(const Plan& plan, const RunPlan& run, const SweepOptions& options) {
  return build_experiment(run.config, options.surroundings.in(plan.folder()));
}

CheckedPlan::CheckedPlan(const Plan& plan, const SweepOptions& options)
    : plan_(&plan), options_(&options), kept_(plan.runs.size()), costs_(plan.runs.size()) {
  double bytes = 0;
  bool any = false;
  std::exception_ptr first;
  const auto take_in = [&](Built&& built) {
    if (built.refused) {
      std::rethrow_exception(built.refused);
    }
    first = first ? first : built.wrong_data;
    if (built.experiment) {
      any = true;
      costs_[built.position] = built.cost;
      files_.merge(record::named_files(plan.runs[built.position].config, built.experiment->data.files));
      bytes += built.experiment->num_bytes();
      if (bytes <= kept_bytes) {
        kept_[built.position] = std::move(built.experiment);
      }
    }
  };
  Clock::time_point told = Clock::now();
  const auto num_threads = static_cast<int>(num_slots());
  const auto step = static_cast<std::size_t>(options.num_shards);
  auto next = static_cast<std::size_t>(options.shard - 1);
  const RunPlan* known = nullptr;  // how much memory it takes; of such runs as many at once as are kept together
  std::size_t at_once = 1;
  while (next < plan.runs.size()) {
    if (options.checking && Clock::now() - told > std::chrono::milliseconds(100)) {
      told = Clock::now();
      options.checking(static_cast<std::int64_t>(next), std::ssize(plan.runs));
    }
    const RunPlan& first_run = plan.runs[next];
    std::vector<Built> all(1);
    all.front().position = next;
    for (next += step; next < plan.runs.size() && all.size() < at_once && same_sizes(*known, first_run) &&
                       same_sizes(first_run, plan.runs[next]);
         next += step) {
      all.push_back({next});
    }
    for_each_job(num_threads, std::ssize(all),
                 [&](Index job) { try_to_build(plan, options, num_threads, all[static_cast<std::size_t>(job)]); });
    known = &first_run;
    const double known_bytes = all.front().experiment ? all.front().experiment->num_bytes() : kept_bytes;
    at_once = static_cast<std::size_t>(std::clamp(kept_bytes / (1 + known_bytes), 1.0, 4.0 * num_threads));
    std::for_each(all.begin(), all.end(), [&](Built& built) { take_in(std::move(built)); });
  }
  if (!any && first) {
    std::rethrow_exception(first);
  }
}

Experiment CheckedPlan::take(std::size_t position) {
  if (!kept_[position]) {
    return build_run(*plan_, plan_->runs[position], *options_);
  }
  Experiment experiment = std::move(*kept_[position]);
  kept_[position].reset();
  return experiment;
}

}  // namespace mfld

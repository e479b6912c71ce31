// The command line: one function per command, and the exit statuses.
#include <fmt/format.h>
#include <sys/time.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <boost/algorithm/string/join.hpp>
#include <cinttypes>
#include <cmath>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <limits>
#include <map>
#include <optional>
#include <sstream>

#include "mfld/core/error.hpp"
#include "mfld/core/nearest_name.hpp"
#include "mfld/core/parallel.hpp"
#include "mfld/experiment/experiment.hpp"
#include "mfld/experiment/provenance.hpp"
#include "mfld/experiment/resume.hpp"
#include "mfld/experiment/runner.hpp"
#include "mfld/experiment/selfcheck.hpp"
#include "mfld/experiment/sweep_runner.hpp"
#include "mfld/experiment/task_table.hpp"
#include "mfld/observe/observer.hpp"

namespace {

namespace fs = std::filesystem;

enum ExitStatus { finished = 0, failed_check = 1, wrong_input = 2, diverged = 3, file_error = 4, interrupted = 130 };

std::atomic<bool> stop_requested = false;

/// The first signal asks the run to stop after its step; a second one has its usual effect. So does the end of the time
/// it may take.
void stop_on_signals(double max_wall_seconds) {
  struct sigaction action = {};
  action.sa_handler = [](int) { stop_requested = true; };
  action.sa_flags = static_cast<int>(SA_RESETHAND);
  for (const int number : {SIGINT, SIGTERM, SIGALRM}) {
    sigaction(number, &action, nullptr);
  }
  if (max_wall_seconds > 0) {
    itimerval timer = {};
    timer.it_value.tv_sec = static_cast<time_t>(max_wall_seconds);
    timer.it_value.tv_usec = std::max<suseconds_t>(
        1, static_cast<suseconds_t>(1e6 * (max_wall_seconds - static_cast<double>(timer.it_value.tv_sec))));
    setitimer(ITIMER_REAL, &timer, nullptr);
  }
}

// --- run, resume, branch

struct RunArguments {
  std::string path;  // of the experiment file or the run directory
  std::string out;
  std::vector<std::string> settings;
  std::string instruction_set;
  std::int64_t seed = 0;
  int threads = 0;
  int jobs = 1;
  std::string shard;
  double max_wall_seconds = 0;
  bool previous = false;
  bool quiet = false;
  std::string command;

  mfld::Kept kept() const { return previous ? mfld::Kept::previous : mfld::Kept::last; }
};

std::string duration(double seconds) {
  const auto whole = static_cast<long long>(std::min(std::ceil(seconds), 1e15));
  return whole < 3600 ? fmt::format("{}:{:02}", whole / 60, whole % 60)
                      : fmt::format("{}:{:02}:{:02}", whole / 3600, whole / 60 % 60, whole % 60);
}

void draw_progress(const mfld::Progress& progress) {
  constexpr std::int64_t width = 24;
  const std::int64_t total = std::max<std::int64_t>(progress.num_steps, 1);
  const auto done = static_cast<std::size_t>(width * std::min(progress.step, total) / total);
  fmt::print(stderr, "\r[{:-<{}}] step {}/{}  train loss {:.4g}  {:.4g} steps/s  {} left\x1b[K", std::string(done, '#'),
             width, progress.step, progress.num_steps, progress.train_loss, progress.steps_per_second,
             duration(progress.seconds_left));
  std::fflush(stderr);
}

bool draws(const RunArguments& arguments) { return !arguments.quiet && isatty(STDERR_FILENO) != 0; }

ExitStatus status_of(std::string_view ending) {
  return ending == "finished"   ? finished
         : ending == "diverged" ? diverged
         : ending == "failed"   ? file_error
                                : interrupted;
}

void print_formulas(const mfld::Experiment& experiment, const RunArguments& arguments) {
  if (!arguments.quiet) {
    fmt::print(stderr, "{}\n", boost::algorithm::join(experiment.formulas(), "\n"));
  }
}

ExitStatus run_one(const mfld::StoppedRun& run, mfld::RunDirectory& directory, const RunArguments& arguments) {
  print_formulas(run.experiment, arguments);
  if (run.checkpoint && !arguments.quiet) {
    fmt::print(stderr, "{}: goes on from step {}\n", directory.path().string(), run.checkpoint->step);
  }
  const mfld::RunSummary summary =
      mfld::run_experiment(run.experiment, directory, stop_requested,
                           {mfld::provenance(arguments.command), run.notes, run.checkpoint ? &*run.checkpoint : nullptr,
                            draws(arguments) ? draw_progress : nullptr});
  if (!arguments.quiet || summary.ending != "finished") {
    fmt::print(stderr, "{}{}: {}\n", draws(arguments) ? "\n" : "", directory.path().string(), summary.message);
  }
  return status_of(summary.ending);
}

/// "2/5": the second of five.
void read_shard(const std::string& text, mfld::SweepOptions& options) {
  char rest = 0;
  if (!text.empty() &&
      (std::sscanf(text.c_str(), "%" SCNd64 "/%" SCNd64 "%c", &options.shard, &options.num_shards, &rest) != 2 ||
       options.shard < 1 || options.shard > options.num_shards)) {
    throw mfld::InvalidInput(fmt::format("--shard {}: must be i/k with 1 <= i <= k, such as 2/5", text));
  }
}

mfld::SweepOptions sweep_options(const mfld::Plan& plan, const fs::path& out, const RunArguments& arguments,
                                 ExitStatus& worst) {
  mfld::SweepOptions options;
  read_shard(arguments.shard, options);
  options.jobs = arguments.jobs;
  options.kept = arguments.kept();
  options.provenance = mfld::provenance(arguments.command);
  options.progress = draws(arguments) ? draw_progress : nullptr;
  // The formulas of one run after the other, as far as they differ from the last one's.
  options.begun = [&plan, &arguments, last = std::vector<std::string>()](const mfld::CellReport& report) mutable {
    if (!arguments.quiet) {
      fmt::print(stderr, "run {} of {}: {}\n", report.position + 1, plan.runs.size(), report.run->name);
    }
    for (const std::string& formula : report.experiment->formulas()) {
      if (!arguments.quiet && std::find(last.begin(), last.end(), formula) == last.end()) {
        fmt::print(stderr, "  {}\n", formula);
      }
    }
    last = report.experiment->formulas();
  };
  options.ended = [out, &arguments, &worst](const mfld::CellReport& report) {
    worst = std::max(worst, status_of(report.ending));
    if (report.earlier ? report.ending != "finished" : (!arguments.quiet || report.ending != "finished")) {
      fmt::print(stderr, "{}{}: {}\n", draws(arguments) && arguments.jobs == 1 ? "\n" : "",
                 (out / report.run->name).string(), report.message);
    }
  };
  return options;
}

ExitStatus run(const RunArguments& arguments) {
  const fs::path file = arguments.path;
  const mfld::Plan plan = mfld::read_plan(file, arguments.settings);
  const fs::path out = arguments.out.empty() ? fs::path("runs") / file.stem() : fs::path(arguments.out);
  if (!plan.is_sweep) {
    mfld::SweepOptions ignored;
    read_shard(arguments.shard, ignored);
    const mfld::StoppedRun fresh{mfld::build_experiment(plan.runs.front().config, plan.folder), std::nullopt, {}};
    mfld::RunDirectory directory = mfld::RunDirectory::create(out);
    return run_one(fresh, directory, arguments);
  }
  ExitStatus worst = finished;
  const mfld::SweepOptions options = sweep_options(plan, out, arguments, worst);
  mfld::CheckedPlan checked(plan, options);
  mfld::start_sweep(plan, out, options);
  mfld::run_sweep(plan, out, stop_requested, options, &checked);
  return worst;
}

/// A run goes on with the instruction set that it began with, or else not to the same bits.
void use_instruction_set_of(const fs::path& directory) {
  const std::string name = mfld::stored_instruction_set(directory);
  const auto available = mfld::available_instruction_sets();
  if (std::find(available.begin(), available.end(), name) != available.end()) {
    mfld::force_instruction_set(name);
  } else if (!name.empty()) {
    fmt::print(stderr,
               "mfld: {} began with instruction set {}, which this machine has not: the last digits will differ\n",
               directory.string(), name);
  }
}

ExitStatus resume(const RunArguments& arguments) {
  const fs::path path = arguments.path;
  const mfld::Plan plan = mfld::read_stored_plan(path);
  if (plan.is_sweep) {
    for (const mfld::RunPlan& run : plan.runs) {
      if (fs::exists(path / run.name / "experiment.toml")) {
        use_instruction_set_of(path / run.name);
        break;
      }
    }
    ExitStatus worst = finished;
    const mfld::SweepOptions options = sweep_options(plan, path, arguments, worst);
    mfld::run_sweep(plan, path, stop_requested, options, nullptr);
    return worst;
  }
  mfld::RunDirectory directory = mfld::RunDirectory::reopen(path);
  const auto summary = mfld::read_summary(path);
  if (summary && summary->ending != "interrupted") {
    if (!arguments.quiet) {
      fmt::print(stderr, "{}: {}; nothing is left to do\n", path.string(), summary->message);
    }
    return status_of(summary->ending);
  }
  use_instruction_set_of(path);
  return run_one(mfld::read_stopped_run(path, arguments.kept()), directory, arguments);
}

ExitStatus branch(const RunArguments& arguments) {
  const fs::path parent = fs::path(arguments.path).lexically_normal();
  std::string name = parent.string();
  while (name.ends_with('/')) {
    name.pop_back();
  }
  const fs::path out =
      arguments.out.empty() ? fs::path(fmt::format("{}_seed={}", name, arguments.seed)) : fs::path(arguments.out);
  use_instruction_set_of(parent);
  const mfld::StoppedRun child = mfld::branch(parent, arguments.seed, arguments.kept());
  mfld::RunDirectory directory = mfld::RunDirectory::create(out);
  return run_one(child, directory, arguments);
}

// --- info

std::ifstream open(const fs::path& path) {
  std::ifstream stream(path);
  if (!stream) {
    throw mfld::FileError(fmt::format("cannot read {}: {}", path.string(), std::strerror(errno)));
  }
  return stream;
}

std::vector<std::string> split(const std::string& row) {
  std::vector<std::string> fields;
  std::istringstream stream(row);
  for (std::string field; std::getline(stream, field, ',');) {
    fields.push_back(field);
  }
  return fields;
}

/// The sentence of summary.json.
std::string ending_of(const fs::path& directory) {
  if (!fs::exists(directory / "summary.json")) {
    return "has no summary: still running, or stopped without notice";
  }
  const auto summary = mfld::read_summary(directory);
  return summary ? fmt::format("{}, {:.3g} s", summary->message, summary->wall_seconds) : "its summary.json is damaged";
}

void print_comments(const fs::path& path) {
  std::ifstream stream = open(path);
  for (std::string line; std::getline(stream, line) && line.starts_with("# ");) {
    fmt::print("  {}\n", line.substr(2));
  }
}

/// The last complete row of metrics.csv under its names.
void print_last_row(const fs::path& path) {
  std::ifstream stream = open(path);
  std::string header;
  std::string last;
  for (std::string line; std::getline(stream, line) && !stream.eof();) {
    if (!line.starts_with('#')) {
      (header.empty() ? header : last) = line;
    }
  }
  const auto names = split(header);
  const auto values = split(last);
  for (std::size_t i = 0; i < std::min(names.size(), values.size()); ++i) {
    fmt::print("  {:<24} {}\n", names[i], values[i]);
  }
}

ExitStatus info(const fs::path& directory) {
  open(directory / "experiment.toml");
  if (!fs::exists(directory / "metrics.csv")) {
    std::vector<fs::path> runs;
    for (const fs::directory_entry& entry : fs::directory_iterator(directory)) {
      if (fs::exists(entry.path() / "experiment.toml")) {
        runs.push_back(entry.path());
      }
    }
    std::sort(runs.begin(), runs.end());
    fmt::print("{}: {} runs (final numbers in index.csv)\n", directory.string(), runs.size());
    for (const fs::path& run : runs) {
      fmt::print("  {}: {}\n", run.filename().string(), ending_of(run));
    }
    return finished;
  }
  fmt::print("{}: {}\nwhat ran\n", directory.string(), ending_of(directory));
  print_comments(directory / "metrics.csv");
  fmt::print("made by\n");
  print_comments(directory / "experiment.toml");
  fmt::print("last numbers\n");
  print_last_row(directory / "metrics.csv");
  fmt::print("this program: {}\n", mfld::provenance("").front());
  return finished;
}

// --- list

void list_tasks() {
  for (const mfld::TaskRow& row : mfld::tasks()) {
    fmt::print("  {:<20} {}\n", row.name, row.formula);
  }
}

void list_neurons() {
  for (const mfld::NeuronInfo& row : mfld::neurons) {
    fmt::print("  {:<20} {}; sigma {}{}; bias {}{}\n", row.name, row.formula, mfld::info(row.activation).name,
               row.fixed_activation ? "" : " by default", row.bias_default ? "yes" : "no",
               row.bias_optional ? " by default" : "");
  }
}

void list_activations() {
  for (const mfld::ActivationInfo& row : mfld::activations) {
    fmt::print("  {:<20} {}\n", row.name, row.formula);
  }
}

void list_losses() {
  for (const auto& row : mfld::loss_names) {
    fmt::print("  {:<20} {}\n", row.name, mfld::Loss{row.value}.describe());
  }
}

void list_scalings() {
  for (const auto& row : mfld::scaling_names) {
    fmt::print("  {:<20} {}\n", row.name, mfld::Scaling{row.value}.describe());
  }
}

void list_methods() {
  for (const mfld::Method& row : mfld::methods) {
    fmt::print("  {:<20} {}\n  {:<20} ({})\n", row.name, row.update, "", row.source);
  }
}

void list_observables() {
  for (const mfld::Observable& row : mfld::observables()) {
    fmt::print("  {:<20} {}\n", row.name, row.formula);
  }
}

void list_keys() {
  for (const mfld::KeyInfo& key : mfld::describe_keys()) {
    fmt::print("  {:<30} {}\n  {:<30} {}; {}{}{}\n", key.path, key.doc, "", key.allowed,
               key.fallback == "required" ? "" : "default: ", key.fallback,
               key.where.empty() ? "" : "; only with " + key.where);
  }
}

struct Topic {
  std::string_view name;
  std::string_view title;
  void (*print)();
};

constexpr std::array<Topic, 8> topics = {{
    {"tasks", "[task] kind", list_tasks},
    {"neurons", "[network] neuron: h(theta; x), theta = (r, w, b)", list_neurons},
    {"activations", "[network] activation: sigma", list_activations},
    {"scalings", "[network] scaling", list_scalings},
    {"losses", "[loss] kind", list_losses},
    {"methods", "[[phase]] method: eta the step size, v the drift, xi normal", list_methods},
    {"observables", "[observe] columns", list_observables},
    {"keys", "keys of an experiment file; --set writes phase.0.steps for steps of the first [[phase]]", list_keys},
}};

ExitStatus list(const std::string& chosen) {
  for (const Topic& topic : topics) {
    if (chosen.empty() || chosen == topic.name) {
      fmt::print("{} ({})\n", topic.name, topic.title);
      topic.print();
    }
  }
  return finished;
}

// --- selfcheck

ExitStatus selfcheck() {
  const bool passed = mfld::selfcheck([](const mfld::SelfcheckResult& result) {
    fmt::print("{} {}: {}, expected {}\n", result.passed ? "ok    " : "FAILED", result.name, result.found,
               result.expected);
    std::fflush(stdout);
  });
  return passed ? finished : failed_check;
}

// --- the command line

ExitStatus explain(const std::string& sentence, ExitStatus status) {
  fmt::print(stderr, "mfld: {}\n", sentence);
  return status;
}

/// Why `word` is no command; empty if it is one.
std::string why_no_command(const std::string& word, CLI::App& app) {
  std::vector<std::string> names;
  for (const CLI::App* command : app.get_subcommands({})) {
    names.push_back(command->get_name());
  }
  if (std::find(names.begin(), names.end(), word) != names.end()) {
    return {};
  }
  const std::vector<std::string_view> candidates(names.begin(), names.end());
  const auto nearest = mfld::nearest_name(word, candidates);
  return fmt::format("unknown command {}{}; there are {}", word,
                     nearest ? fmt::format(", did you mean {}?", *nearest) : "", boost::algorithm::join(names, ", "));
}

void add_common_options(CLI::App& command, RunArguments& arguments) {
  command.add_option("--threads", arguments.threads, "Number of threads [all]; the results do not depend on it")
      ->check(CLI::Range(1, 4096));
  const std::map<std::string, double> units = {{"s", 1}, {"m", 60}, {"h", 3600}, {"d", 86400}};
  command
      .add_option("--max-wall", arguments.max_wall_seconds,
                  "Time after which the run stops with a checkpoint, to be resumed: 90s, 30m, 2h")
      ->transform(CLI::AsNumberWithUnit(units, CLI::AsNumberWithUnit::CASE_SENSITIVE, "TIME"))
      ->check(CLI::Range(1e-3, 1e9));
  command.add_flag("--quiet", arguments.quiet, "Print nothing but errors");
}

void add_sweep_options(CLI::App& command, RunArguments& arguments) {
  command.add_option("--jobs", arguments.jobs, "Runs of a sweep at a time [1]; threads that are left help inside them")
      ->check(CLI::Range(1, 4096));
  command.add_option("--shard", arguments.shard,
                     "i/k: makes every k-th run of a sweep, from the i-th on; for job arrays");
}

void add_run(CLI::App& app, RunArguments& arguments) {
  CLI::App& command = *app.add_subcommand("run", "Run an experiment file: one run, or its cases x sweep");
  command.add_option("experiment", arguments.path, "TOML file; `mfld list keys` explains it")->required();
  command.add_option("--out", arguments.out, "New or empty directory for the results [runs/<name of the file>]");
  command
      .add_option("--set", arguments.settings,
                  "path=value: sets one key, a TOML value or a bare word; phase.0.steps=100 reaches into a list")
      ->allow_extra_args(false);
  command.add_option("--instruction-set", arguments.instruction_set, "Vector instructions to use [the best there are]")
      ->check(CLI::IsMember(mfld::available_instruction_sets()));
  add_sweep_options(command, arguments);
  add_common_options(command, arguments);
}

void add_resume(CLI::App& app, RunArguments& arguments) {
  CLI::App& command = *app.add_subcommand(
      "resume", "Go on with what stopped, to the same bits as if it never had: a run, or all of a sweep");
  command.add_option("directory", arguments.path, "A run directory, or one of several runs")->required();
  command.add_flag("--previous", arguments.previous, "From the checkpoint before the last");
  add_sweep_options(command, arguments);
  add_common_options(command, arguments);
}

void add_branch(CLI::App& app, RunArguments& arguments) {
  CLI::App& command = *app.add_subcommand(
      "branch", "Go on from the last checkpoint of a run with other noise and batches, in a new directory");
  command.add_option("directory", arguments.path, "A run directory")->required();
  command.add_option("--seed", arguments.seed, "Of the noise and the batches from here on")
      ->required()
      ->check(CLI::Range(std::int64_t{0}, std::numeric_limits<std::int64_t>::max()));
  command.add_option("--out", arguments.out, "New or empty directory for the results [DIR_seed=S]");
  command.add_flag("--previous", arguments.previous, "From the checkpoint before the last");
  add_common_options(command, arguments);
}

/// Under the limits of the command line.
ExitStatus simulate(const RunArguments& arguments, ExitStatus (*command)(const RunArguments&)) {
  stop_on_signals(arguments.max_wall_seconds);
  if (!arguments.instruction_set.empty()) {
    mfld::force_instruction_set(arguments.instruction_set);
  }
  return arguments.threads > 0 ? mfld::with_threads(arguments.threads, [&] { return command(arguments); })
                               : command(arguments);
}

ExitStatus dispatch(int argc, char** argv) {
  CLI::App app(
      "Mean-field Langevin and neural-tangent training of two-layer networks.\n"
      "Exit status: 0 finished, 1 a selfcheck failed, 2 wrong input (nothing was written), 3 diverged,\n"
      "4 cannot read or write, 130 interrupted (a checkpoint was written).");
  app.set_version_flag("--version", mfld::version());
  app.require_subcommand(1);
  RunArguments arguments;
  arguments.command = boost::algorithm::join(std::vector<std::string>(argv, argv + argc), " ");
  add_run(app, arguments);
  add_resume(app, arguments);
  add_branch(app, arguments);
  std::string directory;
  CLI::App* info_command = app.add_subcommand("info", "What ran in a directory, how it ended, its last numbers");
  info_command->add_option("directory", directory, "A run directory, or one of several runs")->required();
  std::string topic;
  CLI::App* list_command = app.add_subcommand("list", "Everything there is to choose from, with formulas and defaults");
  list_command->add_option("topic", topic, "One of the tables [all]")->check(CLI::IsMember(mfld::names_of(topics)));
  app.add_subcommand("selfcheck", "Compare this build with known answers, in seconds");

  if (const std::string why = argc > 1 && argv[1][0] != '-' ? why_no_command(argv[1], app) : ""; !why.empty()) {
    return explain(why, wrong_input);
  }
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return error.get_exit_code() == 0 ? static_cast<ExitStatus>(app.exit(error)) : explain(error.what(), wrong_input);
  }
  if (app.got_subcommand("run") || app.got_subcommand("resume") || app.got_subcommand("branch")) {
    return simulate(arguments, app.got_subcommand("run") ? run : app.got_subcommand("resume") ? resume : branch);
  }
  return info_command->parsed() ? info(directory) : list_command->parsed() ? list(topic) : selfcheck();
}

}  // namespace

int main(int argc, char** argv) {
  try {
    return dispatch(argc, argv);
  } catch (const mfld::InvalidInput& error) {
    return explain(error.what(), wrong_input);
  } catch (const mfld::FileError& error) {
    return explain(error.what(), file_error);
  } catch (const std::bad_alloc&) {
    return explain("the experiment does not fit into the memory of this machine", wrong_input);
  } catch (const std::exception& error) {
    return explain(error.what(), file_error);
  }
}

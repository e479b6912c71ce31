// The command line: one function per command, and the exit statuses.
#include <fmt/format.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <boost/algorithm/string/join.hpp>
#define BOOST_BIND_GLOBAL_PLACEHOLDERS  // what property_tree 1.74 relies on, without its note at every build
#include <boost/property_tree/json_parser.hpp>
#include <cmath>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <optional>

#include "mfld/core/error.hpp"
#include "mfld/core/nearest_name.hpp"
#include "mfld/core/parallel.hpp"
#include "mfld/experiment/experiment.hpp"
#include "mfld/experiment/provenance.hpp"
#include "mfld/experiment/runner.hpp"
#include "mfld/experiment/selfcheck.hpp"
#include "mfld/experiment/sweep.hpp"
#include "mfld/experiment/task_table.hpp"
#include "mfld/observe/observer.hpp"

namespace {

namespace fs = std::filesystem;

enum ExitStatus { finished = 0, failed_check = 1, wrong_input = 2, diverged = 3, file_error = 4, interrupted = 130 };

std::atomic<bool> stop_requested = false;

/// The first signal asks the run to stop after its step; a second one has its usual effect.
void stop_on_signals() {
  struct sigaction action = {};
  action.sa_handler = [](int) { stop_requested = true; };
  action.sa_flags = static_cast<int>(SA_RESETHAND);
  sigaction(SIGINT, &action, nullptr);
  sigaction(SIGTERM, &action, nullptr);
}

// --- run

struct RunArguments {
  std::string experiment;
  std::string out;
  std::vector<std::string> settings;
  int threads = 0;
  bool quiet = false;
  std::string command;
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

mfld::Experiment build(const mfld::Plan& plan, const mfld::RunPlan& run) {
  try {
    return mfld::build_experiment(run.config, plan.folder);
  } catch (const mfld::InvalidInput& error) {
    throw run.name.empty() ? error : mfld::InvalidInput(fmt::format("run {}: {}", run.name, error.what()));
  }
}

/// What has been checked before anything is written: every run of the plan.
struct Checked {
  std::vector<std::string> columns;      // of metrics.csv, over all runs
  std::optional<mfld::Experiment> only;  // if there is but one
};

Checked check_all(const mfld::Plan& plan) {
  Checked checked;
  for (const mfld::RunPlan& run : plan.runs) {
    checked.only.reset();  // one at a time: they may be large
    checked.only = build(plan, run);
    for (const std::string& column : checked.only->columns) {
      if (std::find(checked.columns.begin(), checked.columns.end(), column) == checked.columns.end()) {
        checked.columns.push_back(column);
      }
    }
  }
  if (plan.runs.size() > 1) {
    checked.only.reset();
  }
  return checked;
}

ExitStatus run_one(const mfld::Experiment& experiment, mfld::RunDirectory& directory, const RunArguments& arguments,
                   mfld::RunSummary& summary) {
  if (!arguments.quiet) {
    fmt::print(stderr, "{}\n", boost::algorithm::join(experiment.formulas(), "\n"));
  }
  const bool draws = !arguments.quiet && isatty(STDERR_FILENO) != 0;
  summary = mfld::run_experiment(experiment, directory, stop_requested,
                                 {mfld::provenance(arguments.command), draws ? draw_progress : nullptr});
  const bool is_finished = summary.ending == "finished";
  if (!arguments.quiet || !is_finished) {
    fmt::print(stderr, "{}{}: {}\n", draws ? "\n" : "", directory.path().string(), summary.message);
  }
  return is_finished ? finished : summary.ending == "diverged" ? diverged : interrupted;
}

ExitStatus run_many(const mfld::Plan& plan, const Checked& checked, const fs::path& out,
                    const RunArguments& arguments) {
  mfld::RunDirectory::create(out).write_experiment(plan.text);
  mfld::RunIndex index(out, plan, checked.columns);
  ExitStatus worst = finished;
  for (std::size_t i = 0; i < plan.runs.size(); ++i) {
    const mfld::RunPlan& run = plan.runs[i];
    if (!arguments.quiet) {
      fmt::print(stderr, "run {} of {}: {}\n", i + 1, plan.runs.size(), run.name);
    }
    mfld::RunDirectory directory = mfld::RunDirectory::create(out / run.name);
    mfld::RunSummary summary;
    const ExitStatus status = run_one(checked.only ? *checked.only : build(plan, run), directory, arguments, summary);
    index.add(run, summary);
    worst = std::max(worst, status);
    if (status == interrupted) {
      break;
    }
  }
  return worst;
}

ExitStatus run(const RunArguments& arguments) {
  stop_on_signals();
  const fs::path file = arguments.experiment;
  const mfld::Plan plan = mfld::read_plan(file, arguments.settings);
  const fs::path out = arguments.out.empty() ? fs::path("runs") / file.stem() : fs::path(arguments.out);
  const Checked checked = check_all(plan);
  if (plan.is_sweep) {
    return run_many(plan, checked, out, arguments);
  }
  mfld::RunDirectory directory = mfld::RunDirectory::create(out);
  mfld::RunSummary summary;
  return run_one(*checked.only, directory, arguments, summary);
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
  const fs::path path = directory / "summary.json";
  if (!fs::exists(path)) {
    return "has no summary: still running, or stopped without notice";
  }
  try {
    boost::property_tree::ptree summary;
    boost::property_tree::read_json(path.string(), summary);
    return fmt::format("{}, {:.3g} s", summary.get<std::string>("message"), summary.get<double>("wall_seconds"));
  } catch (const boost::property_tree::ptree_error& error) {
    throw mfld::FileError(fmt::format("cannot read {}: {}", path.string(), error.what()));
  }
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

CLI::App* add_run(CLI::App& app, RunArguments& arguments) {
  CLI::App* command = app.add_subcommand("run", "Run an experiment file: one run, or its cases x sweep");
  command->add_option("experiment", arguments.experiment, "TOML file; `mfld list keys` explains it")->required();
  command->add_option("--out", arguments.out, "New or empty directory for the results [runs/<name of the file>]");
  command
      ->add_option("--set", arguments.settings,
                   "path=value: sets one key, a TOML value or a bare word; phase.0.steps=100 reaches into a list")
      ->allow_extra_args(false);
  command->add_option("--threads", arguments.threads, "Number of threads [all]; the results do not depend on it")
      ->check(CLI::Range(1, 4096));
  command->add_flag("--quiet", arguments.quiet, "Print nothing but errors");
  return command;
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
  const CLI::App* run_command = add_run(app, arguments);
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
  if (run_command->parsed()) {
    return arguments.threads > 0 ? mfld::with_threads(arguments.threads, [&] { return run(arguments); })
                                 : run(arguments);
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

// The command line: what there is to ask for, and the exit statuses.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <boost/algorithm/string/join.hpp>
#include <cstdlib>
#include <exception>
#include <limits>
#include <map>
#include <sstream>

#include "commands.hpp"
#include "help.hpp"
#include "mfld/core/error.hpp"
#include "mfld/model/network.hpp"
#include "mfld/ntk/kernel_convention.hpp"
#include "mfld/record/provenance.hpp"
#include "mfld/selfcheck/selfcheck.hpp"
#include "mfld/tables/child.hpp"
#include "mfld/tables/csv_format.hpp"
#include "ranks/company.hpp"
#include "say.hpp"
#include "stopping.hpp"

namespace commands {
namespace {

ExitStatus selfcheck() {
  const auto print_row = [](std::string_view name, std::string_view what, std::string_view value,
                            std::string_view bound, std::string_view verdict) {
    print_line(fmt::format("{:<19}  {:<47}  {:<39}  {:<48}  {}", name, what, value, bound, verdict));
  };
  print_row("check", "of what", "value", "bound", "verdict");
  const bool passed = mfld::selfcheck([&](const mfld::SelfcheckResult& result) {
    print_row(result.name, result.what, result.value, result.bound, result.passed ? "ok" : "FAILED");
  });
  return passed ? finished : failed_check;
}

ExitStatus explain(std::string_view sentence, ExitStatus status) noexcept {
  complain(sentence);
  return status;
}

/// What the command line asks to be printed (--help, --version), or what is wrong with it.
ExitStatus answer(const CLI::App& app, const CLI::ParseError& error) {
  if (error.get_exit_code() != 0) {
    return explain(error.what(), wrong_input);
  }
  std::ostringstream text;
  app.exit(error, text, text);
  print(text.str());
  return finished;
}

/// An empty value, such as that of a variable that is not set, would stand for the default: no option takes one.
void refuse_empty_values(CLI::App& app) {
  const CLI::Validator not_empty(
      [](std::string& value) { return std::string(value.empty() ? "must not be empty" : ""); }, "");
  for (CLI::App* command : app.get_subcommands({})) {
    for (CLI::Option* option : command->get_options()) {
      if (option->get_items_expected_max() > 0) {
        option->transform(not_empty);  // which comes before what reads it as a number
      }
    }
  }
}

/// What is wrong with an argument "--name=" with nothing behind it, which would take the next one for its value; empty
/// if there is none.
std::string empty_assignment(int argc, char** argv) {
  for (int i = 1; i < argc && std::string_view(argv[i]) != "--"; ++i) {
    const std::string_view argument = argv[i];
    if (argument.starts_with("--") && argument.find('=') == argument.size() - 1) {
      return fmt::format("{} must not be empty behind the =", argument);
    }
  }
  return {};
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
  command
      .add_option(
          "--jobs", arguments.jobs,
          "Runs of a sweep at a time, in its order [what keeps all threads busy, the longest first]; threads that "
          "are left help inside them")
      ->check(CLI::Range(1, 4096));
  command.add_option("--shard", arguments.shard,
                     "i/k: makes every k-th run of a sweep, from the i-th on; auto: by the task of a job array");
}

void add_run(CLI::App& app, RunArguments& arguments) {
  CLI::App& command = *app.add_subcommand("run", "Run an experiment file: one run, or its cases x sweep");
  command.add_option("experiment", arguments.path, "TOML file; `mfld list keys` explains it")
      ->required()
      ->type_name(value_names::experiment);
  command.add_option("--out", arguments.out, "New or empty directory for the results [runs/<name of the file>]");
  command.add_flag("--force", arguments.force, "Empty that directory before, if it is one of runs and nothing else");
  command.add_flag("--dry-run", arguments.dry_run,
                   "Check all runs and print about what memory, disk and time they take; write nothing");
  command
      .add_option("--set", arguments.settings,
                  "path=value: sets one key, a TOML value or a bare word; phase.0.steps=100 reaches into a list")
      ->type_name(value_names::setting)
      ->allow_extra_args(false);
  command.add_option("--instruction-set", arguments.instruction_set, "Vector instructions to use [the best there are]")
      ->check(CLI::IsMember(mfld::available_instruction_sets()));
  add_sweep_options(command, arguments);
  add_common_options(command, arguments);
  command.footer("One run by many processes, on one machine or many, to the same bytes: mpirun -n P mfld run ...");
}

void add_resume(CLI::App& app, RunArguments& arguments) {
  CLI::App& command = *app.add_subcommand(
      "resume", "Go on with what stopped, to the same bits as if it never had: a run, or all of a sweep");
  command.add_option("directory", arguments.path, "A run directory, or one of several runs")
      ->required()
      ->type_name(value_names::run);
  const CLI::Range steps(std::int64_t{1}, std::numeric_limits<std::int64_t>::max());
  auto* all = command
                  .add_option("--steps", arguments.extension.steps,
                              "Of a run, finished or not: the number of steps of its last phase, more than it has")
                  ->check(steps);
  command.add_option("--more-steps", arguments.extension.more_steps, "The same: how many more")
      ->check(steps)
      ->excludes(all);
  command.add_flag("--previous", arguments.previous, "From the checkpoint before the last");
  add_sweep_options(command, arguments);
  add_common_options(command, arguments);
}

void add_branch(CLI::App& app, RunArguments& arguments) {
  CLI::App& command = *app.add_subcommand(
      "branch", "Go on from a checkpoint of a run with other noise, or with changes, in a new directory");
  command.add_option("directory", arguments.path, "A run directory")->required()->type_name(value_names::run);
  command.add_option("--seed", arguments.seed, "Of the noise and the batches from here on")
      ->check(CLI::Range(std::int64_t{0}, std::numeric_limits<std::int64_t>::max()));
  command.add_option("--out", arguments.out, "New or empty directory for the results [DIR_seed=S, DIR_key=value]");
  command
      .add_option(
          "--set", arguments.settings,
          "path=value: another number of a phase, other observables, ...: phase.*, observe.*, checkpoint.*, noise.*")
      ->type_name(value_names::setting)
      ->allow_extra_args(false);
  auto* previous = command.add_flag("--previous", arguments.previous, "From the checkpoint before the last");
  command
      .add_option("--at", arguments.at_step,
                  "From the checkpoint of this step, which checkpoint.keep_at kept [the last]")
      ->check(CLI::Range(std::int64_t{0}, std::numeric_limits<std::int64_t>::max()))
      ->excludes(previous);
  add_common_options(command, arguments);
}

void add_merge(CLI::App& app, RunArguments& arguments) {
  CLI::App& command = *app.add_subcommand(
      "merge", "One run of the particles of several that have finished, with other particles each, at their end");
  command.add_option("directories", arguments.paths, "Run directories, two or more")
      ->required()
      ->type_name(value_names::run);
  command.add_option("--out", arguments.out, "New or empty directory for the results")->required();
  command.add_option("--threads", arguments.threads, "Number of threads [all]; the results do not depend on it")
      ->check(CLI::Range(1, 4096));
  command.add_flag("--quiet", arguments.quiet, "Print nothing but errors");
}

void add_kernel_numbers(CLI::App& command, KernelArguments& arguments) {
  command
      .add_option("--convention", arguments.convention, "How the network is scaled, started and trained [two-layer]")
      ->check(CLI::IsMember(mfld::names_of(mfld::kernel_conventions)));
  command.add_option("--activation", arguments.activation, "sigma [relu]")
      ->check(CLI::IsMember(mfld::names_of(mfld::activations)));
  command.add_option("--depth", arguments.depth, "Layers of weights (jacot, lee) or hidden layers (arora) [2]")
      ->check(CLI::Range(1, 1000));
  command.add_option("--weight-variance", arguments.weight_variance, "sigma_w^2 of lee [2]");
  command.add_option("--bias-variance", arguments.bias_variance, "sigma_b^2 of lee, beta^2 of jacot [0.1]");
  command.add_option("--part", arguments.part, "ntk (tangent kernel), nngp (covariance at the start) or both [ntk]")
      ->check(CLI::IsMember({"ntk", "nngp", "both"}));
}

void add_kernel(CLI::App& app, KernelArguments& arguments) {
  CLI::App& command = *app.add_subcommand("kernel", "The kernel of a network of infinite width, as numbers");
  command.add_option("rows", arguments.path, "Data file (.csv, .npy, .h5 ..) whose inputs are the rows of the kernel");
  command.add_option("columns", arguments.columns, "Data file of its columns [the same]");
  command.add_option("--target-column", arguments.target_column,
                     "Column of the files that is no input: from 0, negative from the end, or its name; or none [-1]");
  command
      .add_option("--input-columns", arguments.input_columns, "The inputs, by number or name, commas between [others]")
      ->delimiter(',');
  command
      .add_option("--drop-columns", arguments.drop_columns, "Columns to leave out, by number or name, commas between")
      ->delimiter(',');
  command.add_option("--skip-lines", arguments.skip_lines, "Lines of a .csv before its table [0]")
      ->check(CLI::Range(std::int64_t{0}, std::int64_t{1} << 40));
  command.add_option("--header", arguments.header, "Whether names of columns stand above the rows of a .csv [auto]")
      ->check(CLI::IsMember({"auto", "yes", "no"}));
  command.add_option("--separator", arguments.separator, "What stands between the fields of a .csv [auto]")
      ->check(CLI::IsMember(mfld::names_of(mfld::separators)));
  command.add_option("--dataset", arguments.dataset, "Data set of a .h5, array of a .npz [data]");
  command
      .add_option("--leading", arguments.leading,
                  "In place of the kernel of one file, the K largest eigenvalues of it over the number of its inputs")
      ->check(CLI::Range(std::int64_t{1}, std::int64_t{1} << 40));
  command.add_option("--cosines", arguments.cosines,
                     "Instead of files: unit vectors at these cosines (-1,0,0.5,1) or N >= 2 evenly spaced angles");
  command
      .add_option("--spectrum", arguments.spectrum,
                  "Instead of files: eigenvalues on the unit sphere of --input-dim, degrees 0..K")
      ->check(CLI::Range(0, 10000));
  command.add_option("--input-dim", arguments.input_dim, "d of unit vectors [1; required by --spectrum]")
      ->check(CLI::Range(std::int64_t{1}, std::int64_t{1} << 40));
  add_kernel_numbers(command, arguments);
  command.add_option("--out", arguments.out, "A .csv, or an .npy (files only) [the terminal, as .csv]");
  command.add_option("--threads", arguments.threads, "Number of threads [all]; the results do not depend on it")
      ->check(CLI::Range(1, 4096));
  command.add_flag("--quiet", arguments.quiet, "Print nothing but the kernel and errors");
  command.footer(kernel_help());
}

/// What the commands that only print are asked for.
struct Questions {
  InfoArguments info;
  ListArguments list;
  ExportArguments exported;
  std::string template_name;
  std::string command;  // to help with, or of the page of the manual
};

void add_questions(CLI::App& app, Questions& questions) {
  CLI::App& info = *app.add_subcommand("info", "What ran in a directory, how it ended, its last numbers");
  info.add_option("directory", questions.info.directory, "A run directory, or one of several runs")
      ->required()
      ->type_name(value_names::run);
  info.add_flag("--json", questions.info.json, "The same as JSON");
  CLI::App& list = *app.add_subcommand("list", "Everything there is to choose from, with formulas and defaults");
  list.add_option("topic", questions.list.topic, "One of the tables [all]")->check(CLI::IsMember(list_topics()));
  list.add_option("name", questions.list.name, "One row of it; of keys, those that begin so: phase, task.link [all]")
      ->type_name(value_names::row);
  list.add_flag("--json", questions.list.json, "The same as JSON");
  app.add_subcommand("new", "Write an experiment file to begin with, with comments: mfld new two-phase > my.toml")
      ->add_option("template", questions.template_name, "Its name [says what there is]")
      ->type_name(value_names::experiment_template);
}

void add_export(CLI::App& app, ExportArguments& arguments) {
  CLI::App& command = *app.add_subcommand("export", "The trajectory of a run for OVITO, ParaView or numpy");
  command.add_option("directory", arguments.directory, "A run directory")->required()->type_name(value_names::run);
  command
      .add_option("--to", arguments.to,
                  "xyz: extended XYZ (OVITO); csv: one table, a row a particle and frame (ParaView); npz: numpy")
      ->required()
      ->check(CLI::IsMember(export_formats()));
  command.add_option("--coordinates", arguments.coordinates,
                     "Which, with commas: w_1,w_2,r; the first three are the position of xyz [all]");
  command.add_option("--out", arguments.out, "A new file [the terminal, but for npz]");
}

/// Those about the program itself. What only other programs call has no group, and is not shown to people.
void add_self_description(CLI::App& app, Questions& questions) {
  app.add_subcommand("selfcheck", "Compare this build with known answers, in under a minute");
  app.add_subcommand("help", "What the program, or a command of it, can do")
      ->add_option("command", questions.command, "The command [all]")
      ->type_name(value_names::command);
  app.add_subcommand("version", "The version of the program");
  app.add_subcommand("manual", "The page of the manual, for man(1)")
      ->group("")
      ->add_option("command", questions.command, "The command [the program]");
  app.add_subcommand("complete", "What the last of these words can become, a line each; a shell asks")
      ->group("")
      ->prefix_command();
}

ExitStatus answer(const CLI::App& app, const Questions& questions) {
  if (app.got_subcommand("info")) {
    return info(questions.info);
  }
  if (app.got_subcommand("list")) {
    return list(questions.list);
  }
  if (app.got_subcommand("export")) {
    return export_trajectory(questions.exported);
  }
  if (app.got_subcommand("new")) {
    return write_template(questions.template_name);
  }
  if (app.got_subcommand("selfcheck")) {
    return selfcheck();
  }
  if (app.got_subcommand("version")) {
    print_line(mfld::version());
    return finished;
  }
  if (const std::string why = questions.command.empty() ? "" : why_no_command(questions.command, app); !why.empty()) {
    return explain(why, wrong_input);
  }
  print(app.got_subcommand("manual") ? manual_page(app, questions.command) : help_of(app, questions.command));
  return finished;
}

/// Words that may be anything, which the parser would read as options.
ExitStatus complete(const CLI::App& app, int argc, char** argv) {
  for (const std::string& word : completions(app, std::vector<std::string>(argv + 2, argv + argc))) {
    print_line(word);
  }
  return finished;
}

ExitStatus dispatch(int argc, char** argv) {
  CLI::App app("Mean-field Langevin and neural-tangent training of two-layer networks", "mfld");
  app.footer(
      "Exit status: 0 finished, 1 a selfcheck failed, 2 wrong input (nothing was written), 3 diverged\n"
      "(of `kernel`: not finite), 4 cannot read or write, 130 interrupted (a checkpoint was written).");
  app.set_version_flag("--version", mfld::version());
  app.require_subcommand(1);
  RunArguments arguments;
  arguments.command = boost::algorithm::join(std::vector<std::string>(argv, argv + argc), " ");
  add_run(app, arguments);
  add_resume(app, arguments);
  add_branch(app, arguments);
  add_merge(app, arguments);
  Questions questions;
  add_questions(app, questions);
  add_export(app, questions.exported);
  KernelArguments kernel_arguments;
  add_kernel(app, kernel_arguments);
  add_self_description(app, questions);

  const std::string word = argc > 1 ? argv[1] : "help";
  if (word == "complete") {
    return complete(app, argc, argv);
  }
  if (const std::string why = word[0] != '-' && word != "manual" ? why_no_command(word, app) : ""; !why.empty()) {
    return explain(why, wrong_input);
  }
  refuse_empty_values(app);
  if (const std::string why = empty_assignment(argc, argv); !why.empty()) {
    return explain(why, wrong_input);
  }
  if (argc < 2) {
    print(help_of(app, ""));
    return finished;
  }
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return answer(app, error);
  }
  if (app.got_subcommand("merge")) {
    return simulate(arguments, merge);
  }
  if (app.got_subcommand("run") || app.got_subcommand("resume") || app.got_subcommand("branch")) {
    return simulate(arguments, app.got_subcommand("run") ? run : app.got_subcommand("resume") ? resume : branch);
  }
  return app.got_subcommand("kernel") ? kernel(kernel_arguments) : answer(app, questions);
}

/// Whether the command is one that a signal asks to stop; others end at once.
bool takes_steps(std::string_view command) {
  return command == "run" || command == "resume" || command == "branch" || command == "merge";
}

/// The error that is being handled, in words, and its status.
ExitStatus explain_error() noexcept {
  try {
    throw;
  } catch (const mfld::InvalidInput& error) {
    return explain(error.what(), wrong_input);
  } catch (const mfld::Interrupted& error) {
    return explain(error.what(), interrupted);
  } catch (const ReaderLeft&) {
    return file_error;
  } catch (const NotAgreed& error) {
    return error.status();
  } catch (const std::bad_alloc&) {
    return explain("the experiment does not fit into the memory of this machine", wrong_input);
  } catch (const std::exception& error) {
    return explain(error.what(), file_error);
  } catch (...) {
    return explain("stopped for an unknown reason", file_error);
  }
}

/// Where an error can go nowhere else, such as one of a thread's own.
[[noreturn]] void give_up() noexcept {
  speak(true);
  if (std::current_exception()) {
    explain_error();
  } else {
    explain("stopped for an unknown reason", file_error);
  }
  std::_Exit(file_error);
}

}  // namespace
}  // namespace commands

int main(int argc, char** argv) {
  std::set_terminate(commands::give_up);
  if (!commands::guard_standard_streams()) {
    return commands::explain("a standard descriptor is closed and nothing can be opened in its place",
                             commands::file_error);
  }
  mfld::serve_as_child(argc, argv);
  const bool takes_steps = argc > 1 && commands::takes_steps(argv[1]);
  if (takes_steps) {
    commands::stop_on_signals(0);  // at once: batch systems and people may change their minds in the first instant
  } else {
    commands::end_on_signals();
  }
  try {
    if (takes_steps) {
      commands::join_ranks(argv[1]);
    }
    const commands::ExitStatus status = commands::dispatch(argc, argv);
    commands::close_output();
    return commands::leave_ranks(status);
  } catch (...) {
    return commands::leave_ranks_on_error(commands::explain_error);
  }
}

// Help, and the pages of the manual.
#include "help.hpp"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <boost/algorithm/string/case_conv.hpp>
#include <boost/algorithm/string/join.hpp>

#include "mfld/core/nearest_name.hpp"
#include "mfld/record/provenance.hpp"

namespace commands {

namespace {

bool is_for_people(const CLI::App* command) { return !command->get_group().empty(); }

/// Text as roff shows it: a line that begins with a dot or a quote would be a request.
std::string roff(std::string_view text) {
  std::string result;
  for (const char character : text) {
    const bool begins = result.empty() || result.back() == '\n';
    if (begins && (character == '.' || character == '\'')) {
      result += "\\&";
    }
    result += character == '\\' ? "\\e" : character == '-' ? "\\-" : std::string(1, character);
  }
  return result;
}

std::string section(std::string_view title, const std::string& body) {
  return body.empty() ? "" : fmt::format(".SH {}\n{}\n", title, body);
}

/// A text whose lines are to stay as they are.
std::string lines(const std::string& text) { return text.empty() ? "" : ".nf\n" + roff(text) + "\n.fi"; }

std::string option_row(const CLI::Option& option) {
  const bool takes_value = option.get_items_expected_max() > 0;
  const std::string value = takes_value ? option.get_type_name() : "";
  const std::string name = option.get_positional() ? option.get_name(true, false) : option.get_name(false, true);
  return fmt::format(".TP\n.B {}{}{}\n{}", roff(name), value.empty() ? "" : " ", roff(value),
                     roff(option.get_description()));
}

std::string options_of(const CLI::App& app) {
  std::vector<std::string> rows;
  for (const bool positional : {true, false}) {
    for (const CLI::Option* option : app.get_options()) {
      if (option->get_positional() == positional) {
        rows.push_back(option_row(*option));
      }
    }
  }
  return boost::algorithm::join(rows, "\n");
}

std::string commands_of(const CLI::App& app) {
  std::vector<std::string> rows;
  for (const CLI::App* command : app.get_subcommands({})) {
    if (is_for_people(command)) {
      rows.push_back(
          fmt::format(".TP\n.BR mfld\\-{} (1)\n{}", roff(command->get_name()), roff(command->get_description())));
    }
  }
  return boost::algorithm::join(rows, "\n");
}

/// "mfld run experiment [options]"
std::string synopsis(const CLI::App& command, bool is_whole) {
  std::string result = is_whole ? ".B mfld\nCOMMAND" : fmt::format(".B mfld {}", roff(command.get_name()));
  for (const CLI::Option* option : command.get_options()) {
    if (option->get_positional()) {
      const std::string name = option->get_name(true, false);
      result += "\n" + roff(option->get_required() ? name : "[" + name + "]");
    }
  }
  return result + "\n[OPTIONS]";
}

}  // namespace

std::vector<std::string> command_names(const CLI::App& app) {
  std::vector<std::string> names;
  for (const CLI::App* command : app.get_subcommands({})) {
    if (is_for_people(command)) {
      names.push_back(command->get_name());
    }
  }
  return names;
}

std::string why_no_command(const std::string& word, const CLI::App& app) {
  const std::vector<std::string> names = command_names(app);
  if (std::find(names.begin(), names.end(), word) != names.end()) {
    return {};
  }
  const std::vector<std::string_view> candidates(names.begin(), names.end());
  const auto nearest = mfld::nearest_name(word, candidates);
  return fmt::format("unknown command {}{}; there are {}", word,
                     nearest ? fmt::format(", did you mean {}?", *nearest) : "", boost::algorithm::join(names, ", "));
}

std::string help_of(const CLI::App& app, const std::string& command) {
  // Not app.help(), which is about the command that was parsed.
  return command.empty() ? app.get_formatter()->make_help(&app, "mfld", CLI::AppFormatMode::Normal)
                         : app.get_subcommand(command)->help("mfld");
}

std::string manual_page(const CLI::App& app, const std::string& command) {
  const bool is_whole = command.empty();
  const CLI::App& subject = is_whole ? app : *app.get_subcommand(command);
  const std::string name = is_whole ? "mfld" : "mfld-" + command;
  std::string page = fmt::format(".TH {} 1 \"\" \"mfld {}\" \"User Commands\"\n",
                                 roff(boost::algorithm::to_upper_copy(name)), roff(mfld::version()));
  page += section("NAME", fmt::format("{} \\- {}", roff(name), roff(subject.get_description())));
  page += section("SYNOPSIS", synopsis(subject, is_whole));
  page += section("COMMANDS", is_whole ? commands_of(app) : "");
  page += section("OPTIONS", options_of(subject));
  page += section("NOTES", is_whole ? "" : lines(subject.get_footer()));
  page += section("EXIT STATUS", lines(app.get_footer()));
  return page + section("SEE ALSO", is_whole ? ".BR mfld\\-help (1)" : ".BR mfld (1)");
}

}  // namespace commands

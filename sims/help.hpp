#pragma once
#include <CLI/CLI.hpp>
#include <string>
#include <vector>

/// What the table of commands and options, which the parser reads, says besides: help, pages of the manual and what a
/// shell can complete are all made from it.
namespace commands {

/// What values of options are called in the help, which is how a shell knows what they can be.
namespace value_names {
inline constexpr const char* experiment = "FILE.toml";
inline constexpr const char* run = "RUN";
inline constexpr const char* setting = "KEY=VALUE";
inline constexpr const char* command = "COMMAND";
inline constexpr const char* row = "NAME";
inline constexpr const char* experiment_template = "TEMPLATE";
}  // namespace value_names

/// The commands that people are told of.
std::vector<std::string> command_names(const CLI::App& app);
/// Why `word` is no command; empty if it is one.
std::string why_no_command(const std::string& word, const CLI::App& app);

/// Of the program, or of one of its commands.
std::string help_of(const CLI::App& app, const std::string& command);
/// The page of the manual, as man(1) reads it.
std::string manual_page(const CLI::App& app, const std::string& command);
/// What the last of the words behind the program's name can become, which may be empty. Nothing where it names a file
/// of the user's own.
std::vector<std::string> completions(const CLI::App& app, const std::vector<std::string>& words);

}  // namespace commands

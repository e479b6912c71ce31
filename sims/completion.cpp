// What a shell can make of the words of a command line.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <filesystem>
#include <regex>

#include "commands.hpp"
#include "help.hpp"
#include "mfld/config/experiment.hpp"
#include "mfld/files/user_path.hpp"

namespace commands {

namespace {

namespace fs = std::filesystem;
using Words = std::vector<std::string>;

/// "TEXT:{a,b}" stands for what an option is checked against.
Words members_of(const std::string& type) {
  const std::size_t first = type.find('{');
  const std::size_t last = type.rfind('}');
  Words words;
  for (std::size_t begin = first + 1; first != std::string::npos && last != std::string::npos && begin < last;) {
    const std::size_t end = std::min(type.find(',', begin), last);
    words.push_back(type.substr(begin, end - begin));
    begin = end + 1;
  }
  return words;
}

/// What `mfld list keys` allows as words: the names in quotes, or true and false.
Words values_of(const mfld::KeyInfo& key) {
  Words values;
  static const std::regex quoted("\"([^\"]*)\"");
  for (std::sregex_iterator match(key.allowed.begin(), key.allowed.end(), quoted), end; match != end; ++match) {
    values.push_back((*match)[1]);
  }
  return key.allowed == "true or false" ? Words{"true", "false"} : values;
}

/// "phase.2.steps" and "phase.steps" are the same key, and the first is how --set says it.
std::string path_in_list(const std::string& path, const std::string& position) {
  constexpr std::string_view list = "phase.";
  return path.starts_with(list) ? fmt::format("{}{}.{}", list, position, path.substr(list.size())) : path;
}

/// "path=" of every key, and once a path is there "path=value" of every value that has a name.
Words settings(const std::string& typed) {
  std::smatch position;
  static const std::regex phase("^phase\\.([0-9]+)\\..*");
  const std::string number = std::regex_match(typed, position, phase) ? position[1].str() : "0";
  Words words;
  for (const mfld::KeyInfo& key : mfld::describe_keys()) {
    const std::string assignment = path_in_list(key.path, number) + "=";
    if (!typed.starts_with(assignment)) {
      words.push_back(assignment);
      continue;
    }
    for (const std::string& value : values_of(key)) {
      words.push_back(assignment + value);
    }
  }
  return words;
}

/// What stands in the folder that was typed: runs, files of the ending, and folders to look into, with a slash.
Words places(const std::string& typed, const std::string& ending) {
  const std::size_t slash = typed.rfind('/');
  const std::string folder = slash == std::string::npos ? "" : typed.substr(0, slash + 1);
  Words words;
  std::error_code error;
  for (fs::directory_iterator entry(folder.empty() ? "." : mfld::user_path(folder), error), end; !error && entry != end;
       entry.increment(error)) {
    const std::string name = entry->path().filename().string();
    std::error_code unreadable;
    const bool is_folder = entry->is_directory(unreadable);
    const bool is_run = is_folder && fs::exists(entry->path() / "experiment.toml", unreadable);
    const bool has_ending = !is_folder && !ending.empty() && name.ends_with(ending);
    if (has_ending || (is_run && ending.empty())) {
      words.push_back(folder + name);
    }
    if (is_folder && (!is_run || fs::exists(entry->path() / "index.csv", unreadable))) {
      words.push_back(folder + name + "/");
    }
  }
  std::erase_if(words, [&](const std::string& word) {
    return word[folder.size()] == '.' && !std::string_view(typed).substr(folder.size()).starts_with('.');
  });
  return words;
}

Words values(const CLI::App& app, const CLI::Option& option, const Words& words) {
  const std::string type = option.get_type_name();
  const std::string& typed = words.back();
  if (type == value_names::setting) {
    return settings(typed);
  }
  if (type == value_names::run || type == value_names::experiment) {
    return places(typed, type == value_names::run ? "" : ".toml");
  }
  if (type == value_names::command) {
    return command_names(app);
  }
  if (type == value_names::experiment_template) {
    return template_names();
  }
  if (type == value_names::row) {
    return names_of_topic(words[words.size() - 2]);
  }
  return members_of(type);
}

/// The option that the word before asks a value for, or that the last word begins with its =; nullptr: none.
const CLI::Option* option_of_value(const CLI::App& command, const std::string& word) {
  for (const CLI::Option* option : command.get_options()) {
    if (!option->get_positional() && option->get_items_expected_max() > 0 && option->check_name(word)) {
      return option;
    }
  }
  return nullptr;
}

/// The argument that the last word is, by the number of those before it; the last one may be several.
const CLI::Option* positional(const CLI::App& command, const Words& words) {
  std::size_t place = 0;
  for (std::size_t i = 1; i + 1 < words.size(); ++i) {
    if (words[i].starts_with('-')) {
      i += option_of_value(command, words[i]) != nullptr ? 1 : 0;
    } else {
      ++place;
    }
  }
  for (const CLI::Option* option : command.get_options()) {
    if (option->get_positional() && (place-- == 0 || option->get_items_expected_max() > 1)) {
      return option;
    }
  }
  return nullptr;
}

Words options(const CLI::App& command) {
  Words words;
  for (const CLI::Option* option : command.get_options()) {
    for (const std::string& name : option->get_lnames()) {
      words.push_back("--" + name);
    }
  }
  return words;
}

/// All that could stand for the last of the words of a command.
Words candidates(const CLI::App& app, const CLI::App& command, const Words& words) {
  const std::string& typed = words.back();
  if (words.size() > 2) {
    if (const CLI::Option* option = option_of_value(command, words[words.size() - 2])) {
      return values(app, *option, words);
    }
  }
  const std::size_t equals = typed.find('=');
  if (typed.starts_with("--") && equals != std::string::npos) {
    const CLI::Option* option = option_of_value(command, typed.substr(0, equals));
    Words value = {"", typed.substr(equals + 1)};
    Words result = option != nullptr ? values(app, *option, value) : Words();
    for (std::string& word : result) {
      word.insert(0, typed, 0, equals + 1);
    }
    return result;
  }
  if (typed.starts_with('-')) {
    return options(command);
  }
  const CLI::Option* argument = positional(command, words);
  return argument != nullptr ? values(app, *argument, words) : Words();
}

}  // namespace

std::vector<std::string> completions(const CLI::App& app, const std::vector<std::string>& words) {
  Words result;
  const Words names = command_names(app);
  if (words.size() < 2) {
    result = names;
    const Words others = options(app);
    result.insert(result.end(), others.begin(), others.end());
  } else if (std::find(names.begin(), names.end(), words[0]) != names.end()) {
    result = candidates(app, *app.get_subcommand(words[0]), words);
  }
  const std::string typed = words.empty() ? "" : words.back();
  std::erase_if(result, [&](const std::string& word) {
    return !word.starts_with(typed) || (typed.empty() && word.starts_with("--"));
  });
  std::sort(result.begin(), result.end());
  result.erase(std::unique(result.begin(), result.end()), result.end());
  return result;
}

}  // namespace commands

// mfld new.
#include <fmt/format.h>

#include "commands.hpp"
#include "mfld/config/config.hpp"
#include "mfld/core/error.hpp"
#include "mfld/core/nearest_name.hpp"
#include "say.hpp"
#include "templates.hpp"

namespace commands {

namespace {

/// What an example shows: its first line, a comment.
std::string_view title_of(const Template& example) { return example.text.substr(2, example.text.find('\n') - 2); }

}  // namespace

std::vector<std::string> template_names() { return mfld::names_of(templates); }

ExitStatus write_template(const std::string& name) {
  for (const Template& example : templates) {
    if (example.name == name) {
      print(example.text);
      return finished;
    }
  }
  if (!name.empty()) {
    const std::vector<std::string> names = template_names();
    const std::vector<std::string_view> candidates(names.begin(), names.end());
    const auto nearest = mfld::nearest_name(name, candidates);
    throw mfld::InvalidInput(
        fmt::format("unknown template {}{}", name,
                    nearest ? fmt::format("; did you mean {}?", *nearest) : "; `mfld new` alone says what there is"));
  }
  print("templates (mfld new TEMPLATE > my.toml; mfld run my.toml)\n");
  for (const Template& example : templates) {
    print(fmt::format("  {:<20} {}\n", example.name, title_of(example)));
  }
  return finished;
}

}  // namespace commands

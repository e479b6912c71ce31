#include "runs/run_text.hpp"

#include <fmt/format.h>

#include "config/stored_folder.hpp"
#include "core/comments.hpp"
#include "mfld/record/provenance.hpp"
#include "record/data_record.hpp"

namespace mfld {

std::string experiment_text(const Experiment& experiment, const RunOptions& options,
                            const std::filesystem::path& directory) {
  std::string text;
  for (const auto* lines : {&options.provenance, &options.notes}) {
    for (const std::string& line : *lines) {
      text += comment_line(line);
    }
  }
  if (!experiment.folder.empty()) {
    text += folder_comments(experiment.folder, directory);
    for (const auto& [name, file] : record::named_files(parse_toml(experiment.resolved, {}), experiment.data.files)) {
      text += record::numbers_comment(name, file);
    }
  }
  return text + experiment.resolved;
}

std::vector<std::string> table_comments(const Experiment& experiment, const RunOptions& options) {
  std::vector<std::string> comments = experiment.formulas();
  comments.insert(comments.begin(), "mfld " + version());
  comments.insert(comments.end(), options.notes.begin(), options.notes.end());
  return comments;
}

std::string message_of(const Outcome& outcome) {
  const RunEnd& end = outcome.end;
  switch (end.ending) {
    case Ending::finished:
      return fmt::format("finished after {} steps", end.step);
    case Ending::diverged:
      return end.first_bad_particle
                 ? fmt::format("diverged at step {}: particle {} is not finite", end.step, *end.first_bad_particle)
                 : fmt::format("stopped at step {}: {}", end.step, outcome.failure);
    case Ending::interrupted:
      return fmt::format("interrupted at step {}, with a checkpoint", end.step);
    case Ending::running:
    case Ending::refused:
    case Ending::failed:
      break;  // no loop returns with these
  }
  return {};
}

}  // namespace mfld

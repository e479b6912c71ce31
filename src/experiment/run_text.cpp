#include "experiment/run_text.hpp"

#include "experiment/comments.hpp"
#include "experiment/data_record.hpp"
#include "experiment/stored_folder.hpp"
#include "mfld/experiment/provenance.hpp"

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
    for (const auto& [name, file] : named_files(parse_toml(experiment.resolved, {}), experiment.data.files)) {
      text += numbers_comment(name, file);
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

}  // namespace mfld

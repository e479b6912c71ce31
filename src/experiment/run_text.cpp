#include "experiment/run_text.hpp"

#include "mfld/experiment/provenance.hpp"

namespace mfld {

std::string experiment_text(const Experiment& experiment, const RunOptions& options) {
  std::string text;
  for (const auto* lines : {&options.provenance, &options.notes}) {
    for (const std::string& line : *lines) {
      text += "# ";
      for (const char c : line) {
        text += c == '\n' ? std::string("\n# ") : std::string(1, c);  // a command may hold line breaks
      }
      text += '\n';
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

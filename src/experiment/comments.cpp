#include "experiment/comments.hpp"

#include <algorithm>

#include "mfld/core/printable.hpp"

namespace mfld {

namespace {

constexpr std::string_view start = "# ";

}  // namespace

std::string comment_line(std::string_view text) { return std::string(start) + escaped(text) + '\n'; }

std::vector<std::string> comments_in(std::string_view file) {
  std::vector<std::string> comments;
  while (file.starts_with('#')) {
    std::string_view line = file.substr(0, file.find('\n'));
    file.remove_prefix(std::min(file.size(), line.size() + 1));
    if (line.ends_with('\r')) {  // ours are escaped: an editor's
      line.remove_suffix(1);
    }
    comments.push_back(unescaped(line.substr(line.starts_with(start) ? start.size() : 1)));
  }
  return comments;
}

}  // namespace mfld

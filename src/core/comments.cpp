#include "core/comments.hpp"

#include <algorithm>

#include "mfld/core/printable.hpp"

namespace mfld {

namespace {

constexpr std::string_view start = "# ";
constexpr std::string_view blanks = " \t\r";

}  // namespace

std::string comment_line(std::string_view text) { return std::string(start) + escaped(text) + '\n'; }

std::vector<std::string> comments_in(std::string_view file) {
  std::vector<std::string> comments;
  file.remove_suffix(behind_comments(file).size());
  while (!file.empty()) {
    std::string_view line = file.substr(0, file.find('\n'));
    file.remove_prefix(std::min(file.size(), line.size() + 1));
    line.remove_prefix(std::min(line.size(), line.find_first_not_of(blanks)));
    if (line.ends_with('\r')) {  // ours are escaped: an editor's
      line.remove_suffix(1);
    }
    if (!line.empty()) {
      comments.push_back(unescaped(line.substr(line.starts_with(start) ? start.size() : 1)));
    }
  }
  return comments;
}

std::string_view behind_comments(std::string_view file) {
  while (!file.empty()) {
    const std::string_view line = file.substr(0, file.find('\n'));
    const std::size_t first = line.find_first_not_of(blanks);
    if (first != line.npos && line[first] != '#') {
      break;
    }
    file.remove_prefix(std::min(file.size(), line.size() + 1));
  }
  return file;
}

}  // namespace mfld

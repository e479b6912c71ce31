#include "config/stored_folder.hpp"

#include <algorithm>
#include <string_view>
#include <system_error>

#include "core/comments.hpp"

namespace mfld {

namespace {

namespace fs = std::filesystem;

constexpr std::string_view folder_start = "paths start at ";
constexpr std::string_view relation_start = "which is from here ";

/// Without links and dots, as far as it exists.
fs::path without_links(const fs::path& path) {
  std::error_code error;
  fs::path result = fs::weakly_canonical(fs::absolute(path), error);  // of a relative one it may be relative
  return error ? fs::absolute(path).lexically_normal() : result;
}

/// What follows `start` in the first comment that has it.
fs::path after(std::string_view start, const std::vector<std::string>& comments) {
  const auto found = std::find_if(comments.begin(), comments.end(),
                                  [start](const std::string& comment) { return comment.starts_with(start); });
  return found == comments.end() ? fs::path() : fs::path(found->substr(start.size()));
}

}  // namespace

std::string folder_comments(const fs::path& folder, const fs::path& directory) {
  const fs::path start = fs::absolute(folder / ".").lexically_normal();
  const fs::path relation = without_links(start).lexically_relative(without_links(directory));
  return comment_line(std::string(folder_start) + start.string()) +
         comment_line(std::string(relation_start) + relation.string());
}

std::vector<fs::path> stored_folders(const fs::path& file, const std::vector<std::string>& comments) {
  const fs::path stored = after(folder_start, comments);
  const fs::path relation = after(relation_start, comments);
  if (stored.empty()) {
    return {file.parent_path()};
  }
  if (relation.empty()) {
    return {stored};
  }
  const fs::path seen_from_here = without_links(file.parent_path() / ".") / relation;
  return {seen_from_here.lexically_normal(), stored};
}

std::string folder_comment_start() { return "# " + std::string(folder_start); }

}  // namespace mfld

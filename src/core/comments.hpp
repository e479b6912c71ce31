#pragma once
#include <string>
#include <string_view>
#include <vector>

namespace mfld {

/// A comment of a TOML or CSV file, whatever the text is: one line with its end.
std::string comment_line(std::string_view text);

/// The texts of the comments that a file opens with; empty lines before and between them are passed over.
std::vector<std::string> comments_in(std::string_view file);

/// What follows them.
std::string_view behind_comments(std::string_view file);

}  // namespace mfld

#include "mfld/files/user_path.hpp"

#include <fmt/format.h>

#include <cstdlib>
#include <system_error>

#include "mfld/core/error.hpp"

namespace mfld {

std::filesystem::path user_path(const std::string& text) {
  std::error_code error;
  if (!text.starts_with('~')) {
    return text;
  }
  if (text.size() > 1 && text[1] != '/') {
    if (std::filesystem::exists(text, error)) {
      return text;
    }
    throw InvalidInput(
        fmt::format("{}: only ~ and ~/... are known, as your home directory; write the path out, or ./{}", text, text));
  }
  const char* home = std::getenv("HOME");
  if (home == nullptr || *home != '/') {
    throw InvalidInput(fmt::format("{}: the environment variable HOME names no directory; write the path out", text));
  }
  const std::size_t rest = text.find_first_not_of('/', 1);
  return rest == std::string::npos ? std::filesystem::path(home) : std::filesystem::path(home) / text.substr(rest);
}

}  // namespace mfld

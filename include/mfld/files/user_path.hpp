#pragma once
#include <filesystem>
#include <string>

namespace mfld {

/// A path that somebody wrote: "~" and "~/..." are their home directory, also where no shell has seen to it. Throws
/// InvalidInput where that is not known, and for "~name" unless something is called so.
std::filesystem::path user_path(const std::string& text);

}  // namespace mfld

#pragma once
#include <filesystem>
#include <string>
#include <vector>

#include "mfld/files/file_place.hpp"

namespace mfld {

/// The comments of an experiment.toml in `directory` that say where its paths start: at `folder`, and how that is
/// reached from the directory, which stays true when both are moved together.
std::string folder_comments(const std::filesystem::path& folder, const std::filesystem::path& directory);

/// Where the paths in an experiment file may start, the likeliest first: as its comments say, seen from where it lies
/// now and as it was; the folder that it lies in where they say nothing.
std::vector<std::filesystem::path> stored_folders(const std::filesystem::path& file,
                                                  const std::vector<std::string>& comments);

/// The comment that is to be corrected where neither is right.
std::string folder_comment_start();

}  // namespace mfld

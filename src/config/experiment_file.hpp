#pragma once
#include <atomic>
#include <filesystem>
#include <string>

namespace mfld {

/// All of an experiment file, which may be a pipe: its writer, if it has one, is waited for. Throws FileError where it
/// cannot be read, InvalidInput where it does not end within what an experiment may have, and Interrupted once `stop`
/// is true.
std::string read_experiment_file(const std::filesystem::path& path, const std::atomic<bool>* stop);

}  // namespace mfld

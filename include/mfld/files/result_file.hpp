#pragma once
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>

namespace mfld {

/// The file that the --out of a command names. Until it is complete and on the disk it has a name of this process's own
/// beside `path`; what is not finished leaves nothing.
class ResultFile {
 public:
  /// Whether a file that begins with these bytes was written by the same command before, and may be replaced.
  using IsOurs = bool (*)(std::string_view beginning);

  /// Throws InvalidInput where something is at `path` that is not ours, FileError where nothing can be written.
  ResultFile(std::filesystem::path path, IsOurs is_ours);
  ~ResultFile();
  ResultFile(const ResultFile&) = delete;
  ResultFile& operator=(const ResultFile&) = delete;

  /// What it is called until it is finished.
  const std::filesystem::path& temporary() const;
  void write(std::string_view bytes);
  /// Gives the file its name; another process may have made the like of it meanwhile, which it replaces. Nothing can
  /// follow.
  void finish();

 private:
  struct Part;
  std::filesystem::path path_;
  IsOurs is_ours_;
  std::unique_ptr<Part> part_;
  std::string beginning_;  // of what was written
};

}  // namespace mfld

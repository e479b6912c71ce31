#pragma once
#include <cstddef>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>

namespace mfld {

/// One file opened through the system, closed at the end of its life. Every failure is a FileError that names the file
/// and the system's reason.
class PosixFile {
 public:
  /// A new file, or an emptied one, for writing at its end.
  static PosixFile create(const std::filesystem::path& path);
  static PosixFile open_for_reading(const std::filesystem::path& path);
  /// An existing file, kept as it is.
  static PosixFile open_for_update(const std::filesystem::path& path);
  /// An existing file, for writing at its end.
  static PosixFile open_for_appending(const std::filesystem::path& path);

  ~PosixFile();
  PosixFile(PosixFile&& other) noexcept;
  PosixFile& operator=(PosixFile&& other) noexcept;

  /// All of `text` at the end of the file, in one call of the system where it can; if that fails, nothing of it stays.
  void append(std::string_view text);
  void write_at(std::size_t position, std::string_view bytes);
  /// The next bytes, as many as there are up to buffer.size(); 0 at the end.
  std::size_t read(std::span<char> buffer);
  /// Those from `position` on.
  std::size_t read_at(std::size_t position, std::span<char> buffer) const;
  std::size_t size() const;
  /// Forgets all but the first `size` bytes.
  void truncate(std::size_t size);
  /// Whether this process now holds the lock that at most one has, until it closes the file or dies. True as well where
  /// the file system has no locks.
  bool try_lock();
  /// Waits for the lock.
  void lock();
  void rename(const std::filesystem::path& path);
  /// Returns once the content is on the disk.
  void sync();
  /// What the destructor does, but a failure is reported.
  void close();

 private:
  PosixFile(std::filesystem::path path, int flags, std::string_view action);
  [[noreturn]] void fail(std::string_view action, int error) const;

  std::filesystem::path path_;
  int descriptor_;
};

/// lasting: on the disk before the call returns; passing: whenever the system gets to it.
enum class Write { lasting, passing };

/// Writes `text` to the file `temporary` and renames it to `path`: whoever looks sees the old content or the new, never
/// a part.
void replace_file(const std::filesystem::path& temporary, const std::filesystem::path& path, std::string_view text,
                  Write write = Write::lasting);

void rename_file(const std::filesystem::path& from, const std::filesystem::path& to);

/// Makes a file lasting that may be open elsewhere, or the names in a directory; nothing if there is none.
void sync_file(const std::filesystem::path& path);

}  // namespace mfld

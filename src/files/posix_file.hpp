#pragma once
#include <atomic>
#include <cstddef>
#include <span>
#include <string>
#include <string_view>

#include "mfld/files/file_place.hpp"

namespace mfld::files {

/// One file opened through the system, closed at the end of its life. Every failure is a FileError that names the file
/// and the system's reason.
class PosixFile {
 public:
  /// A new file for writing at its end, in a directory that is this process's alone: what has its name there, a
  /// leftover or somebody's link, is removed and never written into.
  static PosixFile create(const FilePlace& place);
  /// The same in a directory that others share: under a name beside `place` that nobody has.
  static PosixFile create_beside(const FilePlace& place);
  /// An existing regular file: anything else could keep its reader waiting.
  static PosixFile open_for_reading(const FilePlace& place);
  /// An existing file, kept as it is. Neither this nor the next follows a link (make_own).
  static PosixFile open_for_update(const FilePlace& place);
  /// An existing file, for writing at its end.
  static PosixFile open_for_appending(const FilePlace& place);

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
  void rename(const FilePlace& place);
  /// Returns once the content is on the disk.
  void sync();
  /// Reports what the system only says in the end. Nothing can follow.
  void close();

  const FilePlace& place() const { return place_; }

 private:
  /// `action` is what failed if there is no descriptor: errno says why.
  PosixFile(FilePlace place, int descriptor, std::string_view action);
  template <class Call>
  std::size_t fill(std::span<char> buffer, const Call& read_some) const;
  [[noreturn]] void fail(std::string_view action, int error) const;

  FilePlace place_;
  int descriptor_;
};

/// lasting: on the disk before the call returns; passing: whenever the system gets to it.
enum class Write { lasting, passing };

/// Gives `place` the content `text` by way of a new file `temporary` in the same directory, which is this process's
/// alone: whoever looks sees the old content or the new, never a part.
void replace_file(const FilePlace& temporary, const FilePlace& place, std::string_view text,
                  Write write = Write::lasting);
/// The same in a directory that others share. Nothing is left if it fails.
void replace_file(const FilePlace& place, std::string_view text, Write write = Write::lasting);

/// A file that is a link, or has another name too, becomes one that nobody else has: a copy of what it holds, by way of
/// `temporary`.
void make_own(const FilePlace& temporary, const FilePlace& place);
void rename_file(const FilePlace& from, const FilePlace& to);
/// No failure if there is none.
void remove_file(const FilePlace& place);
/// Whether there is something that can be opened, or that cannot for another reason than its absence.
bool exists(const FilePlace& place);
/// Whether it is a symbolic link, wherever that leads.
bool is_link(const FilePlace& place);
/// All that is in a file.
std::string read_text(const FilePlace& place);

/// Makes a file lasting that may be open elsewhere, or the names in a directory; nothing if there is none.
void sync_file(const FilePlace& place);
/// Makes all lasting that is on the file system of a directory, or starts to.
void sync_file_system(const FilePlace& directory);

}  // namespace mfld::files

#pragma once
#include <cstddef>
#include <functional>
#include <optional>
#include <span>
#include <string>

namespace mfld {

/// The two ends of a pipe between a process and its child.
class Pipe {
 public:
  Pipe();
  ~Pipe();
  Pipe(const Pipe&) = delete;
  Pipe& operator=(const Pipe&) = delete;

  /// In the child: ends it, without a word, where nobody reads any more.
  void send(std::span<const std::byte> bytes);
  /// In the parent: false where the child has sent less.
  bool receive(std::span<std::byte> bytes);

  void close_reading();
  void close_writing();

 private:
  int reading_ = -1;
  int writing_ = -1;
};

/// Runs `work` in a copy of this process, for libraries that are not safe on hostile files: a crash, an endless loop or
/// overwritten memory stay there. What `work` sends, `receive` takes, here and meanwhile. Nothing where `work`
/// returned; otherwise how the child ended, as in "Segmentation fault". It may use `cpu_seconds` of a processor. `work`
/// may call HDF5 and allocate, and starts no thread. Throws std::system_error where there can be no child.
std::optional<std::string> run_in_child(unsigned cpu_seconds, const std::function<void(Pipe&)>& work,
                                        const std::function<void(Pipe&)>& receive);

}  // namespace mfld

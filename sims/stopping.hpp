#pragma once
#include <atomic>
#include <filesystem>

namespace commands {

/// True once somebody asked the program to stop.
extern std::atomic<bool> stop_requested;

/// From here on these ask the program to stop, and a run stops after its step: Ctrl-C and SIGTERM, the warnings of
/// batch systems, of limits and of a terminal that closes (SIGUSR1, SIGUSR2, SIGXCPU, SIGHUP), and the end of
/// `max_wall_seconds`, if they are > 0. A second Ctrl-C or SIGTERM has its usual effect. What was ignored when the
/// program began stays ignored: that is how nohup works.
void stop_on_signals(double max_wall_seconds);

/// Of commands that make nothing which could be kept half done: from here on these signals end the program at once,
/// with one sentence and the status 130.
void end_on_signals();
/// Removes a file first that is not finished. One at most; no harm where it is gone.
void remove_on_signals(const std::filesystem::path& file) noexcept;
/// While it lives these signals wait: from before such a file is made until it is known.
class SignalsWait {
 public:
  SignalsWait() noexcept;
  ~SignalsWait();
  SignalsWait(const SignalsWait&) = delete;
  SignalsWait& operator=(const SignalsWait&) = delete;
};

}  // namespace commands

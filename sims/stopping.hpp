#pragma once
#include <atomic>

namespace commands {

/// True once somebody asked the program to stop.
extern std::atomic<bool> stop_requested;

/// From here on these ask the program to stop, and a run stops after its step: Ctrl-C and SIGTERM, the warnings of
/// batch systems, of limits and of a terminal that closes (SIGUSR1, SIGUSR2, SIGXCPU, SIGHUP), and the end of
/// `max_wall_seconds`, if they are > 0. A second Ctrl-C or SIGTERM has its usual effect. What was ignored when the
/// program began stays ignored: that is how nohup works.
void stop_on_signals(double max_wall_seconds);

}  // namespace commands

#pragma once
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace mfld::files {

/// The other process has closed its end of a channel, or is gone; or it has said nothing for too long.
struct ChannelClosed {
  bool silent = false;
};

/// How long one waits for the other end of a channel.
struct Patience {
  const std::atomic<bool>* stop = nullptr;  // once true, Interrupted
  std::string doing;                        // "reading t.h5": what is interrupted then
  double silent_seconds = 0;                // then ChannelClosed; 0: no limit
};

/// One of the two ends of a stream of bytes between a process and its child. Sends and receives all that is asked for,
/// or else throws ChannelClosed or, where the patience says so, Interrupted.
class Channel {
 public:
  /// Closes `descriptor` in the end.
  explicit Channel(int descriptor, Patience patience = {});
  ~Channel();
  Channel(const Channel&) = delete;
  Channel& operator=(const Channel&) = delete;

  void send(std::span<const std::byte> bytes);
  void receive(std::span<std::byte> bytes);

  void send_number(std::int64_t number);
  std::int64_t receive_number();
  void send_text(std::string_view text);
  /// ChannelClosed also where it is longer: whoever sent that is not to be trusted.
  std::string receive_text(std::size_t max_length = std::size_t{1} << 26U);
  /// From now on silence is borne for so long.
  void bear_silence(double seconds) { patience_.silent_seconds = seconds; }

 private:
  void wait_for(short event) const;

  int descriptor_;
  Patience patience_;
};

/// What a child can be asked for.
struct ChildWork {
  std::string_view name;
  void (*work)(Channel& parent);
};

/// To be called first in main. In a process that was started as a child: does the work that it was started for and ends
/// the process. In any other: returns, and from then on this program can have children.
void serve(int argc, char** argv, std::span<const ChildWork> works);

/// Whether this program has called `serve`.
bool can_have_children();

/// For the work of a child that gets on: so many more seconds of a processor, from now. Never beyond what the system
/// allows its parent.
void allow_cpu_seconds(unsigned seconds);

struct ChildCall {
  std::string_view work;  // a name that `serve` knows
  unsigned cpu_seconds;   // that the child may use of a processor before it allows itself more
  Patience patience;
};

/// Why a child did not do its work.
struct ChildFault {
  /// crashed: what it worked on did that. stuck: the same, or it was slower than allowed. surroundings: anything else.
  enum class Kind { crashed, stuck, surroundings };
  Kind kind;
  std::string how;  // "Segmentation fault", "no end after 20 s of CPU time", "it ran out of memory"
};

/// Starts this program again, for libraries that are not safe on hostile files: a crash, an endless loop or overwritten
/// memory stay in the child. `talk` sends it what the work needs and takes what it answers. The child shares nothing
/// with this process but the channel: it is a new program, not a copy, so that it does not matter what other threads do
/// meanwhile. It stands in a process group of its own and takes no signal but those that nobody can refuse: the signals
/// of a terminal are this process's affair. It ends with the thread that called. Nothing where all that `talk` asked
/// for came. Throws FileError where no process can be started; Interrupted; and what `talk` throws.
std::optional<ChildFault> run_in_child(const ChildCall& call, const std::function<void(Channel&)>& talk);

}  // namespace mfld::files

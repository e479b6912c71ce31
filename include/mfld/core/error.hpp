#pragma once
#include <atomic>
#include <stdexcept>
#include <string>

namespace mfld {

/// The command line or the experiment is wrong: exit status 2, nothing was written.
/// The text is one sentence that names the key, its value and what is allowed.
class InvalidInput : public std::invalid_argument {
 public:
  using std::invalid_argument::invalid_argument;
};

/// The same where only the data show it: of several runs, it concerns one.
class WrongData : public InvalidInput {
 public:
  using InvalidInput::InvalidInput;
};

/// The same where a file system lacks the room: of a run among others, which may have filled it, the disk fails.
class NoRoom : public InvalidInput {
 public:
  using InvalidInput::InvalidInput;
};

/// A file cannot be read or written: exit status 4. The text names the file and the reason.
class FileError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// Somebody asked to stop before there was anything that could be stopped half-way: exit status 130.
class Interrupted : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// Throws Interrupted, saying that `work` ("reading data.csv") was interrupted, if the flag is there and set.
inline void stop_if_asked(const std::atomic<bool>* stop, const std::string& work) {
  if (stop != nullptr && *stop) {
    throw Interrupted("interrupted while " + work);
  }
}

}  // namespace mfld

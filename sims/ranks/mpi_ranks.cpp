#include "ranks/mpi_ranks.hpp"

#include <dlfcn.h>
#include <fmt/format.h>

#include <array>
#include <cassert>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <vector>

#include "mfld/core/error.hpp"

namespace commands {

namespace {

namespace fs = std::filesystem;

/// Where modules are, seen from the program: in the folder of the build, and after an installation.
constexpr std::array<const char*, 2> module_folders = {"mpi", MFLD_MODULE_FOLDER};

/// Those that there are, the one called `mpi` first.
std::vector<fs::path> modules(const std::string& mpi) {
  std::error_code error;
  const fs::path program = fs::read_symlink("/proc/self/exe", error);
  std::vector<fs::path> found;
  for (const char* folder : module_folders) {
    for (const std::string& name : {mpi, std::string("openmpi"), std::string("mpich")}) {
      const fs::path module = program.parent_path() / folder / ("mfld_" + name + ".so");
      std::error_code is_none;
      if (!error && fs::is_regular_file(module, is_none)) {
        found.push_back(module);
      }
    }
  }
  return found;
}

const MpiFunctions& load(const fs::path& module) {
  // Global, for the libraries of MPI load parts of their own that look for it.
  void* library = ::dlopen(module.c_str(), RTLD_NOW | RTLD_GLOBAL);
  using Functions = const MpiFunctions* (*)();
  const auto functions =
      library == nullptr ? nullptr : reinterpret_cast<Functions>(::dlsym(library, mpi_functions_name));
  if (functions == nullptr) {
    const char* why = ::dlerror();
    throw mfld::FileError(fmt::format("cannot load {}: {}", module.string(), why == nullptr ? "unknown" : why));
  }
  return *functions();
}

/// What this process does at a signal stays as it is, whatever a library makes of it meanwhile.
class HandlersStay {
 public:
  HandlersStay() {
    for (std::size_t i = 0; i < numbers.size(); ++i) {
      ::sigaction(numbers[i], nullptr, &actions_[i]);
    }
  }
  ~HandlersStay() {
    for (std::size_t i = 0; i < numbers.size(); ++i) {
      ::sigaction(numbers[i], &actions_[i], nullptr);
    }
  }
  HandlersStay(const HandlersStay&) = delete;
  HandlersStay& operator=(const HandlersStay&) = delete;

 private:
  static constexpr auto numbers =
      std::to_array<int>({SIGINT, SIGTERM, SIGHUP, SIGUSR1, SIGUSR2, SIGXCPU, SIGALRM, SIGPIPE, SIGXFSZ, SIGCHLD});
  std::array<struct sigaction, numbers.size()> actions_{};
};

}  // namespace

std::unique_ptr<MpiRanks> MpiRanks::start(const std::string& mpi) {
  const std::vector<fs::path> found = modules(mpi);
  return found.empty() ? nullptr : std::unique_ptr<MpiRanks>(new MpiRanks(load(found.front())));
}

MpiRanks::MpiRanks(const MpiFunctions& mpi) : mpi_(mpi) {
  const HandlersStay here;
  check(mpi_.start(&rank_, &count_));
}

void MpiRanks::check(int error) const {
  if (error != 0) {
    std::array<char, 300> why{};
    mpi_.explain(error, why.data(), why.size());
    throw mfld::FileError(fmt::format("rank {} cannot exchange with the others: {}", rank_, why.data()));
  }
}

mfld::Ranks::Message MpiRanks::begin_send(std::span<const std::byte> bytes, int to) {
  assert(bytes.size() <= most_bytes);
  Message message = 0;
  check(mpi_.begin_send(bytes.data(), bytes.size(), to, &message));
  return message;
}

mfld::Ranks::Message MpiRanks::begin_receive(std::span<std::byte> bytes, int from) {
  assert(bytes.size() <= most_bytes);
  Message message = 0;
  check(mpi_.begin_receive(bytes.data(), bytes.size(), from, &message));
  return message;
}

bool MpiRanks::is_over(Message message) {
  int is_over = 0;
  check(mpi_.test(message, &is_over));
  return is_over != 0;
}

void MpiRanks::wait(Message message) { check(mpi_.wait(message)); }

void MpiRanks::broadcast(std::span<std::byte> bytes, int root) {
  check(mpi_.broadcast(bytes.data(), bytes.size(), root));
}

void MpiRanks::least(std::span<std::int64_t> numbers) {
  check(mpi_.least(numbers.data(), static_cast<int>(numbers.size())));
}

void MpiRanks::end() { check(mpi_.end()); }

void MpiRanks::abort(int status) {
  mpi_.abort(status);
  std::_Exit(status);
}

}  // namespace commands

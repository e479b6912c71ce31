#include "mfld/record/provenance.hpp"

#include <fmt/chrono.h>
#include <fmt/format.h>
#include <sys/utsname.h>

#include <ctime>
#include <thread>

#include "mfld/model/network.hpp"

namespace mfld {

namespace {

std::string compiler() {
#if defined(__clang__)
  return fmt::format("clang {}.{}.{}", __clang_major__, __clang_minor__, __clang_patchlevel__);
#else
  return fmt::format("g++ {}.{}.{}", __GNUC__, __GNUC_MINOR__, __GNUC_PATCHLEVEL__);
#endif
}

}  // namespace

std::string version() { return MFLD_VERSION; }

std::vector<std::string> provenance(const std::string& command) {
  utsname machine = {};
  uname(&machine);
  return {fmt::format("mfld {}, built by {}, instruction set {}", version(), compiler(), instruction_set()),
          fmt::format("on {} {} {} with {} hardware threads", machine.sysname, machine.release, machine.machine,
                      std::thread::hardware_concurrency()),
          fmt::format("at {:%Y-%m-%dT%H:%M:%SZ}", fmt::gmtime(std::time(nullptr))), command};
}

}  // namespace mfld

#include "ranks/company.hpp"

#include <fmt/format.h>
#include <sched.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <bit>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "mfld/core/error.hpp"
#include "mfld/model/network.hpp"
#include "ranks/launcher.hpp"
#include "ranks/mpi_ranks.hpp"
#include "say.hpp"

namespace commands {

namespace {

/// How far the ranks of this process have come together.
enum class Stage { alone, preparing, at_work, over };

struct Company {
  std::unique_ptr<MpiRanks> ranks;
  Stage stage = Stage::alone;
  std::uint64_t program = 0;
  int share = 0;
};

Company company;

std::uint64_t mixed(std::uint64_t hash, std::uint64_t word) {
  hash = (hash ^ word) * 0x9E3779B97F4A7C15U;
  return hash ^ (hash >> 29U);
}

/// Of the file that this process runs; 1 where the system does not show it.
std::uint64_t hash_of_program() {
  const std::unique_ptr<std::FILE, int (*)(std::FILE*)> file(std::fopen("/proc/self/exe", "rb"), std::fclose);
  std::vector<char> part(std::size_t{1} << 20U);
  std::uint64_t hash = 1;
  for (std::size_t count = part.size(); file && count == part.size();) {
    count = std::fread(part.data(), 1, part.size(), file.get());
    hash = hash_of(std::string_view(part.data(), count), hash);
  }
  return hash;
}

template <class Value>
void broadcast(Value& value, int root) {
  company.ranks->broadcast(std::as_writable_bytes(std::span(&value, 1)), root);
}

/// A processor that k ranks of this machine may use counts 1/k for each of them.
int fair_share() {
  struct Place {
    std::uint64_t machine;
    cpu_set_t processors;
  };
  std::array<char, 256> name{};
  Place own = {};
  ::gethostname(name.data(), name.size() - 1);
  own.machine = hash_of(name.data());
  ::sched_getaffinity(0, sizeof(own.processors), &own.processors);  // on failure none are there, and none are counted
  std::array<int, CPU_SETSIZE> users{};
  for (int rank = 0; rank < company.ranks->count(); ++rank) {
    Place place = own;
    broadcast(place, rank);
    for (int cpu = 0; place.machine == own.machine && cpu < CPU_SETSIZE; ++cpu) {
      users[static_cast<std::size_t>(cpu)] += CPU_ISSET(cpu, &place.processors) ? 1 : 0;
    }
  }
  double share = 0;
  for (int cpu = 0; cpu < CPU_SETSIZE; ++cpu) {
    share += CPU_ISSET(cpu, &own.processors) ? 1.0 / users[static_cast<std::size_t>(cpu)] : 0;
  }
  return static_cast<int>(share + 1e-9);
}

/// What a rank that fails tells the others.
struct Failure {
  int status = finished;
  std::array<char, 404> sentence{};
};

/// All throw where one has a status of its own; rank 0 says the sentence of the first.
void tell_of_failure(ExitStatus status) {
  MpiRanks& ranks = *company.ranks;
  const auto first = static_cast<int>(ranks.least(status != finished ? ranks.rank() : ranks.count()));
  if (first == ranks.count()) {
    return;
  }
  Failure failure;
  failure.status = status;
  const std::string_view sentence = last_complaint();
  sentence.copy(failure.sentence.data(), failure.sentence.size() - 1);
  broadcast(failure, first);
  company.stage = Stage::over;
  if (first > 0) {  // rank 0 has said its own
    complain(failure.sentence[0] != '\0' ? fmt::format("rank {}: {}", first, failure.sentence.data())
                                         : fmt::format("rank {} ended with status {}", first, failure.status));
  }
  throw NotAgreed(static_cast<ExitStatus>(failure.status));
}

/// All throw where a number is not rank 0's; what is said follows the name of that rank.
void compare(std::uint64_t number, std::string_view words) {
  MpiRanks& ranks = *company.ranks;
  std::uint64_t first = number;
  broadcast(first, 0);
  const auto other = static_cast<int>(ranks.least(number != first ? ranks.rank() : ranks.count()));
  if (other < ranks.count()) {
    company.stage = Stage::over;
    complain(fmt::format("rank {} {}", other, words));
    throw NotAgreed(wrong_input);
  }
}

/// Of the last bits of the functions of the mathematical library, which depend on the processor: by what losses, stop
/// rules and observers compute with them every rank decides how the run goes on.
std::uint64_t hash_of_functions() {
  std::uint64_t hash = 1;
  for (int i = 1; i <= 1000; ++i) {
    const volatile double spacing = 0.0123;  // not known to the compiler, which has functions of its own
    const double x = spacing * i;
    for (const double value : {std::exp(-x), std::log(x), std::log1p(x), std::sin(x), std::cos(x), std::tanh(x / 4),
                               std::erf(x / 4), std::pow(x, 1.7)}) {
      hash = mixed(hash, std::bit_cast<std::uint64_t>(value));
    }
  }
  return hash;
}

/// experiment: a hash; 0 where there is none, and the command is over.
void meet(ExitStatus status, std::uint64_t experiment) {
  tell_of_failure(status);
  compare(company.program, "runs another build of this program than rank 0: they have to be the same file");
  compare(experiment == 0 ? 0 : 1,
          "has another command than rank 0: one of them is done, and the other begins or goes on with a run");
  compare(experiment == 0 ? 0 : hash_of(mfld::instruction_set()),
          "has other vector instructions than rank 0: --instruction-set NAME chooses some that all have");
  compare(
      experiment == 0 ? 0 : hash_of_functions(),
      "has a processor on which exp, log, tanh or their like have other last bits than on rank 0's: use machines of "
      "one kind");
  compare(experiment, "has another experiment than rank 0: the file, --set, its data or the checkpoint differ");
}

void join(const Launched& launched) {
  company.ranks = MpiRanks::start(launched.mpi);
  const std::string others = launched.count > 0 ? fmt::format("{} processes", launched.count) : "several processes";
  if (!company.ranks) {
    throw mfld::InvalidInput(fmt::format(
        "this is one of {} that were started together, and this program was built without MPI: sims/setup mpi, and "
        "build it again, or start one process",
        others));
  }
  if (company.ranks->count() == 1) {
    company.ranks->end();
    company.ranks.reset();
    if (launched.count > 0) {
      throw mfld::InvalidInput(fmt::format(
          "this is one of {} that the launcher of another MPI started than this program was built for: start it by the "
          "mpirun of that one",
          others));
    }
    return;
  }
  company.stage = Stage::preparing;
  company.program = hash_of_program();
  company.share = std::max(1, fair_share());
  speak(company.ranks->rank() == 0);
}

}  // namespace

std::uint64_t hash_of(std::string_view bytes, std::uint64_t start) {
  std::uint64_t hash = start;
  for (; bytes.size() >= sizeof(std::uint64_t); bytes.remove_prefix(sizeof(std::uint64_t))) {
    std::uint64_t word = 0;
    std::memcpy(&word, bytes.data(), sizeof(word));
    hash = mixed(hash, word);
  }
  for (const char byte : bytes) {
    hash = mixed(hash, static_cast<unsigned char>(byte));
  }
  return mixed(hash, bytes.size());
}

void join_ranks(std::string_view command) {
  const auto launched = commands::launched();
  if (!launched) {
    return;
  }
  speak(launched->rank == 0);
  if (command == "merge") {
    throw mfld::InvalidInput("merge: is the work of one process, and several were started together");
  }
  join(*launched);
}

mfld::Ranks* ranks() noexcept { return company.ranks.get(); }

bool leads() noexcept { return !company.ranks || company.ranks->rank() == 0; }

int share_of_processors() noexcept { return company.share; }

void agree(const Numbers& experiment) {
  if (company.stage == Stage::preparing) {
    std::uint64_t hash = 1;
    for (const std::uint64_t number : experiment) {
      hash = mixed(hash, number);
    }
    meet(finished, std::max<std::uint64_t>(1, hash));
  }
}

void agree_to_write(const Numbers& experiment) {
  agree(experiment);
  if (company.ranks) {
    company.stage = Stage::at_work;
  }
}

ExitStatus leave_ranks(ExitStatus status) noexcept {
  if (!company.ranks) {
    return status;
  }
  try {
    if (company.stage == Stage::preparing) {
      meet(status, 0);
    }
  } catch (const NotAgreed& other) {
    status = other.status();
  } catch (const std::exception& error) {
    complain(error.what());
    company.ranks->abort(file_error);
  }
  try {
    company.ranks->end();
  } catch (const std::exception&) {  // nobody is left who would wait for it
  }
  return status;
}

ExitStatus leave_ranks_on_error(ExitStatus (*explain)() noexcept) noexcept {
  if (company.stage != Stage::at_work) {
    return leave_ranks(explain());
  }
  speak(true);
  const ExitStatus status = explain();
  std::this_thread::sleep_for(std::chrono::milliseconds(200));  // some launchers drop what they have not passed on yet
  company.ranks->abort(status);
}

}  // namespace commands

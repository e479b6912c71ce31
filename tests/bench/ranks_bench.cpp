// What messages take among ranks, by the calls that a run makes: half of a round trip between ranks 0 and 1, and the sum of
// a block of samples along the tree of tasks among all. `mpirun -n P ranks_bench`: rank 0 answers with lines
// "message BYTES SECONDS" and "sum SAMPLES SECONDS", medians over turns.
#include <algorithm>
#include <array>
#include <chrono>
#include <exception>
#include <iostream>
#include <vector>

#include "mfld/core/ranks.hpp"
#include "ranks/launcher.hpp"
#include "ranks/mpi_ranks.hpp"

namespace {

using mfld::Index;
using mfld::Ranks;

constexpr int num_turns = 9;
constexpr int warm_up = 2;

/// Median of the turns of seconds a repetition; every rank calls `once` as often, and all begin together.
template <class Once>
double seconds(Ranks& ranks, int repetitions, const Once& once) {
  std::vector<double> turns;
  for (int turn = -warm_up; turn < num_turns; ++turn) {
    ranks.least(0);
    const auto start = std::chrono::steady_clock::now();
    for (int i = 0; i < repetitions; ++i) {
      once();
    }
    if (turn >= 0) {
      turns.push_back(std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count() / repetitions);
    }
  }
  std::nth_element(turns.begin(), turns.begin() + num_turns / 2, turns.end());
  return turns[num_turns / 2];
}

/// From rank 0 to rank 1, or back.
double message_seconds(Ranks& ranks, std::size_t size, int repetitions) {
  std::vector<std::byte> bytes(size);
  return seconds(ranks, repetitions,
                 [&] {
                   if (ranks.rank() == 0) {
                     ranks.send(bytes, 1);
                     ranks.receive(bytes, 1);
                   } else if (ranks.rank() == 1) {
                     ranks.receive(bytes, 0);
                     ranks.send(bytes, 0);
                   }
                 }) /
         2;
}

/// Of ranks with 16 tasks each.
double sum_seconds(Ranks& ranks, Index num_samples, int repetitions) {
  const Index num_tasks = Index{16} * ranks.count();
  std::vector<Index> cuts;
  for (int rank = 0; rank <= ranks.count(); ++rank) {
    cuts.push_back(mfld::first_task(num_tasks, rank, ranks.count()));
  }
  std::vector<double> sums(static_cast<std::size_t>(Index{16} * num_samples));
  std::vector<double> total(static_cast<std::size_t>(num_samples));
  const mfld::SharedSum sum(cuts, ranks.rank());
  return seconds(ranks, repetitions, [&] {
    sum.complete(ranks, {sums.data(), num_samples, num_samples, total.data()});
  });
}

void measure(Ranks& ranks) {
  for (const std::size_t size : {8U, 64U, 512U, 2048U, 16384U, 65536U, 1048576U}) {
    const double taken = message_seconds(ranks, size, size > 100'000 ? 100 : 1000);
    if (ranks.rank() == 0) {
      std::cout << "message " << size << ' ' << taken << '\n';
    }
  }
  for (const Index num_samples : {8, 64, 256, 1024, 4096}) {
    const double taken = sum_seconds(ranks, num_samples, 1000);
    if (ranks.rank() == 0) {
      std::cout << "sum " << num_samples << ' ' << taken << '\n';
    }
  }
}

}  // namespace

int main() {
  try {
    const auto launched = commands::launched();
    const auto ranks = launched ? commands::MpiRanks::start(launched->mpi) : nullptr;
    if (!ranks || ranks->count() < 2) {
      std::cerr << "ranks_bench: start this by mpirun -n 2, or more, in a build with MPI\n";
      return 2;
    }
    measure(*ranks);
    ranks->end();
  } catch (const std::exception& error) {
    std::cerr << "ranks_bench: " << error.what() << '\n';
    return 1;
  }
}

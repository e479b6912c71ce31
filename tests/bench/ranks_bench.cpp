// What messages take among ranks, by the calls that a run makes: half of a round trip between ranks 0 and 1, and the sum
// of a block of samples along the tree of tasks among all; and a pass over many blocks, by ranks of one thread, whose
// messages are held back for a while. `mpirun -n P ranks_bench`: rank 0 answers with lines "message BYTES SECONDS",
// "sum SAMPLES SECONDS" and "pass NANOSECONDS SECONDS", medians over turns.
#include <sched.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <exception>
#include <iostream>
#include <map>
#include <random>
#include <vector>

#include "mfld/core/parallel.hpp"
#include "mfld/core/ranks.hpp"
#include "mfld/model/network.hpp"
#include "mfld/objective/empirical_risk.hpp"
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

/// Ranks whose messages arrive later than they do.
class SlowRanks final : public Ranks {
 public:
  SlowRanks(Ranks& ranks, std::chrono::nanoseconds latency) : ranks_(ranks), latency_(latency) {}
  int count() const override { return ranks_.count(); }
  int rank() const override { return ranks_.rank(); }
  Message begin_send(std::span<const std::byte> bytes, int to) override { return ranks_.begin_send(bytes, to); }
  Message begin_receive(std::span<std::byte> bytes, int from) override {
    const Message message = ranks_.begin_receive(bytes, from);
    due_[message] = Clock::time_point::max();
    return message;
  }
  bool is_over(Message message) override {
    const auto received = due_.find(message);
    if (received == due_.end()) {
      return ranks_.is_over(message);
    }
    if (received->second == Clock::time_point::max() && ranks_.is_over(message)) {
      received->second = Clock::now() + latency_;
    }
    if (Clock::now() < received->second) {
      return false;
    }
    due_.erase(received);
    return true;
  }
  void wait(Message message) override {
    while (!is_over(message)) {
      ::sched_yield();
    }
  }
  void broadcast(std::span<std::byte> bytes, int root) override { ranks_.broadcast(bytes, root); }
  void least(std::span<std::int64_t> numbers) override { ranks_.least(numbers); }

 private:
  using Clock = std::chrono::steady_clock;
  Ranks& ranks_;
  std::chrono::nanoseconds latency_;
  std::map<Message, Clock::time_point> due_;  // what is received; the last time there is: it is not here yet
};

/// A drift of 10000 neurons on 2000 samples of 10 inputs, 8 blocks of them.
double pass_seconds(Ranks& ranks, std::chrono::nanoseconds latency) {
  const mfld::Network network({mfld::NeuronKind::r_sigma, mfld::Activation::tanh, true}, 10, {}, {});
  std::mt19937_64 engine(1);
  std::normal_distribution<double> normal;
  mfld::Dataset data;
  data.train_inputs = mfld::Inputs::NullaryExpr(2000, 10, [&] { return normal(engine); });
  data.train_targets = mfld::Vector::NullaryExpr(2000, [&] { return normal(engine); });
  const mfld::Particles<double> particles =
      mfld::Particles<double>::NullaryExpr(10'000, network.layout().size, [&] { return normal(engine); });
  mfld::Drift drift(particles.rows(), particles.cols());
  SlowRanks slow(ranks, latency);
  mfld::EmpiricalRisk<double> risk(network, mfld::Risk({}, mfld::Reduction::mean), data, &slow);
  const mfld::Finish finish = [](Index /*first*/, Index /*last*/) {};
  return mfld::with_threads(1, [&] { return seconds(ranks, 10, [&] { risk.drift(particles, drift, {}, finish); }); });
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
  for (const int nanoseconds : {0, 10'000, 100'000, 200'000, 500'000}) {
    const double taken = pass_seconds(ranks, std::chrono::nanoseconds(nanoseconds));
    if (ranks.rank() == 0) {
      std::cout << "pass " << nanoseconds << ' ' << taken << '\n';
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

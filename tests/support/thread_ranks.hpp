#pragma once
#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <exception>
#include <map>
#include <mutex>
#include <set>
#include <stdexcept>
#include <thread>
#include <utility>
#include <vector>

#include "mfld/core/ranks.hpp"

namespace mfld {

/// Where the tasks, or rows, of each rank begin.                                                              [P + 1]
inline std::vector<Index> cuts_of(Index num_tasks, int num_ranks) {
  std::vector<Index> cuts;
  for (int rank = 0; rank <= num_ranks; ++rank) {
    cuts.push_back(first_task(num_tasks, rank, num_ranks));
  }
  return cuts;
}

/// Ranks that are threads of one process, with messages through memory. Of messages that are slow, its receiver does
/// not see one before it has asked for it so many times: a latency in looks, which no other load of the machine changes.
class ThreadRanks {
 public:
  explicit ThreadRanks(int count, int looks = 1) : count_(count), looks_(looks) {}

  /// Calls body(ranks) on every rank, and throws what one of them threw; also where they did not make the same calls,
  /// though none of them noticed.
  template <class Body>
  void run(const Body& body) {
    std::vector<std::thread> threads;
    std::vector<std::exception_ptr> errors(static_cast<std::size_t>(count_));
    std::vector<Calls> calls(static_cast<std::size_t>(count_));
    for (int rank = 0; rank < count_; ++rank) {
      threads.emplace_back([this, rank, &body, &errors, &calls] {
        Rank own(*this, rank);
        try {
          body(static_cast<Ranks&>(own));
        } catch (...) {
          errors[static_cast<std::size_t>(rank)] = std::current_exception();
        }
        end(rank);
        calls[static_cast<std::size_t>(rank)] = own.calls();
      });
    }
    for (std::thread& thread : threads) {
      thread.join();
    }
    for (const std::exception_ptr& error : errors) {
      if (error) {
        std::rethrow_exception(error);
      }
    }
    const bool all_taken =
        std::all_of(queues_.begin(), queues_.end(), [](const auto& queue) { return queue.second.empty(); });
    if (!all_taken || std::any_of(calls.begin(), calls.end(), [&](const Calls& own) { return own != calls[0]; })) {
      throw std::runtime_error("the ranks did not make the same calls");
    }
    const auto is_agreement = [](const std::pair<std::size_t, int>& call) { return call.second < 0; };
    num_agreements_ = static_cast<std::size_t>(std::count_if(calls[0].begin(), calls[0].end(), is_agreement));
    num_broadcasts_ = calls[0].size() - num_agreements_;
  }

  std::size_t num_messages() const { return num_messages_; }
  /// The rounds in which all ranks have told each other something: those of `least`, and those of `broadcast`.
  std::size_t num_agreements() const { return num_agreements_; }
  std::size_t num_broadcasts() const { return num_broadcasts_; }
  /// How often a rank waited for a message that, slow as it was, could not have been there.
  std::size_t num_idle_waits() const { return num_idle_waits_; }

 private:
  using Bytes = std::vector<std::byte>;
  /// Those that all ranks make: of how many bytes and from which root; -1 for `least`.
  using Calls = std::vector<std::pair<std::size_t, int>>;

  class Rank final : public Ranks {
   public:
    Rank(ThreadRanks& all, int rank) : all_(all), rank_(rank) {}
    int count() const override { return all_.count_; }
    int rank() const override { return rank_; }
    Message begin_send(std::span<const std::byte> bytes, int to) override {
      all_.put(rank_, to, bytes);
      return sent;
    }
    Message begin_receive(std::span<std::byte> bytes, int from) override {
      const auto message = static_cast<Message>(from);
      if (!open_.emplace(message, Open{bytes, 0}).second) {
        throw std::runtime_error("a rank waits for two messages of another one at once");
      }
      return message;
    }
    bool is_over(Message message) override {
      if (message == sent) {
        return true;
      }
      const Caller only(*this);
      Open& open = open_.at(message);
      if (++open.num_looks < all_.looks_ || !all_.get(static_cast<int>(message), rank_, open.bytes, false)) {
        return false;
      }
      open_.erase(message);
      return true;
    }
    void wait(Message message) override {
      if (message == sent) {
        return;
      }
      const Open& open = open_.at(message);
      all_.num_idle_waits_ += open.num_looks < all_.looks_ ? 1 : 0;
      all_.get(static_cast<int>(message), rank_, open.bytes, true);
      open_.erase(message);
    }
    void broadcast(std::span<std::byte> bytes, int root) override {
      calls_.emplace_back(bytes.size(), root);
      pass_on(bytes, root);
    }
    using Ranks::least;
    void least(std::span<std::int64_t> numbers) override {
      calls_.emplace_back(numbers.size_bytes(), -1);
      const std::vector<std::int64_t> own(numbers.begin(), numbers.end());
      std::vector<std::int64_t> theirs(own.size());
      for (int other = 0; other < count(); ++other) {
        theirs = own;
        pass_on(std::as_writable_bytes(std::span(theirs)), other);
        std::transform(theirs.begin(), theirs.end(), numbers.begin(), numbers.begin(),
                       [](std::int64_t a, std::int64_t b) { return std::min(a, b); });
      }
    }
    const Calls& calls() const { return calls_; }

   private:
    void pass_on(std::span<std::byte> bytes, int root) {
      if (rank_ == root) {
        for (int other = 0; other < count(); ++other) {
          if (other != root) {
            send(bytes, other);
          }
        }
      } else {
        receive(bytes, root);
      }
    }
    /// One at a time.
    class Caller {
     public:
      explicit Caller(Rank& rank) : rank_(rank) {
        if (rank.is_called_.exchange(true)) {
          throw std::runtime_error("two threads call a rank at once");
        }
      }
      ~Caller() { rank_.is_called_ = false; }
      Caller(const Caller&) = delete;
      Caller& operator=(const Caller&) = delete;

     private:
      Rank& rank_;
    };
    struct Open {
      std::span<std::byte> bytes;
      int num_looks;
    };
    static constexpr Message sent = ~Message{0};
    ThreadRanks& all_;
    int rank_;
    Calls calls_;
    std::atomic<bool> is_called_ = false;
    std::map<Message, Open> open_;  // what it is to receive, by the rank that it comes from
  };

  void put(int from, int to, std::span<const std::byte> bytes) {
    const std::lock_guard lock(mutex_);
    queues_[{from, to}].emplace_back(bytes.begin(), bytes.end());
    ++num_messages_;
    changed_.notify_all();
  }

  /// Whether the next message is there; if it waits for that, always.
  bool get(int from, int to, std::span<std::byte> bytes, bool waits) {
    std::unique_lock lock(mutex_);
    std::deque<Bytes>& queue = queues_[{from, to}];
    if (waits) {
      changed_.wait(lock, [&] { return !queue.empty() || ended_.contains(from); });
    }
    if (queue.empty() && !ended_.contains(from)) {
      return false;
    }
    if (queue.empty() || queue.front().size() != bytes.size()) {
      throw std::runtime_error("a rank has ended, or the ranks do not make the same calls");
    }
    std::copy(queue.front().begin(), queue.front().end(), bytes.begin());
    queue.pop_front();
    return true;
  }

  void end(int rank) {
    const std::lock_guard lock(mutex_);
    ended_.insert(rank);
    changed_.notify_all();
  }

  int count_;
  int looks_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::map<std::pair<int, int>, std::deque<Bytes>> queues_;
  std::size_t num_messages_ = 0;
  std::size_t num_agreements_ = 0;
  std::size_t num_broadcasts_ = 0;
  std::atomic<std::size_t> num_idle_waits_ = 0;
  std::set<int> ended_;
};

}  // namespace mfld

#include "mfld/model/row_sums.hpp"

#include <limits>

#include "mfld/core/divided_rows.hpp"
#include "mfld/core/parallel.hpp"
#include "mfld/model/shares.hpp"

namespace mfld {

namespace {

/// Numbers that one thread reads in some thirty microseconds: fewer are not worth a second one.
constexpr Index least_shared_numbers = Index{1} << 16U;

void raise_to(const double* from, Index count, double* to) { std::transform(to, to + count, from, to, larger); }

/// numbers [count] <- the largest of those that the ranks call with, on every rank. Of several that are not numbers,
/// the one of the first rank.
void largest_of_ranks(Ranks& ranks, double* numbers, Index count) {
  const std::span<double> own(numbers, static_cast<std::size_t>(count));
  std::vector<double> others(own.size());
  for (int half = 1; half < ranks.count(); half *= 2) {
    if (ranks.rank() % (2 * half) == half) {
      ranks.send(std::as_bytes(own), ranks.rank() - half);
      break;
    }
    if (ranks.rank() + half < ranks.count()) {
      ranks.receive(std::as_writable_bytes(std::span(others)), ranks.rank() + half);
      raise_to(others.data(), count, numbers);
    }
  }
  ranks.broadcast(std::as_writable_bytes(own), 0);
}

}  // namespace

/// The tasks are the shares of as many ranks.
template <class Scalar>
void RowSums<Scalar>::divide(Index num_particles) {
  if (num_particles == num_particles_) {
    return;
  }
  const Index num_tasks = most_ranks<Scalar>(num_particles);
  task_rows_ = shares_of<Scalar>(num_particles, static_cast<int>(num_tasks)).rows;
  own_ = {0, num_tasks};
  if (ranks_ != nullptr) {
    Shares shares = shares_of<Scalar>(num_particles, ranks_->count());
    const auto rank = static_cast<std::size_t>(ranks_->rank());
    own_ = {shares.tasks[rank], shares.tasks[rank + 1]};
    shared_sum_ = SharedSum(shares.tasks, ranks_->rank());
    cuts_ = std::move(shares.rows);
  }
  num_particles_ = num_particles;
}

template <class Scalar>
RowRange RowSums<Scalar>::own(Index num_particles) {
  divide(num_particles);
  const Index first = task_rows_[static_cast<std::size_t>(own_.first)];
  return {first, task_rows_[static_cast<std::size_t>(own_.last)]};
}

template <class Scalar>
Index RowSums<Scalar>::num_tasks(Index num_particles) {
  divide(num_particles);
  return std::ssize(task_rows_) - 1;
}

template <class Scalar>
void RowSums<Scalar>::share(Particles<double>& matrix) {
  divide(matrix.rows());
  if (ranks_ != nullptr) {
    exchange_rows(*ranks_, cuts_, matrix);
  }
}

template <class Scalar>
std::span<const double> RowSums<Scalar>::over(Index num_particles, const RowNumbers& numbers, const AddStrip& add) {
  const RowRange rows = own(num_particles);
  const Index num_own = own_.last - own_.first;
  const Index stride = numbers.sums + numbers.maxima;
  parts_.resize(static_cast<std::size_t>(num_own * stride));
  totals_.resize(static_cast<std::size_t>(stride));
  const Index num_read = rows.count() * numbers.cost;
  const Index num_chunks = num_read < least_shared_numbers ? 1 : std::min(num_own, 4 * num_read / least_shared_numbers);
  for_each_task(num_chunks, [&](Index chunk) {
    const Index last = first_task(num_own, chunk + 1, num_chunks);
    for (Index task = first_task(num_own, chunk, num_chunks); task < last; ++task) {
      add_task(own_.first + task, numbers, add);
    }
  });
  complete(numbers);
  return totals_;
}

template <class Scalar>
void RowSums<Scalar>::add_task(Index task, const RowNumbers& numbers, const AddStrip& add) {
  double* const sums = parts_.data() + (task - own_.first) * (numbers.sums + numbers.maxima);
  double* const maxima = sums + numbers.sums;
  std::fill_n(sums, numbers.sums, 0.0);
  std::fill_n(maxima, numbers.maxima, -std::numeric_limits<double>::infinity());
  const Index last = task_rows_[static_cast<std::size_t>(task) + 1];
  for (Index first = task_rows_[static_cast<std::size_t>(task)]; first < last; first += strip_rows) {
    add({first, std::min(first + strip_rows, last)}, sums, maxima);
  }
}

template <class Scalar>
void RowSums<Scalar>::complete(const RowNumbers& numbers) {
  const Index stride = numbers.sums + numbers.maxima;
  double* const parts = parts_.data();
  add_along_tree(own_, std::ssize(task_rows_) - 1, [&](Index to, Index from) {
    double* const sum = parts + (to - own_.first) * stride;
    const double* const term = parts + (from - own_.first) * stride;
    for (Index k = 0; k < numbers.sums; ++k) {
      sum[k] += term[k];
    }
  });
  if (numbers.maxima > 0) {
    complete_maxima(numbers);
  }
  if (numbers.sums > 0 && ranks_ != nullptr) {
    shared_sum_.complete(*ranks_, {parts, stride, numbers.sums, totals_.data()});
  } else {
    std::copy_n(parts, numbers.sums, totals_.data());
  }
}

template <class Scalar>
void RowSums<Scalar>::complete_maxima(const RowNumbers& numbers) {
  const Index stride = numbers.sums + numbers.maxima;
  double* const maxima = totals_.data() + numbers.sums;
  std::copy_n(parts_.data() + numbers.sums, numbers.maxima, maxima);
  for (Index task = 1; task < own_.last - own_.first; ++task) {
    raise_to(parts_.data() + task * stride + numbers.sums, numbers.maxima, maxima);
  }
  if (ranks_ != nullptr) {
    largest_of_ranks(*ranks_, maxima, numbers.maxima);
  }
}

template class RowSums<double>;
template class RowSums<float>;

}  // namespace mfld

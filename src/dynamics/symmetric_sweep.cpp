#include "mfld/dynamics/symmetric_sweep.hpp"

#include <algorithm>
#include <boost/random/uniform_int_distribution.hpp>
#include <numeric>
#include <utility>

#include "mfld/core/random.hpp"

namespace mfld {

void SymmetricSweep::choose(std::uint64_t seed, std::int64_t step, std::int64_t step_in_phase, Index num_samples,
                            Index batch_size, std::vector<Index>& batch) {
  const Index m = num_batches(num_samples, batch_size);
  const std::int64_t place = step_in_phase % (2 * m);
  draw_order(seed, step - place, num_samples);
  const Index first = batch_size * (place < m ? place : 2 * m - 1 - place);
  const Index last = std::min(num_samples, first + batch_size);
  batch.assign(order_.begin() + first, order_.begin() + last);
  std::sort(batch.begin(), batch.end());
}

double SymmetricSweep::weight(Index num_samples, Index batch_size, Index size_of_batch) {
  return static_cast<double>(num_batches(num_samples, batch_size) * size_of_batch) / static_cast<double>(num_samples);
}

/// Fisher and Yates.
void SymmetricSweep::draw_order(std::uint64_t seed, std::int64_t first_step, Index num_samples) {
  if (first_step == first_step_) {
    return;
  }
  first_step_ = first_step;
  order_.resize(static_cast<std::size_t>(num_samples));
  std::iota(order_.begin(), order_.end(), Index{0});
  RandomStream stream(seed, Purpose::sweep, static_cast<std::uint64_t>(first_step));
  for (std::size_t left = order_.size(); left > 1; --left) {
    boost::random::uniform_int_distribution<std::size_t> place(0, left - 1);
    std::swap(order_[left - 1], order_[place(stream)]);
  }
}

}  // namespace mfld

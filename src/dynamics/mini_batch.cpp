#include "mfld/dynamics/mini_batch.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <bit>
#include <boost/random/uniform_int_distribution.hpp>
#include <cassert>
#include <functional>
#include <numeric>
#include <utility>

#include "mfld/core/random.hpp"

namespace mfld {

namespace {

/// Floyd's algorithm: the i-th draw from [0, n - size + i] joins the batch, or its upper end does if it is already
/// there. draw(last) is uniform on [0, last]; joins(i, sample) says whether it was not there.
template <class Draw, class Joins>
void draw_distinct(Index num_samples, Index size, const Draw& draw, const Joins& joins) {
  for (Index i = 0; i < size; ++i) {
    const Index upper = num_samples - size + i;
    if (!joins(i, draw(upper))) {
      joins(i, upper);
    }
  }
}

/// Whether each of a few thousand samples is in a batch: no search, of which processors guess nothing.
class Membership {
 public:
  static constexpr Index most = 1 << 14;

  explicit Membership(Index num_samples) : num_words_((num_samples + 63) / 64) {
    assert(num_samples <= most);
    std::fill_n(words_.begin(), num_words_, 0);
  }

  /// False where it is there already.
  bool add(Index sample) {
    std::uint64_t& word = words_[static_cast<std::size_t>(sample / 64)];
    const std::uint64_t bit = std::uint64_t{1} << static_cast<unsigned>(sample % 64);
    return (std::exchange(word, word | bit) & bit) == 0;
  }

  /// All, ascending.
  void list(std::span<Index> batch) const {
    auto next = batch.begin();
    for (Index k = 0; k < num_words_; ++k) {
      for (std::uint64_t left = words_[static_cast<std::size_t>(k)]; left != 0; left &= left - 1) {
        *next++ = 64 * k + std::countr_zero(left);
      }
    }
    assert(next == batch.end());
  }

 private:
  std::array<std::uint64_t, most / 64> words_;  // as many of them as there are samples for
  Index num_words_;
};

}  // namespace

void draw_batch(std::uint64_t seed, std::int64_t step, Index num_samples, Sampling sampling, std::span<Index> batch) {
  const auto size = static_cast<Index>(batch.size());
  RandomStream stream(seed, Purpose::batch, static_cast<std::uint64_t>(step));
  const auto draw = [&stream](Index last) { return boost::random::uniform_int_distribution<Index>(0, last)(stream); };
  if (sampling == Sampling::with_replacement) {
    std::generate(batch.begin(), batch.end(), [&] { return draw(num_samples - 1); });
    std::sort(batch.begin(), batch.end());
    return;
  }
  assert(size <= num_samples);
  if (size == num_samples) {
    std::iota(batch.begin(), batch.end(), Index{0});
    return;
  }
  if (num_samples <= Membership::most) {
    Membership members(num_samples);
    draw_distinct(num_samples, size, draw, [&](Index /*i*/, Index sample) { return members.add(sample); });
    members.list(batch);
    return;
  }
  // What is there is kept sorted, so membership is a binary search and the result needs no sorting.
  draw_distinct(num_samples, size, draw, [&](Index i, Index sample) {
    const auto end = batch.begin() + i;
    const auto place = std::lower_bound(batch.begin(), end, sample);
    const bool is_new = place == end || *place != sample;
    if (is_new) {
      std::copy_backward(place, end, end + 1);
      *place = sample;
    }
    return is_new;
  });
}

namespace {

/// From places among the samples of the phase to samples.
void shift(const Phase& phase, std::vector<Index>& batch) {
  for (Index& sample : batch) {
    sample += phase.samples_begin;
  }
}

std::string kind_in_words(const Phase& phase) {
  if (phase.sampling == Sampling::one_pass) {
    return fmt::format("each sample once, in order from sample {} on, {} a step", phase.first_sample, phase.batch_size);
  }
  if (phase.sampling == Sampling::symmetric_sweep) {
    return fmt::format(
        "symmetric sweeps: a random order of the samples in batches of {}, the last one of what is left, forward and "
        "back",
        phase.batch_size);
  }
  return fmt::format("batches of {} {} replacement", phase.batch_size,
                     phase.sampling == Sampling::without_replacement ? "without" : "with");
}

}  // namespace

void choose_batch(const Phase& phase, std::uint64_t seed, std::int64_t step, std::int64_t step_in_phase,
                  Index num_terms, std::vector<Index>& batch) {
  batch.resize(static_cast<std::size_t>(phase.batch_size));
  if (phase.sampling == Sampling::one_pass) {
    const Index first = phase.first_sample + step_in_phase * phase.batch_size;
    assert(first + phase.batch_size <= num_terms);
    std::iota(batch.begin(), batch.end(), first);
  } else {
    draw_batch(seed, step, num_terms, phase.sampling, batch);
    shift(phase, batch);
  }
}

template <class Scalar>
void choose_batch(const EstimateContext<Scalar>& context, std::vector<Index>& batch) {
  choose_batch(context.phase, context.batch_seed, context.step, context.step_in_phase, context.num_terms(), batch);
}

template void choose_batch(const EstimateContext<double>&, std::vector<Index>&);
template void choose_batch(const EstimateContext<float>&, std::vector<Index>&);

std::string batches_in_words(const Phase& phase) {
  return kind_in_words(phase) +
         (phase.takes_all_samples() ? ""
                                    : fmt::format(", of samples {} to {}", phase.samples_begin, phase.samples_end - 1));
}

template <class Scalar>
Estimate MiniBatch<Scalar>::estimate(const EstimateContext<Scalar>& context) {
  if (context.phase.sampling == Sampling::symmetric_sweep) {
    return sweep(context);
  }
  choose_batch(context, batch_);
  context.objective.drift_of(batch_, context.particles, context.drift, context.finish);
  return {context.phase.batch_size};
}

template <class Scalar>
Estimate MiniBatch<Scalar>::sweep(const EstimateContext<Scalar>& context) {
  const Index num_samples = context.num_terms();
  const Index size = context.phase.batch_size;
  sweep_.choose(context.batch_seed, context.step, context.step_in_phase, num_samples, size, batch_);
  shift(context.phase, batch_);
  const double weight = SymmetricSweep::weight(num_samples, size, std::ssize(batch_));
  const auto weigh = [&](Index first, Index last) {
    context.drift.middleRows(first, last - first) *= weight;
    if (context.finish) {
      context.finish(first, last);
    }
  };
  context.objective.drift_of(batch_, context.particles, context.drift,
                             weight == 1 ? context.finish : Finish(std::cref(weigh)));
  return {std::ssize(batch_)};
}

template class MiniBatch<double>;
template class MiniBatch<float>;

}  // namespace mfld

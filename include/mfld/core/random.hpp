#pragma once
#include <array>
#include <cstdint>
#include <limits>

namespace mfld {

/// What a random number is for. Every use in the program has a row of its own here, so no two uses share a stream.
/// The numbers are frozen: changing one changes the results of every seed.
enum class Purpose : std::uint32_t {
  train_input = 1,     // index = sample
  train_label = 2,     // index = sample
  test_input = 3,      // index = sample
  test_label = 4,      // index = sample
  teacher = 5,         // index = teacher neuron
  rotation = 6,        // index = column of the Haar matrix
  split = 7,           // index = 0: permutation that splits a file into train and test
  initialisation = 8,  // index = particle (of a symmetric pair: the pair)
  batch = 9,           // index = step
  noise = 10,          // the counters of langevin_noise
  velocity = 11,       // likewise, step = the one with which a kinetic phase begins
  certificate = 12,    // index = node of an integral, or chain: what observers draw
  gibbs_draw = 13,     // index = draw of a proximal Gibbs law
  sweep = 14,          // index = first step of a pair of epochs
  step_label = 15,     // index = step: noise on the labels of that step
  coordinate = 16,     // index = step: the dual variables that an outer iteration moves
  resampling = 17,     // index = step: the offset of its resampling
  clustering = 18,     // index = start of k-means
  smoothed_draw = 19,  // index = use: draws of the law that smoothed particles have
  population = 20,     // index = population of points that are led to a proximal Gibbs law
  iterate = 21,        // index = step: which particles of an iterate are kept, one word each
};

/// One seed per independent choice; all four are equal unless the experiment overrides one.
struct Seeds {
  std::uint64_t data = 0;            // inputs, labels, teacher, rotation, split
  std::uint64_t initialisation = 0;  // first particles
  std::uint64_t batches = 0;         // which samples a mini-batch holds
  std::uint64_t noise = 0;           // the Brownian motion
};

using PhiloxKey = std::array<std::uint32_t, 2>;
using PhiloxBlock = std::array<std::uint32_t, 4>;

/// Philox4x32 with ten rounds (Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", SC 2011).
PhiloxBlock philox4x32(PhiloxBlock counter, PhiloxKey key);

/// Key of the stream family (seed, purpose): two words of Philox itself at counter (seed, purpose, 0). Neighbouring
/// seeds and purposes therefore share nothing but chance (two of k families collide with probability k^2 / 2^65).
PhiloxKey stream_key(std::uint64_t seed, Purpose purpose);

/// One stream of 32-bit words: a pure function of (seed, purpose, index); 2^66 words long.
/// Counter layout (frozen): words 0-1 the block within the stream, words 2-3 the index.
/// Satisfies UniformRandomBitGenerator, so Boost.Random's distributions draw from it. Built where it is used.
class RandomStream {
 public:
  using result_type = std::uint32_t;

  RandomStream(std::uint64_t seed, Purpose purpose, std::uint64_t index);

  static constexpr result_type min() { return 0; }
  static constexpr result_type max() { return std::numeric_limits<result_type>::max(); }
  result_type operator()();

 private:
  PhiloxKey key_;
  PhiloxBlock counter_;
  PhiloxBlock words_{};
  int num_left_ = 0;
};

}  // namespace mfld

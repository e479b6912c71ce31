#pragma once
#include "mfld/config/experiment.hpp"

namespace mfld {

/// What a run takes, counted from its sizes before it begins: the same on every machine.
struct RunCost {
  /// Bytes of products: S N (d + 16) numbers a step, S its samples (of SVRG 2 B + n / m; points of an objective of
  /// pairs count as samples), half of that a sample of a look (training and test, whether or not a step hands the look
  /// its outputs). Natural gradients: n^2 N (d + 16) + n^3 / 3 a step. Kernel regression: (n + m) n (d + 16) for the
  /// kernels, 2 N more an entry where they are those of N particles, and n^3 / 3 for the factor; without a ridge 9 n^3
  /// for the eigenvectors.
  double work = 0;
  /// How many of the threads that there are share that work, in the mean: what it would take alone over what it takes,
  /// where a part of it has as many as it is worth giving them (model/pass.hpp), and beginning, files and end have one.
  double threads = 1;
  /// Bytes of memory at most, about: data and packed copies, particles and what has their shape, activations, kernels
  /// and other matrices of n x n numbers, samples of integrals, frames.
  double memory = 0;
};

/// num_threads >= 1 of them are there.
RunCost cost_of(const Experiment& experiment, int num_threads);

/// How many rows metrics.csv gets at most.
double num_rows(const Experiment& experiment);

/// Bytes of the frames of its trajectory that are in memory together, at most: where they are large, those that wait to
/// be written, with the one that is being made and a copy in the order of the file (src/record/frame_writer.hpp); 0
/// where they are small.
double frame_bytes_in_memory(const Experiment& experiment);

/// Runs of this kind at a time that keep num_threads threads busy: 1 where it shares its work among nearly all of
/// them, else one for as many threads as it has in the mean; no more than fit into `available` bytes together, and at
/// least 1.
int runs_at_once(const RunCost& cost, int num_threads, double available);

}  // namespace mfld

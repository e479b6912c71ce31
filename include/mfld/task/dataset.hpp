#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "mfld/core/particles.hpp"

namespace mfld {

/// The two-layer network that made the labels, f*(x) = sum_l a_l sigma(w_l . x).
struct Teacher {
  Matrix directions;  // [m x d], row l is w_l
  Vector amplitudes;  // [m]
};

/// A file that samples came from.
struct DataFile {
  std::string key;             // that named it: task.path, task.test_path
  std::string path;            // without a folder to start at
  std::uint64_t checksum = 0;  // of its numbers, wherever and however it holds them
};

/// Samples and what is known about where they came from. Made once; everything downstream only reads it.
struct Dataset {
  Inputs train_inputs;   // [n x d]
  Vector train_targets;  // [n]
  Inputs test_inputs;    // [n_test x d], may have no rows
  Vector test_targets;   // [n_test]

  std::optional<Teacher> teacher;    // teacher-student tasks
  Matrix relevant_subspace;          // [d x k] orthonormal basis of what the labels depend on; no columns if unknown
  std::string description;           // the formula of the data, as runs print it
  std::vector<DataFile> files = {};  // where they were read from
  bool has_labels = true;            // false: points, and targets that are 0
  std::vector<std::string> warnings = {};  // what in the data may not be meant, as runs print it

  Index input_dim() const { return train_inputs.cols(); }
  Index num_train() const { return train_inputs.rows(); }
  Index num_test() const { return test_inputs.rows(); }
};

}  // namespace mfld

#pragma once
#include <algorithm>

#include "kernels/kernels.hpp"
#include "mfld/core/particles.hpp"

namespace mfld::passes {

/// How the groups of particles are dealt out: 16 tasks of a size, up to one group, or more with as many groups as a
/// task may have.
class Partition {
 public:
  explicit Partition(Index num_groups)
      : num_groups_(num_groups),
        num_tasks_(std::max(std::min<Index>(16, num_groups),
                            (num_groups + kernels::task_groups - 1) / kernels::task_groups)) {}
  Index num_tasks() const { return num_tasks_; }
  /// Rounded up: the thread that hands the tasks out begins with the first ones, before the others are there.
  Index first_group(Index task) const { return (task * num_groups_ + num_tasks_ - 1) / num_tasks_; }

 private:
  Index num_groups_;
  Index num_tasks_;
};

}  // namespace mfld::passes

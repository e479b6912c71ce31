#pragma once
#include <gtest/gtest.h>

#include <utility>

#include "mfld/hdf5/hdf5_file.hpp"
#include "mfld/record/run_directory.hpp"

namespace mfld::test {

inline Dataset sample_data() {
  Dataset data;
  data.train_inputs = (Inputs(3, 2) << 1, 2, 3, 4, 5, 6).finished();
  data.train_targets = Vector::LinSpaced(3, -1, 1);
  data.test_inputs.resize(0, 2);
  data.description = "a small table";
  data.teacher = Teacher{(Matrix(2, 2) << 1, 2, 3, 4).finished(), Vector::Ones(2)};
  return data;
}

inline TrajectoryInfo sample_info(Index num_particles) {
  TrajectoryInfo info;
  for (Index j = 0; j < num_particles; ++j) {
    info.particles.push_back(2 * j);
  }
  info.parameter_names = {"r", "w_1", "w_2"};
  info.step_size = 0.125;
  return info;
}

/// Frame k of a trajectory: a different number at each place.
inline Matrix sample_frame(Index frame, Index num_particles) {
  return Matrix::NullaryExpr(num_particles, 3, [=](Index particle, Index parameter) {
    return static_cast<double>(frame) + 1e-3 * static_cast<double>(particle) + 1e-9 * static_cast<double>(parameter);
  });
}

struct Frames {
  std::vector<std::int64_t> steps;
  std::vector<double> times;
  std::vector<double> positions;
};

inline Frames read_frames(const std::filesystem::path& path) {
  const Hdf5File file = Hdf5File::open(path);
  Frames frames;
  frames.steps.resize(static_cast<std::size_t>(file.shape("/particles/neurons/position/step").at(0)));
  frames.times.resize(static_cast<std::size_t>(file.shape("/particles/neurons/position/time").at(0)));
  const Hdf5File::Shape shape = file.shape("/particles/neurons/position/value");
  frames.positions.resize(static_cast<std::size_t>(shape.at(0) * shape.at(1) * shape.at(2)));
  file.read<std::int64_t>("/particles/neurons/position/step", frames.steps);
  file.read<double>("/particles/neurons/position/time", frames.times);
  file.read<double>("/particles/neurons/position/value", frames.positions);
  return frames;
}

/// Whether the first `count` frames are those of sample_frame.
inline ::testing::AssertionResult holds_frames(const Frames& frames, Index count, Index num_particles) {
  if (std::cmp_less(frames.steps.size(), count) || std::cmp_less(frames.times.size(), count) ||
      std::cmp_less(frames.positions.size(), count * num_particles * 3)) {
    return ::testing::AssertionFailure() << "only " << frames.times.size() << " frames of " << count;
  }
  for (Index k = 0; k < count; ++k) {
    const Eigen::Map<const Inputs> found(frames.positions.data() + k * num_particles * 3, num_particles, 3);
    const auto i = static_cast<std::size_t>(k);
    if (frames.steps[i] != 10 * k || frames.times[i] != 0.5 * static_cast<double>(k) ||
        found != sample_frame(k, num_particles)) {
      return ::testing::AssertionFailure() << "frame " << k << " differs";
    }
  }
  return ::testing::AssertionSuccess();
}

inline void append_sample_frame(RunDirectory& run, Index frame, Index num_particles) {
  run.append_trajectory({10 * frame, 0.5 * static_cast<double>(frame), sample_frame(frame, num_particles), {}});
}

}  // namespace mfld::test

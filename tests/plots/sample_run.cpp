// Writes the run directory that results_test.py reads: sample_run FOLDER.

#include <limits>

#include "mfld/record/run_directory.hpp"

int main(int argument_count, char** arguments) {
  if (argument_count != 2) {
    return 2;
  }
  using Limits = std::numeric_limits<double>;
  mfld::RunDirectory run = mfld::RunDirectory::create(arguments[1]);
  run.write_experiment("seed = 3\n[network]\nwidth = 8\n[[phase]]\nmethod = \"mfld\"\nstep_size = 1e-3\n");

  run.start_metrics({"f(x) = 1/N sum h", "two\nlines, with a comma"}, {"train_loss", "teacher_cosine_1"});
  run.append_metrics(0, 0, 0, 0, std::vector{1.0, -0.0});
  run.append_metrics(1, 0, 0.1, 100, std::vector{0.1 + 0.2, Limits::denorm_min()});
  run.append_metrics(10, 1, 1, 1000, std::vector{Limits::infinity(), Limits::quiet_NaN()});

  mfld::TrajectoryInfo info;
  info.particles = {0, 3, 5};
  info.parameter_names = {"r", "w_1", "w_2", "b"};
  info.step_size = 1e-3;
  info.velocities = true;
  mfld::Dataset data;
  data.train_inputs = mfld::Inputs::Constant(6, 2, 0.5);
  data.train_targets = mfld::Vector::LinSpaced(6, 0, 5);
  data.test_inputs.resize(0, 2);
  data.relevant_subspace = (mfld::Matrix(2, 1) << 0.6, 0.8).finished();
  data.description = "y = x, \xC3\xA9";
  run.start_trajectory(info, data);
  for (const std::int64_t frame : {0, 1}) {
    const mfld::Matrix positions =
        mfld::Matrix::NullaryExpr(3, 4, [frame](mfld::Index particle, mfld::Index parameter) {
          return static_cast<double>(100 * frame + 10 * particle + parameter);
        });
    run.append_trajectory({10 * frame, 0.5 * static_cast<double>(frame), positions, -positions});
  }

  run.finish_trajectory();

  data.test_inputs = (mfld::Inputs(2, 2) << 0.1 + 0.2, -1, 1e-300, 2).finished();
  data.test_targets = (mfld::Vector(2) << 1, -1).finished();
  run.write_predictions({"f(x) = 1/N sum h", "two\nlines"}, data, std::vector{0.1, -Limits::infinity()},
                        std::vector{Limits::denorm_min(), Limits::quiet_NaN()});

  mfld::Checkpoint checkpoint;
  checkpoint.experiment_hash = std::numeric_limits<std::uint64_t>::max();
  checkpoint.matrices["particles"] = mfld::Particles<double>::Constant(3, 4, 2);
  run.write_checkpoint(checkpoint);

  mfld::RunSummary summary;
  summary.end.ending = mfld::Ending::diverged;
  summary.message = "a \"quote\" \\ and\ttab, \xC3\xA9, \xFF";
  summary.end.step = 10;
  summary.time = 0.1;
  summary.end.first_bad_particle = 4;
  summary.wall_seconds = 2;
  summary.step_seconds = 1e-7;
  summary.columns = {"train_loss", "teacher_cosine_1"};
  summary.final_values = {Limits::infinity(), 0.1 + 0.2};
  run.write_summary(summary);
  return 0;
}

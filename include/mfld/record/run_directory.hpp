#pragma once
#include <atomic>
#include <cstdint>
#include <limits>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "mfld/core/particles.hpp"
#include "mfld/dynamics/ending.hpp"
#include "mfld/files/file_place.hpp"
#include "mfld/files/folder.hpp"
#include "mfld/record/checkpoint.hpp"
#include "mfld/record/run_record.hpp"
#include "mfld/task/dataset.hpp"

namespace mfld {

/// What people look for in a metrics.csv: the texts of its comments, its names, the last row that is complete.
struct MetricsEnds {
  std::vector<std::string> comments;
  std::string header;
  std::string last_row;
};

/// Throws FileError.
MetricsEnds read_ends(const FilePlace& metrics);

/// The step of the last of its first `num_rows` rows; -1 for none, and where there are fewer. Throws FileError.
std::int64_t step_of_row(const FilePlace& metrics, std::int64_t num_rows);

/// What summary.json of a run says; nothing where there is none, or one that no run wrote. Parent and seconds by part
/// are left out. Throws FileError where the system cannot read it.
std::optional<RunSummary> read_summary(const FilePlace& run);
/// Whether nothing is left to do: the run finished or diverged.
bool is_final(const std::optional<RunSummary>& summary);

/// The name of the checkpoint of a step that a run was asked to keep, and the step of such a name, if it is one.
std::string kept_checkpoint(std::int64_t step);
std::optional<std::int64_t> step_of_kept_checkpoint(std::string_view name);

/// Everything a run leaves on disk (the layout is a contract, see sims/README.md, "The run directory"). Knows no
/// mathematics. Every failure to write is a FileError that names the file and the system's reason.
class RunDirectory final : public RunRecord {
 public:
  /// A new or empty directory, made with its parents if need be; what a run left that was killed before it began does
  /// not count. Throws InvalidInput when it is not empty or another process begins there.
  static RunDirectory create(const FilePlace& place);
  /// An existing run, to be continued; or a directory (made if need be) in which one was to start. FileError when
  /// another process works there.
  /// Both hold the directory open and locked for the life of this object: the lock goes with its process, however that
  /// ends. They lock it before they look, and all files are found through it: where it is moved, the run goes along.
  static RunDirectory reopen(const FilePlace& place);

  ~RunDirectory() override;
  RunDirectory(RunDirectory&&) noexcept;
  RunDirectory& operator=(RunDirectory&&) noexcept;

  /// What it was called when it was opened, for people.
  const std::filesystem::path& path() const;
  /// Where it is now.
  std::filesystem::path present_path() const override;
  /// The directory itself, for its files to be read.
  FilePlace place() const;
  /// The directory, to be kept open beyond the life of this object, without the lock.
  Folder folder() const;
  /// Removes it again if it was made for this object and is empty.
  void unmake();
  /// Leaves it to the caller to make a run lasting that ends within a second: thousands of short ones would do little
  /// else.
  void pass_if_soon();

  std::optional<RunSummary> earlier_summary() const override { return read_summary(place()); }
  bool has_experiment() const override;

  /// experiment.toml
  void write_experiment(const std::string& text) override;
  void remove_experiment() override;

  /// metrics.csv: '#' comment lines, then the header step,phase,time,gradient_evaluations,<columns>.
  void start_metrics(const std::vector<std::string>& comments, const std::vector<std::string>& columns) override;
  /// The same with the first `num_rows` rows that are there, by rename. FileError if there are fewer.
  void replace_metrics_head(const std::vector<std::string>& comments, const std::vector<std::string>& columns,
                            std::int64_t num_rows);
  /// metrics.csv as it was after its first `num_rows` rows; what follows is cut off. Throws FileError, and changes
  /// nothing, if it has fewer complete rows, or not the columns, or if those rows go beyond `last_step`: then some were
  /// removed, and later ones stand in their place.
  LastRow continue_metrics(std::int64_t num_rows, const std::vector<std::string>& columns,
                           std::int64_t last_step = std::numeric_limits<std::int64_t>::max()) override;
  /// One row, shortest text that reads back to the same double ("nan", "inf" as Python reads them); flushed.
  void append_metrics(std::int64_t step, std::int64_t phase, double time, std::int64_t gradient_evaluations,
                      std::span<const double> values) override;

  /// trajectory.h5 in H5MD 1.1 layout: /h5md, /particles/neurons/position/{value [frames x particles x p], step, time},
  /// where asked for /particles/neurons/velocity with the same, /particles/neurons/id, /parameters/names, and the data
  /// set used under /data (train_inputs, train_targets, test_inputs, test_targets, and where known teacher_directions,
  /// teacher_amplitudes, relevant_subspace). Throws Interrupted if `stop` is there and set while large data are
  /// written.
  void start_trajectory(const TrajectoryInfo& info, const Dataset& data,
                        const std::atomic<bool>* stop = nullptr) override;
  /// trajectory.h5 with its first `num_frames` frames; what follows is cut off. The step of the last one, or -1. Throws
  /// FileError, and changes nothing, if it has fewer, or other particles or parameters than `info`, or frames beyond
  /// `last_step`, or is damaged; Interrupted. num_frames > 0.
  std::int64_t continue_trajectory(std::int64_t num_frames, const TrajectoryInfo& info,
                                   std::int64_t last_step = std::numeric_limits<std::int64_t>::max(),
                                   const std::atomic<bool>* stop = nullptr) override;
  /// A small frame is in the file, for any reader of H5MD, when the call returns. Large ones get there in their order
  /// while the caller goes on (FrameWriter), before the next of drain_trajectory, finish_trajectory, write_checkpoint
  /// and write_summary does its work: what fails on the way, the next of these or of this throws.
  void append_trajectory(TrajectoryFrame frame) override;
  void drain_trajectory();
  /// Gives trajectory.h5 its final form, without room for further frames, on the disk. No frame can follow.
  void finish_trajectory() override;

  /// checkpoint.h5: written to a new file, flushed, renamed; the previous one is kept as checkpoint.previous.h5. The
  /// rows and frames it counts are flushed before.
  void write_checkpoint(const LentCheckpoint& checkpoint) override;
  /// checkpoint.h5 also as checkpoint.<step>.h5 (kept_checkpoint), by rename.
  void keep_checkpoint(std::int64_t step) override;
  /// Those that were kept of the experiment `from` are of `to` from here on, each by rename.
  void pass_on_kept_checkpoints(std::uint64_t from, std::uint64_t to);

  /// predictions.csv, by rename: '#' comment lines, then x_1,..,x_d,target,output[,std] of the test samples. outputs
  /// [n_test]; std [n_test], or empty where the outputs have no distribution.
  void write_predictions(const std::vector<std::string>& comments, const Dataset& data, std::span<const double> outputs,
                         std::span<const double> std = {}) override;

  /// summary.json, by rename. Unless it says "running" it is the last: all files are lasting before it is there, and
  /// what the system says of them only in the end is an error.
  void write_summary(const RunSummary& summary) override;

 private:
  struct Files;
  explicit RunDirectory(std::unique_ptr<Files> files);
  void make_lasting();
  std::unique_ptr<Files> files_;
};

}  // namespace mfld

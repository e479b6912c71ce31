#include "mfld/record/checkpoint.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <string>
#include <string_view>

#include "files/checksum.hpp"
#include "files/posix_file.hpp"
#include "mfld/core/divided_rows.hpp"
#include "mfld/core/error.hpp"
#include "mfld/core/matrix_list.hpp"
#include "mfld/hdf5/hdf5_file.hpp"

namespace mfld {

namespace {

// A checkpoint is an HDF5 file whose reserved first bytes (the "user block" of the format) hold one line of text with
// the format version, the length of the file and a CRC-64 of all that follows. The library never parses a byte that the
// checksum has not vouched for: its parser is not safe on damaged files.
constexpr std::size_t seal_bytes = 512;
constexpr std::string_view seal_start = "mfld checkpoint format_version=";

std::string seal(std::size_t file_bytes, std::uint64_t checksum) {
  std::string text =
      fmt::format("{}{} bytes={} crc64={:016x}\n", seal_start, Checkpoint::format_version, file_bytes, checksum);
  text.resize(seal_bytes, '\0');
  return text;
}

/// Checksum of what follows the seal; `file` stands right behind it.
std::uint64_t checksum_of_rest(files::PosixFile& file) {
  files::Checksum checksum;
  std::vector<char> buffer(std::size_t{1} << 20U);
  for (std::size_t count = file.read(buffer); count > 0; count = file.read(buffer)) {
    checksum.process_bytes(buffer.data(), count);
  }
  return checksum.checksum();
}

void write_seal(const FilePlace& place) {
  files::PosixFile file = files::PosixFile::open_for_update(place);
  std::array<char, seal_bytes> reserved{};
  file.read(reserved);
  const std::uint64_t checksum = checksum_of_rest(file);
  file.write_at(0, seal(file.size(), checksum));
  file.close();
}

[[noreturn]] void refuse(const FilePlace& place, std::string_view reason) {
  throw FileError(fmt::format("cannot use checkpoint {}: {}", place.path.string(), reason));
}

/// The checksum that it vouches for.
std::uint64_t verify_seal(const FilePlace& place) {
  files::PosixFile file = files::PosixFile::open_for_reading(place);
  const std::size_t size = file.size();
  std::array<char, seal_bytes> buffer{};
  const std::string_view found(buffer.data(), file.read(buffer));
  if (!found.starts_with(seal_start)) {
    refuse(place, "it does not begin as a checkpoint does");
  }
  std::int64_t version = 0;
  std::from_chars(found.data() + seal_start.size(), found.data() + found.size(), version);
  if (version != Checkpoint::format_version) {
    refuse(place, fmt::format("its format version is {}, this program reads {}", version, Checkpoint::format_version));
  }
  const std::uint64_t checksum = found.size() < seal_bytes ? 0 : checksum_of_rest(file);
  if (found.size() < seal_bytes || found != seal(size, checksum)) {
    refuse(place, fmt::format("its {} bytes are not those that were written (length or checksum differs)", size));
  }
  return checksum;
}

constexpr Index rows_at_once = 4096;

/// Row-major in the file, one row per particle, as every matrix there; some rows at a time, for a second copy of all
/// would be the largest thing in memory.
void write_matrix(Hdf5File& file, const std::string& name, const LentMatrix& matrix) {
  file.reserve<double>(name, {matrix.rows(), matrix.cols()});
  for (Index first = 0; matrix.cols() > 0 && first < matrix.rows(); first += rows_at_once) {
    const Inputs rows = matrix.block(first, std::min(rows_at_once, matrix.rows() - first));
    file.write_rows<double>(name, first, {rows.data(), static_cast<std::size_t>(rows.size())});
  }
}

MatrixShape shape_of(const Hdf5File& file, const std::string& name, const FilePlace& place) {
  const Hdf5File::Shape shape = file.shape(name);
  if (shape.size() != 2) {
    refuse(place, fmt::format("{} has {} dimensions instead of 2", name, shape.size()));
  }
  return {shape[0], shape[1]};
}

Inputs read_block(const Hdf5File& file, const std::string& name, Index first, Index count, Index cols) {
  Inputs rows(count, cols);
  file.read_rows<double>(name, first, {rows.data(), static_cast<std::size_t>(rows.size())});
  return rows;
}

/// wanted: the rows to be read; none: all.
Particles<double> read_matrix(const Hdf5File& file, const std::string& name, const FilePlace& place,
                              std::optional<RowRange> wanted) {
  const MatrixShape shape = shape_of(file, name, place);
  const RowRange rows = wanted.value_or(RowRange{0, shape.rows});
  Particles<double> matrix;
  make_room(shape.rows, shape.cols, matrix);
  for (Index first = rows.first; shape.cols > 0 && first < std::min(rows.last, shape.rows); first += rows_at_once) {
    const Index count = std::min(rows_at_once, std::min(rows.last, shape.rows) - first);
    matrix.middleRows(first, count) = read_block(file, name, first, count, shape.cols);
  }
  return matrix;
}

/// Calls visit(name, field) for every scalar of a checkpoint: the one list that writing and reading share.
template <class AnyCheckpoint, class Visit>
void for_each_scalar(AnyCheckpoint& checkpoint, const Visit& visit) {
  visit("experiment_hash", checkpoint.experiment_hash);
  visit("step", checkpoint.step);
  visit("phase", checkpoint.phase);
  visit("step_in_phase", checkpoint.step_in_phase);
  visit("time", checkpoint.time);
  visit("time_compensation", checkpoint.time_compensation);
  visit("gradient_evaluations", checkpoint.gradient_evaluations);
  visit("metrics_rows", checkpoint.metrics_rows);
  visit("trajectory_frames", checkpoint.trajectory_frames);
}

}  // namespace

void save_checkpoint(const LentCheckpoint& checkpoint, const FilePlace& place) {
  Hdf5File file = Hdf5File::create(place, seal_bytes);
  file.write_attribute("/", "format_version", Checkpoint::format_version);
  for_each_scalar(checkpoint, [&](const char* name, const auto& value) { file.write_attribute("/", name, value); });
  for (const auto& [name, matrix] : checkpoint.matrices) {
    write_matrix(file, '/' + name, matrix);
  }
  file.close();
  write_seal(place);
}

CheckpointFile::CheckpointFile(const FilePlace& place)
    : place_(place), checksum_(verify_seal(place)), file_(Hdf5File::open(place)) {
  for_each_scalar(numbers_,
                  [&]<class Value>(const char* name, Value& value) { value = file_.read_attribute<Value>("/", name); });
}

Checkpoint CheckpointFile::read(const RowsOfMatrix& rows_of) const {
  Checkpoint checkpoint;
  static_cast<CheckpointNumbers&>(checkpoint) = numbers_;
  for (const std::string& name : file_.data_sets()) {
    const std::string own = name.substr(1);
    checkpoint.matrices[own] = read_matrix(file_, name, place_, rows_of(own));
  }
  return checkpoint;
}

LentCheckpoint CheckpointFile::lend() const {
  LentCheckpoint checkpoint;
  static_cast<CheckpointNumbers&>(checkpoint) = numbers_;
  for (const std::string& name : file_.data_sets()) {
    const MatrixShape shape = shape_of(file_, name, place_);
    const auto block = [this, name, cols = shape.cols](Index first, Index count) {
      return read_block(file_, name, first, count, cols);
    };
    checkpoint.matrices.emplace_back(name.substr(1), LentMatrix(shape.rows, shape.cols, block));
  }
  return checkpoint;
}

Checkpoint load_checkpoint(const FilePlace& place) {
  return CheckpointFile(place).read([](std::string_view /*name*/) { return std::nullopt; });
}

}  // namespace mfld

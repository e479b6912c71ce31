#include "mfld/record/checkpoint.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <random>
#include <string_view>

#include "mfld/core/error.hpp"
#include "mfld/hdf5/hdf5_file.hpp"
#include "support/file_size_limit.hpp"
#include "support/file_text.hpp"
#include "support/sample_checkpoint.hpp"
#include "support/temporary_directory.hpp"

namespace mfld {
namespace {

using test::mentions;
using test::message_of;
using test::read_bytes;
using test::same_bits;
using test::sample_checkpoint;
using test::write_bytes;

constexpr std::size_t seal_bytes = 512;

/// CRC-64/XZ bit by bit, from its definition.
std::uint64_t crc64(std::string_view bytes) {
  std::uint64_t crc = ~std::uint64_t{0};
  for (const char byte : bytes) {
    crc ^= static_cast<unsigned char>(byte);
    for (int bit = 0; bit < 8; ++bit) {
      crc = (crc >> 1U) ^ ((crc & 1U) != 0 ? 0xC96C5795D7870F42U : 0U);
    }
  }
  return ~crc;
}

std::string sealed(int version, const std::string& content) {
  std::string seal = fmt::format("mfld checkpoint format_version={} bytes={} crc64={:016x}\n", version,
                                 seal_bytes + content.size(), crc64(content));
  seal.resize(seal_bytes, '\0');
  return seal + content;
}

class CheckpointTest : public ::testing::Test {
 protected:
  std::string load_error() const {
    return message_of<FileError>([&] { load_checkpoint(path); });
  }

  test::TemporaryDirectory directory;
  std::filesystem::path path = directory / "checkpoint.h5";
};

TEST_F(CheckpointTest, ReturnsEveryFieldBitForBit) {
  for (const bool has_snapshot : {true, false}) {
    const Checkpoint written = sample_checkpoint(has_snapshot);
    save_checkpoint(written, path);
    EXPECT_TRUE(same_bits(load_checkpoint(path), written)) << "snapshot " << has_snapshot;
  }
}

TEST_F(CheckpointTest, HoldsLentMatricesOfEitherPrecisionAndAnyNumberOfRows) {
  for (const Index rows : {1, 4095, 4096, 4097, 8193}) {  // 4096 are written at a time
    const Particles<double> in_double = test::awkward_particles(rows, 3, 1);
    const Particles<float> in_single = in_double.cwiseMax(-1e30).cwiseMin(1e30).cast<float>();
    LentCheckpoint lent;
    lent.matrices = {{"particles", LentMatrix(in_single)}, {"average", LentMatrix(in_double)}};
    save_checkpoint(lent, path);
    const Checkpoint read = load_checkpoint(path);
    EXPECT_TRUE(same_bits(read.matrices.at("particles"), in_single.cast<double>())) << rows;
    EXPECT_TRUE(same_bits(read.matrices.at("average"), in_double)) << rows;
  }
}

// Rows across the 4096 that are read at a time, none, and more than there are.
TEST_F(CheckpointTest, IsReadInPart) {
  Checkpoint written;
  written.matrices["particles"] = test::awkward_particles(9000, 3, 1);
  written.matrices["coefficients"] = test::awkward_particles(50, 2, 3);
  save_checkpoint(written, path);
  const CheckpointFile file(path);
  for (const RowRange rows : {RowRange{100, 8500}, RowRange{7, 7}, RowRange{8999, 9100}, RowRange{0, 9000}}) {
    const Checkpoint part =
        file.read([&](std::string_view name) { return name == "particles" ? std::optional(rows) : std::nullopt; });
    const Matrix& read = part.matrices.at("particles");
    ASSERT_EQ(read.rows(), 9000);
    const Index count = std::min<Index>(rows.last, 9000) - rows.first;
    EXPECT_TRUE(same_bits(Matrix(read.middleRows(rows.first, count)),
                          Matrix(written.matrices.at("particles").middleRows(rows.first, count))));
    EXPECT_TRUE(same_bits(part.matrices.at("coefficients"), written.matrices.at("coefficients")));
  }
}

TEST_F(CheckpointTest, IsCopiedFromItsFileWithOtherNumbers) {
  save_checkpoint(sample_checkpoint(), path);
  const CheckpointFile file(path);
  EXPECT_EQ(file.numbers().step, sample_checkpoint().step);
  save_checkpoint(file.lend(), directory / "same.h5");
  EXPECT_EQ(read_bytes(directory / "same.h5"), read_bytes(path));
  LentCheckpoint changed = file.lend();
  changed.experiment_hash = 17;
  save_checkpoint(changed, directory / "other.h5");
  Checkpoint expected = sample_checkpoint();
  expected.experiment_hash = 17;
  EXPECT_TRUE(same_bits(load_checkpoint(directory / "other.h5"), expected));
}

TEST_F(CheckpointTest, KeepsAnEnsembleWithoutParticles) {
  Checkpoint written;
  written.matrices["particles"].resize(0, 4);
  written.matrices["columns"].resize(5, 0);  // the coefficients of an objective that has none
  save_checkpoint(written, path);
  EXPECT_TRUE(same_bits(load_checkpoint(path), written));
}

TEST_F(CheckpointTest, IsTheSameBytesForTheSameContent) {
  save_checkpoint(sample_checkpoint(), path);
  save_checkpoint(sample_checkpoint(), directory / "again.h5");
  EXPECT_EQ(read_bytes(path), read_bytes(directory / "again.h5"));
}

TEST_F(CheckpointTest, IsSealedWithThePublishedChecksum) {
  ASSERT_EQ(crc64("123456789"), 0x995DC9BBDF1939FAU);  // the check value of CRC-64/XZ
  save_checkpoint(sample_checkpoint(), path);
  const std::string bytes = read_bytes(path);
  ASSERT_GT(bytes.size(), seal_bytes);
  EXPECT_EQ(bytes, sealed(2, bytes.substr(seal_bytes)));
}

TEST_F(CheckpointTest, StatesItsFormatVersion) {
  save_checkpoint(sample_checkpoint(), path);
  EXPECT_EQ(Hdf5File::open(path).read_attribute<std::int64_t>("/", "format_version"), Checkpoint::format_version);
}

TEST_F(CheckpointTest, RefusesEveryChangedByte) {
  save_checkpoint(sample_checkpoint(), path);
  const std::string whole = read_bytes(path);
  std::mt19937 engine(7);
  std::vector<std::size_t> positions;
  for (std::size_t i = 0; i < seal_bytes; i += 3) {
    positions.push_back(i);
  }
  for (int i = 0; i < 200; ++i) {
    positions.push_back(seal_bytes + engine() % (whole.size() - seal_bytes));
  }
  for (const std::size_t position : positions) {
    std::string damaged = whole;
    damaged[position] = static_cast<char>(damaged[position] ^ static_cast<char>(1 + engine() % 255));
    write_bytes(path, damaged);
    EXPECT_TRUE(mentions(load_error(), path.string())) << "byte " << position;
  }
  write_bytes(path, whole);
  EXPECT_TRUE(same_bits(load_checkpoint(path), sample_checkpoint()));
}

TEST_F(CheckpointTest, RefusesEveryOtherLength) {
  save_checkpoint(sample_checkpoint(), path);
  const std::string whole = read_bytes(path);
  for (std::size_t i = 0; i < 60; ++i) {
    write_bytes(path, whole.substr(0, i * whole.size() / 60));
    EXPECT_TRUE(mentions(load_error(), path.string())) << "part " << i;
  }
  write_bytes(path, whole.substr(0, whole.size() - 1));
  EXPECT_TRUE(mentions(load_error(), "length or checksum differs"));
  write_bytes(path, whole + '\0');
  EXPECT_TRUE(mentions(load_error(), "length or checksum differs"));
}

TEST_F(CheckpointTest, SaysWhatIsWrong) {
  EXPECT_TRUE(mentions(load_error(), "No such file"));

  std::filesystem::create_directory(path);
  EXPECT_TRUE(mentions(load_error(), "Is a directory"));
  std::filesystem::remove(path);

  Hdf5File::create(path).close();
  EXPECT_TRUE(mentions(load_error(), "does not begin as a checkpoint does"));

  write_bytes(path, sealed(3, "content of the future"));
  EXPECT_TRUE(mentions(load_error(), "its format version is 3, this program reads 2"));
}

TEST_F(CheckpointTest, RefusesASealedFileWithoutTheContent) {
  write_bytes(path, sealed(2, "no file of that format"));
  EXPECT_TRUE(mentions(load_error(), path.string()));

  Hdf5File file = Hdf5File::create(path, seal_bytes);
  file.write<double>("/particles", {4}, std::vector<double>(4));
  file.close();
  write_bytes(path, sealed(2, read_bytes(path).substr(seal_bytes)));
  EXPECT_TRUE(mentions(load_error(), "experiment_hash"));
}

TEST_F(CheckpointTest, ReportsAFullDiskAtEveryPoint) {
  save_checkpoint(sample_checkpoint(), path);
  const std::size_t size = read_bytes(path).size();
  for (std::size_t i = 0; i < 40; ++i) {
    const test::FileSizeLimit limit(i * size / 40);
    const std::string message = message_of<FileError>([&] { save_checkpoint(sample_checkpoint(), path); });
    EXPECT_TRUE(mentions(message, path.string())) << "limit " << i * size / 40;
    EXPECT_TRUE(mentions(message, "File too large"));
    EXPECT_NE(load_error(), "");
  }
  // The library is as usable as before.
  save_checkpoint(sample_checkpoint(), path);
  EXPECT_TRUE(same_bits(load_checkpoint(path), sample_checkpoint()));
}

TEST_F(CheckpointTest, IsANewFileWhateverLayThere) {
  write_bytes(directory / "precious", "data");
  std::filesystem::create_symlink(directory / "precious", path);
  save_checkpoint(sample_checkpoint(), path);
  EXPECT_EQ(read_bytes(directory / "precious"), "data");
  EXPECT_TRUE(same_bits(load_checkpoint(path), sample_checkpoint()));
}

TEST_F(CheckpointTest, ReportsAPathThatCannotBe) {
  write_bytes(path, "a file");
  EXPECT_TRUE(mentions(message_of<FileError>([&] { save_checkpoint(sample_checkpoint(), path / "inside"); }),
                       "Not a directory"));
}

}  // namespace
}  // namespace mfld

#include "hdf5/growing_file.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <array>

#include "mfld/core/error.hpp"
#include "mfld/hdf5/hdf5_file.hpp"
#include "support/file_text.hpp"
#include "support/temporary_directory.hpp"

namespace mfld {
namespace {

namespace fs = std::filesystem;
using test::read_bytes;

/// One number a row and chunk; three numbers a row, each in a chunk of its own: the indices get large.
std::vector<hdf5::GrowingSet> sample_sets() {
  return {{{}, hdf5::Numbers::integers, {{1}, 1}}, {{3, 1}, hdf5::Numbers::reals, {{1, 1, 1}, 3}}};
}

class GrowingFileTest : public ::testing::Test {
 protected:
  hdf5::GrowingFile begin(const fs::path& path) {
    const auto sets = sample_sets();
    Hdf5File made = Hdf5File::create(path);
    made.make_growing({{"/a/numbers", sets[0].item, sets[0].grid.chunk, true},
                       {"/a/triples", sets[1].item, sets[1].grid.chunk, false}});
    made.write<double>("/rest", {3}, std::array{1.0, 2.0, 3.0});
    made.close();
    return {path, sets, nullptr};
  }

  static void append(hdf5::GrowingFile& file, std::int64_t row) {
    const auto value = static_cast<double>(row);
    const std::array<double, 3> triple = {value, value + 0.25, value + 0.5};
    file.append(std::array<std::string_view, 2>{
        std::string_view{reinterpret_cast<const char*>(&row), sizeof(row)},
        std::string_view{reinterpret_cast<const char*>(triple.data()), sizeof(triple)}});
  }

  /// What the library finds.
  static void expect_rows(const fs::path& path, std::int64_t num_rows) {
    const Hdf5File file = Hdf5File::open(path);
    ASSERT_EQ(file.shape("/a/numbers"), Hdf5File::Shape{num_rows});
    ASSERT_EQ(file.shape("/a/triples"), (Hdf5File::Shape{num_rows, 3, 1}));
    std::vector<std::int64_t> numbers(static_cast<std::size_t>(num_rows));
    std::vector<double> triples(3 * numbers.size());
    file.read<std::int64_t>("/a/numbers", numbers);
    file.read<double>("/a/triples", triples);
    for (std::size_t row = 0; row < numbers.size(); ++row) {
      ASSERT_EQ(numbers[row], static_cast<std::int64_t>(row));
      for (std::size_t i = 0; i < 3; ++i) {
        ASSERT_EQ(triples[3 * row + i], static_cast<double>(row) + 0.25 * static_cast<double>(i));
      }
    }
  }

  test::TemporaryDirectory directory;
};

TEST_F(GrowingFileTest, TheLibraryFindsTheRowsAtEveryMoment) {
  const fs::path path = directory / "a.h5";
  hdf5::GrowingFile file = begin(path);
  expect_rows(path, 0);
  for (std::int64_t row = 0; row < 200; ++row) {
    append(file, row);
    expect_rows(path, row + 1);
  }
  file.finish();
  expect_rows(path, 200);
}

/// 5000 rows take three levels of an index of 64 a node, 15000 chunks of the other set as well.
TEST_F(GrowingFileTest, IndicesOfSeveralLevels) {
  const fs::path path = directory / "a.h5";
  hdf5::GrowingFile file = begin(path);
  for (std::int64_t row = 0; row < 5000; ++row) {
    append(file, row);
    if (row % 640 == 0 || row == 4095 || row == 4096) {
      expect_rows(path, row + 1);
    }
  }
  file.finish();
  expect_rows(path, 5000);
}

TEST_F(GrowingFileTest, IsTheSameWhereverItWasCut) {
  const fs::path whole = directory / "whole.h5";
  hdf5::GrowingFile unbroken = begin(whole);
  for (std::int64_t row = 0; row < 4200; ++row) {
    append(unbroken, row);
  }
  unbroken.finish();
  const std::string bytes = read_bytes(whole);
  for (const std::int64_t kept : {1, 63, 64, 65, 1366, 4096, 4097, 4199, 4200}) {
    for (const bool is_finished : {true, false}) {
      const fs::path path = directory / "cut.h5";
      hdf5::GrowingFile file = begin(path);
      for (std::int64_t row = 0; row < 4200; ++row) {
        append(file, row);
      }
      if (is_finished) {
        file.finish();
      }
      hdf5::GrowingFile rest(path, sample_sets(), kept, nullptr);
      rest.cut();
      expect_rows(path, kept);
      for (std::int64_t row = kept; row < 4200; ++row) {
        append(rest, row);
      }
      expect_rows(path, 4200);
      rest.finish();
      EXPECT_EQ(read_bytes(path), bytes) << kept << is_finished;
    }
  }
}

/// A reader asks the system for the length of the file and then reads what the file says: never more, even if a row was
/// appended in between.
TEST_F(GrowingFileTest, IsNeverShorterThanItSaysToAReaderOfTheRowBefore) {
  const fs::path path = directory / "a.h5";
  constexpr std::int64_t length = 1 << 15;
  const std::vector<hdf5::GrowingSet> sets = {{{length}, hdf5::Numbers::reals, {{1, length}, 1}}};
  Hdf5File made = Hdf5File::create(path);
  made.make_growing({{"/a", sets[0].item, sets[0].grid.chunk, false}});
  made.close();
  hdf5::GrowingFile file(path, sets, nullptr);
  const std::string row(8 * length, '\1');
  const auto said = [&] {
    std::array<char, 8> bytes{};
    files::PosixFile::open_for_reading(path).read_at(40, bytes);
    return hdf5::load<std::uint64_t>({bytes.data(), bytes.size()}, 0);
  };
  const std::uint64_t first = said();
  for (int k = 0; k < 300; ++k) {
    const std::uint64_t size_before = fs::file_size(path);
    file.append(std::array<std::string_view, 1>{row});
    ASSERT_LE(said(), size_before) << k;
  }
  EXPECT_GT(said(), first + 4 * row.size());
  file.finish();
  EXPECT_EQ(said(), fs::file_size(path));
}

TEST_F(GrowingFileTest, IsRefusedWithFewerRows) {
  const fs::path path = directory / "a.h5";
  hdf5::GrowingFile file = begin(path);
  const auto refuses = [&](std::int64_t num_rows) {
    return !test::message_of<FileError>([&] { hdf5::GrowingFile(path, sample_sets(), num_rows, nullptr); }).empty();
  };
  EXPECT_TRUE(refuses(1));
  append(file, 0);
  EXPECT_FALSE(refuses(1));
  EXPECT_TRUE(refuses(2));
}

}  // namespace
}  // namespace mfld

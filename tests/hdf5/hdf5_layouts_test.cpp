// Data sets whose numbers lie elsewhere than in the file that is named: the right ones or a sentence, never zeros.
#include <gtest/gtest.h>
#include <hdf5.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "hdf5/hdf5_data_set.hpp"
#include "mfld/core/error.hpp"
#include "mfld/task/file_dataset.hpp"
#include "support/file_text.hpp"
#include "support/temporary_directory.hpp"

namespace {
/// Files of HDF5 that this process has opened.
std::atomic<int> num_opened = 0;
}  // namespace

/// Stands before that of the system for all of this program.
extern "C" int openat(int directory, const char* name, int flags, ...) {
  num_opened += std::string_view(name).ends_with(".h5") ? 1 : 0;
  return static_cast<int>(::syscall(SYS_openat, directory, name, flags, 0666));
}

namespace {

using namespace mfld;
using test::mentions;
namespace fs = std::filesystem;

using Extents = std::vector<hsize_t>;

/// A file of the library, for making what others make.
class File {
 public:
  explicit File(const fs::path& path) : id_(H5Fcreate(path.c_str(), H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT)) {}
  ~File() { H5Fclose(id_); }
  File(const File&) = delete;
  File& operator=(const File&) = delete;
  operator hid_t() const { return id_; }

  /// 0, 1, 2, .. of the type `stored`.
  void add(const std::string& name, const Extents& extents, hid_t stored = H5T_IEEE_F64LE,
           hid_t creation = H5P_DEFAULT) {
    std::vector<double> values;
    for (hsize_t i = 0; i < extents[0] * extents[1]; ++i) {
      values.push_back(static_cast<double>(i));
    }
    add_empty(name, extents, stored, creation,
              [&](hid_t id) { H5Dwrite(id, H5T_NATIVE_DOUBLE, H5S_ALL, H5S_ALL, H5P_DEFAULT, values.data()); });
  }
  void add_empty(
      const std::string& name, const Extents& extents, hid_t stored, hid_t creation,
      const std::function<void(hid_t)>& fill = [](hid_t) {}) {
    const hid_t space = H5Screate_simple(static_cast<int>(extents.size()), extents.data(), nullptr);
    const hid_t id = H5Dcreate2(id_, name.c_str(), stored, space, H5P_DEFAULT, creation, H5P_DEFAULT);
    ASSERT_GE(id, 0);
    fill(id);
    H5Dclose(id);
    H5Sclose(space);
  }

 private:
  hid_t id_;
};

/// One source of a virtual data set: all of it, as the rows from `row` on.
struct Part {
  std::string file;
  std::string data_set;
  Extents extents;
  hsize_t row = 0;
  std::optional<hsize_t> source_row = {};  // not all of it, but from there
};

void add_virtual(File& file, const std::string& name, const Extents& extents, const std::vector<Part>& parts,
                 hid_t creation = H5Pcreate(H5P_DATASET_CREATE)) {
  for (const Part& part : parts) {
    const Extents start = {part.row, 0};
    const hid_t target = H5Screate_simple(2, extents.data(), nullptr);
    const hid_t source = H5Screate_simple(2, part.source_row ? extents.data() : part.extents.data(), nullptr);
    if (part.source_row) {
      const Extents source_start = {*part.source_row, 0};
      H5Sselect_hyperslab(source, H5S_SELECT_SET, source_start.data(), nullptr, part.extents.data(), nullptr);
    }
    H5Sselect_hyperslab(target, H5S_SELECT_SET, start.data(), nullptr, part.extents.data(), nullptr);
    ASSERT_GE(H5Pset_virtual(creation, target, part.file.c_str(), part.data_set.c_str(), source), 0);
    H5Sclose(target);
    H5Sclose(source);
  }
  file.add_empty(name, extents, H5T_IEEE_F64LE, creation);
  H5Pclose(creation);
}

void add_raw(File& file, const std::string& raw, hsize_t bytes) {
  const hid_t creation = H5Pcreate(H5P_DATASET_CREATE);
  H5Pset_external(creation, raw.c_str(), 0, bytes);
  file.add_empty("data", {4, 3}, H5T_IEEE_F64LE, creation);
  H5Pclose(creation);
}

class Hdf5Layouts : public testing::Test {
 protected:
  Hdf5Layouts() {
    fs::create_directories(folder() / "below");
    fs::create_directories(outside());
    for (const fs::path& path : {folder() / "source.h5", folder() / "below/source.h5", outside() / "source.h5"}) {
      File(path).add("x", {4, 3});
    }
  }
  fs::path folder() const { return fs::path(root_.path()) / "data"; }
  fs::path outside() const { return fs::path(root_.path()) / "outside"; }
  fs::path table() const { return folder() / "t.h5"; }

  FileDatasetOptions options(bool external = false) const {
    FileDatasetOptions result;
    result.path = table();
    result.test_fraction = 0;
    result.external = external;
    return result;
  }
  void expect_right(bool external = false) const {
    const Dataset data = make_file_dataset(options(external), 1);
    EXPECT_EQ(data.train_inputs, (Inputs{{0, 1}, {3, 4}, {6, 7}, {9, 10}}));
    EXPECT_EQ(data.train_targets, (Vector{{2, 5, 8, 11}}));
  }
  /// The sentence, of either kind.
  std::string refusal(bool external = false) const {
    const auto read = [&] { make_file_dataset(options(external), 1); };
    std::string text;
    try {
      read();
    } catch (const std::exception& error) {
      text = error.what();
    }
    return text;
  }
  void expect_outside() const {
    EXPECT_TRUE(mentions(refusal(), "takes numbers from another file"));
    EXPECT_TRUE(mentions(refusal(), "which is not in its folder; external = true allows it"));
    EXPECT_TRUE(mentions(refusal(), "t.h5"));
  }

  test::TemporaryDirectory root_;
};

TEST_F(Hdf5Layouts, AVirtualDataSetHasTheValuesOfItsSource) {
  {
    File file(table());
    add_virtual(file, "data", {4, 3}, {{"source.h5", "x", {4, 3}}});
  }
  expect_right();
}

TEST_F(Hdf5Layouts, AVirtualDataSetOfSeveralSourcesAndItsOwnFile) {
  {
    File file(table());
    file.add("own", {1, 3});
    File(folder() / "other.h5").add("y", {3, 3}, H5T_STD_I16BE);
    add_virtual(file, "data", {4, 3}, {{".", "own", {1, 3}, 3}, {"other.h5", "y", {3, 3}, 0}});
  }
  const Dataset data = make_file_dataset(options(), 1);
  EXPECT_EQ(data.train_inputs, (Inputs{{0, 1}, {3, 4}, {6, 7}, {0, 1}}));
}

TEST_F(Hdf5Layouts, AVirtualDataSetWithoutAllItsSourcesIsRefused) {
  {
    File file(table());
    add_virtual(file, "data", {8, 3}, {{"source.h5", "x", {4, 3}, 0}, {"nowhere.h5", "x", {4, 3}, 4}});
  }
  EXPECT_TRUE(mentions(refusal(), "\"nowhere.h5\", which is not there"));
  {
    File file(table());
    add_virtual(file, "data", {4, 3}, {{"source.h5", "z", {4, 3}}});
  }
  EXPECT_TRUE(mentions(refusal(), "takes numbers from \"z\" of \"source.h5\", which is not there"));
  {
    File file(table());
    add_virtual(file, "data", {5, 3}, {{"source.h5", "x", {4, 3}}});
  }
  EXPECT_TRUE(mentions(refusal(), "its sources give 12 of its 15 numbers, and it sets no fill value for the others"));
  {
    File file(table());
    add_virtual(file, "data", {5, 3}, {{"source.h5", "x", {5, 3}}});
  }
  EXPECT_TRUE(mentions(refusal(), "another shape than it says"));
  {
    File file(table());
    add_virtual(file, "data", {4, 3}, {{".", "data", {4, 3}}});
  }
  EXPECT_TRUE(mentions(refusal(), "from another virtual one, which is not supported"));
}

TEST_F(Hdf5Layouts, SourcesMayLieBelowTheFolderAndOutsideItIfAllowed) {
  const auto take_from = [this](const std::string& name) {
    File file(table());
    add_virtual(file, "data", {4, 3}, {{name, "x", {4, 3}}});
  };
  take_from("below/source.h5");
  expect_right();
  take_from(folder() / "source.h5");
  expect_right();
  fs::create_symlink(outside() / "source.h5", folder() / "link.h5");
  fs::create_directory_symlink(outside(), folder() / "away");
  for (const std::string& name : {std::string("../outside/source.h5"), (outside() / "source.h5").string(),
                                  std::string("link.h5"), std::string("away/source.h5")}) {
    take_from(name);
    expect_outside();
    expect_right(true);
  }
}

TEST_F(Hdf5Layouts, LinksAreFollowed) {
  const auto link_to = [this](const std::string& name) {
    File file(table());
    H5Lcreate_external(name.c_str(), "/x", file, "data", H5P_DEFAULT, H5P_DEFAULT);
  };
  link_to("source.h5");
  expect_right();
  link_to("../outside/source.h5");
  expect_outside();
  expect_right(true);
  link_to("nowhere.h5");
  EXPECT_TRUE(mentions(refusal(), "\"nowhere.h5\", which is not there"));
  {
    File file(table());
    const hid_t group = H5Gcreate2(file, "g", H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
    H5Gclose(group);
    H5Lcreate_external("source.h5", "/", file, "g/other", H5P_DEFAULT, H5P_DEFAULT);
    H5Lcreate_soft("other/x", file, "g/near", H5P_DEFAULT, H5P_DEFAULT);
    H5Lcreate_soft("/g/near", file, "data", H5P_DEFAULT, H5P_DEFAULT);
  }
  expect_right();
  {
    File file(table());
    H5Lcreate_soft("/data", file, "data", H5P_DEFAULT, H5P_DEFAULT);
  }
  EXPECT_TRUE(mentions(refusal(), "from one to another without an end"));
}

TEST_F(Hdf5Layouts, LinksThatLeadToNoDataSetAreNamed) {
  const auto refusal_of = [this](const std::string& name, const std::string& path) {
    {
      File file(table());
      name.empty() ? H5Lcreate_soft(path.c_str(), file, "data", H5P_DEFAULT, H5P_DEFAULT)
                   : H5Lcreate_external(name.c_str(), path.c_str(), file, "data", H5P_DEFAULT, H5P_DEFAULT);
    }
    return refusal();
  };
  EXPECT_TRUE(mentions(refusal_of("source.h5", "/z"),
                       "its \"data\" is a link to \"/z\" of another file, \"source.h5\", which is not there"));
  EXPECT_TRUE(mentions(refusal_of("source.h5", "/"), "must name a data set"));
  EXPECT_TRUE(mentions(refusal_of("", "/z"), "its \"data\" is a link to \"/z\", which is not there"));
  {
    File file(folder() / "group.h5");
    H5Gclose(H5Gcreate2(file, "g", H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT));
  }
  EXPECT_TRUE(mentions(refusal_of("group.h5", "/g"), "of another file, \"group.h5\", which is no data set"));
}

/// What another file points to counts as much as what this one does.
TEST_F(Hdf5Layouts, SourcesOfSourcesAreChecked) {
  {
    File file(folder() / "next.h5");
    H5Lcreate_external("../outside/source.h5", "/x", file, "x", H5P_DEFAULT, H5P_DEFAULT);
  }
  {
    File file(table());
    H5Lcreate_external("next.h5", "/x", file, "data", H5P_DEFAULT, H5P_DEFAULT);
  }
  expect_outside();
  expect_right(true);
  {
    File file(table());
    add_virtual(file, "data", {4, 3}, {{"next.h5", "x", {4, 3}}});
  }
  expect_outside();
}

TEST_F(Hdf5Layouts, RawFilesAreNamedFromTheFolderAndMustBeWhole) {
  const std::vector<double> numbers = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11};
  const std::string bytes(reinterpret_cast<const char*>(numbers.data()), 8 * numbers.size());
  test::write_bytes(folder() / "raw.bin", bytes);
  test::write_bytes(folder() / "short.bin", bytes.substr(8));
  test::write_bytes(outside() / "raw.bin", bytes);
  const auto take_from = [this](const std::string& name) {
    File file(table());
    add_raw(file, name, 96);
  };
  take_from("raw.bin");
  expect_right();
  take_from("../outside/raw.bin");
  expect_outside();
  expect_right(true);
  take_from("short.bin");
  EXPECT_TRUE(mentions(refusal(), "\"short.bin\", which is too short"));
  take_from("nowhere.bin");
  EXPECT_TRUE(mentions(refusal(), "\"nowhere.bin\", which is not there"));
}

TEST_F(Hdf5Layouts, PipesAndDevicesAreRefusedWithoutWaiting) {
  ASSERT_EQ(::mkfifo((folder() / "pipe").c_str(), 0600), 0);
  {
    File file(table());
    add_raw(file, "pipe", 96);
  }
  EXPECT_TRUE(mentions(refusal(), "\"pipe\", which is a pipe"));
  {
    File file(table());
    H5Lcreate_external("pipe", "/x", file, "data", H5P_DEFAULT, H5P_DEFAULT);
  }
  EXPECT_TRUE(mentions(refusal(), "\"pipe\", which is a pipe"));
  {
    File file(table());
    add_virtual(file, "data", {4, 3}, {{"/dev/zero", "x", {4, 3}}});
  }
  EXPECT_TRUE(mentions(refusal(true), "\"/dev/zero\", which is a device"));
  fs::remove(table());
  ASSERT_EQ(::mkfifo(table().c_str(), 0600), 0);
  EXPECT_TRUE(mentions(refusal(), "it is a pipe"));
}

TEST_F(Hdf5Layouts, AFilterThatIsNotThereIsNamed) {
  const Extents chunk = {2, 3};
  for (const auto& [number, name] : {std::pair(32000, "\"lzf\" (32000)"), std::pair(40000, "(40000)")}) {
    {
      File file(table());
      const hid_t creation = H5Pcreate(H5P_DATASET_CREATE);
      H5Pset_chunk(creation, 2, chunk.data());
      H5Pset_filter(creation, number, H5Z_FLAG_OPTIONAL, 0, nullptr);
      file.add("data", {4, 3}, H5T_IEEE_F64LE, creation);
      H5Pclose(creation);
    }
    EXPECT_TRUE(mentions(refusal(), name));
    EXPECT_TRUE(mentions(refusal(), "rewrite it with gzip or without compression"));
  }
}

TEST_F(Hdf5Layouts, IntegersThatNoDoubleEqualsAreRefused) {
  const auto write = [this](std::int64_t number, hid_t stored) {
    const std::vector<std::int64_t> values = {number, 1, -3, -4};
    File file(table());
    file.add_empty("data", {2, 2}, stored, H5P_DEFAULT,
                   [&](hid_t id) { H5Dwrite(id, H5T_NATIVE_INT64, H5S_ALL, H5S_ALL, H5P_DEFAULT, values.data()); });
  };
  for (const hid_t stored : {H5T_STD_I64LE, H5T_STD_I64BE}) {
    for (const std::int64_t number :
         {std::int64_t{1} << 53, std::int64_t{1} << 62, -(std::int64_t{1} << 60), std::int64_t{-7}}) {
      write(number, stored);
      EXPECT_EQ(make_file_dataset(options(), 1).train_inputs(0, 0), static_cast<double>(number));
    }
    for (const std::int64_t number : {(std::int64_t{1} << 53) + 1, -(std::int64_t{1} << 53) - 1}) {
      write(number, stored);
      EXPECT_TRUE(mentions(refusal(), "an integer that no double equals")) << number;
    }
  }
}

/// Chunks of two rows, of which those from `first` to `last` are written.
class Hdf5Fill : public Hdf5Layouts {
 protected:
  void write_rows(hsize_t first, hsize_t last, const std::optional<double>& fill, hid_t stored = H5T_IEEE_F64LE,
                  H5D_layout_t layout = H5D_CHUNKED) const {
    const Extents chunk = {2, 3};
    const hid_t creation = H5Pcreate(H5P_DATASET_CREATE);
    H5Pset_layout(creation, layout);
    if (layout == H5D_CHUNKED) {
      H5Pset_chunk(creation, 2, chunk.data());
    }
    if (fill) {
      H5Pset_fill_value(creation, H5T_NATIVE_DOUBLE, &*fill);
    }
    File file(table());
    file.add_empty("data", {7, 3}, stored, creation, [&](hid_t id) {
      const Extents start = {first, 0};
      const Extents count = {last - first, 3};
      const std::vector<double> ones(count[0] * count[1], 1);
      const hid_t space = H5Dget_space(id);
      const hid_t memory = H5Screate_simple(2, count.data(), nullptr);
      H5Sselect_hyperslab(space, H5S_SELECT_SET, start.data(), nullptr, count.data(), nullptr);
      if (last > first) {
        H5Dwrite(id, H5T_NATIVE_DOUBLE, memory, space, H5P_DEFAULT, ones.data());
      }
      H5Sclose(memory);
      H5Sclose(space);
    });
    H5Pclose(creation);
  }
  Vector targets() const { return make_file_dataset(options(), 1).train_targets; }
};

/// Legal, and what the writer meant.
TEST_F(Hdf5Fill, AFillValueOfTheWriterIsData) {
  write_rows(0, 4, 5.);
  EXPECT_EQ(targets(), (Vector{{1, 1, 1, 1, 5, 5, 5}}));
  write_rows(0, 4, 0., H5T_STD_I16BE);
  EXPECT_EQ(targets(), (Vector{{1, 1, 1, 1, 0, 0, 0}}));
  write_rows(0, 0, -2., H5T_IEEE_F32LE, H5D_CONTIGUOUS);
  EXPECT_EQ(targets(), (Vector{{-2, -2, -2, -2, -2, -2, -2}}));
  write_rows(0, 4, std::numeric_limits<double>::quiet_NaN());
  EXPECT_TRUE(mentions(refusal(), "row 5, column 1 holds nan"));
  write_rows(0, 4, 0x1p60, H5T_STD_I64LE);
  EXPECT_TRUE(mentions(refusal(), "its fill value, for what was never written, is an integer beyond 2^53"));
}

/// The library reads zeros, which nobody has written.
TEST_F(Hdf5Fill, WithoutOneRowsThatWereNeverWrittenAreRefused) {
  write_rows(0, 4, std::nullopt);
  EXPECT_TRUE(mentions(refusal(), "its rows 5 to 7 were never written, and it sets no fill value for them"));
  EXPECT_TRUE(mentions(test::message_of<InvalidInput>([this] { targets(); }), "never written"));
  write_rows(4, 7, std::nullopt);
  EXPECT_TRUE(mentions(refusal(), "its rows 1 to 4 were never written"));
  write_rows(0, 0, std::nullopt, H5T_IEEE_F64LE, H5D_CONTIGUOUS);
  EXPECT_TRUE(mentions(refusal(), "its rows 1 to 7 were never written"));
  write_rows(0, 7, std::nullopt);
  EXPECT_EQ(targets(), Vector::Ones(7));
}

TEST_F(Hdf5Fill, AVirtualDataSetHasOneOfItsOwn) {
  const double fill = 8;
  const hid_t creation = H5Pcreate(H5P_DATASET_CREATE);
  H5Pset_fill_value(creation, H5T_NATIVE_DOUBLE, &fill);
  {
    File file(table());
    add_virtual(file, "data", {5, 3}, {{"source.h5", "x", {4, 3}}}, creation);
  }
  EXPECT_EQ(targets(), (Vector{{2, 5, 8, 11, 8}}));
}

TEST_F(Hdf5Layouts, ALongDataSetIsReadInPartsThatEndWithChunks) {
  constexpr hsize_t n = 150001;
  const Extents chunk = {1000, 16};
  const hid_t creation = H5Pcreate(H5P_DATASET_CREATE);
  H5Pset_chunk(creation, 2, chunk.data());
  H5Pset_deflate(creation, 1);
  for (const hid_t list : {creation, hid_t{H5P_DEFAULT}}) {
    {
      File file(table());
      file.add("data", {n, 17}, H5T_IEEE_F32LE, list);
    }
    const Dataset data = make_file_dataset(options(), 1);
    for (Index i = 0; i < data.num_train(); i += 997) {
      ASSERT_EQ(data.train_inputs(i, 0), static_cast<float>(17 * i));
    }
    EXPECT_EQ(data.num_train(), static_cast<Index>(n));
    EXPECT_EQ(data.train_targets(n - 1), static_cast<float>(17 * n - 1));
  }
  H5Pclose(creation);
}

/// Many parts of few sources, in any order; the last of those that lie over each other counts.
TEST_F(Hdf5Layouts, EachSourceIsOpenedOnce) {
  constexpr hsize_t n = 600;
  const Extents chunk = {n, 3};
  const hid_t creation = H5Pcreate(H5P_DATASET_CREATE);
  H5Pset_chunk(creation, 2, chunk.data());
  H5Pset_deflate(creation, 1);
  std::vector<Part> parts;
  for (hsize_t i = 0; i < n; ++i) {
    parts.push_back({i % 2 == 0 ? "even.h5" : "odd.h5", "x", {1, 3}, (7 * i) % n, i});
  }
  for (const char* name : {"even.h5", "odd.h5"}) {
    File(folder() / name).add("x", {n, 3}, H5T_IEEE_F64LE, creation);
  }
  for (const bool overlap : {false, true}) {
    if (overlap) {
      parts.push_back({"even.h5", "x", {1, 3}, 0, 5});
    }
    {
      File file(table());
      add_virtual(file, "data", {n, 3}, parts);
    }
    const Dataset data = make_file_dataset(options(), 1);
    const int before = num_opened;
    std::vector<double> values(n * 3);
    hdf5::DataSetReader reader(table(), false);
    ASSERT_TRUE(reader.find("data"));
    reader.read(values, [](double) {});
    EXPECT_LE(num_opened - before, overlap ? n + 2 : 3) << "files";
    for (hsize_t i = 0; i < n; ++i) {
      const auto place = static_cast<Index>((7 * i) % n);
      ASSERT_EQ(data.train_inputs(place, 0), 3. * static_cast<double>(overlap && place == 0 ? 5 : i));
    }
  }
}

/// Of a file that a symbolic link leads to: beside the link, or else beside the file.
TEST_F(Hdf5Layouts, RawFilesLieBesideALinkOrWhereItLeads) {
  const std::vector<double> numbers = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11};
  const std::string bytes(reinterpret_cast<const char*>(numbers.data()), 8 * numbers.size());
  test::write_bytes(outside() / "raw.bin", bytes);
  {
    File file(outside() / "t.h5");
    add_raw(file, "raw.bin", 96);
  }
  fs::create_symlink(outside() / "t.h5", table());
  expect_right();
  test::write_bytes(folder() / "raw.bin", bytes.substr(0, 88) + bytes.substr(0, 8));
  EXPECT_EQ(make_file_dataset(options(), 1).train_targets(3), 0);
  {
    File file(outside() / "t.h5");
    const hid_t creation = H5Pcreate(H5P_DATASET_CREATE);
    test::write_bytes(outside() / "only.bin", bytes);
    H5Pset_external(creation, "raw.bin", 0, 48);
    H5Pset_external(creation, "only.bin", 48, 48);
    file.add_empty("data", {4, 3}, H5T_IEEE_F64LE, creation);
    H5Pclose(creation);
  }
  EXPECT_TRUE(mentions(refusal(), "its raw files lie in two folders"));
  fs::remove(folder() / "raw.bin");
  expect_right();
}

}  // namespace

// A table is read to its end, or refused.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "mfld/core/memory.hpp"
#include "mfld/tables/input_file.hpp"
#include "support/table_file.hpp"

namespace {
/// How many calls of read succeed from here on; -1: all.
std::atomic<int> good_reads = -1;
}  // namespace

/// Stands before that of the system for all of this program.
extern "C" ssize_t read(int descriptor, void* buffer, size_t size) {
  if (good_reads == 0) {
    errno = EIO;
    return -1;
  }
  good_reads -= good_reads > 0 ? 1 : 0;
  return ::syscall(SYS_read, descriptor, buffer, size);
}

namespace {

using namespace mfld;
using test::mentions;

class TableReading : public test::TableFiles {
 protected:
  std::string link_to(const std::string& target, const std::string& name) const {
    std::filesystem::remove(folder_ / name);
    std::filesystem::create_symlink(target, folder_ / name);
    return folder_ / name;
  }

  static std::string npy(const std::string& type, const std::string& shape, const std::string& data) {
    std::string header = "{'descr': '" + type + "', 'fortran_order': False, 'shape': " + shape + ", }";
    header.resize(118, ' ');
    return std::string("\x93NUMPY\x01\x00\x76\x00", 10) + header + data;
  }

  template <class Number>
  std::string integers(const std::string& type, const std::vector<Number>& numbers) const {
    std::string data(numbers.size() * sizeof(Number), '\0');
    std::memcpy(data.data(), numbers.data(), data.size());
    return refusal(whole(write("t.npy", npy(type, "(1, " + std::to_string(numbers.size()) + ")", data))));
  }
};

TEST_F(TableReading, EveryRowOfALongTableIsThere) {
  std::string content = "x,y\n";
  double sum = 0;
  constexpr int n = 200000;  // several blocks of the reader
  for (int i = 0; i < n; ++i) {
    content += std::to_string(i) + ",-" + std::to_string(i) + ".25\n";
    sum -= i + 0.25;
  }
  for (const std::size_t cut : {0, 1}) {  // with and without the last line end
    const Dataset data = make_file_dataset(csv(content.substr(0, content.size() - cut)), 1);
    ASSERT_EQ(data.num_train(), n);
    EXPECT_EQ(data.train_targets.sum(), sum);
    EXPECT_EQ(data.train_inputs(n - 1, 0), n - 1);
  }
}

TEST_F(TableReading, ALineMayBeLongerThanTheBlocksOfTheReader) {
  std::string line;
  constexpr Index columns = 300000;
  for (Index i = 0; i < columns; ++i) {
    line += (i > 0 ? "," : "") + std::to_string(i + 1);
  }
  const Dataset data = make_file_dataset(csv(line + "\n" + line + "\n" + line), 1);
  EXPECT_EQ(data.num_train(), 3);
  EXPECT_EQ(data.input_dim(), columns - 1);
}

TEST_F(TableReading, RowsAreCountedRightOrTheTableIsRefused) {
  const std::vector<std::pair<std::string, std::string>> bad_tables = {
      {"1,2\r3,4\r", "line 1, column 2 holds a carriage return"},
      {"a,b\r1,2\r3,4", "line 1, column 2 holds a carriage return"},
      {"a,b\r1,2\n3,4\n", "line 1, column 2 holds a carriage return"},
      {"# made\r1,2\n3,4\n", "line 1, column 1 holds a carriage return"},
      {"1,2\r\r3,4\n", "line 1, column 2 holds a carriage return"},
      {"5,6\n7,8\n1\r,2\n", "line 3, column 1 holds a carriage return"},
      {"\"a\nb\",c\n1,2\n", "line 1, column 1 holds a quotation mark without another"},
      {"a,b\n1,\"2\n\"\n", "line 2, column 2 holds a quotation mark without another"},
      {std::string("a,b\0\n1,2\n", 9), "line 1, column 2 holds a zero byte"},
      {std::string("1,2\n3,4\n5\0,6\n", 13), "line 3, column 1 holds a zero byte"},
      {std::string("\xFF\xFE"
                   "1\0,\0"
                   "2\0\n\0",
                   10),
       "UTF-16"},
      {std::string("\xFE\xFF\0"
                   "1\0,\0"
                   "2\0\n",
                   10),
       "UTF-16"},
      {std::string("1\0,\0"
                   "2\0\n\0",
                   8),
       "line 1, column 1 holds a zero byte"},
      {"1,2\n3,4\n\n5,6\n", "line 3 is empty and rows follow it (line 4)"},
      {"1,2\n3,4\n5\n", "line 3, column 2 is missing"},
      {"1,2\n3,4\n5,6,7\n", "line 3, column 3 is one too many"},
      {"1,2\n3,4\n5,6 7\n", "line 3, column 2 holds \"6 7\""},
      {"1,2\n3,4\n5,nan\n", "line 3, column 2 holds \"nan\""},
      {"1,2\n3,4\n-inf,6\n", "line 3, column 1 holds \"-inf\""},
      {"1,2\n3,4\n1e999,6\n", "line 3, column 1 holds \"1e999\""},
      {"1,2\n3,4\n5,6e\n", "line 3, column 2 holds \"6e\""},
  };
  for (const auto& [content, words] : bad_tables) {
    SCOPED_TRACE(words);
    EXPECT_TRUE(mentions(refusal(content), words));
  }
  EXPECT_EQ(num_rows("1,2\r\r\n3,4\r\n5,\t6 \n +7 , \"8\"\n1e300,-1e300"), 5);
}

TEST_F(TableReading, IntegersThatDoublePrecisionDoesNotHaveAreRefused) {
  EXPECT_TRUE(mentions(refusal("1,9007199254740993\n"), "line 1, column 2 holds the integer \"9007199254740993\""));
  EXPECT_TRUE(mentions(refusal("1,2\n3,4\n5,6\n-9007199254740993,1\n"), "line 4, column 1 holds the integer"));
  EXPECT_TRUE(mentions(refusal("1,12345678901234567890\n"), "column 2 holds the integer"));
  for (const char* number :
       {"9007199254740993e0", "9007199254740993E+0", "-9007199254740993e00", "9007199254740993e3"}) {
    EXPECT_TRUE(mentions(refusal("1,2\n3,4\n5," + std::string(number) + "\n"), "line 3, column 2 holds the integer"));
  }
  const Dataset data =
      make_file_dataset(csv("9007199254740992,-9007199254740994\n100000000000000000000,0009007199254740993.0\n1e23,0\n"
                            "12345678901234567e-16,9007199254740993.0e0\n"),
                        1);
  EXPECT_EQ(data.train_targets, (Vector{{-9007199254740994., 9007199254740992., 0, 9007199254740992.}}));
  EXPECT_EQ(data.train_inputs, (Inputs{{9007199254740992.}, {1e20}, {1e23}, {1.2345678901234567}}));

  constexpr std::int64_t first = 9007199254740993;
  EXPECT_TRUE(
      mentions(integers<std::int64_t>("<i8", {1, first}), "row 1, column 2 holds an integer of more than 53 bits"));
  EXPECT_TRUE(mentions(integers<std::int64_t>("<i8", {-first, 1}), "row 1, column 1"));
  EXPECT_TRUE(mentions(integers<std::uint64_t>("<u8", {0, UINT64_MAX}), "row 1, column 2"));
  EXPECT_EQ(integers<std::int64_t>("<i8", {first - 1, -first - 1, INT64_MIN, 0}), "");
}

TEST_F(TableReading, AReadThatFailsIsNoEndOfTheTable) {
  std::string rows;
  while (rows.size() < 1000000) {
    rows += "1,2\n";
  }
  const std::string numbers = npy("|u1", "(500000, 2)", std::string(1000000, 'a'));
  const FileDatasetOptions tables[] = {csv(rows), whole(write("t.npy", numbers))};
  for (const FileDatasetOptions& options : tables) {
    for (const int count : {0, 1, 2}) {
      good_reads = count;
      const std::string message = unreadable(options);
      good_reads = -1;
      EXPECT_TRUE(mentions(message, "cannot be read: Input/output error")) << count;
    }
  }
}

TEST_F(TableReading, WhatIsNoFileOfADiskIsRefused) {
  EXPECT_TRUE(mentions(unreadable(whole(link_to("/proc/self/maps", "maps.csv"))), "it has 0 bytes and"));
  EXPECT_TRUE(mentions(unreadable(whole(link_to("/proc/self/mem", "mem.csv"))), "Input/output error"));
  for (const char* extension : {".csv", ".npy", ".h5"}) {
    SCOPED_TRACE(extension);
    const std::string name = std::string("x") + extension;
    for (const char* device : {"/dev/zero", "/dev/null", "/dev/full", "/dev/urandom"}) {
      EXPECT_TRUE(mentions(unreadable(whole(link_to(device, name))), "it is a device"));
    }
    EXPECT_TRUE(mentions(unreadable(whole(link_to(folder_ / name, name))), "Too many levels of symbolic links"));
    EXPECT_TRUE(mentions(unreadable(whole(link_to(folder_.path(), name))), "it is a folder"));

    const std::string place = folder_ / ("socket" + std::string(extension));
    const int socket = ::socket(AF_UNIX, SOCK_STREAM, 0);
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    place.copy(address.sun_path, sizeof(address.sun_path) - 1);
    ASSERT_EQ(::bind(socket, reinterpret_cast<const sockaddr*>(&address), sizeof(address)), 0);
    EXPECT_TRUE(mentions(unreadable(whole(place)), "it is a socket"));
    ::close(socket);
  }
}

TEST_F(TableReading, APipeIsReadIfItIsACsvAndSomebodyWritesToIt) {
  for (const char* name : {"p.csv", "p.npy", "p.h5"}) {
    ASSERT_EQ(::mkfifo((folder_ / name).c_str(), 0600), 0);
  }
  EXPECT_TRUE(mentions(unreadable(whole(folder_ / "p.npy")), "it is a pipe, and only a .csv"));
  EXPECT_TRUE(mentions(unreadable(whole(folder_ / "p.h5")), "it is a pipe, and only a .csv"));
  EXPECT_TRUE(mentions(unreadable(whole(folder_ / "p.csv")), "it is a pipe that nobody writes to"));
}

TEST_F(TableReading, TheStopFlagIsLookedAt) {
  const std::atomic<bool> stop = true;
  ASSERT_EQ(::mkfifo((folder_ / "p.csv").c_str(), 0600), 0);
  const int writer = ::open((folder_ / "p.csv").c_str(), O_RDWR);  // never writes: without the flag, no end
  for (const std::string& path :
       {write("t.csv", "1,2\n"), write("t.npy", npy("|u1", "(1, 2)", "ab")), (folder_ / "p.csv").string()}) {
    FileDatasetOptions options = whole(path);
    options.stop = &stop;
    EXPECT_TRUE(mentions(test::message_of<Interrupted>([&] { make_file_dataset(options, 1); }), "while reading"));
  }
  ::close(writer);
}

// The file has a hole instead of numbers: nothing is read before the check.
TEST_F(TableReading, AllCopiesMustFitIntoMemory) {
  const double available = available_memory();
  const auto rows = static_cast<std::uint64_t>(0.7 * available / 16);  // one copy fits, and the parts do not
  const std::string path = write("t.npy", npy("|u1", "(" + std::to_string(rows) + ", 2)", ""));
  std::filesystem::resize_file(path, 128 + 2 * rows);
  EXPECT_TRUE(mentions(refusal(whole(path)), "in 2 copies and"));
}

TEST_F(TableReading, InputsOfTwoFilesAreMatchedByName) {
  InputFileOptions rows;
  rows.name = "rows";
  rows.path = write("a.csv", "a,b,y\n1,2,3\n");
  InputFileOptions columns = rows;
  columns.path = write("b.csv", "y,b,a\n30,20,10\n");
  const auto [x, z] = read_inputs(rows, columns);
  EXPECT_EQ(x.inputs, (Inputs{{1, 2}}));
  EXPECT_EQ(z.inputs, (Inputs{{10, 20}}));
  EXPECT_EQ(x.header_line, 1);
  rows.path = write("c.csv", "1,b,y\n1,2,3\n");
  EXPECT_TRUE(mentions(test::message_of<InvalidInput>([&] { read_inputs(rows); }), "--header yes"));
}

}  // namespace

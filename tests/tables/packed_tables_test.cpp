// Tables that are compressed, arrays in an archive, and all numbers of numpy.
#include <gtest/gtest.h>
#include <zlib.h>

#include <cstdint>
#include <cstring>
#include <string>
#include <utility>
#include <vector>

#include "support/table_file.hpp"

namespace {

using namespace mfld;
using test::mentions;

/// As gzip (16 + 15) or as bare deflate (-15).
std::string deflated(const std::string& text, int window_bits) {
  z_stream stream{};
  EXPECT_EQ(::deflateInit2(&stream, 6, Z_DEFLATED, window_bits, 8, Z_DEFAULT_STRATEGY), Z_OK);
  std::string packed(text.size() + 200, '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
  stream.avail_in = static_cast<uInt>(text.size());
  stream.next_out = reinterpret_cast<Bytef*>(packed.data());
  stream.avail_out = static_cast<uInt>(packed.size());
  EXPECT_EQ(::deflate(&stream, Z_FINISH), Z_STREAM_END);
  packed.resize(packed.size() - stream.avail_out);
  ::deflateEnd(&stream);
  return packed;
}

std::string gzip(const std::string& text) { return deflated(text, 16 + 15); }

std::string little(std::uint64_t value, int num_bytes) {
  std::string bytes;
  for (int i = 0; i < num_bytes; ++i) {
    bytes += static_cast<char>(value >> (8 * i) & 0xFFU);
  }
  return bytes;
}

std::string npy(const std::string& type, const std::string& shape, const std::string& data, bool fortran = false) {
  std::string header =
      "{'descr': '" + type + "', 'fortran_order': " + (fortran ? "True" : "False") + ", 'shape': " + shape + ", }";
  header.resize(118, ' ');
  return std::string("\x93NUMPY\x01\x00\x76\x00", 10) + header + data;
}

std::string doubles(const std::vector<double>& numbers) {
  std::string bytes(numbers.size() * sizeof(double), '\0');
  std::memcpy(bytes.data(), numbers.data(), bytes.size());
  return bytes;
}

struct Member {
  std::string name;
  std::string content;
  bool packed = false;
  bool large = false;  // with its sizes in the extra field, as numpy writes those of more than 4 GiB
};

/// The archive that numpy.savez and savez_compressed write.
std::string zip(const std::vector<Member>& members) {
  std::string archive;
  std::string directory;
  for (const Member& member : members) {
    const std::string data = member.packed ? deflated(member.content, -15) : member.content;
    const auto checksum =
        ::crc32(0, reinterpret_cast<const Bytef*>(member.content.data()), static_cast<uInt>(member.content.size()));
    const std::string method = little(member.packed ? 8 : 0, 2);
    const std::string sizes =
        member.large ? std::string(8, '\xFF') : little(data.size(), 4) + little(member.content.size(), 4);
    const std::string extra =
        member.large ? little(1, 2) + little(16, 2) + little(member.content.size(), 8) + little(data.size(), 8) : "";
    const std::string place = little(archive.size(), 4);
    const std::string common = little(0, 2) + method + little(0, 4) + little(checksum, 4) + sizes +
                               little(member.name.size(), 2) + little(extra.size(), 2);
    archive += std::string("PK\3\4", 4) + little(20, 2) + common + member.name + extra + data;
    directory += std::string("PK\1\2", 4) + little(20, 2) + little(20, 2) + common + little(0, 2) + little(0, 8) +
                 place + member.name + extra;
  }
  const std::string count = little(members.size(), 2);
  return archive + directory + std::string("PK\5\6", 4) + little(0, 4) + count + count + little(directory.size(), 4) +
         little(archive.size(), 4) + little(0, 2);
}

class PackedTables : public test::TableFiles {
 protected:
  Dataset read(const std::string& name, const std::string& content) const {
    return make_file_dataset(whole(write(name, content)), 1);
  }
  std::string failure(const std::string& name, const std::string& content) const {
    return unreadable(whole(write(name, content)));
  }
};

TEST_F(PackedTables, TextMayBeCompressed) {
  const std::string text = "# made by\n# a simulation\na,b,y\n1,2,3\n4,5,6\n";
  for (const char* name : {"t.csv.gz", "t.tsv.gz", "t.txt.gz", "T.CSV.GZ"}) {
    EXPECT_EQ(read(name, gzip(text)).train_inputs, (Inputs{{1, 2}, {4, 5}})) << name;
  }
  EXPECT_EQ(read("t.csv.gz", gzip("1,2,3\n4,") + gzip("5,6\n")).train_inputs, (Inputs{{1, 2}, {4, 5}}));  // of pigz
  EXPECT_EQ(read("t.csv.gz", gzip("1,2,3\n") + std::string(700, '\0')).num_train(), 1);
  std::string long_text = "a,b\n";
  for (int i = 0; i < 300000; ++i) {
    long_text += std::to_string(i) + ",1\n";
  }
  EXPECT_EQ(read("t.csv.gz", gzip(long_text)).train_inputs.sum(), 299999. * 150000);
  EXPECT_TRUE(mentions(refusal(whole(write("t.npy.gz", gzip("x")))), "the name must end in"));
}

TEST_F(PackedTables, DamagedCompressionIsAFailure) {
  std::string rows;
  for (int i = 0; i < 1000; ++i) {
    rows += std::to_string(i * i) + "," + std::to_string(i) + "\n";
  }
  const std::string packed = gzip(rows);
  for (std::size_t length = 0; length < packed.size(); length += length < 30 ? 1 : 97) {
    EXPECT_TRUE(mentions(failure("cut.csv.gz", packed.substr(0, length)), "ends within its compressed data")) << length;
  }
  std::string wrong = packed;
  wrong[wrong.size() - 6] ^= 1;  // of the checksum
  EXPECT_TRUE(mentions(failure("w.csv.gz", wrong), "its compressed data are damaged, or none (incorrect data check)"));
  EXPECT_TRUE(mentions(failure("n.csv.gz", "1,2\n3,4\n"), "damaged, or none (incorrect header check)"));
  EXPECT_TRUE(mentions(failure("b.csv.gz", packed + "more"), "incorrect header check"));
}

TEST_F(PackedTables, AnArrayOfAnArchive) {
  const std::string table = npy("<f8", "(2, 3)", doubles({1, 2, 3, 4, 5, 6}));
  const std::string other = npy("<f8", "(1, 2)", doubles({7, 8}));
  for (const bool packed : {false, true}) {
    for (const bool large : {false, true}) {
      EXPECT_EQ(read("one.npz", zip({{"arr_0.npy", table, packed, large}})).train_inputs, (Inputs{{1, 2}, {4, 5}}));
    }
    FileDatasetOptions options = whole(write("two.npz", zip({{"x.npy", other, packed}, {"table.npy", table, packed}})));
    EXPECT_TRUE(mentions(refusal(options), "dataset = \"data\" must name an array of the file"));
    EXPECT_TRUE(mentions(refusal(options), "which holds \"x\", \"table\""));
    options.dataset = "tabel";
    EXPECT_TRUE(mentions(refusal(options), "did you mean \"table\"?"));
    options.dataset = "table";
    EXPECT_EQ(make_file_dataset(options, 1).train_targets, (Vector{{3, 6}}));
    options.dataset = "x";
    EXPECT_EQ(make_file_dataset(options, 1).train_targets, (Vector{{8}}));
    EXPECT_EQ(read("named.npz", zip({{"x.npy", other, packed}, {"data.npy", table, packed}})).num_train(), 2);
  }
  EXPECT_TRUE(mentions(refusal(whole(write("none.npz", zip({})))), "it holds no array"));
  EXPECT_TRUE(mentions(refusal(whole(write("o.npz", zip({{"o.npy", npy("|O", "(1, 2)", "\x80\x04")}})))),
                       "of type \"|O\", pickled objects of Python,"));
}

TEST_F(PackedTables, ADamagedArchiveIsAFailure) {
  const std::string table = npy("<f8", "(2, 3)", doubles({1, 2, 3, 4, 5, 6}));
  const std::string good = zip({{"a.npy", table, true}});
  for (std::size_t length = 0; length < good.size(); ++length) {
    EXPECT_NE(failure("cut.npz", good.substr(0, length)), "") << length;
  }
  for (const bool packed : {false, true}) {
    const std::string archive = zip({{"a.npy", table, packed}});
    for (std::size_t place = 0; place < archive.size(); ++place) {  // one bit each: a table, a refusal or a failure
      std::string wrong = archive;
      wrong[place] = static_cast<char>(wrong[place] ^ 0x10);
      try {
        make_file_dataset(whole(write("wrong.npz", wrong)), 1);
      } catch (const InvalidInput&) {
      } catch (const FileError&) {
      }
    }
  }
  std::string wrong = zip({{"a.npy", table}});
  wrong[30 + 5 + 128 + 3] ^= 1;  // of a number
  EXPECT_TRUE(mentions(failure("sum.npz", wrong), "its member \"a.npy\" is damaged"));
  EXPECT_TRUE(mentions(failure("no.npz", table), "it does not end like one"));
}

TEST_F(PackedTables, NumbersOfNumpyOfEveryKind) {
  const auto numbers = [this](const std::string& type, const std::string& data) {
    return Vector(read("t.npy", npy(type, "(1, 3)", data)).train_inputs.reshaped());
  };
  EXPECT_EQ(numbers("|b1", std::string("\1\0\1", 3)), (Vector{{1, 0}}));
  EXPECT_EQ(numbers("<f2", std::string("\x00\x3C\x01\x80\x00\x00", 6)), (Vector{{1, -0x1p-24}}));
  EXPECT_EQ(numbers(">f2", std::string("\x7B\xFF\x04\x00\x00\x00", 6)), (Vector{{65504, 0x1p-14}}));
  EXPECT_EQ(numbers("<f2", std::string("\xFF\x03\x55\x35\x00\x00", 6)), (Vector{{1023 * 0x1p-24, 1365 * 0x1p-12}}));
  EXPECT_EQ(numbers(">i4", std::string("\xFF\xFF\xFF\xFE\x00\x00\x01\x00\0\0\0\0", 12)), (Vector{{-2, 256}}));
  EXPECT_EQ(numbers(">u2", std::string("\xFF\xFE\x00\x01\0\0", 6)), (Vector{{65534, 1}}));
  EXPECT_EQ(numbers(">f4", std::string("\x3F\xC0\0\0\xBF\x80\0\0\0\0\0\0", 12)), (Vector{{1.5, -1}}));
  EXPECT_EQ(numbers(">f8", std::string("\x3F\xF8\0\0\0\0\0\0", 8) + std::string(16, '\0')), (Vector{{1.5, 0}}));
  EXPECT_EQ(numbers("|i1", "\xFE\x01\x01"), (Vector{{-2, 1}}));
  EXPECT_EQ(read("f.npy", npy(">i2", "(2, 2)", std::string("\0\1\0\2\0\3\0\4", 8), true)).train_inputs,
            (Inputs{{1}, {2}}));
  const auto message = [this](const std::string& type, const std::string& data) {
    return refusal(whole(write("t.npy", npy(type, "(1, 3)", data))));
  };
  EXPECT_TRUE(mentions(message("<f2", std::string("\x00\x7C\0\0\0\0", 6)), "column 1 holds inf"));
  EXPECT_TRUE(mentions(message("<f2", std::string("\x00\xFC\0\0\0\0", 6)), "column 1 holds -inf"));
  EXPECT_TRUE(mentions(message("<f2", std::string("\x01\x7C\0\0\0\0", 6)), "column 1 holds nan"));
  EXPECT_TRUE(mentions(message("<c16", ""), "of type \"<c16\", complex, and must be integers, logical values or fl"));
  EXPECT_TRUE(mentions(message("<U1", ""), "of type \"<U1\", words, and must be"));
  EXPECT_TRUE(mentions(message("<M8[s]", ""), "dates or times"));
  EXPECT_TRUE(mentions(message("f8", ""), "of type \"f8\""));
}

TEST_F(PackedTables, ColumnsThatAreLeftOutMayHoldAnything) {
  FileDatasetOptions options = whole(write("t.npy", npy("<f8", "(2, 3)", doubles({0.0 / 0.0, 1, 2, 1 / 0.0, 3, 4}))));
  EXPECT_TRUE(mentions(refusal(options), "row 1, column 1 holds"));
  options.columns.dropped = {0};
  EXPECT_EQ(make_file_dataset(options, 1).train_inputs, (Inputs{{1}, {3}}));
  options.columns = {2, {1}, {}};
  EXPECT_EQ(make_file_dataset(options, 1).train_targets, (Vector{{2, 4}}));
}

}  // namespace

#include "mfld/tables/table_writer.hpp"

#include <gtest/gtest.h>

#include <limits>
#include <string>
#include <utility>

#include "support/random_normals.hpp"
#include "support/temporary_directory.hpp"
#include "tables/table.hpp"

namespace mfld {
namespace {

template <class Write>
std::string bytes_from(const Write& write) {
  std::string all;
  write([&all](std::string_view bytes) { all += bytes; });
  return all;
}

std::string npy_of(std::vector<const Matrix*> matrices) {
  return bytes_from([&](const TakeBytes& take) { write_npy(take, matrices); });
}

/// The dictionary of the header, which must end as the format wants it.
std::string header_of(const std::string& npy) {
  EXPECT_TRUE(npy.starts_with(std::string("\x93NUMPY\x01\x00", 8)));
  const std::size_t length = static_cast<unsigned char>(npy[8]) + std::size_t{256} * static_cast<unsigned char>(npy[9]);
  EXPECT_EQ((10 + length) % 64, 0);
  EXPECT_EQ(npy[9 + length], '\n');
  return npy.substr(10, npy.find('}') - 9);
}

TEST(TableWriter, AnNpyIsReadBackToTheSameNumbers) {
  const test::TemporaryDirectory folder;
  const std::string path = (folder.path() / "matrix.npy").string();
  for (const auto& [rows, columns] : {std::pair<Index, Index>{1, 2}, {7, 3}, {3, 70}}) {
    const Matrix matrix = random_normals(rows, columns, 1);
    std::ofstream(path, std::ios::binary) << npy_of({&matrix});
    const tables::Table table = tables::read_npy({.key = "rows", .path = path}, {});
    EXPECT_EQ(Matrix(table.values), matrix);
  }
}

TEST(TableWriter, SeveralMatricesAreTheLastAxisOfAnNpy) {
  const Matrix first = random_normals(4, 3, 1);
  const Matrix second = random_normals(4, 3, 2);
  const std::string both = npy_of({&first, &second});
  EXPECT_EQ(header_of(npy_of({&first})), "{'descr': '<f8', 'fortran_order': True, 'shape': (4, 3), }");
  EXPECT_EQ(header_of(both), "{'descr': '<f8', 'fortran_order': True, 'shape': (4, 3, 2), }");
  constexpr std::size_t bytes = 12 * sizeof(double);
  EXPECT_EQ(both.substr(both.size() - 2 * bytes, bytes), npy_of({&first}).substr(npy_of({&first}).size() - bytes));
  EXPECT_EQ(both.substr(both.size() - bytes), npy_of({&second}).substr(npy_of({&second}).size() - bytes));
}

TEST(TableWriter, RowsOfACsvHaveEveryDigit) {
  const Matrix numbers =
      (Matrix(2, 3) << 0.1, 1.0 / 3, -0.0, 1e300, 5e-324, std::numeric_limits<double>::quiet_NaN()).finished();
  EXPECT_EQ(bytes_from([&](const TakeBytes& take) { write_rows(take, numbers); }),
            "0.1,0.3333333333333333,-0\n1e+300,5e-324,nan\n");
}

TEST(TableWriter, ColumnsStandUnderTheirNamesAndCommentsOnALineEach) {
  const std::vector<Vector> columns = {Vector::LinSpaced(3, 0, 2), Vector::Constant(3, 0.5)};
  EXPECT_EQ(bytes_from([&](const TakeBytes& take) {
              write_comments(take, {"a\nb", "c"});
              write_columns(take, "k,value", columns);
            }),
            "# a\\x0ab\n# c\nk,value\n0,0.5\n1,0.5\n2,0.5\n");
}

}  // namespace
}  // namespace mfld

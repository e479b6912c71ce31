#include "mfld/tables/table_writer.hpp"

#include <fmt/format.h>

#include <cassert>
#include <iterator>

#include "core/comments.hpp"

namespace mfld {

void write_npy(const TakeBytes& take, std::span<const Matrix* const> matrices) {
  std::string shape = fmt::format("{}, {}", matrices[0]->rows(), matrices[0]->cols());
  if (matrices.size() > 1) {
    shape += fmt::format(", {}", matrices.size());
  }
  constexpr std::size_t start = 10;
  std::string header = fmt::format("{{'descr': '<f8', 'fortran_order': True, 'shape': ({}), }}", shape);
  header.append(63 - (start + header.size()) % 64, ' ');
  header += '\n';
  take(std::string_view("\x93NUMPY\x01\x00", 8));
  take(std::string{static_cast<char>(header.size() % 256), static_cast<char>(header.size() / 256)});
  take(header);
  for (const Matrix* matrix : matrices) {
    assert(matrix->rows() == matrices[0]->rows() && matrix->cols() == matrices[0]->cols());
    take({reinterpret_cast<const char*>(matrix->data()), sizeof(double) * static_cast<std::size_t>(matrix->size())});
  }
}

void write_comments(const TakeBytes& take, const std::vector<std::string>& comments) {
  for (const std::string& comment : comments) {
    take(comment_line(comment));
  }
}

void write_rows(const TakeBytes& take, const Matrix& numbers) {
  fmt::memory_buffer row;
  for (Index i = 0; i < numbers.rows(); ++i) {
    row.clear();
    for (Index j = 0; j < numbers.cols(); ++j) {
      fmt::format_to(std::back_inserter(row), "{}{}", j == 0 ? "" : ",", numbers(i, j));
    }
    row.push_back('\n');
    take({row.data(), row.size()});
  }
}

void write_columns(const TakeBytes& take, std::string_view names, const std::vector<Vector>& columns) {
  take(fmt::format("{}\n", names));
  Matrix table(columns[0].size(), std::ssize(columns));
  for (std::size_t j = 0; j < columns.size(); ++j) {
    table.col(static_cast<Index>(j)) = columns[j];
  }
  write_rows(take, table);
}

}  // namespace mfld

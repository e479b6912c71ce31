#pragma once
#include <span>
#include <string>
#include <string_view>

#include "mfld/core/particles.hpp"
#include "python/python.hpp"

namespace mfld::python {

/// What a Python object holds as numbers: a numpy array, or anything that numpy makes one of, of two dimensions, or of
/// one, which is a column. InvalidInput names `name` and what is wrong: a type that is no number (complex, object,
/// text), another number of dimensions, and row and column, counted from 0, of a number that is not finite.
Inputs matrix_of(const py::handle& object, std::string_view name);
/// The same for one dimension, or a single column.
Vector vector_of(const py::handle& object, std::string_view name);
/// Numbers [N, p] that a callback returned, where they are; finite or not. To be destroyed with the GIL.
class ReturnedMatrix {
 public:
  ReturnedMatrix(const py::handle& object, std::string_view name, Index rows, Index cols);
  /// Its rows [first, last), without the GIL.
  void copy_rows(Index first, Index last, Drift& to) const;

 private:
  py::array_t<double, py::array::forcecast> array_;
  const char* first_;
  py::ssize_t row_bytes_;  // from one row to the next
  py::ssize_t column_bytes_;
};
/// The same for one dimension.
void copy_to(const py::handle& object, std::string_view name, std::span<double> to);

/// New arrays, which own their numbers.
py::array_t<double> array_of(const Matrix& matrix);
py::array_t<double> array_of(std::span<const double> values);
/// Arrays that refer to numbers which `owner` keeps alive, and cannot be written to.
py::array view_of(const Particles<double>& particles, const py::handle& owner);
py::array view_of(const Particles<float>& particles, const py::handle& owner);
py::array view_of(std::span<const double> values, const py::handle& owner);

/// "(200, 5)"
std::string shape_in_words(const py::array& array);

}  // namespace mfld::python

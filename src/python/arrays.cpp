#include "python/arrays.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <cstring>

#include "mfld/core/error.hpp"

namespace mfld::python {

namespace {

using Doubles = py::array_t<double, py::array::forcecast>;

/// As doubles, in whatever order; InvalidInput where these are no real numbers.
Doubles numbers_in(const py::handle& object, std::string_view name) {
  if (py::isinstance<py::array_t<double>>(object)) {
    return py::reinterpret_borrow<Doubles>(object);
  }
  py::array given = py::array::ensure(object);
  if (given && given.dtype().kind() == 'O' && !py::isinstance<py::array>(object) &&
      py::hasattr(object, "__dlpack__")) {  // other packages' arrays
    given = py::module_::import("numpy").attr("from_dlpack")(object);
  }
  if (!given) {
    PyErr_Clear();
    throw InvalidInput(fmt::format("{}: is {}, and must be an array of numbers", name,
                                   std::string(py::str(py::type::handle_of(object).attr("__name__")))));
  }
  const char kind = given.dtype().kind();
  if (std::string_view("fiub").find(kind) == std::string_view::npos) {
    throw InvalidInput(fmt::format("{}: is an array of type {}, and must be one of real numbers", name,
                                   std::string(py::str(given.dtype()))));
  }
  Doubles doubles = Doubles::ensure(given);
  if (!doubles) {
    throw py::error_already_set();
  }
  return doubles;
}

void require_finite(const Inputs& matrix, bool is_column, std::string_view name) {
  for (Index i = 0; i < matrix.rows(); ++i) {
    for (Index k = 0; k < matrix.cols(); ++k) {
      if (!std::isfinite(matrix(i, k))) {
        const std::string where = is_column ? fmt::format("row {}", i) : fmt::format("row {}, column {}", i, k);
        throw InvalidInput(fmt::format("{}: {} (from 0) is {}, and must be finite", name, where, matrix(i, k)));
      }
    }
  }
}

template <class Scalar>
py::array view(const Scalar* first, std::vector<py::ssize_t> shape, std::vector<py::ssize_t> strides,
               const py::handle& owner) {
  py::array_t<Scalar> array(std::move(shape), std::move(strides), first, owner);
  py::detail::array_proxy(array.ptr())->flags &= ~py::detail::npy_api::NPY_ARRAY_WRITEABLE_;  // once a step
  return array;
}

template <class Scalar>
py::array view_of_columns(const Particles<Scalar>& particles, const py::handle& owner) {
  constexpr py::ssize_t size = sizeof(Scalar);
  return view(particles.data(), {particles.rows(), particles.cols()}, {size, size * particles.rows()}, owner);
}

}  // namespace

std::string shape_in_words(const py::array& array) {
  const std::vector<py::ssize_t> shape(array.shape(), array.shape() + array.ndim());
  return shape.size() == 1 ? fmt::format("({},)", shape.front()) : fmt::format("({})", fmt::join(shape, ", "));
}

Inputs matrix_of(const py::handle& object, std::string_view name) {
  const Doubles doubles = numbers_in(object, name);
  if (doubles.ndim() != 1 && doubles.ndim() != 2) {
    throw InvalidInput(fmt::format("{}: has the shape {}, and must have two dimensions, rows and columns", name,
                                   shape_in_words(doubles)));
  }
  const bool is_column = doubles.ndim() == 1;
  Inputs matrix(doubles.shape(0), is_column ? 1 : doubles.shape(1));
  if (is_column) {
    const auto values = doubles.unchecked<1>();
    for (Index i = 0; i < matrix.rows(); ++i) {
      matrix(i, 0) = values(i);
    }
  } else {
    const auto values = doubles.unchecked<2>();
    for (Index i = 0; i < matrix.rows(); ++i) {
      for (Index k = 0; k < matrix.cols(); ++k) {
        matrix(i, k) = values(i, k);
      }
    }
  }
  require_finite(matrix, is_column, name);
  return matrix;
}

Vector vector_of(const py::handle& object, std::string_view name) {
  const Inputs matrix = matrix_of(object, name);
  if (matrix.cols() != 1) {
    throw InvalidInput(
        fmt::format("{}: has the shape ({}, {}), and must have one number a row", name, matrix.rows(), matrix.cols()));
  }
  return matrix.col(0);
}

ReturnedMatrix::ReturnedMatrix(const py::handle& object, std::string_view name, Index rows, Index cols)
    : array_(numbers_in(object, name)) {
  if (array_.ndim() != 2 || array_.shape(0) != rows || array_.shape(1) != cols) {
    throw InvalidInput(fmt::format("{}: has the shape {}, and must have ({}, {}), that of the particles", name,
                                   shape_in_words(array_), rows, cols));
  }
  first_ = reinterpret_cast<const char*>(array_.data());
  row_bytes_ = array_.strides(0);
  column_bytes_ = array_.strides(1);
}

void ReturnedMatrix::copy_rows(Index first, Index last, Drift& to) const {
  for (Index k = 0; k < to.cols(); ++k) {
    const char* from = first_ + k * column_bytes_ + first * row_bytes_;
    if (row_bytes_ == sizeof(double)) {
      std::memcpy(&to(first, k), from, sizeof(double) * static_cast<std::size_t>(last - first));
      continue;
    }
    for (Index j = first; j < last; ++j, from += row_bytes_) {
      std::memcpy(&to(j, k), from, sizeof(double));
    }
  }
}

void copy_to(const py::handle& object, std::string_view name, std::span<double> to) {
  const Doubles doubles = numbers_in(object, name);
  if (doubles.ndim() != 1 || doubles.shape(0) != std::ssize(to)) {
    throw InvalidInput(fmt::format("{}: has the shape {}, and must have ({},), that of the outputs", name,
                                   shape_in_words(doubles), to.size()));
  }
  const auto values = doubles.unchecked<1>();
  for (std::size_t i = 0; i < to.size(); ++i) {
    to[i] = values(static_cast<py::ssize_t>(i));
  }
}

py::array_t<double> array_of(const Matrix& matrix) {
  py::array_t<double> array({matrix.rows(), matrix.cols()});
  Eigen::Map<Inputs>(array.mutable_data(), matrix.rows(), matrix.cols()) = matrix;
  return array;
}

py::array_t<double> array_of(std::span<const double> values) {
  py::array_t<double> array(static_cast<py::ssize_t>(values.size()));
  std::copy(values.begin(), values.end(), array.mutable_data());
  return array;
}

py::array view_of(const Particles<double>& particles, const py::handle& owner) {
  return view_of_columns(particles, owner);
}

py::array view_of(const Particles<float>& particles, const py::handle& owner) {
  return view_of_columns(particles, owner);
}

py::array view_of(std::span<const double> values, const py::handle& owner) {
  return view(values.data(), {static_cast<py::ssize_t>(values.size())}, {py::ssize_t{sizeof(double)}}, owner);
}

}  // namespace mfld::python

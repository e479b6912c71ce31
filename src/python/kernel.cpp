#include "python/kernel.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <string_view>
#include <vector>

#include "mfld/config/config.hpp"
#include "mfld/core/error.hpp"
#include "mfld/core/nearest_name.hpp"
#include "mfld/ntk/infinite_width.hpp"
#include "mfld/ntk/kernel_regression.hpp"
#include "python/arrays.hpp"
#include "python/computing.hpp"

namespace mfld::python {

namespace {

void require_one_of(std::string_view key, const std::string& value, const std::vector<std::string>& names) {
  if (std::find(names.begin(), names.end(), value) == names.end()) {
    const auto nearest = nearest_name(value, std::vector<std::string_view>(names.begin(), names.end()));
    throw InvalidInput(fmt::format("{} = \"{}\": must be one of {}{}", key, value, fmt::join(names, ", "),
                                   nearest ? fmt::format("; did you mean {}?", *nearest) : ""));
  }
}

/// The value of an argument that only some conventions have.
template <class T>
T value_of(std::string_view name, const std::optional<T>& given, T otherwise, const std::string& convention,
           const std::vector<std::string>& readers) {
  if (given && std::find(readers.begin(), readers.end(), convention) == readers.end()) {
    throw InvalidInput(fmt::format("{} = {}: is only read with the convention {}, not {}", name, *given,
                                   fmt::join(readers, ", "), convention));
  }
  return given.value_or(otherwise);
}

KernelConvention convention_of(const KernelArguments& arguments, Activation activation, Index input_dim) {
  KernelConventionOptions options;
  const std::string& name = arguments.convention;
  options.depth = value_of("depth", arguments.depth, options.depth, name, {"jacot", "lee", "arora"});
  options.activation = activation;
  options.input_dim = input_dim;
  options.weight_variance =
      value_of("weight_variance", arguments.weight_variance, options.weight_variance, name, {"lee"});
  options.bias_variance =
      value_of("bias_variance", arguments.bias_variance, options.bias_variance, name, {"jacot", "lee"});
  return make_kernel_convention(name, options);
}

}  // namespace

py::dict kernel(const py::object& x, const py::object& z, const KernelArguments& arguments) {
  require_one_of("convention", arguments.convention, names_of(kernel_conventions));
  require_one_of("activation", arguments.activation, names_of(activations));
  require_one_of("part", arguments.part, {"ntk", "nngp", "both"});
  const Inputs rows = matrix_of(x, "X");
  const Inputs columns = z.is_none() ? Inputs() : matrix_of(z, "Z");
  const Activation activation = std::find_if(activations.begin(), activations.end(), [&](const auto& row) {
                                  return row.name == arguments.activation;
                                })->kind;
  const KernelConvention convention = convention_of(arguments, activation, rows.cols());
  const KernelParts parts = arguments.part == "both"   ? KernelParts::both
                            : arguments.part == "nngp" ? KernelParts::nngp
                                                       : KernelParts::ntk;
  InfiniteWidthKernel kernel;
  Attention attention;
  compute_attentively(attention, [&] {
    with_threads_of(threads_allowed(arguments.num_threads), [&] {
      kernel = z.is_none() ? infinite_width_kernel(convention, activation, rows, parts)
                           : infinite_width_kernel(convention, activation, rows, columns, parts);
    });
  });
  py::dict result;
  if (parts != KernelParts::nngp) {
    result["ntk"] = py::make_tuple(array_of(kernel.ntk), kernel.ntk_error);
  }
  if (parts != KernelParts::ntk) {
    result["nngp"] = py::make_tuple(array_of(kernel.nngp), kernel.nngp_error);
  }
  return result;
}

py::dict kernel_regression(const py::object& train_kernel, const py::object& targets, const py::object& test_kernel,
                           double ridge) {
  const Matrix train = matrix_of(train_kernel, "kernel");
  const Vector labels = vector_of(targets, "targets");
  const Matrix test = test_kernel.is_none() ? Matrix() : Matrix(matrix_of(test_kernel, "test_kernel"));
  Vector coefficients;
  Vector prediction;
  Attention attention;
  compute_attentively(attention, [&] {
    const KernelRegression regression = KernelRegression::ridge(train, labels, ridge);
    coefficients = regression.coefficients();
    if (test.size() > 0) {
      prediction = regression.predict(test);
    }
  });
  const auto array = [](const Vector& vector) {
    return array_of(std::span<const double>(vector.data(), static_cast<std::size_t>(vector.size())));
  };
  py::dict result;
  result["coefficients"] = array(coefficients);
  result["prediction"] = test_kernel.is_none() ? py::none() : py::object(array(prediction));
  return result;
}

}  // namespace mfld::python

#include "mfld/ntk/kernel_convention.hpp"

#include <fmt/format.h>

#include <cmath>
#include <optional>
#include <vector>

#include "mfld/core/error.hpp"
#include "mfld/core/nearest_name.hpp"
#include "mfld/ntk/infinite_width.hpp"

namespace mfld {
namespace {

void require(bool condition, std::string_view name, double value, std::string_view allowed) {
  if (!condition) {
    throw InvalidInput(fmt::format("{} = {} of the kernel is out of range: it must be {}", name, value, allowed));
  }
}

}  // namespace

KernelConvention KernelConvention::jacot(int depth, double beta, Index input_dim) {
  return lee(depth, 1, beta * beta, input_dim);
}

KernelConvention KernelConvention::lee(int depth, double weight_variance, double bias_variance, Index input_dim) {
  KernelConvention convention;
  convention.input_variance = weight_variance / static_cast<double>(input_dim);
  convention.input_bias_variance = bias_variance;
  convention.weight_variance = weight_variance;
  convention.bias_variance = bias_variance;
  convention.num_weight_layers = depth;
  return convention;
}

KernelConvention KernelConvention::arora(int depth, Activation activation) {
  KernelConvention convention;
  convention.weight_variance = 1 / dual_activation(activation, 1, 1, 1).value;
  convention.num_weight_layers = depth + 1;
  return convention;
}

KernelConvention KernelConvention::bietti_mairal() {
  KernelConvention convention;
  convention.weight_variance = 2;
  convention.closed_form_of = Activation::relu;
  return convention;
}

KernelConvention KernelConvention::two_layer() { return {}; }

KernelConvention KernelConvention::two_layer_hidden() {
  KernelConvention convention;
  convention.train_output = false;
  return convention;
}

KernelConvention KernelConvention::two_layer_output() {
  KernelConvention convention;
  convention.train_hidden = false;
  return convention;
}

KernelConvention KernelConvention::two_layer_bias() {
  KernelConvention convention;
  convention.input_bias_variance = 1;
  return convention;
}

KernelConvention make_kernel_convention(std::string_view name, const KernelConventionOptions& options) {
  require(options.depth >= 1 && options.depth <= 1000, "depth", options.depth, "an integer from 1 to 1000");
  require(options.input_dim >= 1, "input_dim", static_cast<double>(options.input_dim), "at least 1");
  require(std::isfinite(options.weight_variance) && options.weight_variance > 0, "weight_variance",
          options.weight_variance, "positive and finite");
  require(std::isfinite(options.bias_variance) && options.bias_variance >= 0, "bias_variance", options.bias_variance,
          "at least 0 and finite");
  const auto convention = [&]() -> KernelConvention {
    if (name == "jacot") {
      return KernelConvention::jacot(options.depth, std::sqrt(options.bias_variance), options.input_dim);
    }
    if (name == "lee") {
      return KernelConvention::lee(options.depth, options.weight_variance, options.bias_variance, options.input_dim);
    }
    if (name == "arora") {
      return KernelConvention::arora(options.depth, options.activation);
    }
    if (name == "bietti-mairal") {
      return KernelConvention::bietti_mairal();
    }
    if (name == "two-layer") {
      return KernelConvention::two_layer();
    }
    if (name == "two-layer-hidden") {
      return KernelConvention::two_layer_hidden();
    }
    if (name == "two-layer-output") {
      return KernelConvention::two_layer_output();
    }
    if (name == "two-layer-bias") {
      return KernelConvention::two_layer_bias();
    }
    std::vector<std::string_view> names;
    for (const KernelConventionInfo& row : kernel_conventions) {
      names.push_back(row.name);
    }
    const std::optional<std::string_view> nearest = nearest_name(name, names);
    throw InvalidInput(fmt::format("convention = \"{}\" of the kernel is not known{}: choose one of {}", name,
                                   nearest ? fmt::format(", did you mean \"{}\"", *nearest) : "",
                                   fmt::join(names, ", ")));
  }();
  check(convention, options.activation);
  return convention;
}

void check(const KernelConvention& convention, Activation activation) {
  const auto variance = [](std::string_view name, double value) {
    require(std::isfinite(value) && value >= 0, name, value, "at least 0 and finite");
  };
  variance("input_variance", convention.input_variance);
  variance("input_bias_variance", convention.input_bias_variance);
  variance("weight_variance", convention.weight_variance);
  variance("bias_variance", convention.bias_variance);
  require(convention.num_weight_layers >= 1, "num_weight_layers", convention.num_weight_layers, "at least 1");
  if (!convention.train_hidden && !convention.train_output && !convention.train_bias) {
    throw InvalidInput("the kernel has nothing to train: train_hidden, train_output or train_bias must be true");
  }
  const bool same_function = activation == Activation::relu_right && convention.closed_form_of == Activation::relu;
  if (convention.closed_form_of && activation != *convention.closed_form_of && !same_function) {
    throw InvalidInput(
        fmt::format("activation = \"{}\" has no closed form in this convention of the kernel, which is "
                    "defined for {}: choose that activation or another convention",
                    info(activation).name, info(*convention.closed_form_of).name));
  }
}

}  // namespace mfld

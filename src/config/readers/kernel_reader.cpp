#include <fmt/format.h>

#include <algorithm>
#include <numeric>
#include <utility>

#include "config/memory.hpp"
#include "config/readers/readers.hpp"
#include "mfld/core/error.hpp"
#include "mfld/observe/observables.hpp"

namespace mfld::readers {

namespace {

constexpr std::array<std::string_view, 6> kernel_keys = {"kernel", "ridge",           "convention",
                                                         "depth",  "weight_variance", "bias_variance"};
const std::string with_kernel_regression = fmt::format("method = \"{}\"", KernelMethod::method_name);

bool is_kernel_regression(const Value& phase) {
  const Value* method = find(phase, "method");
  const auto* text = method == nullptr ? nullptr : method->as<std::string>();
  return text != nullptr && *text == KernelMethod::method_name;
}

/// The convention whose limit a network r sigma(w.x + b) with standard normal parameters has; empty if there is none.
std::string convention_of(const Neuron& neuron, const TrainedBlocks& trained) {
  const bool output = trained.output && info(neuron.kind).output_trainable;
  if (neuron.kind != NeuronKind::r_sigma && neuron.kind != NeuronKind::fixed_sign) {
    return {};
  }
  if (neuron.bias) {
    return trained.input && trained.bias && output ? "two-layer-bias" : "";
  }
  return trained.input && output ? "two-layer" : trained.input ? "two-layer-hidden" : "two-layer-output";
}

/// Where the first particles are not those that the limits are taken over, as keys of [network.init]: every parameter
/// N(0, 1), or a sign for r, and no two neurons alike.
std::string other_law(const Initialisation& law, const Neuron& neuron, bool of_features) {
  const bool has_output = info(neuron.kind).has_output;
  std::vector<std::string> keys;
  const auto add = [&keys](bool differs, std::string key) {
    if (differs) {
      keys.push_back(std::move(key));
    }
  };
  add(law.input_on_sphere, "input_law = \"sphere\"");
  add(law.input_in_box, "input_law = \"box\"");
  add(law.input_std != 1, fmt::format("input_std = {}", law.input_std));
  add(neuron.bias && law.bias_std != 1, fmt::format("bias_std = {}", law.bias_std));
  add(has_output && law.output_law == OutputLaw::uniform, "output_law = \"uniform\"");
  add(has_output && law.output_law == OutputLaw::gaussian && law.output_std != 1,
      fmt::format("output_std = {}", law.output_std));
  add(of_features && law.symmetric, "symmetric = true, outputs that are 0 instead of a Gaussian process");
  return boost::algorithm::join(keys, ", ");
}

template <class... Names>
bool is_one_of(std::string_view name, Names... names) {
  return ((name == names) || ...);
}

void read_convention(Section& section, const KernelSetting& setting, KernelMethod& method) {
  std::vector<std::string> infinite;
  for (const RegressionKernelInfo& row : regression_kernels) {
    if (row.infinite) {
      infinite.push_back(fmt::format("\"{}\"", row.name));
    }
  }
  const std::string with_infinite = "kernel = " + boost::algorithm::join(infinite, " or ");
  if (!section.reads("convention", method.is_infinite(), with_infinite)) {
    for (const std::string_view name : {"depth", "weight_variance", "bias_variance"}) {
      section.reads(name, false, with_infinite);
    }
    return;
  }
  const std::string own = convention_of(setting.neuron, setting.trained);
  Fallback<std::string> fallback = required;
  if (!own.empty() || section.is_describing()) {
    fallback = {own.empty() ? "two-layer" : own, "two-layer, with the bias and the trained blocks of [network]"};
  }
  const auto& convention = kernel_conventions[section.choice(
      "convention", "how the infinite network is scaled, started and trained", fallback, names_of(kernel_conventions))];
  const std::string_view name = convention.name;
  KernelConventionOptions options;
  options.activation = setting.neuron.activation;
  options.input_dim = setting.data->input_dim();
  if (section.reads("depth", is_one_of(name, "jacot", "lee", "arora"), "convention = jacot, lee, arora")) {
    options.depth = static_cast<int>(
        section.integer("depth", "layers of weights (jacot, lee) or hidden layers (arora)", options.depth, {1, 1000}));
  }
  if (section.reads("weight_variance", name == "lee", "convention = lee")) {
    options.weight_variance =
        section.number("weight_variance", "sigma_w^2", options.weight_variance, NumberRule::positive);
  }
  if (section.reads("bias_variance", is_one_of(name, "jacot", "lee"), "convention = jacot, lee")) {
    options.bias_variance =
        section.number("bias_variance", "sigma_b^2, beta^2", options.bias_variance, NumberRule::non_negative);
  }
  method.convention_name = name;
  method.activation = options.activation;
  try {
    method.convention = make_kernel_convention(name, options);
  } catch (const InvalidInput& error) {
    section.check(false, "convention", error.what());
  }
}

KernelMethod read_kernel_keys(Section& section, const KernelSetting& setting) {
  KernelMethod method;
  method.kind =
      regression_kernels[section.choice("kernel",
                                        "k of the regression: of the network at its start, or of infinite width",
                                        "tangent", names_of(regression_kernels))]
          .kind;
  method.ridge = section.number("ridge", "coefficient of |f - f_0|_k^2 / 2; 0: interpolation of least norm", 0.0,
                                NumberRule::non_negative);
  read_convention(section, setting, method);
  method.starts_at_zero = setting.law.symmetric;
  if (method.is_infinite()) {
    method.other_law = other_law(setting.law, setting.neuron, method.kind == RegressionKernel::infinite_features);
  }
  return method;
}

/// Two equal rows, the first ones in the order of their values.
std::optional<std::pair<Index, Index>> find_equal_rows(const Inputs& x) {
  std::vector<Index> order(static_cast<std::size_t>(x.rows()));
  std::iota(order.begin(), order.end(), Index{0});
  const auto less = [&x](Index i, Index j) {
    return std::lexicographical_compare(x.row(i).begin(), x.row(i).end(), x.row(j).begin(), x.row(j).end());
  };
  std::stable_sort(order.begin(), order.end(), less);
  const auto pair = std::adjacent_find(order.begin(), order.end(), [&](Index i, Index j) { return !less(i, j); });
  return pair == order.end() ? std::nullopt : std::optional(std::pair(*pair, *(pair + 1)));
}

void check_problem(const Section& section, const KernelSetting& setting, const KernelMethod& method) {
  const Loss& loss = setting.risk->loss();
  section.check(loss.is_squared(), "method",
                fmt::format("needs the squared loss, and loss.kind is \"{}\"", loss.info().name));
  const Dataset& data = *setting.data;
  check_memory(section, "kernel", num_doubles(method, data.num_train(), data.num_test(), setting.predictions),
               fmt::format("matrices of {} training and {} test samples", data.num_train(), data.num_test()));
  if (const auto equal = method.ridge == 0 ? find_equal_rows(data.train_inputs) : std::nullopt) {
    section.check_data(false, "ridge",
                       fmt::format("the inputs of the training samples {} and {} are equal, which makes the kernel "
                                   "singular; drop one or use a positive ridge",
                                   std::min(equal->first, equal->second), std::max(equal->first, equal->second)));
  }
}

}  // namespace

void refuse_step_keys(Section& section, const std::vector<std::string_view>& kept) {
  constexpr std::string_view with_steps = "a method that takes steps";
  section.reads("until", false, with_steps);
  std::vector<KeyInfo> keys;
  read_phases(Section::describing(keys), {});
  for (const KeyInfo& key : keys) {
    const std::string name = key.path.substr(key.path.find('.') + 1);
    if (!is_one_of(name, "method", "name") && std::count(kernel_keys.begin(), kernel_keys.end(), name) == 0 &&
        std::count(kept.begin(), kept.end(), name) == 0) {
      section.reads(name, false, key.where.empty() ? std::string(with_steps) : key.where);
    }
  }
}

std::vector<std::string> method_names() {
  std::vector<std::string> names = names_of(methods);
  names.emplace_back(KernelMethod::method_name);
  return names;
}

void leave_kernel_keys(Section& section, bool has_ridge) {
  for (const std::string_view name : kernel_keys) {
    if (!has_ridge || name != "ridge" || section.is_describing()) {
      section.reads(name, false, with_kernel_regression);
    }
  }
  if (section.is_describing()) {
    const Dataset data = {Inputs::Zero(1, 1), Vector::Zero(1), {}, {}, {}, {}, {}};
    read_kernel_keys(section, {{}, {}, nullptr, &data, false});
  }
}

std::optional<KernelMethod> read_kernel_method(const Section& root, const KernelSetting& setting) {
  const Value* phases = root.find("phase");
  const auto* list = phases == nullptr ? nullptr : phases->as<List>();
  if (root.is_describing() || list == nullptr || std::none_of(list->begin(), list->end(), is_kernel_regression)) {
    return std::nullopt;
  }
  Section section = root.tables("phase")[static_cast<std::size_t>(
      std::find_if(list->begin(), list->end(), is_kernel_regression) - list->begin())];
  section.choice("method", "a row of `mfld list methods`", required, method_names());
  section.check(setting.objective == nullptr, "method",
                fmt::format("solves for the outputs of a network, and objective.kind is \"{}\"",
                            setting.objective == nullptr ? "" : setting.objective->name));
  section.check(list->size() == 1, "method",
                fmt::format("solves its problem at once and must be the only phase, and there are {}", list->size()));
  const std::string name =
      section.text("name", "shown in plots", {std::string(KernelMethod::method_name), "the method"});
  refuse_step_keys(section, {});
  KernelMethod method = read_kernel_keys(section, setting);
  method.name = name;
  check_problem(section, setting, method);
  return method;
}

std::vector<std::string> keep_observables_of_outputs(const Scene& scene, const std::vector<std::string>& names,
                                                     std::string_view key, std::vector<std::string>& left_out) {
  std::vector<std::string> kept;
  for (const std::string& name : names) {
    const Observable* row = find_observable(scene, name);
    (row != nullptr && row->needs.particles ? left_out : kept).push_back(name);
  }
  const ObservedColumns existing(scene, kept, key);  // throws for names that are none
  return kept;
}

}  // namespace mfld::readers

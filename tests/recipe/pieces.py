"""What the recipes add, one piece of every kind, none of which is in a release: for each file what stands there and what then
stands there, and the files that are new."""

ACTIVATION_HPP = "include/mfld/model/activation.hpp"
ACTIVATION_INL = "src/kernels/vector/activation-inl.hpp"
NEURON_HPP = "include/mfld/model/neuron.hpp"
HEAD_INL = "src/kernels/vector/head-inl.hpp"
LOSS_HPP = "include/mfld/model/loss.hpp"
LOSS_CPP = "src/model/loss.cpp"
METHODS_HPP = "include/mfld/dynamics/methods.hpp"
ESTIMATORS_HPP = "include/mfld/dynamics/estimators.hpp"
STEPS_HPP = "include/mfld/steps/steps.hpp"
OBSERVABLES_CPP = "src/observe/observables.cpp"
TASK_TABLE_CPP = "src/config/task_table.cpp"
CMAKE = "CMakeLists.txt"

SOFTSIGN = """struct Softsign : Row<Activation::softsign> {
  static constexpr bool slope_from_value = false;
  template <class D, class V>
  static HWY_INLINE V value(D d, V z) {
    return hn::Div(z, hn::Add(hn::Set(d, 1), hn::Abs(z)));
  }
  template <class D, class V>
  static HWY_INLINE V slope(D d, V z) {
    const V root = hn::Add(hn::Set(d, 1), hn::Abs(z));
    return hn::Div(hn::Set(d, 1), hn::Mul(root, root));
  }
};

"""

PSEUDO_HUBER = """/// width^2 (sqrt(1 + (u - y)^2 / width^2) - 1).
struct PseudoHuber {
  static double root(const Loss& loss, double u, double y) { return std::hypot(1, (u - y) / loss.width); }
  static double value(const Loss& loss, double u, double y) {
    return (u - y) * (u - y) / (root(loss, u, y) + 1);
  }
  static double derivative(const Loss& loss, double u, double y) { return (u - y) / root(loss, u, y); }
  static double second_derivative(const Loss& loss, double u, double y) { return std::pow(root(loss, u, y), -3); }
  static double conjugate(const Loss& loss, double g, double y) {
    const double w = loss.width;
    return std::abs(g) <= w ? w * w - w * std::sqrt(w * w - g * g) + g * y : infinity;
  }
  static std::string formula(const Loss& loss) {
    return fmt::format("{0}^2 (sqrt(1 + (u - y)^2 / {0}^2) - 1)", loss.width);
  }
};

"""

PSEUDO_HUBER_ROW = """    row<PseudoHuber>({.kind = LossKind::pseudo_huber,
                      .name = "pseudo-huber",
                      .parameter = {.key = "width",
                                    .doc = "where the pseudo-Huber loss turns linear",
                                    .number = &Loss::width,
                                    .rule = NumberRule::positive}}),
"""

SQUARED_R_ROW = """    {.kind = NeuronKind::squared_r,
     .name = "squared-r",
     .formula = "r^2 sigma(w.x + b)",
     .has_output = true,
     .output_trainable = true,
     .bias_optional = true,
     .bias_default = true,
     .weight_growth = 2,
     .offset_growth = 0,
     .activation = Activation::tanh},
"""

READ_RAMP = """MakeDataset read_ramp(Section& section, const Surroundings&) {
  RampOptions options;
  options.num_train = section.integer("num_train", "n, number of training samples", options.num_train, {2});
  options.slope = section.number("slope", "of the labels", options.slope, NumberRule::positive);
  return [options](std::uint64_t seed) { return make_ramp(options, seed); };
}

"""


def before(place, text):
    return place, text + place


def after(place, text):
    return place, place + text


# kind: {place of the recipe: (file, what stands there, what then stands there)}
EDITS = {
    "method": {
        "row": (METHODS_HPP, *before("});\n\n/// The row called `name`", """    {"noisy-gd", Estimator::full, TemperatureKey::lambda2, std::nullopt,
     "theta <- theta - eta g + sqrt(2 lambda2 eta) xi", "a row, and nothing else"},
""")),
    },
    "activation": {
        "name": (ACTIVATION_HPP, " linear };", " linear, softsign };"),
        "row": (ACTIVATION_HPP, *before("});\n\nconstexpr bool is_listed", """    {.kind = Activation::softsign, .name = "softsign", .formula = "z / (1 + |z|)", .odd = true, .growth = 0},
""")),
        "struct": (ACTIVATION_INL, *before("/// sigma of a pre-activation", SOFTSIGN)),
        "case": (ACTIVATION_INL, *after("      return body(Linear{});\n", """    case Activation::softsign:
      return body(Softsign{});
""")),
    },
    "neuron": {
        "name": (NEURON_HPP, " parity_unbounded };", " parity_unbounded, squared_r };"),
        "row": (NEURON_HPP, *before("});\n\nconst NeuronInfo& info", SQUARED_R_ROW)),
        "case": (HEAD_INL, *before("    case NeuronKind::parity: {\n", """    case NeuronKind::squared_r:
      return {hn::Mul(r, r), hn::Add(r, r), zero, zero};
""")),
    },
    "loss": {
        "name": (LOSS_HPP, " huber };", " huber, pseudo_huber };"),
        "number": (LOSS_HPP, *after("  double delta = 1;               // huber only, > 0\n", """  double width = 1;               // pseudo-huber only, > 0
""")),
        "struct": (LOSS_CPP, *before("template <class Functions>\nvoid derivatives", PSEUDO_HUBER)),
        "row": (LOSS_CPP, *before("});\n\nconstexpr bool is_in_order", PSEUDO_HUBER_ROW)),
    },
    "task": {
        "source": (CMAKE, *before("  src/task/sampling.cpp\n", "  src/task/ramp.cpp\n")),
        "header": (TASK_TABLE_CPP, *after('#include "mfld/task/index_model.hpp"\n', '#include "mfld/task/ramp.hpp"\n')),
        "reader": (TASK_TABLE_CPP, *before("constexpr auto rows_of_tasks = ", READ_RAMP)),
        "row": (TASK_TABLE_CPP, *before('    {"file", ', '    {"ramp", "y = slope |x|", read_ramp},\n')),
    },
    "observable": {
        "row": (OBSERVABLES_CPP, *before("      on_request(number(\"pattern_change\",", """      number("mean_square", "(1/N) sum_j |theta_j|^2", {.particles = true},
             [](const auto& moment) {
               return moment.particles().squaredNorm() / static_cast<double>(moment.particles().rows());
             }),
""")),
    },
    "estimator": {
        "name": (METHODS_HPP, " natural };", " natural, smoothed };"),
        "method": (METHODS_HPP, *before("});\n\n/// The row called `name`", """    {"smoothed-gd", Estimator::smoothed, TemperatureKey::none, std::nullopt,
     "theta <- theta - eta m, m <- 9/10 m + 1/10 v", "an estimator with a matrix of its own"},
""")),
        "header": (ESTIMATORS_HPP, *before('#include "mfld/dynamics/svrg.hpp"\n', '#include "mfld/dynamics/smoothed.hpp"\n')),
        "class": (ESTIMATORS_HPP, " NaturalGradient<Scalar>>", " NaturalGradient<Scalar>, Smoothed<Scalar>>"),
    },
    "step": {
        "name": (STEPS_HPP, " kinetic };", " kinetic, heavy_ball };"),
        "header": (STEPS_HPP, *before('#include "mfld/steps/kinetic.hpp"\n', '#include "mfld/steps/heavy_ball.hpp"\n')),
        "class": (STEPS_HPP, " Kinetic<Scalar>>", " Kinetic<Scalar>, HeavyBall<Scalar>>"),
    },
}

# kind: {new file: the file of this folder that it is}
NEW_FILES = {
    "task": {"include/mfld/task/ramp.hpp": "ramp.hpp", "src/task/ramp.cpp": "ramp.cpp"},
    "estimator": {"include/mfld/dynamics/smoothed.hpp": "smoothed.hpp"},
    "step": {"include/mfld/steps/heavy_ball.hpp": "heavy_ball.hpp"},
}

# What does not compile where a place is left out: kind, place, the file that notices, and in which words.
NOTICED = [
    ("activation", "row", "src/kernels/kernels.cpp", "no row in the table of activations"),
    ("activation", "case", "src/kernels/kernels.cpp", "softsign"),
    ("neuron", "case", "src/kernels/kernels.cpp", "squared_r"),
    ("estimator", "class", "src/dynamics/estimators.cpp", "the estimator of a method has no class"),
]


def files_of(kind):
    return {path for path, _, _ in EDITS[kind].values()} | set(NEW_FILES.get(kind, {}))

#include "mfld/config/objective_table.hpp"

#include <fmt/format.h>

#include <array>
#include <cmath>
#include <utility>

#include "mfld/objective/kernel_stein.hpp"
#include "mfld/objective/median_distance.hpp"
#include "mfld/objective/mmd.hpp"

namespace mfld {

namespace {

constexpr std::array<Named<MmdKernel>, 2> mmd_kernels = {
    {{"gaussian", MmdKernel::gaussian}, {"torus", MmdKernel::torus}}};

/// `make(data, ranks)` gives the objective in the precision of its type argument.
template <class Make>
void set_makers(const Make& make, ParticleObjective& objective) {
  objective.in_double = [make](const Dataset& data, Ranks* ranks) {
    return make.template operator()<double>(data, ranks);
  };
  objective.in_single = [make](const Dataset& data, Ranks* ranks) {
    return make.template operator()<float>(data, ranks);
  };
}

/// Of a kernel's width: what `list keys` says. 0 is refused once the points are known, by a sentence that has their
/// distances.
NumberRule rule_of_width(const Section& section) {
  return section.is_describing() ? NumberRule::positive : NumberRule::non_negative;
}

/// The width of a kernel, with that of the smoothing not far below the distances of the points that it compares.
double read_kernel_width(Section& section, std::string_view of, double median, double smoothing) {
  const std::string in_words = fmt::format("the median distance of two {}", of);
  Fallback<double> fallback = required;
  if (median > 0 || section.is_describing()) {
    fallback = {median, in_words};
  }
  const std::string doc = fmt::format("width of the kernel, in the units of the {}", of);
  const double width = section.number("kernel_width", doc, fallback, rule_of_width(section));
  section.check_data(
      width > 0 && std::hypot(width, smoothing) >= least_kernel_width * median, "kernel_width",
      fmt::format("must be positive, and not below a hundredth of the median distance of two {}, {:.4g}: "
                  "nearly no two would see each other; that distance is a width to begin with",
                  of, median));
  return width;
}

/// [task] gives labelled samples, and [network] and [loss] say the rest.
ObjectivePlan read_risk_plan(Section& /*section*/) { return {}; }

ParticleObjective make_mmd(Section& section, MmdOptions options, const Dataset& data) {
  if (section.reads("kernel_width", options.kernel == MmdKernel::gaussian, "objective.kernel = \"gaussian\"")) {
    options.width = read_kernel_width(
        section, "training points", data.num_train() > 1 ? median_distance(data.train_inputs) : 0.0, options.smoothing);
  }
  section.check_data(options.kernel == MmdKernel::gaussian || data.input_dim() <= most_torus_dimensions, "kernel",
                     fmt::format("is of {} coordinates at most, and the training points have {}", most_torus_dimensions,
                                 data.input_dim()));
  ParticleObjective objective;
  objective.dimension = data.input_dim();
  objective.num_terms = data.num_train();
  objective.is_periodic = options.kernel == MmdKernel::torus;
  set_makers(
      [options]<class Scalar>(const Dataset& points, Ranks* ranks) -> std::unique_ptr<Objective<Scalar>> {
        return std::make_unique<Mmd<Scalar>>(options, points.train_inputs, ranks);
      },
      objective);
  return objective;
}

ObjectivePlan read_mmd(Section& section) {
  MmdOptions options;
  options.kernel = pick(section, "kernel",
                        "k: exp(-|x - z|^2 / (2 kernel_width^2)), or a product of series of cosines, "
                        "of period 2 pi in every coordinate",
                        "gaussian", mmd_kernels);
  options.smoothing = section.number("smoothing", "sigma: the particles stand for N(0, sigma^2 I) about them",
                                     options.smoothing, NumberRule::non_negative);
  return {TaskUse::points, [options](Section& rest, const Dataset& data, Index /*num_particles*/) {
            return make_mmd(rest, options, data);
          }};
}

using MakeTarget = std::function<std::shared_ptr<const ScoreTarget>(const Dataset&)>;

/// A target of the Stein discrepancy: what [objective] target calls it, and the reader of its numbers.
struct TargetRow {
  std::string_view name;
  TaskUse task_use;
  MakeTarget (*read)(Section& section);
};

MakeTarget read_mixture_target(Section& section) {
  const Matrix centres = section.matrix("centres", "the centres c_l as rows");
  const double std = section.number("std", "standard deviation about a centre", 1.0, NumberRule::positive);
  return [centres, std](const Dataset& /*data*/) { return gaussian_mixture(centres, std); };
}

MakeTarget read_banana_target(Section& section) {
  const double scale = section.number("scale", "standard deviation of x_0", 2.0, NumberRule::positive);
  const double bend = section.number("bend", "x_1 + bend (x_0^2 - scale^2) ~ N(0, 1)", 0.25, NumberRule::any);
  return [scale, bend](const Dataset& /*data*/) { return banana(scale, bend); };
}

MakeTarget read_posterior_target(Section& section) {
  const double prior = section.number("prior_std", "the prior is N(0, prior_std^2 I)", 1.0, NumberRule::positive);
  const bool intercept = section.flag("intercept", "a last coordinate whose input is 1", true);
  return [prior, intercept](const Dataset& data) {
    return logistic_posterior(data.train_inputs, data.train_targets, prior, intercept);
  };
}

constexpr auto targets = std::to_array<TargetRow>({
    {"gaussian-mixture", TaskUse::nothing, read_mixture_target},
    {"banana", TaskUse::nothing, read_banana_target},
    {"logistic-regression", TaskUse::classes, read_posterior_target},
});

ObjectivePlan read_stein(Section& section) {
  const std::size_t chosen =
      section.choice("target", "pi, known through its score grad log pi", required, names_of(targets));
  const double width =
      section.number("kernel_width", "of k = exp(-|x - z|^2 / (2 kernel_width^2))", required, rule_of_width(section));
  MakeTarget make_target;
  for (std::size_t k = 0; k < targets.size(); ++k) {
    if (section.is_describing() || k == chosen) {
      Section rest =
          section.is_describing() ? section.with(fmt::format("objective.target = \"{}\"", targets[k].name)) : section;
      make_target = targets[k].read(rest);
    }
  }
  return {targets[chosen].task_use, [make_target, width](Section& /*rest*/, const Dataset& data, Index num_particles) {
            ParticleObjective objective;
            objective.dimension = make_target(data)->dimension();
            objective.num_terms = num_particles;
            objective.terms = "particles";
            objective.kernel_width = width;
            set_makers(
                [make_target, width, num_particles]<class Scalar>(const Dataset& samples,
                                                                  Ranks* ranks) -> std::unique_ptr<Objective<Scalar>> {
                  return std::make_unique<KernelStein<Scalar>>(make_target(samples), width, num_particles, ranks);
                },
                objective);
            return objective;
          }};
}

constexpr auto table = std::to_array<ObjectiveRow>({
    {"risk", "R(f) = (1/n) sum_i l(f(x_i), y_i), f the outputs of a network; particles are neurons", read_risk_plan},
    {"mmd", "R(mu) = MMD_k^2(N(0, sigma^2 I) * mu, the training points); particles are points  [Chizat, TMLR 2022]",
     read_mmd},
    {"ksd",
     "R(mu) = KSD_k^2(mu, pi), the kernel Stein discrepancy from a target pi known through its score; particles are "
     "points  [Liu, Lee & Jordan, ICML 2016]",
     read_stein},
});

}  // namespace

std::span<const ObjectiveRow> objectives() { return table; }

}  // namespace mfld

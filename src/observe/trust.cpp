#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <limits>

#include "mfld/trust/certified_gap.hpp"
#include "mfld/trust/kernel_discrepancy.hpp"
#include "mfld/trust/log_sobolev.hpp"
#include "mfld/trust/wasserstein.hpp"
#include "observe/observable_rows.hpp"

namespace mfld {

namespace {

constexpr double none = std::numeric_limits<double>::quiet_NaN();

constexpr Needs of_density = {.particles = true,
                              .all_rows = true,
                              .initial_particles = true,
                              .neighbours = true,
                              .all_trained = true,
                              .network = false};
constexpr Needs of_free_energy = {.particles = true,
                                  .all_rows = true,
                                  .initial_particles = true,
                                  .neighbours = true,
                                  .mean_field = true,
                                  .gibbs_law = true,
                                  .network = false};
/// Expectations under p_mu, of any loss.
constexpr Needs of_law = {
    .particles = true, .initial_particles = true, .mean_field = true, .gibbs_integral = true, .gibbs_law = true};
constexpr Needs of_bound = [] {
  Needs needs = of_law;
  needs.conjugate = true;
  return needs;
}();
constexpr Needs of_gap = [] {
  Needs needs = of_bound;
  needs.neighbours = needs.all_rows = true;
  return needs;
}();
/// Without any density or integral.
constexpr Needs of_discrepancy = {.particles = true,
                                  .all_rows = true,
                                  .initial_particles = true,
                                  .pairs = true,
                                  .mean_field = true,
                                  .conjugate = true,
                                  .gibbs_law = true};

constexpr Needs of_inequality = {
    .particles = true, .initial_particles = true, .mean_field = true, .log_sobolev = true, .gibbs_law = true};

EntropyEstimate entropy_of_law(Moment& moment) { return entropy(moment.whole_particles(), num_neighbours); }

/// Not every phase need have one, nor every step of a schedule: there is no number then.
bool has_gibbs_law(const Moment& moment) {
  const Penalty<double>& penalty = moment.penalty();
  return moment.temperature() > 0 && penalty.coefficient > 0 && penalty.fourth == 0 && penalty.anchor == nullptr;
}

/// Several columns from one certificate: the row's name and, behind it, what `suffixes` say.
template <class... Values>
Observable of_certificate(std::string_view name, std::string_view formula, const Needs& needs,
                          const std::vector<std::string_view>& suffixes, Values... values) {
  Observable row;
  row.name = name;
  row.formula = formula;
  row.needs = needs;
  row.columns = [name, suffixes](const Scene&) {
    std::vector<std::string> names;
    for (const std::string_view suffix : suffixes) {
      names.push_back(fmt::format("{}{}", name, suffix));
    }
    return names;
  };
  row.evaluate = [=](Moment& moment, std::span<double> row_values) {
    std::size_t k = 0;
    const auto certificate = [&moment, whole = needs.all_rows]() -> const Certificate& {
      return whole ? moment.certificate() : moment.certificate_of_outputs();
    };
    ((row_values[k++] = has_gibbs_law(moment) ? values(certificate()) : none), ...);
  };
  return on_request(row);
}

double method_number(const Certificate& certificate) { return static_cast<double>(certificate.gibbs.method); }
double num_effective(const Certificate& certificate) { return certificate.gibbs.effective_sample_size; }

double free_energy(Moment& moment) {
  return has_gibbs_law(moment) ? moment.objective() - moment.temperature() * entropy_of_law(moment).value : none;
}

double discrepancy(Moment& moment) {
  if (!has_gibbs_law(moment)) {
    return none;
  }
  const Particles<double>& particles = moment.whole_particles();
  const double width = particles.allFinite() ? median_distance(particles) : 0;
  if (width == 0) {
    return none;
  }
  const Drift& drift = moment.whole_drift();
  const auto outputs = moment.train_outputs();
  const Vector values = Eigen::Map<const Vector>(outputs.data(), static_cast<Index>(outputs.size()));
  return kernel_gradient_discrepancy(moment.mean_field_problem(), particles, drift, values, {width}).squared();
}

/// Of particles that are compared with draws, at most: a distance costs their cube.
constexpr Index most_matched = 500;

/// How far the particles are from draws of p_mu, and other draws of it from the same.
void distances_from_draws(Moment& moment, std::span<double> values) {
  std::fill(values.begin(), values.end(), none);
  if (!has_gibbs_law(moment)) {
    return;
  }
  const Particles<double>& particles = moment.whole_particles();
  const ProximalGibbs& gibbs = moment.certificate_of_outputs().gibbs;
  if (!particles.allFinite() || !gibbs.reason.empty()) {
    return;
  }
  const std::vector<Index> rows = thinned(particles.rows(), most_matched);
  const auto count = std::ssize(rows);
  const MeanFieldProblem problem = moment.mean_field_problem();
  const Particles<double> draws =
      gibbs_draws(problem, dual_of(problem, moment.train_outputs()), gibbs, 2 * count, moment.scene().seeds.noise);
  // Every other one, for neighbours may come from one node.
  const auto every_other = [&](Index first) -> Particles<double> {
    return draws(Eigen::seqN(first, count, 2), Eigen::all);
  };
  const Particles<double> some = every_other(0);
  values[0] = wasserstein2(particles(rows, Eigen::all), some);
  values[1] = wasserstein2(every_other(1), some);
}

constexpr Needs of_ascent = {.particles = true, .initial_particles = true, .dual_ascent = true};
constexpr Needs of_dual_objective = {.particles = true,
                                     .initial_particles = true,
                                     .dual_ascent = true,
                                     .mean_field = true,
                                     .conjugate = true,
                                     .gibbs_integral = true,
                                     .gibbs_law = true};

double ascent_gap(Moment& moment) {
  return moment.dual_variables()
             ? fenchel_gap(moment.mean_field_problem(), moment.train_outputs(), *moment.dual_variables())
             : none;
}

/// Columns dual_objective, dual_objective_error.
void dual_objective(Moment& moment, std::span<double> values) {
  std::fill(values.begin(), values.end(), none);
  if (moment.dual_variables() && has_gibbs_law(moment)) {
    const MeanFieldProblem problem = moment.mean_field_problem();
    const Vector& dual = *moment.dual_variables();
    const ProximalGibbs gibbs = proximal_gibbs(problem, dual, moment.scene().integration());
    values[0] = -dual_value(problem, dual, gibbs);
    values[1] = problem.temperature * gibbs.standard_error;
  }
}

double inequality(Moment& moment) {
  return has_gibbs_law(moment) ? log_sobolev_bound(moment.mean_field_problem(),
                                                   dual_of(moment.mean_field_problem(), moment.train_outputs()))
                               : none;
}

/// At the steps that are named for it, for it costs far more than others.
bool is_certified(const Moment& moment) {
  const auto* steps = moment.scene().certified_gap_at;
  return has_gibbs_law(moment) &&
         (steps == nullptr || std::find(steps->begin(), steps->end(), moment.step()) != steps->end());
}

Observable certified_gap_row() {
  Observable row;
  row.name = "certified_gap";
  row.formula =
      "columns certified_gap, certified_gap_error, certified_energy, certified_bound: L(q) - certified_bound >= L(q) - "
      "L*, its standard error, L(q), and -D(g) as in dual_bound, a lower bound on L*, for dual variables g that make "
      "it "
      "high. q, not the particles themselves, is what is certified: they are smoothed, by a normal law with the mean "
      "and "
      "the covariance, shrunk, of each of at most 16 clusters of them, so that the density of q is known and no "
      "entropy "
      "is estimated. The integral in D by 16 populations that are led from q to the Gibbs law, and 16 from the prior, "
      "which are taken where they find more; where a share s of its mass is reached by none, the bound is -lambda2 "
      "log(1 "
      "- s) too high. Not a number but at the steps observe.certified_gap_at, and for fewer than 8 particles; costs "
      "some "
      "thousand steps  [Oko, Suzuki, Nitanda & Wu, ICLR 2022; Del Moral, Doucet & Jasra 2006]";
  row.needs = of_bound;
  row.needs.pairs = row.needs.all_rows = true;
  row.columns = [](const Scene&) {
    return std::vector<std::string>{"certified_gap", "certified_gap_error", "certified_energy", "certified_bound"};
  };
  row.evaluate = [](Moment& moment, std::span<double> values) {
    std::fill(values.begin(), values.end(), none);
    if (is_certified(moment)) {
      const CertifiedGap found = certified_gap(moment.mean_field_problem(), moment.whole_particles(),
                                               moment.train_outputs(), {.seed = moment.scene().seeds.noise});
      values[0] = found.gap;
      values[1] = found.error;
      values[2] = found.energy;
      values[3] = found.bound;
    }
  };
  return on_request(row);
}

Observable distance_from_draws() {
  Observable row;
  row.name = "gibbs_distance";
  row.formula =
      "columns gibbs_distance, gibbs_distance_floor: Wasserstein-2 distance of the particles, at most 500 of them, "
      "from "
      "as many draws of p_mu, the law of fixed_point_residual, and the distance of as many other draws from these, "
      "which "
      "it comes down to at stationarity; not a number where dual_bound is not";
  row.needs = of_law;
  row.needs.all_rows = true;
  row.columns = [](const Scene&) { return std::vector<std::string>{"gibbs_distance", "gibbs_distance_floor"}; };
  row.evaluate = distances_from_draws;
  return on_request(row);
}

}  // namespace

std::vector<Observable> trust_observables() {
  return {
      on_request(
          number("entropy",
                 "differential entropy of the law mu of the particles, in nats, by the distances to the third "
                 "nearest particle; biased, from p = 5 on visibly; means nothing for a law without a density (signs, a "
                 "sphere), not a number for ties  [Kozachenko & "
                 "Leonenko 1987]",
                 of_density, [](Moment& moment) { return entropy_of_law(moment).value; })),
      on_request(number("free_energy", "an estimate of L(mu) = F - lambda2 entropy", of_free_energy, free_energy)),
      of_certificate(
          "dual_bound",
          "columns dual_bound, dual_bound_error, dual_bound_method, dual_bound_samples: -(1/n) sum_i l*(g_i) - lambda2 "
          "log int exp(-((1/n) sum_i g_i h(theta; x_i) + lambda1 |theta|^2) / lambda2), g_i = l'(f(x_i)): a lower "
          "bound "
          "on L*, the minimum of L. Method 0: quadrature, in 3 dimensions or less where it converges; 1: samples of "
          "the "
          "prior; 2: annealed importance sampling; samples: the number of nodes, or the effective sample size. Samples "
          "err upward; not a number where lambda2 is too low for them. r is integrated exactly where h is linear in it "
          " "
          "[Oko, Suzuki, Nitanda & Wu, ICLR 2022]",
          of_bound, {"", "_error", "_method", "_samples"}, std::mem_fn(&Certificate::dual_bound),
          std::mem_fn(&Certificate::dual_bound_error), method_number, num_effective),
      of_certificate(
          "dual_gap",
          "columns dual_gap, dual_gap_error: free_energy - dual_bound = lambda2 KL(mu | p_mu) >= L(mu) - L*, and "
          "its standard error; 0 for the optimum alone; biased with the entropy, from p = 5 on by more than the "
          "error; not a number where dual_bound is not",
          of_gap, {"", "_error"}, std::mem_fn(&Certificate::dual_gap), std::mem_fn(&Certificate::dual_gap_error)),
      of_certificate("fixed_point_residual",
                     "sqrt((1/n) sum_i (f(x_i) - f_p(x_i))^2), f_p the outputs of p_mu, the law proportional to the "
                     "exponential in dual_bound; at the optimum about N^(-1/2), or that of the samples",
                     of_law, {""}, std::mem_fn(&Certificate::fixed_point_residual)),
      of_certificate(
          "proximal_gap",
          "columns proximal_gap, proximal_gap_error: (1/n) sum_i [l(f_p(x_i)) - l(f(x_i)) - g_i (f_p(x_i) - f(x_i))], "
          "g_i = l'(f(x_i)), f_p the outputs of p_mu, the law that gibbs_distance draws from (loss.reduction = "
          "\"sum\": "
          "without 1/n): L(p_mu) + D(g) >= L(p_mu) - L* for a convex loss, without any entropy or integral; for the "
          "squared loss fixed_point_residual^2 / 2. Its error is that of f_p, whose samples raise it in the mean; N "
          "particles keep it from 0 by O(1/N); not a number where p_mu is not sampled well enough, as dual_bound  "
          "[Nitanda, Wu & Suzuki, AISTATS 2022; Oko, Suzuki, Nitanda & Wu, ICLR 2022]",
          of_law, {"", "_error"}, std::mem_fn(&Certificate::proximal_gap),
          std::mem_fn(&Certificate::proximal_gap_error)),
      certified_gap_row(),
      distance_from_draws(),
      number(
          "sdca_gap",
          "(1/n) sum_i [l(f(x_i)) + l*(g_i) - g_i f(x_i)] >= 0, g the dual variables of p-sdca (loss.reduction = "
          "\"sum\": without 1/n): the gap between primal and dual where the particles are a sample of p[g], as after "
          "the last step of an outer iteration, but for O(1/N); not a number in other phases  [Oko, Suzuki, Nitanda & "
          "Wu, ICLR 2022]",
          of_ascent, ascent_gap),
      on_request({"dual_objective",
                  "columns dual_objective, dual_objective_error: dual_bound at the dual variables of p-sdca instead, "
                  "and its standard error: a lower bound on L* that rises with every coordinate in the mean; not a "
                  "number in other phases",
                  of_dual_objective,
                  [](const Scene&) {
                    return std::vector<std::string>{"dual_objective", "dual_objective_error"};
                  },
                  dual_objective}),
      on_request(
          number("kernel_gradient_discrepancy",
                 "squared kernel Stein discrepancy of mu from p_mu, mean over pairs less its O(1/N) bias; inverse "
                 "multiquadric kernel, its width the median distance of the particles: 0 in the mean at "
                 "stationarity, either sign; not a number where most particles are in one point",
                 of_discrepancy, discrepancy)),
      on_request(
          number("log_sobolev_bound",
                 "(2 lambda1 / lambda2) exp(-(1/n) sum_i |g_i| osc / lambda2), osc = sup h - inf h without terms that "
                 "are linear in theta, g_i = l'(f(x_i)): a lower bound on the constant alpha of the log-Sobolev "
                 "inequality of p_mu; L(mu) - L* decays at the rate 2 alpha lambda2 at least, alpha the least on the "
                 "way; far too small at low temperatures  [Holley & Stroock 1987; Nitanda, Wu & Suzuki, AISTATS 2022]",
                 of_inequality, inequality)),
  };
}

}  // namespace mfld

#include <fmt/format.h>

#include <algorithm>
#include <limits>

#include "mfld/trust/kernel_discrepancy.hpp"
#include "observe/observable_rows.hpp"

namespace mfld {

namespace {

constexpr double none = std::numeric_limits<double>::quiet_NaN();

constexpr Needs of_density = {.particles = true, .initial_particles = true, .neighbours = true, .all_trained = true};
constexpr Needs of_free_energy = {
    .particles = true, .initial_particles = true, .neighbours = true, .mean_field = true, .gibbs_law = true};
constexpr Needs of_bound = {
    .particles = true, .initial_particles = true, .mean_field = true, .gibbs_integral = true, .gibbs_law = true};
constexpr Needs of_gap = {.particles = true,
                          .initial_particles = true,
                          .neighbours = true,
                          .mean_field = true,
                          .gibbs_integral = true,
                          .gibbs_law = true};
/// Without any density or integral.
constexpr Needs of_discrepancy = {
    .particles = true, .initial_particles = true, .pairs = true, .mean_field = true, .gibbs_law = true};

EntropyEstimate entropy_of_law(const Look& look) { return entropy(look.particles(), num_neighbours); }

/// A schedule may be 0 between the ends of a phase: there is no number then.
bool has_gibbs_law(const Look& look) { return look.temperature() > 0 && look.penalty().coefficient > 0; }

/// Two columns of the certificate: a number and its error.
Observable with_error(std::string_view name, std::string_view formula, const Needs& needs, double Certificate::*value,
                      double Certificate::*error) {
  Observable row;
  row.name = name;
  row.formula = formula;
  row.needs = needs;
  row.columns = [name](const Scene&) {
    return std::vector<std::string>{std::string(name), fmt::format("{}_error", name)};
  };
  row.evaluate = [value, error](Look& look, std::span<double> values) {
    values[0] = has_gibbs_law(look) ? look.certificate().*value : none;
    values[1] = has_gibbs_law(look) ? look.certificate().*error : none;
  };
  return on_request(row);
}

double free_energy(Look& look) {
  return has_gibbs_law(look) ? look.objective() - look.temperature() * entropy_of_law(look).value : none;
}

double discrepancy(Look& look) {
  const double width = has_gibbs_law(look) && look.particles().allFinite() ? median_distance(look.particles()) : 0;
  if (width == 0) {
    return none;
  }
  const Drift& drift = look.full_drift();
  const auto outputs = look.train_outputs();
  const Vector values = Eigen::Map<const Vector>(outputs.data(), static_cast<Index>(outputs.size()));
  return kernel_gradient_discrepancy(look.mean_field_problem(), look.particles(), drift, values, {width}).squared();
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
                 of_density, [](Look& look) { return entropy_of_law(look).value; })),
      on_request(number("free_energy", "an estimate of L(mu) = F - lambda2 entropy", of_free_energy, free_energy)),
      with_error(
          "dual_bound",
          "columns dual_bound, dual_bound_error: -(1/n) sum_i l*(g_i) - lambda2 log int exp(-((1/n) sum_i g_i "
          "h(theta; x_i) + lambda1 |theta|^2) / lambda2), g_i = l'(f(x_i)): a lower bound on L*, the minimum of "
          "L; by quadrature for p <= 3 where it converges, else by samples, which err upward; not a number where "
          "lambda2 is too low for them  [Oko, Suzuki, Nitanda & Wu, ICLR 2022]",
          of_bound, &Certificate::dual_bound, &Certificate::dual_bound_error),
      with_error(
          "dual_gap",
          "columns dual_gap, dual_gap_error: free_energy - dual_bound = lambda2 KL(mu | p_mu) >= L(mu) - L*, and "
          "its standard error; 0 for the optimum alone; biased with the entropy, from p = 5 on by more than the "
          "error; not a number where dual_bound is not",
          of_gap, &Certificate::dual_gap, &Certificate::dual_gap_error),
      on_request(number(
          "fixed_point_residual",
          "sqrt((1/n) sum_i (f(x_i) - f_p(x_i))^2), f_p the outputs of p_mu, the law proportional to the "
          "exponential in dual_bound; at the optimum about N^(-1/2), or that of the samples",
          of_bound, [](Look& look) { return has_gibbs_law(look) ? look.certificate().fixed_point_residual : none; })),
      on_request(
          number("kernel_gradient_discrepancy",
                 "squared kernel Stein discrepancy of mu from p_mu, mean over pairs less its O(1/N) bias; inverse "
                 "multiquadric kernel, its width the median distance of the particles: 0 in the mean at "
                 "stationarity, either sign; not a number where most particles are in one point",
                 of_discrepancy, discrepancy)),
  };
}

}  // namespace mfld

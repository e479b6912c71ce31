#include <fmt/format.h>

#include <algorithm>
#include <limits>

#include "mfld/trust/kernel_discrepancy.hpp"
#include "observe/observable_rows.hpp"

namespace mfld {

namespace {

constexpr double none = std::numeric_limits<double>::quiet_NaN();
constexpr Index neighbours = 3;

Reason needs_particles(const Scene& scene) {
  if (scene.initial == nullptr) {
    return needs_start(scene);
  }
  return scene.initial->rows() > neighbours
             ? Reason{}
             : fmt::format("needs network.width above {}, and it is {}", neighbours, scene.initial->rows());
}

/// A phase without noise or penalty has no Gibbs law; nor have those whose penalty is on the way from the start.
Reason needs_noise_and_penalty(const Scene& scene) {
  if (scene.phases == nullptr) {
    return "needs phases of a Langevin method";
  }
  for (std::size_t k = 0; k < scene.phases->size(); ++k) {
    const Phase& phase = (*scene.phases)[k];
    const std::int64_t last = std::max<std::int64_t>(phase.num_steps - 1, 0);
    const auto is_positive = [&](std::int64_t step) {
      return phase.temperature_at(step) > 0 && phase.penalty_at(step) > 0;
    };
    if (!is_positive(0) || !is_positive(last)) {
      return fmt::format("needs lambda1 > 0 and lambda2 > 0 throughout, which phase.{} does not have", k);
    }
    if (phase.anchor == Anchor::start) {
      return fmt::format("needs phase.{}.anchor = \"zero\"", k);
    }
  }
  return std::nullopt;
}

Reason needs_mean_field(const Scene& scene) {
  if (const Reason reason = mean_field_unavailable(*scene.network)) {
    return reason;
  }
  const Reason reason = needs_particles(scene);
  return reason ? reason : needs_noise_and_penalty(scene);
}

EntropyEstimate entropy_of_law(const Look& look) { return entropy(look.particles(), neighbours); }

/// Some kinds of schedules end at 0: there is no number then.
bool has_gibbs_law(const Look& look) { return look.temperature() > 0 && look.penalty().coefficient > 0; }

Observable dual_gap() {
  Observable row;
  row.name = "dual_gap";
  row.formula =
      "columns dual_gap, dual_gap_error: free_energy - dual_bound = lambda2 KL(mu | p_mu) >= L(mu) - L*, and its "
      "standard "
      "error; 0 for the optimum alone; biased with the entropy, from p = 5 on by more than the error";
  row.unavailable = needs_mean_field;
  row.columns = [](const Scene&) { return std::vector<std::string>{"dual_gap", "dual_gap_error"}; };
  row.evaluate = [](Look& look, std::span<double> values) {
    std::fill(values.begin(), values.end(), none);
    if (has_gibbs_law(look)) {
      values[0] = look.certificate().dual_gap;
      values[1] = look.certificate().dual_gap_error;
    }
  };
  row.by_default = false;
  return row;
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
      on_request(number("entropy",
                        "differential entropy of the law mu of the particles, in nats, by the distances to the third "
                        "nearest particle; biased, from p = 5 on visibly; not a number for ties  [Kozachenko & "
                        "Leonenko 1987]",
                        needs_particles, [](Look& look) { return entropy_of_law(look).value; })),
      on_request(number("free_energy", "an estimate of L(mu) = F - lambda2 entropy", needs_mean_field,
                        [](Look& look) { return has_gibbs_law(look) ? look.certificate().free_energy : none; })),
      on_request(number("dual_bound",
                        "-(1/n) sum_i l*(g_i) - lambda2 log int exp(-((1/n) sum_i g_i h(theta; x_i) + lambda1 "
                        "|theta|^2) / lambda2), g_i = l'(f(x_i)): a lower bound on L*, the minimum of L; by quadrature "
                        "for p <= 3, else by samples  [Nitanda, Wu, Oko & Suzuki 2022]",
                        needs_mean_field,
                        [](Look& look) { return has_gibbs_law(look) ? look.certificate().dual_bound : none; })),
      dual_gap(),
      on_request(
          number("fixed_point_residual",
                 "sqrt((1/n) sum_i (f(x_i) - f_p(x_i))^2), f_p the outputs of p_mu, the law proportional to the "
                 "exponential in dual_bound; about N^(-1/2) at the optimum",
                 needs_mean_field,
                 [](Look& look) { return has_gibbs_law(look) ? look.certificate().fixed_point_residual : none; })),
      on_request(
          number("kernel_gradient_discrepancy",
                 "squared kernel Stein discrepancy of mu from p_mu, mean over pairs less its O(1/N) bias; inverse "
                 "multiquadric kernel, its width the median distance of the particles: 0 in the mean at "
                 "stationarity, either sign",
                 needs_mean_field, discrepancy)),
  };
}

}  // namespace mfld

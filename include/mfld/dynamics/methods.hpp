#pragma once
#include <array>
#include <optional>
#include <string_view>

#include "mfld/core/particles.hpp"
#include "mfld/model/scaling.hpp"
#include "mfld/steps/steps.hpp"

namespace mfld {

/// Which samples the drift is estimated from, with which correction (dynamics/estimators.hpp).
enum class Estimator { full, minibatch, svrg, dual_average, dual_ascent, at_rest, natural };

/// Whether some of the samples are chosen for every step.
constexpr bool draws_batches(Estimator kind) { return kind == Estimator::minibatch || kind == Estimator::svrg; }

/// What the phase calls its temperature: none (0), 1/beta, or lambda2.
enum class TemperatureKey { none, inverse_beta, lambda2 };

/// How a mini-batch is chosen: drawn afresh; the next samples of the training set, each of them used once; or the next
/// of a random order that is gone through forward, then backward (symmetric_sweep.hpp).
enum class Sampling { without_replacement, with_replacement, one_pass, symmetric_sweep };

/// What the penalty pulls the particles toward: 0, or where they were at step 0 of the run.
enum class Anchor { zero, start };

/// What a phase does where the experiment file does not say.
struct MethodDefaults {
  Index batch_size = 0;  // 0: none, it has to be given
  Sampling sampling = Sampling::without_replacement;
  Anchor anchor = Anchor::zero;
  bool averaging = false;
  StepKind step_rule = StepKind::euler_maruyama;
};

/// A named method is a row of this table and nothing else (src/README.md, equations 4-9 and 11; dual averaging is 15,
/// dual coordinate ascent 19).
struct Method {
  std::string_view name;
  Estimator estimator;
  TemperatureKey temperature;
  std::optional<ScalingKind> only_scaling;  // set: the method is defined in this scaling only
  std::string_view update;                  // one step, for `mfld list methods`
  std::string_view source;
  MethodDefaults defaults = {};
};

inline constexpr auto methods = std::to_array<Method>({
    {"gd", Estimator::full, TemperatureKey::none, std::nullopt, "theta <- theta - eta g", "gradient descent"},
    {"gld", Estimator::full, TemperatureKey::inverse_beta, std::nullopt,
     "theta <- theta - eta g + sqrt(2 eta / beta) xi", "gradient Langevin dynamics"},
    {"sgld", Estimator::minibatch, TemperatureKey::inverse_beta, std::nullopt,
     "theta <- theta - eta g_I + sqrt(2 eta / beta) xi, I a fresh mini-batch", "Welling & Teh, ICML 2011"},
    {"mfld", Estimator::full, TemperatureKey::lambda2, ScalingKind::mean_field,
     "theta_j <- theta_j - eta g_j + sqrt(2 lambda2 eta) xi_j",
     "Mei, Montanari & Nguyen, PNAS 2018; Hu, Ren, Siska & Szpruch, 2021"},
    {"underdamped-mfld",
     Estimator::full,
     TemperatureKey::lambda2,
     ScalingKind::mean_field,
     "d theta_j = velocity_j dt, d velocity_j = -friction velocity_j dt - g_j dt + sqrt(2 friction lambda2) dB_j",
     "Fu & Wilson, 2023; Chen, Lin, Ren & Wang, 2024: mfld with step = kinetic",
     {.step_rule = StepKind::kinetic}},
    {"sgd-mfld", Estimator::minibatch, TemperatureKey::lambda2, ScalingKind::mean_field,
     "theta_j <- theta_j - eta g_I,j + sqrt(2 lambda2 eta) xi_j, one mini-batch I for all particles",
     "Suzuki, Wu & Nitanda, NeurIPS 2023"},
    {"svrg-mfld", Estimator::svrg, TemperatureKey::lambda2, ScalingKind::mean_field,
     "as sgd-mfld with v_I,j(theta) - v_I,j(snapshot) + v_j(snapshot)", "Suzuki, Wu & Nitanda, NeurIPS 2023"},
    {"pda", Estimator::dual_average, TemperatureKey::lambda2, ScalingKind::mean_field,
     "theta_j <- theta_j - eta [(1/n) sum_i c_i grad h(theta_j; x_i) + 2 (t / (t + 2)) lambda1 theta_j] + sqrt(2 "
     "lambda2 "
     "eta) xi_j; c <- (t / (t + 2)) c + (2 t / ((t + 1) (t + 2))) l'(f) every inner_steps steps, t = 1, 2, ...",
     "Nitanda, Wu & Suzuki, NeurIPS 2021: particle dual averaging"},
    {"p-sdca", Estimator::dual_ascent, TemperatureKey::lambda2, ScalingKind::mean_field,
     "theta_j <- theta_j - eta [(1/n) sum_i g_i grad h(theta_j; x_i) + 2 lambda1 theta_j] + sqrt(2 lambda2 eta) xi_j; "
     "every inner_steps steps, for some i: g_i <- argmin_v l*(v, y_i) - v E h(.; x_i) + H^2 (v - g_i)^2 / (2 n "
     "lambda2)",
     "Oko, Suzuki, Nitanda & Wu, ICLR 2022: particle stochastic dual coordinate ascent"},
    {"sgd", Estimator::minibatch, TemperatureKey::none, std::nullopt, "theta <- theta - eta g_I, I a fresh mini-batch",
     "Robbins & Monro, Ann. Math. Statist. 1951"},
    {"averaged-sgd",
     Estimator::minibatch,
     TemperatureKey::none,
     std::nullopt,
     "theta <- theta - eta g_I",
     "Nitanda & Suzuki, ICLR 2021: sgd with each sample once, a penalty from the start, the average of the iterates",
     {.batch_size = 1, .sampling = Sampling::one_pass, .anchor = Anchor::start, .averaging = true}},
    {"natural-gradient", Estimator::natural, TemperatureKey::none, std::nullopt,
     "theta <- theta - eta J'(K + damping I)^-1 (u - y), K = J J' the tangent kernel here",
     "Zhang, Martens & Grosse, NeurIPS 2019"},
    {"ridge-readout", Estimator::at_rest, TemperatureKey::none, std::nullopt,
     "r <- the minimum over r of R(f) + (ridge / 2) penalty_factor sum_j r_j^2; w and b stay",
     "Ba, Erdogdu, Suzuki, Wang, Wu & Yang, NeurIPS 2022: what follows their one large step"},
});

/// The row called `name`, or nullptr.
const Method* find_method(std::string_view name);

}  // namespace mfld

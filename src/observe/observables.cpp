#include <fmt/format.h>

#include <algorithm>
#include <boost/algorithm/string/join.hpp>
#include <cmath>
#include <limits>
#include <utility>

#include "mfld/observe/alignment.hpp"
#include "mfld/observe/movement.hpp"
#include "mfld/observe/observables.hpp"
#include "observe/observable_rows.hpp"

namespace mfld {

namespace {

constexpr double recovered_cosine = 0.999;

// What the rows are made of.

double loss_of(const Moment& moment, std::span<const double> outputs, const Vector& targets) {
  return mean_loss(moment.scene().risk->loss(), outputs, targets);
}

double accuracy(std::span<const double> outputs, const Vector& targets) {
  Index num_right = 0;
  for (std::size_t i = 0; i < outputs.size(); ++i) {
    num_right += outputs[i] * targets[static_cast<Index>(i)] > 0 ? 1 : 0;
  }
  return static_cast<double>(num_right) / static_cast<double>(outputs.size());
}

auto weights(const Moment& moment) { return input_weights(moment.particles(), moment.scene().network().layout()); }

/// (1/N) sum_j of what value(strip) gives for particles.
template <class Value>
double mean_over_particles(Moment& moment, Index cost, const Value& value) {
  const Index num_particles = moment.particles().rows();
  return moment.sums().sum(num_particles, cost, value) / static_cast<double>(num_particles);
}

double mean_norm(Moment& moment) {
  const auto w = weights(moment);
  return mean_over_particles(moment, w.cols(), [&w](RowRange strip) { return squared_norms(w, strip).sqrt().sum(); });
}

double norm_of_mean(Moment& moment) {
  const auto w = weights(moment);
  const auto sums = moment.sums().over(w.rows(), {.sums = w.cols(), .cost = w.cols()},
                                       [&w](RowRange strip, double* sum, double* /*max*/) {
                                         for (Index k = 0; k < w.cols(); ++k) {
                                           sum[k] += StripNumbers(strip.of(w.col(k))).sum();
                                         }
                                       });
  return Eigen::Map<const Vector>(sums.data(), w.cols()).norm() / static_cast<double>(w.rows());
}

double second_moment(Moment& moment) {
  const Particles<double>& theta = moment.particles();
  return mean_over_particles(moment, theta.cols(),
                             [&theta](RowRange strip) { return squared_norms(theta, strip).sum(); });
}

auto output_parameters(const Moment& moment) {
  return moment.particles().col(moment.scene().network().layout().output);
}

double output_parameter_mean(Moment& moment) {
  const auto r = output_parameters(moment);
  return mean_over_particles(moment, 1, [&r](RowRange strip) { return StripNumbers(strip.of(r)).sum(); });
}

double output_parameter_second_moment(Moment& moment) {
  const auto r = output_parameters(moment);
  return mean_over_particles(moment, 1, [&r](RowRange strip) { return squared_norms(r, strip).sum(); });
}

// Rows.

Observable teacher_cosines() {
  std::vector<std::string> odd;
  for (const ActivationInfo& activation : activations) {
    if (activation.odd) {
      odd.emplace_back(activation.name);
    }
  }
  static const std::string formula = fmt::format(
      "columns teacher_cosine_1..m: max_j cos(w_j, w*_l), max_j |cos| for an odd activation ({})  "
      "[Akiyama & Suzuki, ICLR 2023]",
      boost::algorithm::join(odd, ", "));
  Observable row;
  row.name = "teacher_cosines";
  row.formula = formula;
  row.needs = {.particles = true, .teacher = true};
  row.columns = [](const Scene& scene) {
    std::vector<std::string> names;
    for (Index l = 1; l <= scene.data->teacher->directions.rows(); ++l) {
      names.push_back("teacher_cosine_" + std::to_string(l));
    }
    return names;
  };
  row.evaluate = [](Moment& moment, std::span<double> values) {
    const Vector& best = moment.teacher_match().best_cosines;
    std::copy(best.begin(), best.end(), values.begin());
  };
  return row;
}

constexpr Index most_singular_values = 1024;

/// The spectrum of the input weights, as one large step changes it.
Observable weight_spectrum_row() {
  Observable row;
  row.name = "weight_spectrum";
  row.formula =
      "columns singular_value_1..min(N, d, 1024): of the input weights [N x d], descending; where the relevant "
      "directions are known also leading_alignment, the squared length of the projection on them of the right singular "
      "vector of the largest; O(N d min(N, d)) a row  [Ba, Erdogdu, Suzuki, Wang, Wu & Yang, NeurIPS 2022]";
  row.needs = {.particles = true, .initial_particles = true};
  row.columns = [](const Scene& scene) {
    const Index count = std::min({scene.initial->rows(), scene.network().input_dim(), most_singular_values});
    std::vector<std::string> names;
    for (Index k = 1; k <= count; ++k) {
      names.push_back(fmt::format("singular_value_{}", k));
    }
    if (scene.data->relevant_subspace.cols() > 0) {
      names.emplace_back("leading_alignment");
    }
    return names;
  };
  row.evaluate = [](Moment& moment, std::span<double> values) {
    const WeightSpectrum spectrum = weight_spectrum(weights(moment), moment.sums());
    const Matrix& relevant = moment.scene().data->relevant_subspace;
    const std::size_t count = values.size() - (relevant.cols() > 0 ? 1 : 0);
    std::copy_n(spectrum.values.begin(), count, values.begin());
    if (relevant.cols() > 0) {
      values.back() = (relevant.transpose() * spectrum.direction).squaredNorm();
    }
  };
  row.by_default = false;
  return row;
}

/// One column, which is called as the objective is.
Observable discrepancy_row() {
  Observable row;
  row.name = "discrepancy";
  row.formula =
      "column mmd or ksd, as objective.kind: R, the objective of points without the penalty, a squared distance of "
      "their law "
      "from what it should be";
  row.needs = {.particles = true, .network = false, .points = true};
  row.columns = [](const Scene& scene) {
    return std::vector<std::string>{std::string(scene.objective != nullptr ? scene.objective->name : "discrepancy")};
  };
  row.evaluate = [](Moment& moment, std::span<double> values) { values[0] = moment.data_part(); };
  return row;
}

/// What mini-batches add to the drift.
Observable gradient_noise_row() {
  const auto columns = [](const Scene&) {
    return std::vector<std::string>{"gradient_noise", "gradient_noise_of_batch"};
  };
  const auto evaluate = [](Moment& moment, std::span<double> values) {
    const auto noise = moment.gradient_noise();
    constexpr double none = std::numeric_limits<double>::quiet_NaN();
    values[0] = noise ? noise->expected : none;
    values[1] = noise ? noise->of_next_batch : none;
  };
  return {
      "gradient_noise",
      "E |v_I - v|^2 / N over the next mini-batch I: c (1/n) sum_i (1/N) sum_j |u_ij - u_j|^2, u_i the drift of "
      "sample i, for svrg less that at the snapshot, c = (n - B) / (B (n - 1)), with replacement or in one pass 1/B; "
      "with the column gradient_noise_of_batch, |v_I - v|^2 / N of the batch that is drawn; 0 for full gradients and "
      "where a snapshot is taken; costs n passes of one sample  [Suzuki, Wu & Nitanda, NeurIPS 2023]",
      {.particles = true, .initial_particles = true, .batches = true},
      columns,
      evaluate,
      false};
}

std::vector<Observable> risk_rows() {
  return {
      number(
          train_loss_name,
          "(1/n) sum_i l(f(x_i), y_i) on the training samples, no penalty; a mean whatever loss.reduction", {},
          [](Moment& moment) { return loss_of(moment, moment.train_outputs(), moment.scene().data->train_targets); }),
      number("test_loss", "the same on the test samples", {.test_samples = true},
             [](Moment& moment) { return loss_of(moment, moment.test_outputs(), moment.scene().data->test_targets); }),
      number("train_accuracy", "share of training samples with y f(x) > 0; a tie is wrong", {.classes = true},
             [](Moment& moment) { return accuracy(moment.train_outputs(), moment.scene().data->train_targets); }),
      number("test_accuracy", "share of test samples with y f(x) > 0; a tie is wrong",
             {.test_samples = true, .classes = true},
             [](Moment& moment) { return accuracy(moment.test_outputs(), moment.scene().data->test_targets); }),
      number(
          "objective",
          "F = R(f) + penalty * penalty_factor * sum_j |theta_j - anchor_j|^2 over trained parameters, penalty_factor "
          "1/N in mean-field, 1 in ntk and standard, alpha^2/N in alpha; R reduced as loss.reduction says",
          {.particles = true, .network = false}, [](Moment& moment) { return moment.objective(); }),
      on_request(
          number("gradient_norm",
                 "sqrt(sum_j |g_j|^2 / N), g_j = v_j + 2 penalty (theta_j - anchor_j) the full drift, trained columns",
                 {.particles = true, .network = false},
                 [](Moment& moment) { return drift_norm(moment.full_drift(), moment.sums()); })),
      gradient_noise_row(),
      discrepancy_row(),
  };
}

std::vector<Observable> movement_rows() {
  return {
      number("movement_mean", "(1/N) sum_j |w_j(t) - w_j(0)|  [Chizat, Oyallon & Bach, NeurIPS 2019]",
             {.particles = true, .initial_particles = true, .network = false},
             [](Moment& moment) { return moment.movement().mean; }),
      number("movement_max", "max_j |w_j(t) - w_j(0)|",
             {.particles = true, .initial_particles = true, .network = false},
             [](Moment& moment) { return moment.movement().max; }),
      number(
          "movement_relative", "|Theta_t - Theta_0|_F / |Theta_0|_F over all parameters",
          {.particles = true, .initial_particles = true, .nonzero_start = true, .network = false},
          [](Moment& moment) { return relative_movement(moment.particles(), *moment.scene().initial, moment.sums()); }),
      on_request(number("pattern_change",
                        "share of pairs (neuron j, training sample i) with 1[w_j.x_i + b_j > 0] not as at the start  "
                        "[Du, Zhai, Poczos & Singh, ICLR 2019]",
                        {.particles = true, .initial_particles = true},
                        [](Moment& moment) {
                          return pattern_change(moment.particles(), *moment.scene().initial,
                                                moment.scene().network().layout(), moment.scene().data->train_inputs,
                                                moment.sums());
                        })),
  };
}

std::vector<Observable> alignment_rows() {
  return {
      teacher_cosines(),
      number("teacher_cosine_min", "min_l teacher_cosine_l: the teacher that is recovered worst",
             {.particles = true, .teacher = true},
             [](Moment& moment) { return moment.teacher_match().best_cosines.minCoeff<Eigen::PropagateNaN>(); }),
      number("teacher_recovered", "number of teachers l with teacher_cosine_l > 0.999",
             {.particles = true, .teacher = true},
             [](Moment& moment) {
               return static_cast<double>((moment.teacher_match().best_cosines.array() > recovered_cosine).count());
             }),
      number("teacher_mass",
             "share of sum_j |r_j| |w_j| on neurons with cosine > 0.95 to some teacher, cosine as in teacher_cosines; "
             "|r| = 1 where r does not multiply sigma",
             {.particles = true, .teacher = true}, [](Moment& moment) { return moment.teacher_match().near_mass; }),
      number("teacher_alignment",
             "(1/N) sum_j |P w_j|^2 / |w_j|^2, P the projector on the k relevant directions; k/d for isotropic w",
             {.particles = true, .relevant_subspace = true},
             [](Moment& moment) { return moment.subspace_match().mean_alignment; }),
      number("relevant_mass", "sum_j |P w_j|^2 / sum_j |w_j|^2, P as above",
             {.particles = true, .relevant_subspace = true},
             [](Moment& moment) { return moment.subspace_match().relevant_mass; }),
      weight_spectrum_row(),
  };
}

std::vector<Observable> moment_rows() {
  return {
      number("mean_norm", "(1/N) sum_j |w_j|", {.particles = true, .network = false}, mean_norm),
      number("norm_of_mean", "|(1/N) sum_j w_j|", {.particles = true, .network = false}, norm_of_mean),
      number("second_moment", "(1/N) sum_j |theta_j|^2 over all parameters", {.particles = true, .network = false},
             second_moment),
      number("mean_r", "(1/N) sum_j r_j", {.particles = true, .output_parameter = true}, output_parameter_mean),
      number("second_moment_r", "(1/N) sum_j r_j^2", {.particles = true, .output_parameter = true},
             output_parameter_second_moment),
  };
}

}  // namespace

const std::vector<Observable>& observables() {
  static const std::vector<Observable> table = [] {
    std::vector<Observable> rows;
    for (const auto& group :
         {risk_rows(), movement_rows(), alignment_rows(), kernel_observables(), trust_observables(), moment_rows()}) {
      rows.insert(rows.end(), group.begin(), group.end());
    }
    return rows;
  }();
  return table;
}

const Observable* find_observable(std::string_view name) {
  const auto& table = observables();
  const auto row =
      std::find_if(table.begin(), table.end(), [name](const Observable& each) { return each.name == name; });
  return row == table.end() ? nullptr : &*row;
}

const Observable* find_observable(const Scene& scene, std::string_view name) {
  if (scene.own != nullptr) {
    const auto row = std::find_if(scene.own->begin(), scene.own->end(),
                                  [name](const Observable& each) { return each.name == name; });
    if (row != scene.own->end()) {
      return &*row;
    }
  }
  return find_observable(name);
}

}  // namespace mfld

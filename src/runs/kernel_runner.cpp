#include "runs/kernel_runner.hpp"

#include <fmt/format.h>

#include <cmath>
#include <functional>
#include <limits>
#include <optional>

#include "mfld/core/error.hpp"
#include "mfld/core/ranks.hpp"
#include "mfld/core/stopwatch.hpp"
#include "mfld/ntk/closed_forms.hpp"
#include "mfld/ntk/empirical.hpp"
#include "mfld/ntk/infinite_width.hpp"
#include "mfld/ntk/kernel_regression.hpp"
#include "mfld/observe/observables.hpp"
#include "runs/finite.hpp"
#include "runs/run_text.hpp"

namespace mfld {

namespace {

/// A kernel on the data and where the regression starts.
struct Problem {
  Matrix train_kernel;  // [n x n]
  Matrix test_kernel;   // [n_test x n]
  Vector train_start;   // f_0 [n]
  Vector test_start;    // [n_test]
};

KernelParts part_of(const KernelMethod& method) {
  return method.kind == RegressionKernel::infinite_tangent ? KernelParts::ntk : KernelParts::nngp;
}

Matrix infinite_kernel(const KernelMethod& method, const Inputs& x, const Inputs& z, KernelParts part,
                       const Watch& watch) {
  InfiniteWidthKernel kernel = &x == &z
                                   ? infinite_width_kernel(method.convention, method.activation, x, part, watch)
                                   : infinite_width_kernel(method.convention, method.activation, x, z, part, watch);
  return std::move(part == KernelParts::ntk ? kernel.ntk : kernel.nngp);
}

/// x and z not empty; symmetric where they are the same object.
Matrix kernel_between(const Experiment& experiment, const Inputs& x, const Inputs& z, const Watch& watch) {
  switch (experiment.kernel->kind) {
    case RegressionKernel::tangent:
      return empirical_ntk(experiment.network(), experiment.initial, x, z, watch);
    case RegressionKernel::features:
      return conjugate_kernel(experiment.network(), experiment.initial, x, z, watch);
    case RegressionKernel::infinite_tangent:
    case RegressionKernel::infinite_features:
      break;
  }
  return infinite_kernel(*experiment.kernel, x, z, part_of(*experiment.kernel), watch);
}

/// Somebody who waits for the next part of a solution, by its name.
using Watching = std::function<Watch(const char* doing)>;

Problem make_problem(const Experiment& experiment, const Watching& watching) {
  const Dataset& data = experiment.data;
  Problem problem;
  problem.train_kernel = kernel_between(experiment, data.train_inputs, data.train_inputs, watching("kernel"));
  problem.test_kernel = data.num_test() == 0 ? Matrix(0, data.num_train())
                                             : kernel_between(experiment, data.test_inputs, data.train_inputs,
                                                              watching("kernel of the test samples"));
  if (experiment.kernel->kind == RegressionKernel::tangent) {
    problem.train_start = outputs_at(*experiment.model, experiment.initial, data.train_inputs);
    problem.test_start = outputs_at(*experiment.model, experiment.initial, data.test_inputs);
  } else {
    problem.train_start = Vector::Zero(data.num_train());
    problem.test_start = Vector::Zero(data.num_test());
  }
  return problem;
}

struct Solution {
  Vector train;           // f [n]
  Vector test;            // [n_test]
  Vector test_std;        // [n_test], or empty
  double generalisation;  // sqrt(2 |f - f_0|_k^2 / n)
};

/// Standard deviation of the test outputs: of the function, given the samples with noise of variance n ridge; or over
/// the random starts of networks of infinite width, trained to the limit: 0 where all of them start from the outputs 0.
Vector test_std(const Experiment& experiment, const KernelRegression& regression, const Matrix& test_kernel,
                const Watch& watch) {
  const KernelMethod& method = *experiment.kernel;
  const Inputs& train = experiment.data.train_inputs;
  const Inputs& test = experiment.data.test_inputs;
  const Vector variances = nngp_variances(method.convention, method.activation, test);
  if (method.kind == RegressionKernel::infinite_features) {
    return regression.posterior(test_kernel, variances).variance.cwiseSqrt();
  }
  if (method.starts_at_zero) {
    return Vector::Zero(test.rows());
  }
  const Matrix train_nngp = infinite_kernel(method, train, train, KernelParts::nngp, watch.within(0, 0.5));
  const Matrix test_nngp = infinite_kernel(method, test, train, KernelParts::nngp, watch.within(0.5, 1));
  return ensemble_variance(regression.response(test_kernel), variances, test_nngp, train_nngp).cwiseSqrt();
}

Solution solve(const Experiment& experiment, Problem problem, const Watching& watching) {
  const Vector residual = experiment.data.train_targets - problem.train_start;
  const KernelRegression regression =
      KernelRegression::ridge(problem.train_kernel, residual, experiment.kernel->ridge, watching("factor"));
  Solution solution;
  solution.train = problem.train_start + problem.train_kernel * regression.coefficients();
  solution.test = problem.test_start + problem.test_kernel * regression.coefficients();
  solution.generalisation =
      std::sqrt(2 * std::max(0.0, residual.dot(regression.coefficients())) / static_cast<double>(residual.size()));
  problem.train_kernel.resize(0, 0);
  if (experiment.predictions && experiment.kernel->is_infinite()) {
    solution.test_std = test_std(experiment, regression, problem.test_kernel, watching("standard deviations"));
  }
  return solution;
}

std::vector<double> column_values(const Experiment& experiment, const Solution& solution) {
  const Scene scene = experiment.scene();
  const ObservedColumns observed(scene, experiment.observables, "observe.columns");
  Moment moment(scene);
  moment.move_to_outputs(solution.train, solution.test);
  std::vector<double> values(observed.columns().size());
  observed.evaluate(moment, values);
  if (experiment.columns.size() > values.size()) {
    values.push_back(solution.generalisation);
  }
  return values;
}

std::span<const double> span_of(const Vector& values) {
  return {values.data(), static_cast<std::size_t>(values.size())};
}

void write(const Experiment& experiment, RunRecord& record, const RunOptions& options, const Solution& solution,
           const std::vector<double>& values) {
  std::vector<std::string> comments = table_comments(experiment, options);
  record.start_metrics(comments, experiment.columns);
  record.append_metrics(0, 0, 0, 0, values);
  if (experiment.predictions) {
    if (solution.test_std.size() > 0) {
      comments.emplace_back(experiment.kernel->kind == RegressionKernel::infinite_features
                                ? "std: of the Gaussian process given the samples, whose noise has variance n ridge"
                                : "std: over the random starts of networks of infinite width, trained to the limit");
    }
    record.write_predictions(comments, experiment.data, span_of(solution.test), span_of(solution.test_std));
  }
}

/// Nothing where somebody asked to stop meanwhile.
std::optional<Solution> solution_of(const Experiment& experiment, const std::atomic<bool>& stop,
                                    const RunOptions& options) {
  const Watching watching = [&](const char* doing) { return watch_of(doing, &stop, options.progress); };
  try {
    Problem problem = make_problem(experiment, watching);
    stop_if_asked(&stop, "the kernel was there");
    return solve(experiment, std::move(problem), watching);
  } catch (const Interrupted&) {
    return std::nullopt;
  }
}

RunSummary run(const Experiment& experiment, RunRecord& record, const std::atomic<bool>& stop,
               const RunOptions& options) {
  const Clock::time_point start = Clock::now();
  RunSummary summary;
  summary.columns = experiment.columns;
  const std::optional<Solution> solution = solution_of(experiment, stop, options);
  // Signals reach ranks one after the other.
  const bool all_have_it =
      options.ranks == nullptr ? solution.has_value() : options.ranks->least(solution ? 1 : 0) == 1;
  if (!all_have_it) {
    summary.end.ending = Ending::interrupted;
    summary.message = "interrupted before the solution, which a resumed run computes from the start";
    summary.final_values.assign(summary.columns.size(), std::numeric_limits<double>::quiet_NaN());
    record.start_metrics(table_comments(experiment, options), experiment.columns);
  } else {
    summary.step_seconds = seconds_since(start);
    summary.end.ending = Ending::finished;
    summary.message = fmt::format("finished: {} equations solved", experiment.data.num_train());
    summary.final_values = column_values(experiment, *solution);
    const double loss = mean_loss(experiment.risk.loss(), span_of(solution->train), experiment.data.train_targets);
    if (!std::isfinite(loss)) {
      summary.end.ending = Ending::diverged;
      summary.message = fmt::format("diverged: the training loss of the solution is {}", loss);
    } else {
      summary.message += not_finite_in_words(summary.columns, summary.final_values);
    }
    const Clock::time_point solved = Clock::now();
    write(experiment, record, options, *solution, summary.final_values);
    summary.write_seconds = seconds_since(solved);
  }
  summary.wall_seconds = seconds_since(start);
  record.write_summary(summary);
  return summary;
}

}  // namespace

RunSummary run_kernel_regression(const Experiment& experiment, RunRecord& record, const std::atomic<bool>& stop,
                                 const RunOptions& options) {
  const bool begun = record.has_experiment();
  if (!begun) {
    record.write_experiment(experiment_text(experiment, options, record.present_path()));
  }
  try {
    return run(experiment, record, stop, options);
  } catch (const InvalidInput&) {
    if (!begun) {
      record.remove_experiment();
    }
    throw;
  }
}

}  // namespace mfld

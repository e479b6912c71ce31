#include "mfld/runs/cost.hpp"

#include <algorithm>
#include <cmath>

#include "mfld/dynamics/natural_gradient.hpp"
#include "mfld/ntk/ridge_readout.hpp"
#include "mfld/observe/observables.hpp"
#include "model/pass.hpp"
#include "record/frame_writer.hpp"

namespace mfld {

namespace {

/// Beginning, files with their syncs, and the end of a run take about as long as so many bytes of products, three
/// milliseconds, on one thread.
constexpr double outside_of_steps = 5e8;

double number_of(Index value) { return static_cast<double>(value); }

/// Adds up parts of the work, each on the threads that it is worth.
class Sum {
 public:
  explicit Sum(int num_threads) : num_threads_(static_cast<double>(num_threads)) {}

  /// Two threads are worth it from passes::least_shared_bytes on, three from half as much again.
  void add(double work, double bytes_of_pass) {
    const double worth = std::floor(2 * bytes_of_pass / passes::least_shared_bytes);
    work_ += work;
    shared_ += work / std::clamp(worth, 1.0, num_threads_);
  }
  double work() const { return work_; }
  double threads() const { return (work_ + outside_of_steps) / (shared_ + outside_of_steps); }

 private:
  double num_threads_;
  double work_ = 0;
  double shared_ = 0;
};

/// Of one sample through all particles, or of one point beside all.
double bytes_of_sample(const Experiment& experiment) {
  const double number = experiment.precision == Precision::single_precision ? sizeof(float) : sizeof(double);
  const Index dimension = experiment.objective ? experiment.objective->dimension : experiment.network().input_dim();
  return number * number_of(experiment.initial.rows()) * number_of(dimension + passes::products_of_activation);
}

/// Samples that a pass takes at once.
double block_of(const Experiment& experiment, double samples) {
  const std::size_t number = experiment.precision == Precision::single_precision ? sizeof(float) : sizeof(double);
  const Index most = passes::block_samples(std::max<Index>(1, experiment.initial.rows()), 2 * number);
  return std::min(samples, number_of(most));
}

void add_phases(const Experiment& experiment, Sum& sum) {
  const double of_sample = bytes_of_sample(experiment);
  const double all = experiment.objective ? number_of(experiment.objective->num_terms + experiment.initial.rows())
                                          : number_of(experiment.data.num_train());
  for (const Phase& phase : experiment.phases) {
    const auto num_steps = static_cast<double>(phase.num_steps);
    double samples = phase.samples_of_step(all);
    const double block = experiment.objective ? samples : block_of(experiment, samples);
    if (phase.method->estimator == Estimator::svrg) {
      samples = 2 * samples + all / static_cast<double>(std::max<std::int64_t>(1, phase.snapshot_every));
    }
    sum.add(num_steps * samples * of_sample, block * of_sample);
    if (phase.method->estimator == Estimator::natural) {
      sum.add(num_steps * (all * all * of_sample + sizeof(double) * all * all * all / 3), sizeof(double) * all * all);
    }
  }
}

void add_looks(const Experiment& experiment, Sum& sum) {
  const double samples = number_of(experiment.data.num_train() + experiment.data.num_test());
  const double block = std::min(samples, number_of(passes::outputs_block));
  sum.add(num_rows(experiment) * samples * bytes_of_sample(experiment) / 2, block * bytes_of_sample(experiment));
}

void add_kernels(const Experiment& experiment, Sum& sum) {
  const double n = number_of(experiment.data.num_train());
  const double m = number_of(experiment.data.num_test());
  const Index of_particles = experiment.kernel->is_infinite() ? 0 : 2 * experiment.initial.rows();
  const double of_entry =
      sizeof(double) * number_of(experiment.network().input_dim() + passes::products_of_activation + of_particles);
  sum.add((n + m) * n * of_entry, n * n * of_entry);
  if (experiment.kernel->ridge > 0) {
    sum.add(sizeof(double) * n * n * n / 3, sizeof(double) * n * n);
  } else {
    sum.add(9 * sizeof(double) * n * n * n, 0);  // on one thread
  }
}

/// Of the matrices that a phase factorises.
double num_doubles_of_phase(const Experiment& experiment, const Phase& phase) {
  const Index num_samples = phase.takes_all_samples() ? experiment.data.num_train() : phase.num_samples();
  double sum = phase.method->estimator == Estimator::natural ? num_doubles_of_natural_gradient(num_samples) : 0;
  if (phase.solves_readout()) {
    sum += num_doubles_of_ridge_readout(num_samples, experiment.initial.rows(), experiment.initial.cols());
  }
  return sum;
}

double memory_of(const Experiment& experiment, double samples_at_once) {
  constexpr double copies_of_data = 3;       // as read, packed for steps and packed for looks
  constexpr double copies_of_particles = 8;  // first, present, drift, observed, and what a method and a step keep
  const Dataset& data = experiment.data;
  const double particles = sizeof(double) * number_of(experiment.initial.size());
  double bytes = copies_of_data * (experiment.num_bytes() - particles) + copies_of_particles * particles;
  bytes += 2 * sizeof(double) * number_of(experiment.initial.rows()) * samples_at_once;
  bytes += frame_bytes_in_memory(experiment);
  if (experiment.kernel) {
    return bytes +
           sizeof(double) * num_doubles(*experiment.kernel, data.num_train(), data.num_test(), experiment.predictions);
  }
  double of_phases = 0;
  for (const Phase& phase : experiment.phases) {
    of_phases = std::max(of_phases, num_doubles_of_phase(experiment, phase));
  }
  return bytes + sizeof(double) * (of_phases + num_doubles_of(experiment.scene(), experiment.observables));
}

}  // namespace

double num_rows(const Experiment& experiment) {
  return static_cast<double>(experiment.observe.num_fires(0, experiment.num_steps()));
}

double frame_bytes_in_memory(const Experiment& experiment) {
  constexpr double made_and_copied = 2;
  const double of_one = experiment.frame_bytes();
  if (experiment.tracked.empty() || of_one < record::FrameWriter::least_bytes) {
    return 0;
  }
  const double waiting = std::max(1.0, std::floor(record::FrameWriter::most_bytes / of_one));
  return of_one * (made_and_copied + std::min(waiting, static_cast<double>(experiment.num_frames())));
}

RunCost cost_of(const Experiment& experiment, int num_threads) {
  Sum sum(num_threads);
  if (experiment.kernel) {
    add_kernels(experiment, sum);
  } else {
    add_phases(experiment, sum);
    add_looks(experiment, sum);
  }
  const double most_samples = experiment.kernel ? 0 : block_of(experiment, number_of(experiment.data.num_train()));
  return {sum.work(), sum.threads(), memory_of(experiment, most_samples)};
}

int runs_at_once(const RunCost& cost, int num_threads, double available) {
  constexpr double nearly_all = 0.9;
  const double wanted = cost.threads >= nearly_all * num_threads ? 1 : std::ceil(num_threads / cost.threads);
  const double fit = cost.memory > 0 ? std::floor(available / cost.memory) : wanted;
  return static_cast<int>(std::max(1.0, std::min(wanted, fit)));
}

}  // namespace mfld

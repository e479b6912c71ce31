#include "mfld/steps/kinetic.hpp"

#include <cmath>
#include <type_traits>

#include "mfld/core/divided_rows.hpp"
#include "steps/step_task.hpp"

namespace mfld {

template <class Scalar>
Particles<Scalar> Kinetic<Scalar>::starting_velocities(const StepOptions& options, RowRange rows,
                                                       const std::vector<unsigned char>& trained) {
  Particles<Scalar> velocities = Particles<Scalar>::Zero(rows.count(), std::ssize(trained));
  if (options.temperature == 0) {
    return velocities;
  }
  const auto deviation = static_cast<Scalar>(std::sqrt(options.temperature));
  const std::int64_t counter = options.step * options.noise.substeps;  // that of a run with finer steps, here
  for_each_run(rows, [&](Index first, Index last) {
    Particles<Scalar> normals(last - first, velocities.cols());
    const auto draw = [&]<class Drawn>(Particles<Drawn> drawn) {
      langevin_noise(options.noise_seed, counter, first, drawn, Purpose::velocity);
      normals = drawn.template cast<Scalar>();
    };
    // Noise of three points is the same in both precisions, and so is what it begins from.
    if (options.noise.law == NoiseLaw::three_point || options.noise.draws_double(std::is_same_v<Scalar, double>)) {
      draw(Particles<double>(normals.rows(), normals.cols()));
    } else {
      draw(Particles<float>(normals.rows(), normals.cols()));
    }
    for (Index column = 0; column < velocities.cols(); ++column) {
      if (trained[static_cast<std::size_t>(column)] != 0) {
        velocities.col(column).segment(first - rows.first, last - first) = deviation * normals.col(column);
      }
    }
  });
  return velocities;
}

template <class Scalar>
void Kinetic<Scalar>::begin(const StepContext<Scalar>& context) {
  make_room(context.particles.rows(), context.particles.cols(), velocities_);
  velocities_.middleRows(context.rows.first, context.rows.count()) =
      starting_velocities(context.options, context.rows, context.trained);
}

template <class Scalar>
Index Kinetic<Scalar>::move(const StepContext<Scalar>& context, Index first, Index last) {
  const StepOptions& options = context.options;
  kernels::StepTask task = step_task(context, first, last);
  task.velocity_decay = std::exp(-options.friction * options.step_size);
  task.noise_amplitude = noise_amplitude(options);
  return run_step(task, context, velocities_.data());
}

template class Kinetic<double>;
template class Kinetic<float>;

}  // namespace mfld

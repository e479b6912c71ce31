#include "mfld/model/initialisation.hpp"

#include <boost/random/normal_distribution.hpp>
#include <boost/random/uniform_01.hpp>
#include <boost/random/uniform_real_distribution.hpp>
#include <cassert>

#include "mfld/core/random.hpp"

namespace mfld {

namespace {

double draw_output(const Initialisation& law, RandomStream& stream) {
  switch (law.output_law) {
    case OutputLaw::gaussian:
      return boost::random::normal_distribution<double>(0, law.output_std)(stream);
    case OutputLaw::sign:
      return (stream() & 1U) != 0 ? 1.0 : -1.0;
    case OutputLaw::uniform:
      return boost::random::uniform_01<double>()(stream);
  }
  return 0;
}

}  // namespace

void draw_particles(const Initialisation& law, const Neuron& neuron, Index input_dim, RowRange rows, std::uint64_t seed,
                    Particles<double>& particles) {
  const ParameterLayout layout = parameter_layout(neuron, input_dim);
  assert(particles.cols() == layout.size && rows.last <= particles.rows());
  const auto draw = [&](Index particle, Index stream_index) {
    RandomStream stream(seed, Purpose::initialisation, static_cast<std::uint64_t>(stream_index));
    boost::random::normal_distribution<double> normal;
    boost::random::uniform_real_distribution<double> uniform(law.box_low, law.box_high);
    auto w = particles.row(particle).segment(layout.input, input_dim);
    for (Index k = 0; k < input_dim; ++k) {
      w[k] = law.input_in_box ? uniform(stream) : normal(stream);
    }
    if (!law.input_in_box) {
      const double norm = w.norm();
      w *= law.input_on_sphere && norm > 0 ? law.input_std / norm : law.input_std;
    }
    if (layout.bias >= 0) {
      particles(particle, layout.bias) = law.bias_std * normal(stream);
    }
    if (layout.output >= 0) {
      particles(particle, layout.output) = draw_output(law, stream);
    }
  };
  for (Index particle = rows.first; particle < rows.last; ++particle) {
    if (!law.symmetric) {
      draw(particle, particle);
      continue;
    }
    if (particle % 2 == 0 || particle == rows.first) {
      draw(particle, particle / 2);
    } else {
      particles.row(particle) = particles.row(particle - 1);
    }
    if (particle % 2 == 1) {
      particles(particle, layout.output) *= -1;
    }
  }
}

Particles<double> initial_particles(const Initialisation& law, const Neuron& neuron, Index input_dim,
                                    Index num_particles, std::uint64_t seed) {
  Particles<double> particles(num_particles, parameter_layout(neuron, input_dim).size);
  draw_particles(law, neuron, input_dim, {0, num_particles}, seed, particles);
  return particles;
}

}  // namespace mfld

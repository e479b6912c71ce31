#include "mfld/model/initialisation.hpp"

#include <gtest/gtest.h>

#include <cmath>

#include "support/every_neuron.hpp"
#include "support/sample_problem.hpp"
#include "support/statistics.hpp"

namespace mfld {
namespace {

constexpr Neuron r_sigma{NeuronKind::r_sigma, Activation::tanh, true, 1};

TEST(Initialisation, AWiderEnsembleBeginsWithTheParticlesOfANarrowerOne) {
  for (const Initialisation& law : {Initialisation{}, Initialisation{.output_law = OutputLaw::sign},
                                    Initialisation{.output_law = OutputLaw::uniform},
                                    Initialisation{.input_on_sphere = true}, Initialisation{.symmetric = true}}) {
    const Particles<double> wide = initial_particles(law, r_sigma, 5, 1000, 1);
    for (const Index width : {2, 10, 998}) {
      EXPECT_EQ(initial_particles(law, r_sigma, 5, width, 1), wide.topRows(width));
    }
  }
}

TEST(Initialisation, IsAFunctionOfTheSeed) {
  const Initialisation law;
  EXPECT_EQ(initial_particles(law, r_sigma, 3, 20, 7), initial_particles(law, r_sigma, 3, 20, 7));
  const Particles<double> here = initial_particles(law, r_sigma, 3, 20, 7);
  for (const std::uint64_t seed : {6ULL, 8ULL, 7ULL + (1ULL << 32U)}) {
    const Particles<double> there = initial_particles(law, r_sigma, 3, 20, seed);
    for (Index j = 0; j < 20; ++j) {
      for (Index k = 0; k < 20; ++k) {
        EXPECT_NE(here(j, 1), there(k, 1)) << "the next seed is not this one shifted by a particle";
      }
    }
  }
}

TEST(Initialisation, EveryBlockHasItsStandardDeviation) {
  // Independent normals: mean and variance of each block at z = 5 (false alarm 6e-7 each), 1e5 particles.
  const Initialisation law{.input_std = 0.5, .bias_std = 2, .output_std = 3};
  const Index n = 100000;
  const Particles<double> particles = initial_particles(law, r_sigma, 2, n, 3);
  const double deviations[] = {3, 0.5, 0.5, 2};  // r, w_1, w_2, b
  const auto count = static_cast<double>(n);
  for (Index column = 0; column < 4; ++column) {
    const double deviation = deviations[column];
    EXPECT_LE(std::abs(particles.col(column).mean()) / (deviation / std::sqrt(count)), 5) << column;
    EXPECT_LE(std::abs(variance_z(particles.col(column).squaredNorm() / count, deviation * deviation, count)), 5)
        << column;
    for (Index other = 0; other < column; ++other) {
      const double correlation =
          particles.col(column).dot(particles.col(other)) / (count * deviation * deviations[other]);
      EXPECT_LE(std::abs(correlation) * std::sqrt(count), 5) << column << " " << other;
    }
  }
}

TEST(Initialisation, StandardDeviationsScaleTheSameDraws) {
  const Particles<double> unit = initial_particles({}, r_sigma, 3, 10, 4);
  const Particles<double> scaled =
      initial_particles({.input_std = 2, .bias_std = 4, .output_std = 8}, r_sigma, 3, 10, 4);
  EXPECT_EQ(scaled.col(0), 8 * unit.col(0));
  EXPECT_EQ(scaled.middleCols(1, 3), 2 * unit.middleCols(1, 3));
  EXPECT_EQ(scaled.col(4), 4 * unit.col(4));
}

TEST(Initialisation, OutputLaws) {
  const Index n = 100000;
  const auto count = static_cast<double>(n);
  const auto output = [&](OutputLaw law) {
    return Vector(initial_particles({.output_std = 3, .output_law = law}, r_sigma, 2, n, 5).col(0));
  };
  const Vector sign = output(OutputLaw::sign);
  EXPECT_TRUE((sign.array().abs() == 1).all()) << "a fair sign, whatever output_std";
  EXPECT_LE(std::abs(sign.sum()) / std::sqrt(count), 5);
  const Vector uniform = output(OutputLaw::uniform);
  EXPECT_TRUE((uniform.array() >= 0).all() && (uniform.array() < 1).all());
  EXPECT_LE(std::abs(uniform.mean() - 0.5) * std::sqrt(12 * count), 5);
  // Var (U - 1/2)^2 = 1/80 - 1/144.
  EXPECT_LE(std::abs((uniform.array() - 0.5).square().mean() - 1.0 / 12) / std::sqrt((1.0 / 80 - 1.0 / 144) / count),
            5);
}

TEST(Initialisation, InputsOnTheSphereHaveItsRadiusAndNoPreferredDirection) {
  const Index n = 50000;
  const auto count = static_cast<double>(n);
  const Particles<double> particles = initial_particles({.input_std = 2, .input_on_sphere = true}, r_sigma, 3, n, 6);
  const Matrix w = particles.middleCols(1, 3);
  EXPECT_LE((w.rowwise().norm().array() - 2).abs().maxCoeff(), 1e-14);
  for (Index k = 0; k < 3; ++k) {
    // A coordinate of a uniform point on the sphere of radius 2 in three dimensions is uniform on [-2, 2].
    EXPECT_LE(std::abs(w.col(k).mean()) / std::sqrt(4.0 / 3 / count), 5);
    EXPECT_LE(std::abs(w.col(k).squaredNorm() / count - 4.0 / 3) / std::sqrt((16.0 / 5 - 16.0 / 9) / count), 5);
  }
}

TEST(Initialisation, SymmetricPairsShareEverythingButTheSignOfTheOutput) {
  for (const OutputLaw law : {OutputLaw::gaussian, OutputLaw::sign, OutputLaw::uniform}) {
    const Particles<double> particles = initial_particles({.output_law = law, .symmetric = true}, r_sigma, 4, 100, 7);
    for (Index i = 0; i < 100; i += 2) {
      EXPECT_EQ(particles(i, 0), -particles(i + 1, 0));
      EXPECT_EQ(particles.row(i).tail(5), particles.row(i + 1).tail(5));
    }
    for (Index i = 2; i < 100; i += 2) {
      EXPECT_NE(particles(i, 1), particles(i - 2, 1));
    }
  }
}

TEST(Initialisation, PairIOfASymmetricEnsembleIsParticleIOfAPlainOne) {
  // A pair reads the stream of its own number: the map from seeds to particles is frozen.
  const Particles<double> plain = initial_particles({}, r_sigma, 4, 50, 7);
  const Particles<double> paired = initial_particles({.symmetric = true}, r_sigma, 4, 100, 7);
  for (Index i = 0; i < 50; ++i) {
    EXPECT_EQ(paired.row(2 * i), plain.row(i)) << "pair " << i;
  }
}

TEST(Initialisation, FillsTheLayoutOfEveryNeuronWithFiniteNumbers) {
  for (const Neuron& neuron : every_neuron()) {
    const Particles<double> particles = initial_particles({}, neuron, 3, 10, 8);
    EXPECT_EQ(particles.rows(), 10);
    EXPECT_EQ(particles.cols(), parameter_layout(neuron, 3).size);
    EXPECT_TRUE(particles.allFinite() && (particles.array() != 0).all()) << name_of(neuron);
  }
}

TEST(Initialisation, TheSharedParametersOfNeuronsWithAndWithoutOutputAreTheSame) {
  // w, then b, then r are drawn: neurons that differ in the output alone start from the same inputs.
  const Particles<double> with_output = initial_particles({}, r_sigma, 3, 10, 9);
  const Particles<double> without = initial_particles({}, {NeuronKind::sigma, Activation::tanh, true, 1}, 3, 10, 9);
  EXPECT_EQ(with_output.rightCols(4), without);
}

}  // namespace
}  // namespace mfld

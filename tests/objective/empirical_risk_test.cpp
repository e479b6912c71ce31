#include "mfld/objective/empirical_risk.hpp"

#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <numeric>
#include <vector>

#include "mfld/model/tangent_network.hpp"
#include "support/every_neuron.hpp"
#include "support/instruction_sets.hpp"
#include "support/sample_problem.hpp"

namespace mfld {
namespace {

constexpr Loss logistic{.kind = LossKind::logistic};
constexpr Index num_samples = 7;
constexpr Index num_particles = 5;

/// Seven samples in three dimensions, five neurons, in a scaling where no factor is 1.
struct Problem {
  Network network{{.kind = NeuronKind::r_sigma, .activation = Activation::tanh, .bias = true},
                  3,
                  {.kind = ScalingKind::alpha, .alpha = 3},
                  {}};
  Dataset data = random_dataset(num_samples, 3, logistic, 1);
  Particles<double> particles = random_particles(network.neuron(), 3, num_particles, 2);
  Particles<double> elsewhere = random_particles(network.neuron(), 3, num_particles, 3);

  EmpiricalRisk<double> risk(Reduction reduction) const { return {network, Risk(logistic, reduction), data}; }
};

Drift drift_of(EmpiricalRisk<double>& risk, const std::vector<Index>& terms, const Particles<double>& particles) {
  Drift drift = Drift::Constant(particles.rows(), particles.cols(), -777);
  risk.drift_of(terms, particles, drift);
  return drift;
}

Drift drift_of_all(EmpiricalRisk<double>& risk, const Particles<double>& particles) {
  Drift drift = Drift::Constant(particles.rows(), particles.cols(), -777);
  risk.drift(particles, drift);
  return drift;
}

TEST(EmpiricalRisk, DriftIsTheGradientOfTheValueOverTheFactorOfThePenalty) {
  const Problem problem;
  const double ratio =
      problem.network.scaling().drift_factor(num_particles) / problem.network.scaling().output_factor(num_particles);
  for (const Reduction reduction : {Reduction::mean, Reduction::sum}) {
    EmpiricalRisk<double> risk = problem.risk(reduction);
    const Drift drift = drift_of_all(risk, problem.particles);
    const double h = 1e-5;
    for (Index j = 0; j < num_particles; ++j) {
      for (Index column = 0; column < problem.particles.cols(); ++column) {
        Particles<double> moved = problem.particles;
        moved(j, column) += h;
        const double above = risk.value(moved);
        moved(j, column) -= 2 * h;
        // Central differences: h^2 / 6 times a third derivative, and roundings of 1e-16 / h.
        EXPECT_NEAR(drift(j, column), ratio * (above - risk.value(moved)) / (2 * h), 1e-8) << j << ' ' << column;
      }
    }
  }
}

TEST(EmpiricalRisk, TheMeanOverAllBatchesIsTheWholeDrift) {
  const Problem problem;
  for (const Reduction reduction : {Reduction::mean, Reduction::sum}) {
    EmpiricalRisk<double> risk = problem.risk(reduction);
    Drift mean = Drift::Zero(num_particles, problem.particles.cols());
    for (Index a = 0; a < num_samples; ++a) {
      for (Index b = a + 1; b < num_samples; ++b) {
        mean += drift_of(risk, {a, b}, problem.particles) / 21;  // 7 choose 2
      }
    }
    EXPECT_LT((mean - drift_of_all(risk, problem.particles)).norm(), 1e-14 * mean.norm());
  }
}

TEST(EmpiricalRisk, SubtractsWhatABatchWasElsewhere) {
  const Problem problem;
  EmpiricalRisk<double> risk = problem.risk(Reduction::sum);
  std::vector<double> coefficients(num_samples);
  Drift unused(num_particles, problem.particles.cols());
  risk.drift(problem.elsewhere, unused, coefficients);
  const std::vector<Index> batch = {1, 4, 6};
  Drift corrected = drift_of(risk, batch, problem.particles);
  risk.subtract(batch, coefficients, problem.elsewhere, corrected);
  const Drift expected = drift_of(risk, batch, problem.particles) - drift_of(risk, batch, problem.elsewhere);
  EXPECT_LT((corrected - expected).norm(), 1e-14 * expected.norm());
}

TEST(EmpiricalRisk, GathersABatchAgainWhenAnotherCameBetween) {
  const Problem problem;
  EmpiricalRisk<double> risk = problem.risk(Reduction::mean);
  const std::vector<Index> first = {0, 2};
  const Drift before = drift_of(risk, first, problem.particles);
  EXPECT_NE(before, drift_of(risk, {0, 3}, problem.particles)) << "of the same size, with other samples";
  EXPECT_NE(before, drift_of(risk, {0, 2, 3}, problem.particles)) << "with one more";
  EXPECT_EQ(before, drift_of(risk, first, problem.particles));
  EXPECT_EQ(before, drift_of(risk, first, problem.particles)) << "kept from the last time";
}

TEST(EmpiricalRisk, DriftIsLinearInGivenCoefficientsAndThatOfItsOwnIsTheSumOverSamples) {
  const Problem problem;
  EmpiricalRisk<double> sum = problem.risk(Reduction::sum);
  std::vector<double> own(num_samples);
  Drift drift(num_particles, problem.particles.cols());
  sum.drift(problem.particles, drift, own);
  for (Index i = 0; i < num_samples; ++i) {
    const double f = outputs_at(problem.network, problem.particles, problem.data.train_inputs.middleRows(i, 1))[0];
    EXPECT_NEAR(own[static_cast<std::size_t>(i)], logistic.derivative(f, problem.data.train_targets[i]), 1e-14);
  }
  Drift given(num_particles, problem.particles.cols());
  sum.drift_from(own, problem.particles, given);
  EXPECT_LT((given - drift).norm(), 1e-14 * drift.norm()) << "sum over samples: the weight is the drift factor";

  std::vector<double> doubled = own;
  for (double& c : doubled) {
    c *= 2;
  }
  sum.drift_from(doubled, problem.particles, given);
  EXPECT_LT((given - 2 * drift).norm(), 1e-14 * drift.norm());
  sum.drift_from(std::vector<double>(num_samples, 0.0), problem.particles, given);
  EXPECT_EQ(given.norm(), 0) << "overwritten, not added to";
}

TEST(EmpiricalRisk, ReportsTheMeanWhateverItReduces) {
  const Problem problem;
  const Vector outputs = outputs_at(problem.network, problem.particles, problem.data.train_inputs);
  EmpiricalRisk<double> mean = problem.risk(Reduction::mean);
  EmpiricalRisk<double> sum = problem.risk(Reduction::sum);
  const double reported = mean_loss(logistic, span_of(outputs), problem.data.train_targets);
  EXPECT_DOUBLE_EQ(reported, mean.value(problem.particles));
  EXPECT_DOUBLE_EQ(num_samples * reported, sum.value(problem.particles));
}

/// Outputs of a pass that makes nothing else, and of the one that makes the drift.
template <class Scalar>
void check_outputs_of_both_passes(const Model& model, const Dataset& data, const Particles<double>& first) {
  const Particles<Scalar> particles = first.cast<Scalar>();
  EmpiricalRisk<Scalar> risk(model, Risk({}, Reduction::mean), data);
  std::vector<double> alone(static_cast<std::size_t>(data.num_train()));
  std::vector<double> with_drift(alone.size());
  Drift drift(particles.rows(), particles.cols());
  risk.outputs(particles, alone);
  risk.drift_and_outputs(particles, drift, with_drift);
  EXPECT_EQ(with_drift, alone) << name_of(model.network().neuron()) << ", N = " << particles.rows()
                               << ", n = " << data.num_train() << ", d = " << data.input_dim();
}

/// Of a network and of its tangent, in both precisions.
void check_outputs_of_both_passes(const Neuron& neuron, const Dataset& data, Index num_neurons) {
  const Index d = data.input_dim();
  const double size = 1 / std::sqrt(static_cast<double>(d));
  const Particles<double> first = size * random_particles(neuron, d, num_neurons, 2);
  const Network network(neuron, d, {.kind = ScalingKind::mean_field});
  const TangentNetwork tangent(network, size * random_particles(neuron, d, num_neurons, 3));
  check_outputs_of_both_passes<double>(network, data, first);
  check_outputs_of_both_passes<float>(network, data, first);
  check_outputs_of_both_passes<double>(tangent, data, first);
  check_outputs_of_both_passes<float>(tangent, data, first);
}

Dataset signs(Dataset data) {
  data.train_inputs = data.train_inputs.unaryExpr([](double x) { return x > 0 ? 1.0 : -1.0; }).eval();
  return data;
}

// The two passes take other blocks of samples, and one of them goes through wide inputs range by range.
TEST(EmpiricalRisk, OutputsBesideADriftHaveTheBitsOfThoseAlone) {
  on_every_instruction_set([] {
    for (const Neuron& neuron : every_neuron()) {
      const Dataset data = random_dataset(37, 6, {}, 5);
      check_outputs_of_both_passes(neuron, data, 33);
      check_outputs_of_both_passes(neuron, signs(data), 33);
    }
    const Neuron tanh{NeuronKind::r_sigma, Activation::tanh, true, 1};
    const Neuron softplus{NeuronKind::bounded_r, Activation::softplus, true, 2};
    for (const auto& [n, d, num_neurons] :
         {std::array<Index, 3>{1030, 3, 40}, {523, 3, 5000}, {530, 13, 700}, {70, 784, 300}, {33, 200, 600}}) {
      const Dataset data = random_dataset(n, d, {}, 7);
      check_outputs_of_both_passes(tanh, data, num_neurons);
      check_outputs_of_both_passes(softplus, signs(data), num_neurons);
    }
  });
}

}  // namespace
}  // namespace mfld

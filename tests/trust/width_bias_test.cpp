#include "mfld/trust/width_bias.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "mfld/objective/empirical_risk.hpp"
#include "support/sample_problem.hpp"
#include "support/statistics.hpp"

namespace mfld {
namespace {

std::vector<double> outputs_of(EmpiricalRisk<double>& risk, const Particles<double>& particles) {
  std::vector<double> outputs(static_cast<std::size_t>(risk.num_terms()));
  risk.outputs(particles, outputs);
  return outputs;
}

// Of N independent draws the risk of the squared loss is on average that of the law and the bias, exactly. Linear
// neurons with normal weights of mean m: f = m.x. z of 4000 clouds of 5 particles; a correct code has |z| > 4 with
// probability 6e-5.
TEST(WidthBias, IsWhatIndependentParticlesAddToTheRisk) {
  const Neuron neuron{NeuronKind::linear, Activation::linear, false, 1};
  for (const Reduction reduction : {Reduction::mean, Reduction::sum}) {
    const Risk risk(Loss{}, reduction);
    const Dataset data = random_dataset(70, 3, risk.loss(), 1);  // more samples than are taken at a time
    const Network network(neuron, 3, {});
    const MeanFieldProblem problem{&network, &risk, &data, 0.1, 0.1};
    EmpiricalRisk<double> objective(network, risk, data);
    RowSums<double> sums;
    const Eigen::RowVectorXd mean = Eigen::RowVector3d(0.5, -1, 2);
    const double of_law = objective.value(mean);
    MeanTest difference;
    for (unsigned cloud = 0; cloud < 4000; ++cloud) {
      const Particles<double> particles = (1.5 * random_normals(5, 3, 100 + cloud)).rowwise() + mean;
      const double bias = width_bias(problem, network, particles, outputs_of(objective, particles), sums).gap;
      EXPECT_GT(bias, 0);
      difference.add(objective.value(particles) - bias);
    }
    EXPECT_LT(std::abs(difference.z(of_law)), 4) << difference.mean() << ' ' << of_law;
  }
}

TEST(WidthBias, IsItsFormulaForOtherLosses) {
  const Neuron neuron{NeuronKind::r_sigma, Activation::tanh, true, 1};
  const Loss loss{.kind = LossKind::logistic};
  const Risk risk(loss, Reduction::mean);
  const Dataset data = random_dataset(9, 2, loss, 3);
  const Network network(neuron, 2, {});
  const Particles<double> particles = random_particles(neuron, 2, 4, 5);
  EmpiricalRisk<double> objective(network, risk, data);
  const std::vector<double> outputs = outputs_of(objective, particles);
  double weighted = 0;
  double plain = 0;
  for (Index i = 0; i < 9; ++i) {
    double variance = 0;
    for (Index j = 0; j < 4; ++j) {
      const double z = particles.row(j).segment(1, 2).dot(data.train_inputs.row(i)) + particles(j, 3);
      variance += std::pow(particles(j, 0) * std::tanh(z) - outputs[static_cast<std::size_t>(i)], 2) / 3;
    }
    const double u = outputs[static_cast<std::size_t>(i)];
    weighted += variance / (2 + std::exp(u) + std::exp(-u));  // l'' of log(1 + exp(-y u)), y = -1 or +1
    plain += variance;
  }
  RowSums<double> sums;
  const WidthBias bias = width_bias({&network, &risk, &data, 0.1, 0.1}, network, particles, outputs, sums);
  EXPECT_NEAR(bias.gap, weighted / 9 / (2 * 4), 1e-12);
  EXPECT_NEAR(bias.residual, std::sqrt(plain / 9 / 4), 1e-12);
}

}  // namespace
}  // namespace mfld

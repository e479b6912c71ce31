#include "mfld/steps/sphere.hpp"

#include <gtest/gtest.h>

#include <boost/math/special_functions/bessel.hpp>
#include <cmath>
#include <vector>

#include "mfld/core/parallel.hpp"
#include "mfld/steps/steps.hpp"
#include "support/kernel_problem.hpp"
#include "support/statistics.hpp"

namespace mfld {
namespace {

std::vector<unsigned char> all_trained(Index columns) {
  return std::vector<unsigned char>(static_cast<std::size_t>(columns), 1);
}

template <class Scalar>
Particles<Scalar> on_spheres(Index rows, Index columns, double radius, unsigned seed) {
  const Particles<double> particles = random_normals(rows, columns, seed);
  return (radius * particles.rowwise().normalized()).cast<Scalar>();
}

/// Steps of the rule from `particles` in a drift that does not change.
template <class Scalar>
void run(StepOptions options, const Drift& drift, const std::vector<unsigned char>& trained, std::int64_t num_steps,
         Particles<Scalar>& particles) {
  Sphere<Scalar> sphere;
  sphere.begin({options, drift, trained, particles});
  AnyStep<Scalar> rule = std::move(sphere);
  for (options.step = 0; options.step < num_steps; ++options.step) {
    StepOfAll<Scalar> step(rule, {options, drift, trained, particles});
    for_each_run(particles.rows(), [&step](Index first, Index last) { step.move(first, last); });
    ASSERT_EQ(step.first_bad_particle(), std::nullopt);
  }
}

TEST(Sphere, StepIsItsFormula) {
  // By hand for one particle after another: the exponential map at theta of the tangent part of -eta g + noise.
  const StepOptions options{.step_size = 0.3, .penalty = 0.2, .temperature = 0.7, .noise_seed = 5, .step = 0};
  for (const Index rows : {1, 7, 257}) {
    const Particles<double> start = random_normals(rows, 4, 1);
    const Drift drift = random_normals(rows, 4, 2);
    Particles<double> moved = start;
    run<double>(options, drift, all_trained(4), 1, moved);
    Matrix xi(rows, 4);
    langevin_noise(5, 0, 0, xi);
    for (Index j = 0; j < rows; ++j) {
      const Vector theta = start.row(j);
      const double radius = theta.norm();
      const Vector w = -0.3 * drift.row(j).transpose() + std::sqrt(2 * 0.7 * 0.3) * xi.row(j).transpose();
      const Vector u = w - theta * theta.dot(w) / theta.squaredNorm();  // the penalty is along theta
      const Vector expected =
          std::cos(u.norm() / radius) * theta + radius * std::sin(u.norm() / radius) * u.normalized();
      EXPECT_LE((moved.row(j).transpose() - expected).norm(), 1e-13 * (1 + radius));
    }
  }
}

TEST(Sphere, StaysOnItWhateverTheNumberOfSteps) {
  const auto check = []<class Scalar>(Scalar, double tolerance) {
    Particles<Scalar> particles = on_spheres<Scalar>(40, 5, 2.5, 1);
    const Eigen::VectorXd radius = particles.template cast<double>().rowwise().norm();
    run<Scalar>({.step_size = 0.05, .penalty = 0.1, .temperature = 1, .noise_seed = 3}, random_normals(40, 5, 2),
                all_trained(5), 20000, particles);
    EXPECT_LE((particles.template cast<double>().rowwise().norm() - radius).cwiseAbs().maxCoeff(), tolerance);
  };
  check(double{}, 1e-14);
  check(float{}, 1e-6);
}

TEST(Sphere, IsOfTheTrainedColumnsAloneAndLeavesAParticleAtZero) {
  Particles<double> particles = random_normals(30, 4, 1);
  particles.row(7).setZero();
  const Particles<double> start = particles;
  run<double>({.step_size = 0.05, .temperature = 1, .noise_seed = 3}, random_normals(30, 4, 2), {1, 0, 1, 1}, 50,
              particles);
  EXPECT_EQ(particles.col(1), start.col(1));
  EXPECT_EQ(particles.row(7), start.row(7));
  const auto square = [](const Particles<double>& of) {
    return Vector(of.rowwise().squaredNorm() - of.col(1).cwiseAbs2());
  };
  EXPECT_LE((square(particles) - square(start)).cwiseAbs().maxCoeff(), 1e-13);
  EXPECT_GT((particles.col(0) - start.col(0)).cwiseAbs().maxCoeff(), 0.1);
}

TEST(Sphere, ColdFindsThePoleAlongAGreatCircle) {
  // On the circle of the start and -g: no coordinate leaves their plane.
  Particles<double> particles = on_spheres<double>(1, 3, 1, 1);
  const Vector start = particles.row(0);
  Drift drift(1, 3);
  drift << 0.3, -1, 0.7;
  const Vector normal = Eigen::Vector3d(start).cross(Eigen::Vector3d(drift.row(0))).normalized();
  for (int k = 0; k < 20; ++k) {
    run<double>({.step_size = 0.1}, drift, all_trained(3), 10, particles);
    EXPECT_NEAR(particles.row(0).dot(normal), 0, 1e-13);
  }
  EXPECT_NEAR(particles.row(0).dot(-drift.row(0).normalized()), 1, 1e-12);
}

// The potential -F . theta on a sphere of radius R at temperature T: von Mises and Fisher's law, of concentration
// kappa = |F| R / T. E cos = I_{p/2}(kappa) / I_{p/2-1}(kappa), E cos^2 = 1 - (p - 1) E cos / kappa. 20000 independent
// particles after twelve times the slowest decay, (p - 1) T / R^2: z = 4, the bias of the step included, for which
// eta T / R^2 is 0.004.
TEST(Sphere, OfALinearPotentialHasVonMisesAndFishersLaw) {
  const auto check = [](Index p, double radius, double temperature, double kappa) {
    const double eta = 0.004 * radius * radius / temperature;
    Particles<double> particles = on_spheres<double>(20000, p, radius, 3);
    Vector force = random_normals(p, 1, 4);
    force *= kappa * temperature / radius / force.norm();
    const Drift drift = -force.transpose().replicate(20000, 1);
    const auto num_steps = static_cast<std::int64_t>(12 / (0.004 * static_cast<double>(p - 1)));
    run<double>({.step_size = eta, .temperature = temperature, .noise_seed = 9}, drift, all_trained(p), num_steps,
                particles);
    MeanTest first;
    MeanTest second;
    for (Index j = 0; j < particles.rows(); ++j) {
      const double cosine = particles.row(j).dot(force) / (radius * force.norm());
      first.add(cosine);
      second.add(cosine * cosine);
    }
    const double half = static_cast<double>(p) / 2;
    const double mean = boost::math::cyl_bessel_i(half, kappa) / boost::math::cyl_bessel_i(half - 1, kappa);
    const double square = 1 - static_cast<double>(p - 1) * mean / kappa;
    EXPECT_LE(std::abs(first.z(mean)), 4) << p << ": " << first.mean() << " for " << mean;
    EXPECT_LE(std::abs(second.z(square)), 4) << p << ": " << second.mean() << " for " << square;
    testing::Test::RecordProperty("z_" + std::to_string(p),
                                  std::to_string(first.z(mean)) + " " + std::to_string(second.z(square)));
  };
  check(2, 1, 0.3, 1.5);
  check(3, 2, 0.05, 4);
  check(6, 0.5, 1, 3);
}

TEST(Sphere, HasTheSameBitsOnAnyNumberOfThreads) {
  const auto last = [](int threads) {
    return with_threads(threads, [] {
      Particles<double> particles = on_spheres<double>(700, 3, 1, 1);
      run<double>({.step_size = 0.05, .temperature = 1, .noise_seed = 3}, random_normals(700, 3, 2), all_trained(3), 5,
                  particles);
      return particles;
    });
  };
  EXPECT_EQ(last(3), last(1));
}

}  // namespace
}  // namespace mfld

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>

#include "mfld/ntk/empirical.hpp"
#include "mfld/ntk/spectrum.hpp"
#include "mfld/observe/harmonics.hpp"
#include "mfld/observe/linearisation.hpp"
#include "observe/observable_rows.hpp"

namespace mfld {

namespace {

constexpr int largest_degree = 10;
constexpr Index num_eigenvalues = 100;
constexpr Index num_angles = 33;

constexpr Needs of_kernels{.particles = true, .all_rows = true, .training_kernels = true, .initial_particles = true};

constexpr Needs of_features{.particles = true, .all_rows = true, .training_kernels = true};

constexpr Needs with_ridge{.particles = true, .all_rows = true, .training_kernels = true, .ridge = true};

double feature_dimension(Moment& moment) {
  const bool has_number = moment.ridge() > 0 && moment.first_layer_kernel().allFinite();
  return has_number ? effective_dimension(moment.first_layer_kernel(), moment.ridge())
                    : std::numeric_limits<double>::quiet_NaN();
}

/// prefix_first .. prefix_last
std::vector<std::string> numbered(std::string_view prefix, Index first, Index last) {
  std::vector<std::string> names;
  for (Index k = first; k <= last; ++k) {
    names.push_back(fmt::format("{}_{}", prefix, k));
  }
  return names;
}

/// In double precision whatever that of the run: it is a small difference, and rounded outputs would be all of it.
double linearisation_error(Moment& moment) {
  const Dataset& data = *moment.scene().data;
  const bool have_test = data.num_test() > 0;
  const LinearisedDescent& descent = moment.linearised_descent();
  if (!moment.outputs_are_in_double()) {
    const Inputs& inputs = have_test ? data.test_inputs : data.train_inputs;
    const Vector outputs = outputs_at(*moment.scene().model, moment.whole_particles(), inputs);
    return descent.relative_error({outputs.data(), outputs.size()}, moment.step());
  }
  const auto outputs = have_test ? moment.test_outputs() : moment.train_outputs();
  return descent.relative_error({outputs.data(), static_cast<Index>(outputs.size())}, moment.step());
}

Observable residual_harmonics() {
  Observable row;
  row.name = "residual_harmonics";
  row.formula =
      "columns residual_harmonics_0..10: sqrt(N(d,k)/n^2 sum_ij r_i r_j P_k(x_i . x_j)), r = f - y on the training "
      "samples: its size in the spherical harmonics of degree k  [Funk-Hecke; addition theorem, Mueller 1966]";
  row.needs = {.unit_inputs = true};
  row.columns = [](const Scene&) { return numbered("residual_harmonics", 0, largest_degree); };
  row.evaluate = [](Moment& moment, std::span<double> values) {
    const auto outputs = moment.train_outputs();
    const Dataset& data = *moment.scene().data;
    const Vector residual =
        Eigen::Map<const Vector>(outputs.data(), static_cast<Index>(outputs.size())) - data.train_targets;
    const Vector sizes = harmonic_sizes(data.train_inputs, residual, largest_degree);
    std::copy(sizes.begin(), sizes.end(), values.begin());
  };
  row.by_default = false;
  return row;
}

Observable tangent_eigenvalues() {
  Observable row;
  row.name = "tangent_eigenvalues";
  row.formula =
      "columns tangent_eigenvalue_1..min(n, 100): the largest eigenvalues of K_t / n, descending, K the empirical "
      "tangent kernel on the training inputs; O(n^3) a row, or less where n is 2500 and more";
  row.needs = of_kernels;
  row.columns = [](const Scene& scene) {
    return numbered("tangent_eigenvalue", 1, std::min(scene.data->num_train(), num_eigenvalues));
  };
  row.evaluate = [](Moment& moment, std::span<double> values) {
    if (!moment.tangent_kernel().allFinite()) {  // of particles that diverge
      std::fill(values.begin(), values.end(), std::numeric_limits<double>::quiet_NaN());
      return;
    }
    const Vector eigenvalues = empirical_eigenvalues(moment.tangent_kernel(), std::ssize(values), moment.watch());
    std::copy_n(eigenvalues.begin(), values.size(), values.begin());
  };
  row.by_default = false;
  return row;
}

/// e_1 as the only row, or cos g e_1 + sin g e_2 for the angles g.
Inputs circle(Index input_dim, const Vector& angles) {
  Inputs points = Inputs::Zero(angles.size(), input_dim);
  points.col(0) = angles.array().cos();
  points.col(1) = angles.array().sin();
  return points;
}

Observable kernel_profile() {
  Observable row;
  row.name = "kernel_profile";
  row.formula =
      "columns kernel_profile_1..33: K_t(e_1, cos g e_1 + sin g e_2) of the empirical tangent kernel at 33 angles g "
      "evenly spaced from -pi to pi  [Jacot, Gabriel & Hongler, NeurIPS 2018, figure 1]";
  row.needs = {.particles = true, .all_rows = true, .initial_particles = true, .plane = true};
  row.columns = [](const Scene&) { return numbered("kernel_profile", 1, num_angles); };
  row.evaluate = [](Moment& moment, std::span<double> values) {
    const Network& network = moment.scene().network();
    const Index d = network.input_dim();
    const Vector angles = Vector::LinSpaced(num_angles, -std::numbers::pi, std::numbers::pi);
    const Particles<double>* const fixed = moment.scene().model->tangent_point();
    const Particles<double>& particles = fixed == nullptr ? moment.whole_particles() : *fixed;
    const Matrix kernel = empirical_ntk(network, particles, circle(d, Vector::Zero(1)), circle(d, angles));
    std::copy_n(kernel.data(), values.size(), values.begin());
  };
  row.by_default = false;
  return row;
}

}  // namespace

std::vector<Observable> kernel_observables() {
  return {
      on_request(number(
          "ntk_drift",
          "|K_t - K_0|_F / |K_0|_F, K the empirical tangent kernel on the training inputs  [Jacot, Gabriel "
          "& Hongler, NeurIPS 2018]",
          of_kernels,
          [](Moment& moment) { return kernel_drift(moment.tangent_kernel(), moment.initial_tangent_kernel()); })),
      on_request(
          number("kernel_alignment",
                 "y' K y / (|K|_F |y|^2), K the empirical tangent kernel on the training inputs  [Cristianini et "
                 "al., NeurIPS 2001]",
                 of_features,
                 [](Moment& moment) {
                   return kernel_alignment(moment.tangent_kernel(), moment.scene().data->train_targets);
                 })),
      on_request(
          number("feature_alignment",
                 "y' K y / (|K|_F |y|^2), K = (1/N) sum_j sigma(w_j.x + b_j) sigma(w_j.x' + b_j) the first-layer "
                 "kernel on the training inputs, whatever the output weights  [Takakura & Suzuki, ICML 2024]",
                 of_features,
                 [](Moment& moment) {
                   return kernel_alignment(moment.first_layer_kernel(), moment.scene().data->train_targets);
                 })),
      on_request(number("effective_dimension",
                        "tr[K (K + n ridge I)^-1], K the first-layer kernel on the training inputs, ridge that of the "
                        "readout; not a number in phases that solve none; O(n^3) a row  [Takakura & Suzuki, ICML 2024]",
                        with_ridge, feature_dimension)),
      on_request(number("linearisation_error",
                        "|f_t - f_lin,t| / |f_t - f_0| on the test samples (training samples where there are none), "
                        "f_lin the linearised network after the same steps of gd in closed form; 0 at the start, not a "
                        "number where step_size is beyond its stable range  [Lee et al., NeurIPS 2019]",
                        {.particles = true, .all_rows = true, .training_kernels = true, .linearised_descent = true},
                        linearisation_error)),
      residual_harmonics(),
      tangent_eigenvalues(),
      kernel_profile(),
  };
}

}  // namespace mfld

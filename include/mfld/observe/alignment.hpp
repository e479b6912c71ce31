#pragma once
#include "mfld/core/particles.hpp"
#include "mfld/model/activation.hpp"

namespace mfld {

/// Whether neurons have learnt the directions that the labels depend on. A zero vector has the cosine 0 with everything
/// and no part in any subspace. weights [N x d] are w_1..w_N, directions [m x d] the teacher's.

enum class CosineSign { keep, ignore };

/// For an odd sigma, r sigma(w.x) = (-r) sigma(-w.x): w and -w are the same feature and the sign is ignored. For every
/// other sigma (a ReLU above all) they are two features and the sign counts.
CosineSign cosine_sign(Activation activation);

/// cos(w_j, w*_l) or its absolute value.                                           [N x m]
Matrix cosines(const Eigen::Ref<const Matrix>& weights, const Matrix& directions, CosineSign sign);

/// Share of the mass sum_j |r_j| |w_j| that lies on neurons with a cosine above `threshold` to some teacher direction;
/// output_weights [N] are r_j; 0 when there is no mass.
double mass_near_teacher(const Eigen::Ref<const Matrix>& weights, const Vector& output_weights,
                         const Matrix& neuron_cosines, double threshold);

/// |P w_j|^2 with P the projector on the span of the orthonormal columns of `basis` [d x k].     [N]
Vector squared_projections(const Eigen::Ref<const Matrix>& weights, const Matrix& basis);

/// (1/N) sum_j |P w_j|^2 / |w_j|^2: 1 in the subspace, k/d on average for an isotropic w.
double mean_alignment(const Eigen::Ref<const Matrix>& weights, const Matrix& basis);

/// sum_j |P w_j|^2 / sum_j |w_j|^2; 0 when all w are zero.
double relevant_mass(const Eigen::Ref<const Matrix>& weights, const Matrix& basis);

/// The singular values of the weights, descending, and the right singular vector of the largest, of either sign.
struct WeightSpectrum {
  Vector values;     // [min(N, d)]
  Vector direction;  // [d]
};

/// By the eigenvalues of the smaller one of W' W and W W': values below about 1e-8 of the largest are rounding. All are
/// not numbers where a weight is not finite. Cost O(N d min(N, d)).
WeightSpectrum weight_spectrum(const Eigen::Ref<const Matrix>& weights);

}  // namespace mfld

#pragma once
#include "mfld/core/particles.hpp"
#include "mfld/model/activation.hpp"
#include "mfld/model/row_sums.hpp"

namespace mfld {

/// Whether neurons have learnt the directions that the labels depend on. A zero vector has the cosine 0 with everything
/// and no part in any subspace. weights [N x d] are w_1..w_N, directions [m x d] the teacher's.

enum class CosineSign { keep, ignore };

/// For an odd sigma, r sigma(w.x) = (-r) sigma(-w.x): w and -w are the same feature and the sign is ignored. For every
/// other sigma (a ReLU above all) they are two features and the sign counts.
CosineSign cosine_sign(Activation activation);

/// What N neurons have of the teacher's directions w*_l.
struct TeacherMatch {
  Vector best_cosines;  // [m] max_j cos(w_j, w*_l), or of the absolute value; not a number where one is not
  /// Share of the mass sum_j |r_j| |w_j| that lies on neurons with a cosine above near_cosine to some direction; 0 when
  /// there is no mass.
  double near_mass = 0;
};
/// Above it a neuron is near to a teacher.
inline constexpr double near_cosine = 0.95;

/// output_weights [N] are r_j; nullptr: all 1. sums: with whom they are added up, each over its own rows, as all that
/// follows.
TeacherMatch teacher_match(const Eigen::Ref<const Matrix>& weights, const double* output_weights,
                           const Matrix& directions, CosineSign sign, RowSums<double>& sums, double near = near_cosine);

/// How far the neurons lie in the span of the orthonormal columns of `basis` [d x k], with P the projector on it.
struct SubspaceMatch {
  double mean_alignment = 0;  // (1/N) sum_j |P w_j|^2 / |w_j|^2: 1 in the subspace, k/d on average for an isotropic w
  double relevant_mass = 0;   // sum_j |P w_j|^2 / sum_j |w_j|^2; 0 when all w are zero
};
SubspaceMatch subspace_match(const Eigen::Ref<const Matrix>& weights, const Matrix& basis, RowSums<double>& sums);

/// The singular values of the weights, descending, and the right singular vector of the largest, of either sign.
struct WeightSpectrum {
  Vector values;     // [min(N, d)]
  Vector direction;  // [d]
};

/// By the eigenvalues of the smaller one of W' W and W W': values below about 1e-8 of the largest are rounding. All are
/// not numbers where a weight is not finite. Cost O(N d min(N, d)).
WeightSpectrum weight_spectrum(const Eigen::Ref<const Matrix>& weights, RowSums<double>& sums);

}  // namespace mfld

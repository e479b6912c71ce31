#pragma once
#include <functional>
#include <vector>

#include "mfld/ntk/kernel_convention.hpp"
#include "mfld/ntk/kernel_regression.hpp"

namespace mfld {

/// Values of a dot-product kernel at angles between unit vectors.
using AngularKernel = std::function<Vector(const Vector& angles)>;

/// The tangent kernel of a convention, as a function of the angle.
AngularKernel angular_ntk(const KernelConvention& convention, Activation activation);

struct SphericalEigenvalue {
  int degree;           // k
  double value;         // mu_k
  double multiplicity;  // N(p, k), harmonics of this degree
};

/// P_(k+1)(t) from P_k(t) and P_(k-1)(t), the Legendre polynomials of dimension p >= 2 with P_k(1) = 1, P_0 = 1:
///   P_(k+1) = ((2k + p - 2) t P_k - k P_(k-1)) / (k + p - 2)                              (Mueller 1966, lemma 3)
/// In the plane P_k(cos angle) = cos(k angle).
template <class Real>
Real next_legendre(int k, Real p, Real t, Real current, Real previous) {
  return k == 0 ? t : ((2 * k + p - 2) * t * current - k * previous) / (k + p - 2);
}

/// N(p, k) = (2k+p-2)/k binom(k+p-3, p-2): the number of linearly independent spherical harmonics of degree k on the
/// sphere in dimension p = input_dim >= 2; the square of sqrt(N) P_k(x . e) has mean 1 over the sphere.
double num_harmonics(Index input_dim, int degree);

/// Mercer eigenvalues of a dot-product kernel under the uniform probability measure of S^(p-1), by Funk and Hecke:
///   mu_k = Gamma(p/2) / (sqrt(pi) Gamma((p-1)/2)) int_0^pi kappa(angle) P_k(cos angle) sin^(p-2)(angle) d angle,
/// P_k the Legendre polynomials of dimension p, P_k(1) = 1; N(p, k) = (2k+p-2)/k binom(k+p-3, p-2). p = sphere_dim + 1
/// >= 2 is the dimension of the inputs. Gauss-Legendre in the angle, exact to rounding for kernels that are smooth
/// functions of the angle, which the ReLU kernels are; panels are halved until two results agree.
std::vector<SphericalEigenvalue> spherical_eigenvalues(const AngularKernel& kernel, Index input_dim, int max_degree);

/// C(p) in mu_k ~ C(p) k^-p, k even, of kappa(u) = u kappa_0(u) + kappa_1(u): 2^(p-1) Gamma(p/2)^2 / pi^2. The other
/// two-layer ReLU kernels scale like their value at angle 0, which is 2 here. Against the sorted index j (with
/// multiplicities) the decay is j^(-p/(p-1)).   (Exponent: Bietti & Mairal 2019, prop. 5.)
double relu_decay_constant(Index input_dim);

/// Eigenvalues of K / n, descending, all n of them: they converge to mu_k, each repeated N(p, k) times.
Vector empirical_eigenvalues(const Matrix& kernel);
/// The `count` <= n largest of them, by leading_eigenvalues: where these are much fewer than n at a fraction of the
/// cost, and without seeing whether the least ones are those of a kernel. InvalidInput otherwise as KernelSpectrum.
Vector empirical_eigenvalues(const Matrix& kernel, Index count, const Watch& watch = {});

/// Size of y in each eigendirection, V' y: [rank]. Applied to the residual during training it shows which frequencies
/// are learnt first.
Vector project(const KernelSpectrum& spectrum, const Vector& y);

/// sqrt(2 y' H^-1 y / n), the complexity of Arora, Du, Hu, Li & Wang 2019, eq. 2. InvalidInput where H is singular.
double generalisation_measure(const Matrix& kernel, const Vector& targets);

}  // namespace mfld

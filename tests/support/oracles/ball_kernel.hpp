#pragma once
#include <algorithm>
#include <cmath>
#include <vector>

#include "mfld/ntk/infinite_width.hpp"
#include "support/oracles/ball.hpp"

/// The kernels of infinite width, enclosed: closed forms in balls for relu, squared-relu, erf and linear; for the
/// smooth activations the trapezoid rule in two dimensions, whose error is bounded here.
namespace mfld::test {

struct BallDual {
  Ball value, slope;
};

/// What is used of a smooth activation: it is analytic for |Im z| <= height, where |sigma(p + iq)| <= value +
/// growth |p| and |sigma'| <= slope; `derivatives` bounds |sigma'|, |sigma''| and |sigma'''| on the real line.
struct Strip {
  double height, value, growth, slope, derivatives;
};

/// tanh: |tanh(p + iq)|^2 = (sinh^2 p + sin^2 q) / (sinh^2 p + cos^2 q) <= tan^2 1.2 for |q| <= 1.2, and the slope is
/// 1 / (sinh^2 p + cos^2 q) at most. sigmoid: (1 + tanh(z/2)) / 2. softplus: its slope is the sigmoid. erf: the
/// integral of the slope from p to p + iq, |exp(-(p + iq)^2)| <= exp(q^2), is added to |erf p| <= 1.
inline Strip strip_of(Activation kind) {
  switch (kind) {
    case Activation::tanh:
      return {1.2, 2.58, 0, 7.63, 2};
    case Activation::sigmoid:
      return {2.4, 1.79, 0, 1.91, 0.25};
    case Activation::softplus:
      return {2.4, 0.7 + 2.4 * 1.79, 1, 1.79, 1};
    case Activation::erf:
      return {1.5, 17.1, 0, 10.8, 2.26};
    case Activation::relu:
    case Activation::relu_right:
    case Activation::squared_relu:
    case Activation::linear:
      break;
  }
  return {0, 0, 0, 0, 0};
}

/// sigma and sigma'.
inline BallDual activation_at(Activation kind, const Ball& z) {
  if (kind == Activation::tanh) {
    const Ball t = tanh(z);
    return {t, Ball(1.0) - t * t};
  }
  if (kind == Activation::erf) {
    Ball value;
    arb_hypgeom_erf(value.get(), z.get(), Ball::bits);
    return {value, Ball(2.0) / sqrt(Ball::pi()) * exp(-(z * z))};
  }
  const Ball t = tanh(z * Ball(0.5));
  const Ball sigmoid = (Ball(1.0) + t) * Ball(0.5);
  const Ball rest = (Ball(1.0) - t) * Ball(0.5);
  return kind == Activation::sigmoid ? BallDual{sigmoid, sigmoid * rest} : BallDual{-log(rest), sigmoid};
}

/// Nodes k h, |k h| <= end, of the trapezoid rule on the line, and its weights h phi(k h).
struct TrapezoidRule {
  static constexpr double end = 10;
  std::vector<Ball> nodes, weights;
  double bound = 0;  // of the error for an integrand f with |f| <= 1 in E over the strip; without what lies beyond end

  /// The integrand times phi is analytic for |Im z| <= y: |phi(x + iy)| = exp(y^2/2) phi(x), and the rule errs by at
  /// most 2 M / (exp(2 pi y / h) - 1), M the integral of the absolute value over the lines of the strip.
  explicit TrapezoidRule(double widest) {
    const double y = std::min(widest, 4.0);
    const double exponent = 52 + y * y / 2;
    const double h = std::ldexp(std::floor(std::ldexp(2 * 3.14159 * y / exponent, 10)), -10);  // k h is exact
    bound = 2 * std::exp(y * y / 2) / std::expm1(2 * 3.14159 * y / h);
    const auto last = static_cast<int>(std::ceil(end / h));
    for (int k = -last; k <= last; ++k) {
      const Ball z(k * h);
      nodes.push_back(z);
      weights.push_back(Ball(h) * exp(z * z * Ball(-0.5)) / sqrt(Ball(2.0) * Ball::pi()));
    }
  }
  /// One node, 0: for a variable that the integrand does not hold.
  TrapezoidRule() : nodes{Ball(0.0)}, weights{Ball(1.0)} {}
};

/// What |z| > end adds to sum or integral of phi (v + g s |z|)(v + g t (|z| + 1)), s, t <= root: phi(x) times each
/// power of x up to two decreases from there on, and int_x phi <= phi(x) / x, int_x y^2 phi <= (x + 1/x) phi(x).
inline double beyond_the_end(double value, double growth, double root) {
  const double x = TrapezoidRule::end;
  const double phi = std::exp(-x * x / 2) / std::sqrt(6.283);
  const double v = value + growth * root;
  return 2 * phi * (v * v / x + 2 * v * growth * root + growth * growth * root * root * (x + 1 / x));
}

/// E sigma(u) sigma(v) and E sigma'(u) sigma'(v), (u, v) ~ N(0, [[a, c], [c, b]]), a > 0. Evaluated at the midpoints
/// with u = s x, v = p x + q z; by Price's theorem the balls add |sigma'|^2 |dc| + |sigma''| E|sigma| max(|da|, |db|),
/// and of one order more for the slope.
inline BallDual dual_by_quadrature(Activation kind, const Ball& a, const Ball& b, const Ball& c) {
  const Strip strip = strip_of(kind);
  const Ball mid_a = a.midpoint(), mid_b = b.midpoint(), mid_c = c.midpoint();
  const Ball s = sqrt(mid_a), t = sqrt(mid_b);
  const Ball determinant = mid_a * mid_b - mid_c * mid_c;
  const bool singular = arb_is_positive(determinant.get()) == 0;
  // Where the midpoints are no covariance, c is moved to where they are one: by at most det / sqrt(ab).
  const Ball sign(mid_c.middle() < 0 ? -1.0 : 1.0);
  const Ball p = singular ? sign * t : mid_c / s;
  const Ball q = singular ? Ball(0.0) : sqrt(determinant) / s;
  const double moved = singular ? determinant.magnitude() / (s * t).middle() * 1.01 : 0;

  const double root = std::max(s.magnitude(), t.magnitude());
  const TrapezoidRule outer(strip.height / root);
  const TrapezoidRule inner = singular ? TrapezoidRule() : TrapezoidRule(strip.height / q.magnitude());
  Ball value, slope;
  for (std::size_t i = 0; i < outer.nodes.size(); ++i) {
    const BallDual u = activation_at(kind, s * outer.nodes[i]);
    const Ball start = p * outer.nodes[i];
    Ball inner_value, inner_slope;
    for (std::size_t j = 0; j < inner.nodes.size(); ++j) {
      const BallDual v = activation_at(kind, start + q * inner.nodes[j]);
      inner_value += inner.weights[j] * v.value;
      inner_slope += inner.weights[j] * v.slope;
    }
    value += outer.weights[i] * u.value * inner_value;
    slope += outer.weights[i] * u.slope * inner_slope;
  }
  // Each rule for one variable, the other one's law or rule (whose weights add up to 1 + 1e-3 at most) left as it is.
  const double rules = 1.001 * (outer.bound + inner.bound);
  const double size = strip.value + strip.growth * root;
  const double value_bound = rules * size * size + 4 * beyond_the_end(strip.value, strip.growth, root);
  const double slope_bound = rules * strip.slope * strip.slope + 4 * beyond_the_end(strip.slope, 0, root);
  const double m = strip.derivatives;
  const double dc = c.radius() + moved;
  const double da = std::max(a.radius(), b.radius());
  return {value.widened(value_bound + m * m * dc + m * size * da), slope.widened(slope_bound + m * m * (dc + da))};
}

/// Cho & Saul 2009 for relu and its square, Williams 1997 for erf.
inline BallDual dual_by_formula(Activation kind, const Ball& a, const Ball& b, const Ball& c) {
  const Ball one(1.0), two(2.0), pi = Ball::pi();
  if (kind == Activation::linear) {
    return {c, one};
  }
  if (kind == Activation::erf) {
    const Ball norms = (one + two * a) * (one + two * b);
    const Ball covariance = two * c;
    return {two / pi * asin(covariance / sqrt(norms)), Ball(4.0) / pi / sqrt(norms - covariance * covariance)};
  }
  const Ball sine = sqrt(a * b - c * c);  // times |u||v|, as c is the cosine
  // Half angle: the sum is at least |u||v| for an acute one.
  const bool obtuse = c.middle() < 0;
  const Ball acute = two * atan(sine / (sqrt(a * b) + (obtuse ? -c : c)));
  const Ball rest = obtuse ? acute : pi - acute;
  const BallDual relu = {(sine + rest * c) / (two * pi), rest / (two * pi)};
  if (kind != Activation::squared_relu) {
    return relu;
  }
  return {(Ball(3.0) * sine * c + rest * (a * b + two * c * c)) / (two * pi), Ball(4.0) * relu.value};
}

inline bool has_formula(Activation kind) { return strip_of(kind).height == 0 || kind == Activation::erf; }

struct BallKernel {
  Ball nngp, ntk;
  Ball row_variance, column_variance;  // nngp of each input with itself
};

/// The recursion in include/mfld/ntk/kernel_convention.hpp for row i of x and row j of z; numbers of the convention are
/// taken as the doubles that they are.
inline BallKernel ball_kernel(const KernelConvention& convention, Activation kind, const Inputs& x, Index i,
                              const Inputs& z, Index j) {
  // A vanishing sine costs half of the digits a layer where it is known by its square alone.
  Ball::bits = has_formula(kind) ? 2048 : 128;
  const Ball w(convention.weight_variance), bias(convention.bias_variance);
  const Ball first_bias(convention.input_bias_variance);
  const auto product = [&](const auto& left, const auto& right) {
    Ball sum;
    for (Index k = 0; k < x.cols(); ++k) {
      sum += Ball(left(k)) * Ball(right(k));
    }
    return Ball(convention.input_variance) * sum + first_bias;
  };
  Ball a = product(x.row(i), x.row(i)), b = product(z.row(j), z.row(j)), c = product(x.row(i), z.row(j));
  const auto dual = [kind](const Ball& aa, const Ball& bb, const Ball& cc) {
    return has_formula(kind) ? dual_by_formula(kind, aa, bb, cc) : dual_by_quadrature(kind, aa, bb, cc);
  };
  const Ball train_bias(convention.train_bias ? 1.0 : 0.0);
  const auto trained = [&](bool output) {
    return Ball((output ? convention.train_output : convention.train_hidden) ? 1.0 : 0.0);
  };
  Ball theta = trained(convention.num_weight_layers == 1) * (c - first_bias) + train_bias * first_bias;
  for (int l = 2; l <= convention.num_weight_layers; ++l) {
    const BallDual e = dual(a, b, c);
    theta = trained(l == convention.num_weight_layers) * w * e.value + train_bias * bias + w * e.slope * theta;
    c = w * e.value + bias;
    a = w * dual(a, a, a).value + bias;
    b = w * dual(b, b, b).value + bias;
  }
  return {c, theta, a, b};
}

}  // namespace mfld::test

#include "ntk/hermite_expansion.hpp"

#include <algorithm>
#include <cmath>

#include "mfld/core/parallel.hpp"
#include "ntk/hermite_rule.hpp"

namespace mfld::dual {
namespace {

constexpr Index block = 64;  // nodes of the rule at a time
constexpr Index chains = 8;  // of sums over a block

/// Sums side by side, in plain loops: a build without optimisation is not a hundred times slower.
using Chains = double[chains];

/// Their sum, in three roundings.
double sum_of(Chains& sums) {
  for (Index half = chains / 2; half > 0; half /= 2) {
    for (Index c = 0; c < half; ++c) {
      sums[c] += sums[c + half];
    }
  }
  return sums[0];
}

/// Roundings that a term of a sum over all nodes goes through: its product, the sum in its chain, that of the chains,
/// and that of the blocks.
double roundings_of_sum(Index num_nodes) {
  constexpr Index of_chain = block / chains;
  const Index num_blocks = (num_nodes + block - 1) / block;
  return 1 + static_cast<double>(of_chain) + 3 + static_cast<double>(num_blocks);
}

/// sigma and sigma' at +-z for one block of nodes: even and odd parts, times weight phi^(1/2).
struct Parts {
  double even_value[block], odd_value[block], even_slope[block], odd_slope[block];
};

/// The nodes of a block; behind the last node of the rule, nodes of weight 0.
struct NodeBlock {
  double z[block] = {};
  double weight[block] = {};
  const double* psi = nullptr;  // [num_terms][block]
};

Moments fill_parts(Activation kind, double root, const NodeBlock& nodes, Parts& parts) {
  double points[2 * block], values[2 * block], slopes[2 * block];
  for (Index i = 0; i < block; ++i) {
    points[i] = root * nodes.z[i];
    points[block + i] = -points[i];
  }
  evaluate(kind, points, values, slopes);
  Chains value = {}, slope = {}, change = {};
  for (Index i = 0; i < block; ++i) {
    const double z = nodes.z[i];
    const double root_phi = nodes.psi[i];
    const double weight = nodes.weight[i] * root_phi;
    parts.even_value[i] = weight * (values[i] + values[block + i]);
    parts.odd_value[i] = weight * (values[i] - values[block + i]);
    parts.even_slope[i] = weight * (slopes[i] + slopes[block + i]);
    parts.odd_slope[i] = weight * (slopes[i] - slopes[block + i]);
    const double phi = weight * root_phi;
    const double square = values[i] * values[i] + values[block + i] * values[block + i];
    value[i % chains] += phi * square;
    slope[i % chains] += phi * (slopes[i] * slopes[i] + slopes[block + i] * slopes[block + i]);
    change[i % chains] += phi * square * (z * z - 1) / 2;
  }
  return {sum_of(value), sum_of(slope), sum_of(change)};
}

struct Coefficients {
  double value = 0, slope = 0;
};

/// What a block of nodes adds to the numbers of one root, sums [num_terms].
Moments add_block(Activation kind, double root, const NodeBlock& nodes, Index num_terms, Coefficients* sums) {
  Parts parts;
  const Moments moments = fill_parts(kind, root, nodes, parts);
  const double* psi = nodes.psi;
  for (Index k = 0; k < num_terms; ++k, psi += block) {
    const double* value = k % 2 == 0 ? parts.even_value : parts.odd_value;
    const double* slope = k % 2 == 0 ? parts.even_slope : parts.odd_slope;
    Chains values = {}, slopes = {};
    for (Index i = 0; i < block; i += chains) {
      for (Index c = 0; c < chains; ++c) {
        values[c] += value[i + c] * psi[i + c];
        slopes[c] += slope[i + c] * psi[i + c];
      }
    }
    sums[k].value += sum_of(values);
    sums[k].slope += sum_of(slopes);
  }
  return moments;
}

/// Vector code may err by four units in the last place in values, and by eight of the largest in slopes.
constexpr double value_roundings = 8;
constexpr double slope_roundings = 16;
constexpr double weight_roundings = 6;  // of weight phi^(1/2) psi_k, less their sums

/// sigma near 0, and what is known of it elsewhere.
struct Known {
  Smoothness sup;
  double at_zero = 0;

  explicit Known(Activation kind) : sup(dual_form(kind).smoothness) {
    const double zero = 0;
    double value = 0, slope = 0;
    evaluate(kind, {&zero, 1}, {&value, 1}, {&slope, 1});
    at_zero = std::abs(value);
  }
  /// |sigma(root (z + iy))|, y <= 4, in the mean square over z: by the bound of the strip, or from 0 by the slope's.
  double in_strip(double root) const {
    return std::min(sup.value + sup.growth * root, at_zero + 4.2 * sup.slope * root);
  }
  double at_end(double root) const {
    return std::min(sup.value + sup.growth * Rule::end * root, at_zero + sup.first * Rule::end * root);
  }
};

void bound_moments(const Known& known, double root, const Moments& m, double sum, Extremes& x) {
  const double u = unit_roundoff;
  const double value_size = std::sqrt(m.value);
  if (value_size > 0) {  // where it is 0, so is every coefficient, without an error
    const double in_strip = known.in_strip(root) / value_size;
    x.value_each = integration_bound(in_strip, known.at_end(root) / value_size) + sum;
    x.value_all = u * (value_roundings + weight_roundings + root * known.sup.first / value_size);
    x.moment_error = aliasing * in_strip * in_strip + sum + 2 * x.value_all;
    x.value_second = root * root * known.sup.second / value_size;
  }
  const double slope_size = std::sqrt(m.slope);
  const double in_strip = known.sup.slope / slope_size;
  x.slope_each = integration_bound(in_strip, in_strip) + sum;
  x.slope_all = u * (weight_roundings + (slope_roundings * known.sup.first + root * known.sup.second) / slope_size);
  x.slope_moment_error = aliasing * in_strip * in_strip + sum + 2 * x.slope_all;
  x.first = known.sup.first * known.sup.first / m.slope;
  x.second = root * root * known.sup.second * known.sup.second / m.slope;
  x.third = root * root * known.sup.third / slope_size;
}

Extremes extremes_of(const HermiteExpansion& e, Index i, const Known& known, double root) {
  const Moments& m = e.moments[static_cast<std::size_t>(i)];
  long double value_rest = m.value;
  long double slope_rest = m.slope;
  double value_sum = 0, slope_sum = 0, value_index = 0, slope_index = 0, slope_index2 = 0;
  for (Index k = 0; k < e.num_terms; ++k) {
    const double value = e.values[e.start(i) + static_cast<std::size_t>(k * tile_rows)];
    const double slope = e.slopes[e.start(i) + static_cast<std::size_t>(k * tile_rows)];
    const auto index = static_cast<double>(k);
    value_rest -= static_cast<long double>(value) * value;
    slope_rest -= static_cast<long double>(slope) * slope;
    value_sum += std::abs(value);
    slope_sum += std::abs(slope);
    value_index += index * value * value;
    slope_index += index * slope * slope;
    slope_index2 += index * (index - 1) * slope * slope;
  }
  Extremes x;
  bound_moments(known, root, m,
                roundings_of_sum(e.num_nodes) * unit_roundoff + recurrence_error(e.num_nodes, e.num_terms), x);
  x.slope_tail = std::max(0.0, static_cast<double>(slope_rest)) / m.slope;
  // The terms that were left out fall off faster than any power: at ten times the weight of the first of them.
  const auto terms = static_cast<double>(e.num_terms);
  x.slope_sum = slope_sum / std::sqrt(m.slope);
  x.slope_index = slope_index / m.slope + 10 * terms * x.slope_tail;
  x.slope_bend = std::sqrt(slope_index2 / m.slope + 10 * terms * terms * x.slope_tail);
  if (m.value > 0) {
    x.value_tail = std::max(0.0, static_cast<double>(value_rest)) / m.value;
    x.value_sum = value_sum / std::sqrt(m.value);
    x.value_index = value_index / m.value;
    x.value_bend = root * std::sqrt(x.slope_index * m.slope / m.value);
  }
  return x;
}

}  // namespace

void Extremes::join(const Extremes& other) {
  for (double Extremes::*each :
       {&Extremes::value_tail, &Extremes::slope_tail, &Extremes::value_sum, &Extremes::slope_sum,
        &Extremes::value_index, &Extremes::slope_index, &Extremes::value_bend, &Extremes::slope_bend,
        &Extremes::moment_error, &Extremes::value_each, &Extremes::value_all, &Extremes::slope_moment_error,
        &Extremes::slope_each, &Extremes::slope_all, &Extremes::first, &Extremes::second, &Extremes::value_second,
        &Extremes::third}) {
    this->*each = std::max(this->*each, other.*each);
  }
}

HermiteExpansion expand(Activation kind, const double* roots, Index count, Index num_terms, double largest_root) {
  const Rule rule = rule_for(dual_form(kind).smoothness, largest_root, num_terms);
  HermiteExpansion e;
  e.num_terms = num_terms;
  e.num_nodes = static_cast<Index>(rule.z.size());
  e.has_bound = rule.has_bound;
  const Index padded = (count + tile_rows - 1) / tile_rows * tile_rows;
  e.values.assign(static_cast<std::size_t>(num_terms * padded), 0.0);
  e.slopes.assign(static_cast<std::size_t>(num_terms * padded), 0.0);
  e.moments.resize(static_cast<std::size_t>(count));
  std::vector<Coefficients> sums(static_cast<std::size_t>(count * num_terms));
  std::vector<double> psi(static_cast<std::size_t>(block * num_terms));
  constexpr Index chunk = 16;
  for (Index first = 0; first < e.num_nodes; first += block) {
    NodeBlock nodes;
    nodes.psi = psi.data();
    std::copy_n(rule.z.begin() + first, std::min(block, e.num_nodes - first), nodes.z);
    std::copy_n(rule.weight.begin() + first, std::min(block, e.num_nodes - first), nodes.weight);
    hermite_functions(nodes.z, block, num_terms, worth_long_double(e.num_nodes, num_terms), psi.data());
    for_each_task((count + chunk - 1) / chunk, [&](Index task) {
      for (Index i = task * chunk; i < std::min(count, (task + 1) * chunk); ++i) {
        const Moments part = add_block(kind, roots[i], nodes, num_terms, sums.data() + i * num_terms);
        Moments& sum = e.moments[static_cast<std::size_t>(i)];
        sum = {sum.value + part.value, sum.slope + part.slope, sum.change + part.change};
      }
    });
  }
  const Known known(kind);
  for (Index i = 0; i < count; ++i) {
    for (Index k = 0; k < num_terms; ++k) {
      const Coefficients& of_term = sums[static_cast<std::size_t>(i * num_terms + k)];
      e.values[e.start(i) + static_cast<std::size_t>(k * tile_rows)] = of_term.value;
      e.slopes[e.start(i) + static_cast<std::size_t>(k * tile_rows)] = of_term.slope;
    }
    e.extremes.join(extremes_of(e, i, known, roots[i]));
  }
  return e;
}

Index terms_needed(Activation kind, double largest_root) {
  for (Index terms = 32;; terms *= 2) {
    const HermiteExpansion e = expand(kind, &largest_root, 1, terms, largest_root);
    const Extremes& m = e.extremes;
    const bool enough = m.value_tail <= 16 * epsilon && m.slope_tail <= 16 * epsilon;
    if (!enough && terms < most_terms) {
      continue;
    }
    double value_rest = 0;
    double slope_rest = 0;
    while (terms > 1) {  // drop what does not count
      const auto last = static_cast<std::size_t>((terms - 1) * tile_rows);
      value_rest += e.values[last] * e.values[last];
      slope_rest += e.slopes[last] * e.slopes[last];
      if (value_rest > epsilon / 4 * e.moments[0].value || slope_rest > epsilon / 4 * e.moments[0].slope) {
        break;
      }
      --terms;
    }
    return terms + terms % 2;
  }
}

/// Of sum_k c_k c'_k rho^k: the terms left out (Cauchy-Schwarz), the errors of the coefficients, of which that of
/// Parseval's identity takes as much again, and the rounding of Horner's rule, which meets the term k 3k/2 + 4 times at
/// most.
ExpansionErrors::ExpansionErrors(const HermiteExpansion& any, const Extremes& extremes) : extremes_(extremes) {
  if (!any.has_bound) {
    value_ = slope_ = extremes_.moment_error = Smoothness::infinity;
    return;
  }
  const Extremes& x = extremes;
  const auto terms = static_cast<double>(any.num_terms);
  value_ = x.value_tail + x.moment_error + 4 * (x.value_sum * x.value_each + x.value_all) +
           terms * x.value_each * x.value_each + unit_roundoff * (1.5 * x.value_index + 4);
  slope_ = x.slope_tail + x.slope_moment_error + 4 * (x.slope_sum * x.slope_each + x.slope_all) +
           terms * x.slope_each * x.slope_each + unit_roundoff * (1.5 * x.slope_index + 4);
}

ExpansionErrors::Pair ExpansionErrors::at(Inputs errors) const {
  const Extremes& x = extremes_;
  const double r = errors.variance;
  const double moved = (std::max(errors.covariance, r) + 2 * unit_roundoff) * (1 + r * x.first);
  return {value_ + r * (x.value_bend + std::sqrt(r) * x.value_second),
          slope_ + moved * (x.slope_index + r * x.second) + r * (x.slope_bend + std::sqrt(r) * x.third), moved};
}

}  // namespace mfld::dual

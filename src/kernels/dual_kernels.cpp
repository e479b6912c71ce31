// One table of kernels per instruction set: this file is compiled once for each of them.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/dual_kernels.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "kernels/dual_kernels.hpp"
#include "kernels/vector/dual_activation-inl.hpp"

HWY_BEFORE_NAMESPACE();
namespace mfld::HWY_NAMESPACE {

using dual::ClosedForm;
using dual::tile_columns;
using dual::tile_rows;

/// Rows are lanes, two vectors by four columns at a time; the columns past num_columns are computed and never read.
void products(const dual::ProductTask& task) {
  const Wide d;
  const Index lanes = static_cast<Index>(hn::Lanes(d));
  const Index step = 2 * lanes <= tile_rows ? 2 * lanes : lanes;
  const Index second = step - lanes;
  for (Index j = 0; j < task.num_columns; j += 4) {
    for (Index i = 0; i < tile_rows; i += step) {
      WideVector a0 = hn::Zero(d), a1 = a0, a2 = a0, a3 = a0, b0 = a0, b1 = a0, b2 = a0, b3 = a0;
      const double* x = task.x + i;
      const double* z = task.z + j;
      for (Index k = 0; k < task.depth; ++k, x += tile_rows, z += tile_columns) {
        const WideVector x0 = hn::LoadU(d, x);
        const WideVector x1 = hn::LoadU(d, x + second);
        const WideVector z0 = hn::Set(d, z[0]), z1 = hn::Set(d, z[1]), z2 = hn::Set(d, z[2]), z3 = hn::Set(d, z[3]);
        a0 = hn::MulAdd(x0, z0, a0);
        a1 = hn::MulAdd(x0, z1, a1);
        a2 = hn::MulAdd(x0, z2, a2);
        a3 = hn::MulAdd(x0, z3, a3);
        b0 = hn::MulAdd(x1, z0, b0);
        b1 = hn::MulAdd(x1, z1, b1);
        b2 = hn::MulAdd(x1, z2, b2);
        b3 = hn::MulAdd(x1, z3, b3);
      }
      const auto add = [&](Index column, WideVector first, WideVector last) HWY_ATTR {
        double* out = task.products + (j + column) * tile_rows + i;
        const WideVector old_first = hn::LoadU(d, out);
        const WideVector old_last = hn::LoadU(d, out + second);
        hn::StoreU(hn::Add(old_first, first), d, out);
        hn::StoreU(hn::Add(old_last, last), d, out + second);
      };
      add(0, a0, b0);
      add(1, a1, b1);
      add(2, a2, b2);
      add(3, a3, b3);
    }
  }
}

bool determinants(const dual::DeterminantTask& task) {
  const Wide d;
  const WideVector root = hn::Set(d, task.root);
  const WideVector margin = hn::Set(d, dual::close_gap);
  bool close = false;
  for (Index i = 0; i < task.count; i += static_cast<Index>(hn::Lanes(d))) {
    const WideVector norms = hn::Mul(hn::LoadU(d, task.roots + i), root);
    const WideVector cosine = hn::Abs(hn::LoadU(d, task.products + i));
    const WideVector gap = hn::Sub(norms, cosine);
    close |= !hn::AllFalse(d, hn::Lt(gap, hn::Mul(margin, norms)));
    hn::StoreU(hn::Max(hn::Zero(d), hn::Mul(gap, hn::Add(norms, cosine))), d, task.determinants + i);
  }
  return close;
}

/// Vectors of entries that go through the layers side by side: independent work for the processor to overlap.
constexpr Index num_chains = 4;

/// All layers of num_chains vectors of entries, in registers.
template <class Expect>
HWY_INLINE void propagate(const dual::ColumnTask& task, const Expect& expect) {
  const Wide d;
  const Index lanes = static_cast<Index>(hn::Lanes(d));
  const WideVector bias = hn::Set(d, task.bias_variance);
  const WideVector weight = hn::Set(d, task.weight_variance);
  for (Index first = 0; first < task.count; first += num_chains * lanes) {
    WideVector c[num_chains], det[num_chains], ntk[num_chains];
    for (Index v = 0; v < num_chains; ++v) {
      c[v] = hn::LoadU(d, task.products + first + v * lanes);
      det[v] = hn::LoadU(d, task.determinants + first + v * lanes);
      ntk[v] = hn::MulAdd(hn::Set(d, task.first_weights), c[v], hn::Set(d, task.first_offset));
    }
    for (int l = 0; l < task.num_layers; ++l) {
      const dual::Layer& layer = task.layers[l];
      const dual::Layer& after = task.layers[l + 1 < task.num_layers ? l + 1 : l];
      for (Index v = 0; v < num_chains; ++v) {
        const Index i = first + v * lanes;
        const Covariance k = {hn::LoadU(d, layer.row_roots + i), hn::Set(d, layer.column_root), c[v], det[v]};
        const NextLayer next = {weight, bias, hn::LoadU(d, after.row_roots + i), hn::Set(d, after.column_root)};
        const Expectation e = expect(d, k, &det[v], next, layer, i);
        const WideVector gained = hn::Mul(weight, e.value);
        const WideVector trained = hn::MulAdd(hn::Set(d, layer.train_weights), gained, hn::Set(d, layer.train_bias));
        ntk[v] = hn::MulAdd(hn::Mul(weight, e.slope), ntk[v], trained);
        c[v] = hn::Add(gained, bias);
        if (task.last_value != nullptr && l + 1 == task.num_layers) {
          hn::StoreU(e.value, d, task.last_value + i);
          hn::StoreU(e.slope, d, task.last_slope + i);
        }
      }
    }
    for (Index v = 0; v < num_chains; ++v) {
      hn::StoreU(c[v], d, task.nngp + first + v * lanes);
      hn::StoreU(ntk[v], d, task.ntk + first + v * lanes);
    }
  }
}

template <class Dual>
void propagate_closed_form(const dual::ColumnTask& task) {
  propagate(task, [](Wide d, const Covariance& k, WideVector* determinant, const NextLayer& next, const dual::Layer&,
                     Index) HWY_ATTR { return Dual::expect(d, k, determinant, next); });
}

void propagate_mehler(const dual::ColumnTask& task) {
  propagate(task, [](Wide d, const Covariance& k, WideVector* determinant, const NextLayer&, const dual::Layer& layer,
                     Index row) HWY_ATTR {
    *determinant = hn::Zero(d);  // not used
    const MehlerSums sums = {layer.num_terms, layer.row_values, layer.row_slopes, layer.column_values,
                             layer.column_slopes};
    return sums.expect(d, k, row);
  });
}

void column(const dual::ColumnTask& task) {
  switch (task.form) {
    case ClosedForm::relu:
      return propagate_closed_form<DualRelu<false>>(task);
    case ClosedForm::relu_right:
      return propagate_closed_form<DualRelu<true>>(task);
    case ClosedForm::squared_relu:
      return propagate_closed_form<DualSquaredRelu>(task);
    case ClosedForm::erf:
      return propagate_closed_form<DualErf>(task);
    case ClosedForm::linear:
      return propagate_closed_form<DualLinear>(task);
    case ClosedForm::none:
      return propagate_mehler(task);
  }
}

const dual::Table* dual_table() {
  static const dual::Table table = {&products, &determinants, &column};
  return &table;
}

}  // namespace mfld::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace mfld::dual {
namespace {
HWY_EXPORT(dual_table);
}
const Table& table() { return *HWY_DYNAMIC_DISPATCH(dual_table)(); }
}  // namespace mfld::dual
#endif

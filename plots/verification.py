#!/usr/bin/env python3
"""What the program computes beside what is known exactly, one figure a study of build/tests/verification.

    build/tests/verification RUN_DIR
    plots/verification.py RUN_DIR [--out FOLDER]

Reads RUN_DIR/*.csv; writes step_order, width_order, certificate, convergence, convergence_line, batch_noise and
entropy as .png, .pdf and .svg and prints fitted orders.
"""

import os
import sys

sys.path.insert(0, os.path.dirname(os.path.realpath(__file__)))  # python3 -I does not look there
import interpreter  # noqa: E402, F401  (first: it may start the script over)

import argparse
import hashlib
import pathlib

import numpy as np
import pandas

from mfld import results
import style
import words
from words import say

SIZE = (4.6, 3.3)  # inches
STEPS = ("Euler-Maruyama", "Leimkuhler-Matthews", "kinetic")
ORDERS = (1, 2, 2)
SLOWEST_DECAY = 0.4  # 4 lambda1 of the linear-quadratic problem, where its log-Sobolev inequality is sharp
SAMPLING = ("full batch (mfld)", "one sample a step (sgd-mfld)", "with snapshots (svrg-mfld)")
LAST_DECAY = 0.8  # 8 lambda1: variances come last, and enter by their squares


def fit_order(x, y, error):
    """(order, its standard error) of y ~ x^order, points weighted by their relative errors."""
    weight = (y / error) ** 2
    log_x, log_y = np.log(x), np.log(np.abs(y))
    centred = log_x - np.average(log_x, weights=weight)
    spread = (weight * centred**2).sum()
    return (weight * centred * log_y).sum() / spread, spread**-0.5


def new_axes(xlabel, ylabel):
    figure = style.figure(*SIZE)
    axes = figure.subplots()
    axes.set(xlabel=xlabel, ylabel=ylabel)
    return figure, axes


def in_powers(number):
    mantissa, exponent = f"{number:.1e}".split("e")
    return f"${mantissa}\\cdot10^{{{int(exponent)}}}$"


def step_order(folder):
    """Order in the step size, on a force that is not linear."""
    table = read(folder, "step_order")
    figure, axes = new_axes(r"step size $\eta$", r"relative error of $E\,\theta^2$, absolute value")
    for kind, rows in table.groupby("step"):
        kind = int(kind)
        order, error = fit_order(rows.step_size, rows.error, rows.standard_error)
        say(f"{STEPS[kind]}: order {order:.3f} +- {error:.3f} in the step size")
        look = style.look(kind)
        axes.errorbar(rows.step_size, rows.error.abs(), 2 * rows.standard_error, linestyle="none", **look,
                      label=f"{STEPS[kind]}: order {order:.2f} $\\pm$ {2 * error:.2f}")
        last = rows.iloc[np.argmin(rows.standard_error / rows.error.abs())]
        axes.plot(rows.step_size, abs(last.error) * (rows.step_size / last.step_size) ** ORDERS[kind],
                  linestyle="--", linewidth=1, color=look["color"])
    known = table[table.exact.notna()]
    z = (known.error - known.exact) / known.standard_error
    say(f"two of the steps against quadrature: largest |z| {z.abs().max():.2f} of {len(z)}")
    axes.plot(known.step_size, known.exact.abs(), linestyle="none", marker="o", markersize=8, markerfacecolor="none",
              color=style.GREY, label="law of the chain by quadrature")
    axes.plot([], [], linestyle="--", linewidth=1, color=style.GREY, label="order 1, 2 and 2 of theory")
    axes.set(xscale="log", yscale="log", ylim=(1e-5, 0.15))
    axes.set_xticks((0.0125, 0.025, 0.05, 0.1, 0.2, 0.4), ("0.0125", "0.025", "0.05", "0.1", "0.2", "0.4"))
    axes.minorticks_off()
    axes.legend(loc="lower right")
    return figure


def width_order(folder):
    """Order in 1/N of the stationary bias, with the law of one and two particles by quadrature."""
    table = read(folder, "width_order")
    limit = table[np.isinf(table.width)].iloc[0].second_moment
    finite = table[np.isfinite(table.width)]
    bias = limit - finite.second_moment
    order, error = fit_order(finite.width, bias, finite.standard_error)
    say(f"bias of N particles: order {order:.3f} +- {error:.3f} in the width")
    known = finite[finite.exact.notna()]
    z = (known.second_moment - known.exact) / known.standard_error
    say("z against quadrature: " + ", ".join(f"{value:+.2f} (N = {int(n)})" for n, value in zip(known.width, z)))
    figure, axes = new_axes("number of particles $N$", r"stationary bias $E_\infty\theta^2 - E_N\theta^2$")
    axes.errorbar(finite.width, bias, 2 * finite.standard_error, linestyle="none", **style.look(0),
                  label=f"particles: order ${order:.3f} \\pm {2 * error:.3f}$")
    axes.plot(known.width, limit - known.exact, linestyle="none", marker="s", markersize=9, markerfacecolor="none",
              color=style.COLOURS[1], label="quadrature, $N$ = 1, 2 and 16")
    axes.plot(finite.width, bias.iloc[0] / finite.width, linestyle="--", linewidth=1, color=style.GREY,
              label=r"order $-1$ through the first")
    axes.set(xscale="log", yscale="log")
    axes.set_xscale("log", base=2)
    axes.legend(loc="upper right")
    return figure


def certificate(folder):
    """Lower gap <= true gap <= dual gap, on the line."""
    seen, exact = read(folder, "certificate"), read(folder, "certificate_exact")
    z = (seen.dual_gap - np.interp(seen.time, exact.time, exact.dual_gap)) / seen.dual_gap_error
    say(f"dual gap against quadrature: largest |z| {z.abs().max():.2f} of {len(z)}")
    ordered = ((exact.lower_gap <= exact.true_gap) & (exact.true_gap <= exact.dual_gap)).all()
    say(f"lower gap <= true gap <= dual gap at all of {len(exact)} times: {'yes' if ordered else 'NO'}")
    figure, axes = new_axes("mean-field time $t$", "distance from the optimum (objective)")
    axes.plot(exact.time, exact.dual_gap, color=style.COLOURS[0],
              label=r"$\lambda_2\,$KL$(\mu_t\,|\,p_{\mu_t})$: the dual gap, quadrature")
    axes.plot(exact.time, exact.true_gap, color=style.COLOURS[2], linestyle="--",
              label=r"$L(\mu_t) - L^*$: the true gap, quadrature")
    axes.plot(exact.time, exact.lower_gap, color=style.COLOURS[1], linestyle="-.",
              label=r"$\lambda_2\,$KL$(\mu_t\,|\,\mu^*)$: the lower gap, quadrature")
    above = seen[np.interp(seen.time, exact.time, exact.dual_gap) > 2 * seen.dual_gap_error]
    axes.errorbar(above.time, above.dual_gap, 2 * above.dual_gap_error, linestyle="none", marker="o",
                  color=style.COLOURS[0], label="dual_gap of $10^5$ particles")
    axes.axhline(seen.dual_gap_error.iloc[-1], color=style.GREY, linestyle=":", linewidth=1,
                 label="standard error of dual_gap at the optimum")
    axes.set(yscale="log", ylim=(5e-6, 5))
    axes.legend(loc="upper right")
    return figure


def convergence(folder):
    """L(mu_t) - L* of linear neurons, where all is known."""
    table = read(folder, "convergence")
    late = (table.time > 0.3 * table.time.max()) & (table.exact > 2e-5)
    rate = -np.polyfit(table.time[late], np.log(table.simulated[late]), 1)[0]
    early = table.exact > 2e-5
    worst = np.abs(table.simulated / table.exact - 1)[early].max()
    say(f"simulated against exact: largest relative difference {worst:.3f}; last rate {rate:.3f}, {LAST_DECAY} predicted, "
        f"at least {SLOWEST_DECAY} for every problem of this kind")
    figure, axes = new_axes("mean-field time $t$", r"$L(\mu_t) - L^*$ (objective)")
    axes.plot(table.time, table.simulated, linestyle="none", **style.look(0), label="$2\\cdot10^5$ particles")
    axes.plot(table.time, table.exact, color=style.COLOURS[1], label=r"exact; at last $e^{-8\lambda_1t}$")
    axes.plot(table.time, table.exact.iloc[0] * np.exp(-SLOWEST_DECAY * (table.time - table.time.iloc[0])),
              linestyle="--", linewidth=1, color=style.COLOURS[2],
              label=r"never slower than $e^{-2\alpha\lambda_2t}$, $2\alpha\lambda_2 = 4\lambda_1 = 0.4$")
    axes.axhline(2.5 * 0.05 / 2e5, color=style.GREY, linestyle=":", linewidth=1,
                 label=r"$\lambda_2\,p(p+3)/(4N)$: the noise of $N$ particles")
    axes.set(yscale="log", ylim=(2e-7, 40))
    axes.legend(loc="upper right")
    return figure


def convergence_line(folder):
    """L(mu_t) - L* of tanh neurons on the line, where theory has a bound from one side alone."""
    exact, seen = read(folder, "certificate_exact"), read(folder, "certificate")
    decay = read(folder, "certificate_rate").iloc[0]
    late = exact[(exact.true_gap > 1e-5) & (exact.time > 0.5 * exact.time.max())]
    rate = -np.polyfit(late.time, np.log(late.true_gap), 1)[0]
    say(f"tanh on the line: last rate {rate:.3f} by quadrature, {decay.rate:.2f} [{decay.low:.2f}, {decay.high:.2f}] "
        f"from the dual gaps of particles, never slower than {decay.never_slower:.2g} by the log-Sobolev bound")
    figure, axes = new_axes("mean-field time $t$", r"$L(\mu_t) - L^*$ (objective)")
    axes.plot(exact.time, exact.true_gap, color=style.COLOURS[1], label="exact, by quadrature")
    above = seen[seen.dual_gap > 10 * seen.dual_gap_error]
    axes.errorbar(above.time, above.dual_gap, 2 * above.dual_gap_error, linestyle="none", **style.look(0),
                  label="dual_gap of $10^5$ particles, an upper bound")
    middle = above[above.time >= above.time.median()]
    through = np.exp(np.mean(np.log(middle.dual_gap) + decay.rate * middle.time))
    axes.plot(middle.time, through * np.exp(-decay.rate * middle.time), linestyle="-.", color=style.COLOURS[0],
              label=f"decay_rate: {decay.rate:.2f}, 95 % [{decay.low:.2f}, {decay.high:.2f}]")
    axes.plot(exact.time, exact.true_gap.iloc[0] * np.exp(-decay.never_slower * (exact.time - exact.time.iloc[0])),
              linestyle="--", linewidth=1, color=style.COLOURS[2],
              label=f"never slower, by the log-Sobolev bound: {in_powers(decay.never_slower)}")
    axes.set(yscale="log", ylim=(5e-6, 20))
    axes.legend(loc="lower left")
    return figure


def batch_noise(folder):
    """What one sample a step adds, with and without snapshots, against the number of particles."""
    table = read(folder, "batch_noise")
    figure = style.figure(2 * SIZE[0], SIZE[1])
    panels = figure.subplots(1, 2)
    worst = {}
    for axes, column in zip(panels, ("error", "noise")):
        for kind, rows in table.groupby("method"):
            kind = int(kind)
            if column == "noise" and kind == 0:
                continue
            axes.errorbar(rows.width, rows[column], 2 * rows[f"{column}_error"], linestyle="none", **style.look(kind),
                          label=SAMPLING[kind])
            axes.plot(rows.width, rows[f"exact_{column}"], color=style.look(kind)["color"], linewidth=1)
            z = (rows[column] - rows[f"exact_{column}"]) / rows[f"{column}_error"]
            worst[column] = max(worst.get(column, 0), z.abs().max())
        axes.plot([], [], color=style.GREY, linewidth=1, label="exact second moments")
        axes.set(xscale="log", yscale="log", xlabel="number of particles $N$")
        widths = sorted(set(table.width.astype(int)))
        axes.set_xticks(widths, [str(width) for width in widths])
        axes.minorticks_off()
        axes.legend(loc="lower left")
    panels[0].set(ylabel=r"$E\,|m - m^*|^2$ of the mean of the particles")
    panels[1].set(ylabel=r"$E\,|v_I - v|^2$ of the drift's estimate")
    say(f"one sample a step against exact second moments: largest |z| {worst['error']:.2f} of {len(table)} errors, "
        f"{worst['noise']:.2f} of {(table.method > 0).sum()} variances")
    last = table[table.width == table.width.max()].set_index("method")
    say(f"error at {int(table.width.max())} particles beside the full batch: {last.error[1] / last.error[0]:.0f} times "
        f"with samples alone, {last.error[2] / last.error[0]:.3f} times with snapshots")
    return figure


def entropy(folder):
    """Bias of the entropy of Gaussians."""
    figure, axes = new_axes("dimension of a particle $p$", "bias of the estimate of the entropy, in nats")
    for index, (width, rows) in enumerate(read(folder, "entropy").groupby("particles")):
        axes.errorbar(rows.dimension, rows.bias, 2 * rows.standard_error, **style.look(index),
                      label=f"{int(width)} particles")
    axes.axhline(0, color=style.GREY, linewidth=0.8)
    axes.set_xticks((1, 2, 3, 5, 7, 10, 15, 20))
    axes.legend(loc="upper left")
    return figure


FIGURES = (step_order, width_order, certificate, convergence, convergence_line, batch_noise, entropy)


# Where the tables of a figure are called otherwise.
TABLES = {"convergence_line": "certificate"}


def read(folder, name):
    try:
        return pandas.read_csv(folder / f"{name}.csv")
    except (OSError, ValueError) as error:
        raise results.FileError(f"cannot read {folder / name}.csv: {error}.") from None


def data_of(folder, name):
    """What a picture is drawn from, as hashes."""
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in sorted(folder.glob(f"{TABLES.get(name, name)}*.csv"))}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run_dir", metavar="RUN_DIR", type=pathlib.Path, help="what build/tests/verification wrote")
    parser.add_argument("--out", metavar="FOLDER", type=pathlib.Path, help="where the figures go (default: RUN_DIR)")
    args = parser.parse_args()
    args.out, args.notes = args.out or args.run_dir, []
    try:
        for draw in FIGURES:
            args.origin = style.origin(__file__, data_of(args.run_dir, draw.__name__))
            style.save(draw(args.run_dir), args, draw.__name__)
    except results.Error as error:
        words.complain(error)
        return error.status
    return 0


if __name__ == "__main__":
    sys.exit(main())

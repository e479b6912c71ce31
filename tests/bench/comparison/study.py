"""The whole comparison: the lines of the table, what is measured of mfld alone, and the report."""

import datetime
import os
import pathlib
import platform
import sys

from . import alone, duel, engines, installation, passes, problem, report, rounds, seeds, worker


class Comparison:
    def __init__(self, options, folder, load):
        self.options = options
        self.load = load
        self.folder = pathlib.Path(folder)
        self.programs = worker.Programs(options.build, max(options.threads), options.peer_python)
        worker.Worker.clock = options.clock
        self.peers = engines.of_families(options.peers)
        self.budget = 1 if options.quick else options.seconds
        self.turn = max(0.05, self.budget / 50)
        self.settings = [problem.SETTINGS[name] for name in options.settings]
        if options.quick:
            self.settings = [problem.smaller(setting) for setting in self.settings]
        self.rates = {threads: {"double": (0, 0, 0), "single": (0, 0, 0)} for threads in options.threads}
        self.lines = []
        self.extras = []

    def measure_ceilings(self):
        """The best of all looks at the machine, taken before and after every line."""
        with self.programs.ceilings() as program:
            for threads, best in self.rates.items():
                now = rounds.ceilings(program, threads, 3)
                for precision in best:
                    best[precision] = tuple(map(max, best[precision], now[precision]))

    def measure_lines(self):
        self.measure_ceilings()
        for setting in self.settings:
            data = problem.write(setting, self.folder / setting.name)
            for precision in self.options.precisions:
                for threads in self.options.threads:
                    self.measure_line(setting, precision, threads, data)

    def measure_what_there_is_time_for(self):
        try:
            self.measure_lines()
        except KeyboardInterrupt:
            print("compare: interrupted; here is what was measured", file=sys.stderr)
            if not self.lines:
                sys.exit(130)
            return False
        return True

    def measure_line(self, setting, precision, threads, data):
        heavy = 8 if setting.name == "C" and not self.options.quick else 1
        rivals = duel.Duel(self.programs, setting, precision, data, self.peers, self.options.quick)
        line = rivals.line(threads, heavy * self.budget, self.turn)
        self.lines.append(line)
        self.measure_ceilings()
        times = ", ".join(f"{name} {times.best * 1e3:.4g} ms" for name, times in line.times.items())
        print(f"{setting.name} {precision}, {threads} threads: {times}", file=sys.stderr, flush=True)

    def bounds(self):
        def bound(line):
            return rounds.bound_seconds(line.setting, self.rates[line.threads][line.precision])

        return {id(line): bound(line) for line in self.lines}

    def measure_passes(self, bounds):
        for line in self.lines if not self.options.quick else ():
            if line.threads == 1 and not line.setting.batch:  # 32 samples: the passes are not what a step is made of
                from_caches = passes.pass_seconds(self.programs.build, line.setting, line.precision)
                self.extras.append(passes.describe(line, bounds[id(line)], from_caches))

    def measure_seeds(self, goals):
        """JAX with many seeds at once, beside a sweep of as many runs; only where the setting of sweeps is asked for."""
        setting = problem.SETTINGS["T"]
        for precision in self.options.precisions if "jax" in self.options.peers and setting in self.settings else ():
            data, threads = self.folder / setting.name, max(self.options.threads)
            steps = 200 if self.options.quick else 2000
            found = seeds.measure(self.programs, setting, precision, data, threads, steps, 1 if self.options.quick else 3)
            self.extras.append(found.describe(setting, precision, threads))
            if not self.options.quick:
                what = f"T {precision}: {seeds.COUNT} seeds at once, JAX : mfld without looks"
                goals.at_least(what, found.jax / found.unwatched, 8)

    def measure_alone(self, goals):
        for setting in self.settings:
            for precision in self.options.precisions:
                self.measure_neurons(goals, setting, precision, self.folder / setting.name)
        for which in ("particles", "samples", "dim") if "C" in self.options.settings else ():
            self.measure_growth(goals, which)
        for setting in self.settings:
            for precision in self.options.precisions:
                if setting.name == "C":
                    self.measure_memory(goals, setting, precision)
                if setting.name == "A":
                    self.measure_program(goals, setting, precision)

    def measure_neurons(self, goals, setting, precision, data):
        threads = max(self.options.threads)
        arguments = (self.programs, setting, precision, data, threads, self.budget / 2, self.turn)
        label = f"{setting.name} {precision}"
        if setting.name in "AD":
            times = alone.neurons(*arguments)
            for name in ("relu", "parity"):
                goals.at_most(f"{label}: {name} : tanh, best", times[name].best / times["tanh"].best, 1)
        if setting.name == "D":
            times = alone.methods(*arguments)
            ratio = times["svrg-mfld"].best / times["sgd-mfld"].best
            goals.at_most(f"{label}: SVRG step : SGD step of the same batch, best", ratio, 2.3)

    def measure_growth(self, goals, which):
        base = {"particles": 12500, "samples": 10000, "dim": 32}
        if which == "samples":
            base = {"particles": 100000, "samples": 1250, "dim": 32}
        if self.options.quick:
            base = {"particles": 2000, "samples": 200, "dim": 32}
        threads = max(self.options.threads)
        setting = problem.Setting("growth", **base)
        found = alone.growth(
            self.programs, setting, which, "double", self.folder / "growth", threads, 4 * self.budget, self.turn
        )
        letter = {"particles": "N", "samples": "n", "dim": "d"}[which]
        bound = [rounds.bound_seconds(size, self.rates[threads]["double"]) for size, _ in found]
        for i in (1, 2, 3):
            growth = found[i][1] / found[0][1]
            sizes = f"{letter} = {getattr(found[0][0], which)} -> {getattr(found[i][0], which)}"
            times = f"{found[0][1] * 1e3:.4g} -> {found[i][1] * 1e3:.4g} ms"
            self.extras.append(f"{sizes}: {times}, {growth:.2f} times (the bound: {bound[i] / bound[0]:.2f} times)")
        goals.at_most(f"growth in {letter} over a factor of 8, against 8", found[3][1] / found[0][1] / 8, 1.1)

    def measure_memory(self, goals, setting, precision):
        threads = max(self.options.threads)
        peak, allowed = alone.peak_memory(self.programs, setting, precision, self.folder / setting.name, threads)
        goals.at_most(f"{setting.name} {precision}: peak memory of the steps", peak / 1e6, round(allowed / 1e6), " MB")
        whole = alone.whole_program(self.programs, setting, precision, 2, threads)
        megabytes = round(whole.peak_bytes / 1e6)
        self.extras.append(f"{setting.name} {precision}: peak memory of `mfld run`, 2 steps: {megabytes} MB")

    def measure_program(self, goals, setting, precision):
        steps = 500 if self.options.quick else 5000
        whole = alone.whole_program(self.programs, setting, precision, steps, max(self.options.threads))
        share = 100 * whole.kernel_share
        what = f"{setting.name} {precision}: `mfld run`, {steps} steps, in steps and passes of observables"
        goals.at_least(what, share, 95, " %")
        self.extras.append(
            f"{setting.name} {precision}: `mfld run`: {whole.summary['wall_seconds']:.2f} s, process "
            f"{whole.process_seconds:.2f} s, parts {whole.summary['wall_seconds_by_part']}"
        )


def _versions(lines):
    found = sorted({version for line in lines for version in line.versions.values()})
    if any("eigen" in line.times for line in lines):
        found.append("Eigen 3.4 with -march=native and OpenMP")
    return f"{worker.widest_torch_capability()}; mfld; {'; '.join(found)}"


def describe(comparison):
    """Machine, date, commit, rates and versions: what makes the table a claim."""
    lines = [
        f"{installation.processor()}, {os.cpu_count()} cores, {platform.platform()}; "
        f"{datetime.date.today()}; commit {installation.commit()}; load before: {comparison.load:.2f}",
        _versions(comparison.lines),
        "Bound, by the wall clock: 4 N n d / F + N n / A + N (d + 2) / G, with the rates measured in this run:",
    ]
    for threads, by_precision in comparison.rates.items():
        for precision, (flops, tanh, normals) in by_precision.items():
            rates = f"F = {flops:.0f} GFLOP/s, A = {tanh:.2f} G tanh/s, G = {normals:.2f} G normals/s"
            lines.append(f"  {threads} threads, {precision}: {rates}")
    lines.append("Every step includes its noise. Times: best / median over turns, each the mean over a turn's steps.")
    if comparison.options.clock == "processor":
        lines.append("Times are those of the processor: what one thread takes where nothing else runs.")
    for line in comparison.lines:
        chosen = "; ".join(f"{name} {choice}" for name, choice in line.choices.items())
        label = f"{line.setting.name} {line.precision}, {line.threads} threads"
        lines.append(f"  {label}: agree to {line.difference:.1e}; {chosen}")
        lines += [f"    {note}" for note in line.notes]
    return lines


def run(options, folder, load):
    comparison = Comparison(options, folder, load)
    complete = comparison.measure_what_there_is_time_for()
    bounds = comparison.bounds()
    goals = report.Goals()
    if not options.quick and options.clock == "wall":
        report.goals_of_lines(goals, comparison.lines, bounds, max(options.threads))
    if complete and options.clock == "wall":
        comparison.measure_passes(bounds)
    if complete:
        comparison.measure_seeds(goals)
    if complete and not options.only_table and options.clock == "wall":
        comparison.measure_alone(goals)
    for threads in options.threads if options.clock == "wall" else ():
        each = comparison.rates[threads]["double"][2] * 1e3 / threads
        goals.at_least(f"double normals a second and thread, {threads} threads", each, 400, " million")
    settings = [setting.describe() for setting in comparison.settings]
    # The rates that the bound is made of are those of the wall clock.
    table = report.table(comparison.lines, bounds if options.clock == "wall" else {})
    details = [*describe(comparison), "", *report.speed_ups(comparison.lines), *comparison.extras, "", *goals.lines]
    if options.quick:
        details.append("These are small problems and short turns: numbers to look at, not to quote.")
    print("\n".join(["h = r tanh(w.x + b), all trained:", *settings, "", table, "", *details]))
    if options.markdown:
        command = " ".join(["tests/bench/compare", *sys.argv[1:]])
        text = [f"`{command}`", "", *(f"- {each}" for each in settings), "", table]
        pathlib.Path(options.markdown).write_text("\n".join([*text, "", "```", *details, "```", ""]))

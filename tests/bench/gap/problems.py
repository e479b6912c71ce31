"""The fixed problems: an experiment file each, and what its gap ends at."""

import dataclasses
import pathlib
import re
import tomllib

HERE = pathlib.Path(__file__).resolve().parent


@dataclasses.dataclass(frozen=True)
class Problem:
    """`floors` are what the column dual_gap reads at stationarity, for the seeds 1, 2, ...: the bias of the entropy of N
    particles in p dimensions, which is far below 0 and the same, to the error of the gap, for every law near the
    optimum, and that of the draws of the certificate, which depend on the seed. Measured by `time_to_gap --floors`: the
    mean over the second half of `settled` kinetic steps. Gaps are counted from it."""

    name: str
    settled: int
    floors: tuple

    def floor(self, seed):
        return self.floors[seed - 1]

    @property
    def text(self):
        return (HERE / f"{self.name}.toml").read_text()

    @property
    def config(self):
        return tomllib.loads(self.text)

    @property
    def phase(self):
        return self.config["phase"][0]

    def experiment(self, phases, seed, looks, columns=("train_loss", "dual_gap")):
        """The problem's file with other phases, seed and looks."""
        head = self.text.partition("[[phase]]")[0]
        head = re.sub(r"^seed = .*$", f"seed = {seed}", head, count=1, flags=re.MULTILINE)
        blocks = ["[[phase]]\n" + "".join(f"{key} = {_toml(value)}\n" for key, value in phase.items()) for phase in phases]
        observe = f"[observe]\nat = {_toml(list(looks))}\ncolumns = {_toml(list(columns))}\n"
        return "\n".join([head, *blocks, observe])


def _toml(value):
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{key} = {_toml(each)}" for key, each in value.items()) + " }"
    if isinstance(value, list):
        return "[" + ", ".join(map(_toml, value)) + "]"
    return f'"{value}"' if isinstance(value, str) else repr(value)


PROBLEMS = {problem.name: problem for problem in (
    Problem("parity", 400, (-0.161,) * 6),
    Problem("teacher", 60, (-0.0522, -0.0532, -0.0533, -0.0523, -0.0529, -0.0523)),
    Problem("breast_cancer", 60, (-0.1291, -0.1330, -0.1292, -0.1310, -0.1311, -0.1281)),
)}

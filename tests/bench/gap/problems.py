"""The fixed problems: an experiment file each, and how far down their certificate tells something."""

import dataclasses
import pathlib
import re
import tomllib

HERE = pathlib.Path(__file__).resolve().parent
COLUMN = "proximal_gap"
RUN = "run"  # where a table of a phase has keys that are not of the phase but of the whole run, "table.key" -> value


@dataclasses.dataclass(frozen=True)
class Problem:
    """`floor` is what the certificate reads at stationarity, as a share of its first value: that of the number of particles and of
    the samples of its own. Measured by `time_to_gap --floors`: the mean over the second half of `settled` kinetic steps."""

    name: str
    settled: int
    floor: float
    tuning_samples: int  # of the certificate, where a point is chosen
    most_batches: int = 600  # steps of them at most; fewer where the gap of fixed batches stands still long before
    file: str = ""  # where it is not that of the name
    changes: tuple = ()  # ((key, value), ...) of lines of the file

    @property
    def text(self):
        text = (HERE / f"{self.file or self.name}.toml").read_text()
        for key, value in self.changes:
            text = re.sub(rf"^{key} = .*$", f"{key} = {value}", text, count=1, flags=re.MULTILINE)
        return text

    @property
    def config(self):
        return tomllib.loads(self.text)

    @property
    def phase(self):
        return self.config["phase"][0]

    @property
    def samples(self):
        """n: what the file says, or, where a table is read, its rows."""
        return self.config["task"].get("num_train", 569)

    @property
    def certificate_samples(self):
        return self.config["observe"]["certificate_samples"]

    def experiment(self, phases, seed, looks, columns=(COLUMN,), samples=None):
        """The problem's file with other phases, seed and looks, and with what phases have under RUN, the same in all."""
        head = _with(self.text.partition("[[phase]]")[0], phases[0].get(RUN, {}))
        head = re.sub(r"^seed = .*$", f"seed = {seed}", head, count=1, flags=re.MULTILINE)
        blocks = ["[[phase]]\n" + "".join(f"{key} = {_toml(value)}\n" for key, value in phase.items() if key != RUN)
                  for phase in phases]
        samples = samples or self.certificate_samples
        observe = f"[observe]\nat = {_toml(list(looks))}\ncolumns = {_toml(list(columns))}\ncertificate_samples = {samples}\n"
        return "\n".join([head, *blocks, observe])


def _with(text, keys):
    """`text` with further keys, in tables that it has or has not."""
    for key, value in keys.items():
        table, name = key.split(".")
        header = f"[{table}]\n"
        text = text if header in text else f"{text}{header}\n"
        text = text.replace(header, f"{header}{name} = {_toml(value)}\n")
    return text


def _toml(value):
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{key} = {_toml(each)}" for key, each in value.items()) + " }"
    if isinstance(value, list):
        return "[" + ", ".join(map(_toml, value)) + "]"
    return f'"{value}"' if isinstance(value, str) else repr(value)


PROBLEMS = {problem.name: problem for problem in (
    Problem("breast_cancer", 80, 0.0017, 8192),
    Problem("breast_cancer_wide", 80, 0.00045, 32768, file="breast_cancer",
            changes=(("width", 8000), ("certificate_samples", 32768))),  # that shows 0.001
    Problem("teacher", 60, 0.006, 32768),
    Problem("parity", 80, 0.0053, 65536, most_batches=100),
)}

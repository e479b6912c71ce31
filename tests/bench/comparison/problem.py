"""The settings, and the files that all programs read a problem from."""

import dataclasses
import pathlib

import numpy as np


@dataclasses.dataclass(frozen=True)
class Setting:
    """h = r tanh(w.x + b), all trained, squared loss, weight decay, noise on every parameter. Batch 0: all samples.
    Signs: inputs of +-1 instead of Gaussian ones."""

    name: str
    particles: int
    samples: int
    dim: int
    batch: int = 0
    signs: bool = False

    @property
    def step_samples(self):
        return self.batch or self.samples

    @property
    def pairs(self):
        return self.particles * self.step_samples

    def describe(self):
        batch = f", mini-batch {self.batch}" if self.batch else ""
        signs = ", inputs of +-1" if self.signs else ""
        return f"{self.name}: N = {self.particles}, n = {self.samples}, d = {self.dim}{batch}{signs}"


SETTINGS = {
    setting.name: setting
    for setting in (
        Setting("A", 2000, 1000, 20),
        Setting("B", 10000, 2000, 10),
        Setting("C", 100000, 10000, 32),
        Setting("D", 2000, 1000, 20, 32),
        Setting("E", 2000, 2000, 784),
        Setting("P", 500, 400, 40, signs=True),
        Setting("T", 100, 1000, 20, 32),
    )
}


def smaller(setting):
    """The same shape with a sixteenth of the pairs at most: for trying the program, not for numbers to quote."""
    if setting.batch:
        return setting
    return dataclasses.replace(setting, particles=setting.particles // 4, samples=setting.samples // 4)


def write(setting, folder):
    """Inputs, labels of a planted neuron, particles whose pre-activations are of order 1."""
    folder = pathlib.Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    generator = np.random.default_rng(1)
    inputs = generator.standard_normal((setting.samples, setting.dim))
    if setting.signs:
        inputs = np.sign(inputs)
    targets = np.tanh(inputs[:, 0]) + 0.1 * generator.standard_normal(setting.samples)
    particles = generator.standard_normal((setting.dim + 2, setting.particles))
    particles[1:-1] /= setting.dim**0.5
    inputs.tofile(folder / "inputs.bin")
    targets.tofile(folder / "targets.bin")
    particles.tofile(folder / "particles.bin")
    return folder


def read_particles(path):
    return np.fromfile(path)

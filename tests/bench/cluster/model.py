"""Seconds of a step that P ranks make together, from the speed of one rank and from what a message takes."""

import bisect
import dataclasses
import math

# As in src/model/pass.hpp, src/model/partition.hpp and src/kernels/kernels.hpp; a test compares them.
NEAR_BYTES = 8 << 20
FAR_BYTES = 32 << 20
MOST_BYTES = 100 << 20
MIN_BLOCK = 256
LEAST_BLOCK = 8
LEAST_TASKS = 16
TASK_GROUPS = 8
NUMBER_BYTES = {"double": 8, "single": 4}
PROGRAM_BYTES = 30e6  # and its MPI, as measured


@dataclasses.dataclass(frozen=True)
class Problem:
    """Full-batch steps of N neurons r tanh(w.x + b), everything trained, on n samples of d inputs, by P ranks."""

    particles: int
    samples: int
    dim: int
    ranks: int
    precision: str = "double"
    vector_bytes: int = 64  # of the instruction set: 64 for AVX-512, 32 for AVX2, 16 for NEON

    @property
    def group(self):
        """Particles that are computed side by side: two vectors."""
        return 2 * self.vector_bytes // NUMBER_BYTES[self.precision]

    @property
    def groups(self):
        return -(-self.particles // self.group)

    @property
    def tasks(self):
        return max(min(LEAST_TASKS, self.groups), -(-self.groups // TASK_GROUPS))


@dataclasses.dataclass(frozen=True)
class Machine:
    """Of one rank: multiply-adds (two operations each), tanh and normals, in 1e9 a second. Of the network: alpha, seconds a
    message; beta, seconds a byte."""

    rates: tuple
    alpha: float
    beta: float


@dataclasses.dataclass(frozen=True)
class Step:
    """What the model says of a step, in seconds."""

    even: float  # (N/P) (n (4d/F + 1/A) + (d + 2)/G): as if all ranks had the same share
    reduce: float  # T_comp = reduce + map, of the rank with most tasks
    map: float
    communicate: float
    block: int
    blocks: int
    chain: int  # messages one after another in a block, there and back

    @property
    def compute(self):
        return self.reduce + self.map

    @property
    def waiting(self):
        """What is left of the exchanges where arithmetic goes on beside them: the first one beside the reduction of a block, the last
        one beside a map, the others beside one of each (for_each_block of src/model/pass.hpp); one alone beside nothing."""
        reduce, mapped, exchange = (part / self.blocks for part in (self.reduce, self.map, self.communicate))
        if self.blocks == 1:
            return exchange
        beside = [reduce, mapped, reduce + mapped]
        return sum(times * max(0.0, exchange - part) for times, part in zip((1, 1, self.blocks - 2), beside))

    @property
    def seconds(self):
        return self.compute + self.waiting

    @property
    def efficiency(self):
        return self.even / self.seconds

    @property
    def efficiency_exposed(self):
        """If no arithmetic went on beside the exchanges."""
        return self.even / (self.compute + self.communicate)


def _block(particles, problem):
    row = particles * NUMBER_BYTES[problem.precision]  # tanh: its slope follows from its value
    fits = FAR_BYTES // row >= MIN_BLOCK
    samples = max(NEAR_BYTES // row, MIN_BLOCK) if fits else MOST_BYTES // row
    return max(LEAST_BLOCK, samples // 8 * 8)


def block_samples(problem):
    """Samples of a block: a function of N and the precision alone, as every sum."""
    return min(_block(problem.groups * problem.group, problem), problem.samples)


def exchange_samples(problem):
    """Samples that ranks exchange at once: whole blocks, as many as an ensemble of the largest share would have in one, and where two such
    sets of activations are kept, as the cache or the memory has room for in both."""
    block = block_samples(problem)
    if problem.ranks == 1 or block >= min(MIN_BLOCK, problem.samples):
        return block
    largest = min(problem.particles, -(-problem.tasks // problem.ranks) * TASK_GROUPS * problem.group)
    together = min(MIN_BLOCK, _block(largest, problem))
    fit = FAR_BYTES // NUMBER_BYTES[problem.precision] // largest
    if together < block * -(-problem.samples // block):
        together = min(together, fit // 2) if together <= fit else 2 * together // 5
    return min(max(block, together // block * block), problem.samples)


def chain_to_root(tasks, ranks):
    """Messages one after another until rank 0 has the sum: ceil(log2 P) where ranks own whole subtrees, up to a few more where
    their shares cut them. Follows add_between of tree_sum.hpp with a clock for every rank."""
    cuts = [rank * tasks // ranks for rank in range(ranks + 1)]
    owner = lambda task: bisect.bisect_right(cuts, task) - 1
    clock = [0] * ranks
    half = 1
    while half < tasks:
        for left in sorted({cut // (2 * half) * (2 * half) for cut in cuts[1:-1] if cut % (2 * half)}):
            if left + half < tasks and owner(left) != owner(left + half):
                clock[owner(left)] = max(clock[owner(left)], clock[owner(left + half)] + 1)
        half *= 2
    return clock[0]


def chain(problem):
    """There along the tree, and back by a broadcast that doubles who has it."""
    if problem.ranks == 1:
        return 0
    return chain_to_root(problem.tasks, problem.ranks) + math.ceil(math.log2(problem.ranks))


def particle_seconds(problem, machine):
    """Of a particle in a step: reduced, and mapped and moved."""
    flops, tanh, normals = machine.rates
    products = 2 * problem.dim / flops
    return (1e-9 * problem.samples * (products + 1 / tanh),
            1e-9 * (problem.samples * products + (problem.dim + 2) / normals))


def step(problem, machine, block=None):
    """With `block` samples an exchange instead of the program's."""
    block = min(block or exchange_samples(problem), problem.samples)
    blocks = -(-problem.samples // block)
    messages = chain(problem)
    parts = particle_seconds(problem, machine)
    largest = problem.particles * -(-problem.tasks // problem.ranks) / problem.tasks
    communicate = messages * (blocks * machine.alpha + 8 * problem.samples * machine.beta)
    return Step(problem.particles / problem.ranks * sum(parts), largest * parts[0], largest * parts[1], communicate, block, blocks,
                messages)


def rank_bytes(problem, block=None):
    """Its particles, the first ones and their drift, samples as read and as packed, its activations and partial sums, of two blocks where
    there are two; and the program."""
    number = NUMBER_BYTES[problem.precision]
    block = block or exchange_samples(problem)
    own = problem.particles / problem.ranks
    kept = 2 if problem.ranks > 1 and block < problem.samples else 1
    return (PROGRAM_BYTES + (2 * 8 + number) * own * (problem.dim + 2) + (8 + number) * problem.samples * problem.dim
            + kept * block * (number * own + 8 * problem.tasks / problem.ranks))

#!/usr/bin/env python3
"""The model of ranks: numbers computed by hand, the constants of the sources, and what tests/bench/ranks says."""
import pathlib
import re
import subprocess
import sys
import unittest

BENCH = pathlib.Path(__file__).resolve().parents[1]
ROOT = BENCH.parents[1]
sys.path.insert(0, str(BENCH))
sys.dont_write_bytecode = True
from cluster import model  # noqa: E402

SMALL = model.Problem(particles=1600, samples=100, dim=2, ranks=4)
SLOW = model.Machine(rates=(8.0, 1.0, 4.0), alpha=1e-3, beta=1e-6)


def chain_over_all_nodes(tasks, ranks):
    """The nodes of the tree one by one, as add_between of tree_sum.hpp goes through them."""
    first = [rank * tasks // ranks for rank in range(ranks + 1)]
    owners = [next(rank for rank in range(ranks) if task < first[rank + 1]) for task in range(tasks)]
    received = [0] * ranks
    half = 1
    while half < tasks:
        for left in range(0, tasks - half, 2 * half):
            to, sender = owners[left], owners[left + half]
            if to != sender:
                received[to] = max(received[to], received[sender] + 1)
        half *= 2
    return received[0]


class Sizes(unittest.TestCase):
    def test_samples_a_block(self):
        # 8 MB hold 520 samples of 2016 particles, 8 bytes each; 32 MB hold 256 of 10000 and not of 20000; 100 MB hold 131 of 100000; whole
        # eights.
        for particles, precision, block in ((2000, "double", 520), (10_000, "double", 256), (20_000, "double", 648),
                                            (100_000, "double", 128), (100_000, "single", 256), (10_000_000, "double", 8),
                                            (1, "double", 10_000)):
            self.assertEqual(model.block_samples(model.Problem(particles, 10_000, 3, 1, precision)), block, particles)
        self.assertEqual(model.block_samples(model.Problem(2000, 100, 3, 1)), 100)

    def test_samples_an_exchange(self):
        # 100 MB hold 131 samples of 1e5 particles, 128 in blocks of 8, and twice two fifths of them are 51, or 6 blocks; 2 of 5e6, of
        # which a block has more. 32 MB hold 327 of 12800, which are 256, and twice 163 of them: a block of 128 of 1e5 particles.
        for particles, ranks, samples in ((10_000_000, 1, 8), (10_000_000, 2, 8), (10_000_000, 100, 48), (80_000, 100, 160),
                                          (2000, 4, 520), (100_000_000, 1000, 48), (100_000, 8, 128), (100_000, 4, 128),
                                          (100_000, 100, 256)):
            found = model.exchange_samples(model.Problem(particles, 10_000, 3, ranks))
            self.assertEqual(found % model.block_samples(model.Problem(particles, 10_000, 3, 1)), 0)
            self.assertEqual(found, samples, (particles, ranks))

    def test_tasks(self):
        for particles, vector_bytes, tasks in ((10, 64, 1), (100, 64, 7), (2000, 64, 16), (100_000, 64, 782), (2000, 32, 32)):
            self.assertEqual(model.Problem(particles, 1, 1, 1, vector_bytes=vector_bytes).tasks, tasks, particles)

    def test_the_sources_have_these_constants(self):
        text = "".join(path.read_text() for path in [*(ROOT / "src/model").glob("*.hpp"), ROOT / "src/kernels/kernels.hpp"])
        for name in ("near_bytes", "far_bytes", "most_bytes"):
            megabytes = re.search(rf"constexpr std::size_t {name} = std::size_t\{{(\d+)\}} << 20U;", text)
            self.assertEqual(int(megabytes[1]) << 20, getattr(model, name.upper()))
        for pattern, value in ((r"constexpr Index min_block = (\d+);", model.MIN_BLOCK),
                               (r"std::max<Index>\((\d+), samples / 8 \* 8\)", model.LEAST_BLOCK),
                               (r"std::min<Index>\((\d+), num_groups\)", model.LEAST_TASKS),
                               (r"constexpr Index task_groups = (\d+);", model.TASK_GROUPS)):
            self.assertEqual(int(re.search(pattern, text)[1]), value, pattern)


class Messages(unittest.TestCase):
    def test_whole_subtrees_take_the_logarithm(self):
        for tasks in (16, 64, 1024):
            for levels in range(5):
                self.assertEqual(model.chain_to_root(tasks, 2**levels), levels)
        self.assertEqual(model.chain_to_root(16, 3), 2)

    def test_any_shares_follow_the_tree(self):
        longer = 0
        for tasks in (1, 2, 7, 16, 31, 100):
            for ranks in range(1, min(tasks, 20) + 1):
                found = model.chain_to_root(tasks, ranks)
                self.assertEqual(found, chain_over_all_nodes(tasks, ranks), (tasks, ranks))
                longer += found > (ranks - 1).bit_length()
        self.assertGreater(longer, 0)  # cut subtrees cost something

    def test_one_rank_sends_nothing(self):
        step = model.step(model.Problem(1600, 100, 2, 1), SLOW)
        self.assertEqual((step.communicate, step.chain, step.efficiency, step.efficiency_exposed), (0, 0, 1, 1))


class Steps(unittest.TestCase):
    def test_by_hand(self):
        # 16 tasks, 4 a rank: 400 particles of 100 (4 2 / 8 + 1) + 4 / 4 = 201 ns each. One block; 2 messages there, 2 back.
        step = model.step(SMALL, SLOW)
        self.assertEqual((step.block, step.blocks, step.chain), (100, 1, 4))
        self.assertAlmostEqual(step.compute, 80.4e-6, delta=1e-15)
        self.assertAlmostEqual(step.even, 80.4e-6, delta=1e-15)
        self.assertAlmostEqual(step.communicate, 4 * (1e-3 + 800e-6), delta=1e-15)
        self.assertAlmostEqual(step.waiting, step.communicate, delta=1e-15)
        self.assertAlmostEqual(step.efficiency, 80.4 / 7280.4, delta=1e-12)
        self.assertAlmostEqual(step.efficiency_exposed, 80.4 / 7280.4, delta=1e-12)

    def test_blocks_cost_their_latency(self):
        # ceil(100 / 30) 2 log2(4) alpha + 16 100 log2(4) beta.
        step = model.step(SMALL, SLOW, block=30)
        self.assertEqual(step.blocks, 4)
        self.assertAlmostEqual(step.communicate, 16e-3 + 3.2e-3, delta=1e-15)
        # 4 exchanges of 4.8 ms, beside 15 of the 60 microseconds of all reductions, twice all 20.1, and 5.1 of the last map.
        self.assertAlmostEqual(step.waiting, 19.2e-3 - (15 + 2 * 20.1 + 5.1) * 1e-6, delta=1e-15)
        self.assertAlmostEqual(step.efficiency, 80.4e-6 / (80.4e-6 + step.waiting), delta=1e-12)

    def test_exchanges_hide_behind_arithmetic(self):
        # 10 microseconds each: less than 15 beside a reduction and 20.1 beside both, 4.9 more than 5.1 beside the last map.
        quick = model.Machine(SLOW.rates, 2.5e-6, 0)
        step = model.step(SMALL, quick, block=30)
        self.assertAlmostEqual(step.communicate, 40e-6, delta=1e-15)
        self.assertAlmostEqual(step.waiting, 4.9e-6, delta=1e-15)
        self.assertEqual(model.step(SMALL, model.Machine(SLOW.rates, 1.2e-6, 0), block=30).waiting, 0)
        # In two blocks there is none beside both.
        self.assertAlmostEqual(model.step(SMALL, SLOW, block=50).waiting, 7.2e-3 + 4e-3 - 30e-6 - 10.2e-6, delta=1e-15)

    def test_the_largest_share_counts(self):
        step = model.step(model.Problem(1600, 100, 2, 3), SLOW)
        self.assertAlmostEqual(step.compute / step.even, 6 / 16 * 3, delta=1e-12)

    def test_memory(self):
        # Particles and drift, samples twice, activations of 400 particles, 4 partial sums of 100 samples.
        self.assertEqual(model.rank_bytes(SMALL), 30e6 + 24 * 400 * 4 + 16 * 100 * 2 + 8 * 400 * 100 + 8 * 4 * 100)
        self.assertEqual(model.rank_bytes(SMALL, 30), 30e6 + 24 * 400 * 4 + 16 * 100 * 2 + 2 * 30 * (8 * 400 + 8 * 4))


class Script(unittest.TestCase):
    def ranks(self, *arguments):
        command = [sys.executable, BENCH / "ranks", *map(str, arguments)]
        return subprocess.run(command, capture_output=True, text=True, check=False)

    def test_it_says_what_the_model_says(self):
        done = self.ranks("--particles", 1600, "--samples", 100, "--input-dim", 2, "--ranks", 4, "--threads", 2,
                          "--rates", "4,0.5,2", "--alpha", 1e-3, "--beta", 1e-6, "--particles-per-rank", 1600)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertIn("T_comp = 8.04e-05 s", done.stdout)
        self.assertIn("T_comm = 0.0072 s: 1 exchanges of 100 samples, 4 messages each", done.stdout)
        self.assertIn("0.0072 s wait for messages; efficiency 1.1 %, and 1.1 % if", done.stdout)
        self.assertEqual(len(re.findall(r"^\| \de\+\d\d \|", done.stdout, re.M)), 4)

    def test_what_is_wrong_is_one_sentence(self):
        for arguments, why in (
                (("--ranks", 0), "--ranks = 0: at least 1 is needed"),
                (("--ranks", 17, "--particles", 2000), "--ranks = 17: 2000 particles make 16 tasks, and every rank needs one"),
                (("--alpha", -1), "--alpha = -1.0: a number of seconds is needed, from 0 on"),
                (("--beta", "nan"), "--beta = nan: a number of seconds is needed, from 0 on"),
                (("--rates", "1,2"), "--rates = 1,2: three positive numbers with commas between are needed, F,A,G"),
                (("--samples", "x"), "argument --samples: invalid int value: 'x'")):
            done = self.ranks(*arguments)
            self.assertEqual((done.returncode, done.stdout, done.stderr), (2, "", f"ranks: {why}\n"))


if __name__ == "__main__":
    unittest.main()

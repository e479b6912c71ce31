#!/usr/bin/env python3
"""Ctrl-C ends what computes within 0.2 seconds, with KeyboardInterrupt, and the state is good."""
import os
import signal
import threading
import time
import unittest

import numpy as np

import mfld
import package
from package import arrays, experiment, with_arrays

SOON = 0.2 * package.PATIENCE


class Interrupt(package.PackageTest):
    def interrupt(self, action, after=0.3):
        """How long it takes after the signal."""
        sent = []

        def send():
            time.sleep(after)
            sent.append(time.monotonic())
            os.kill(os.getpid(), signal.SIGINT)

        thread = threading.Thread(target=send)
        thread.start()
        try:
            with self.assertRaises(KeyboardInterrupt):
                action()
            return time.monotonic() - sent[0]
        finally:
            thread.join()

    def test_steps_end_and_can_go_on(self):
        value = experiment(phase__0__steps=10**8, observe={"at": []})
        sim = mfld.Simulation(value)
        self.assertLess(min(self.interrupt(lambda: sim.run()) for _ in range(3)), SOON)
        plain = mfld.Simulation(value)
        plain.run(sim.step)
        self.assert_bits(sim.particles, plain.particles)
        sim.run(10)
        plain.run(10)
        self.assert_bits(sim.particles, plain.particles)

    def test_in_an_objective_of_ones_own(self):
        class Slow:
            def value(self, theta):
                return 0.0

            def drift(self, theta):
                time.sleep(0.001)
                return theta

        sim = mfld.Simulation({"seed": 1, "phase": [{"method": "gd", "steps": 10**8, "step_size": 1e-9}]},
                              objective=Slow(), particles=np.ones((5, 2)))
        self.assertLess(min(self.interrupt(lambda: sim.run()) for _ in range(3)), SOON)
        self.assertGreater(sim.step, 0)
        self.assertEqual(sim.run(3), 3)

    def test_a_run_in_memory_and_in_a_folder(self):
        value = experiment(phase__0__steps=10**8)
        self.assertLess(min(self.interrupt(lambda: mfld.run(value)) for _ in range(3)), SOON)
        folders = iter(("out", "again", "once_more"))
        self.assertLess(min(self.interrupt(lambda: mfld.run(value, out=self.root / next(folders))) for _ in range(3)), SOON)
        stopped = mfld.load(self.root / "out")
        self.assertEqual(stopped.summary["ending"], "interrupted")
        self.assertGreater(stopped.summary["step"], 0)
        self.assertTrue((self.root / "out/checkpoint.h5").exists())

    def test_a_handler_that_does_not_raise_stops_nothing(self):
        came = []
        before = signal.signal(signal.SIGINT, lambda *_: came.append(1))
        try:
            sim = mfld.Simulation(experiment(phase__0__steps=10**9, observe={"at": []}))
            thread = threading.Timer(0.1, os.kill, (os.getpid(), signal.SIGINT))
            thread.start()
            start = time.monotonic()
            while time.monotonic() - start < 0.3:
                self.assertEqual(sim.run(1000), 1000)
            thread.join()
        finally:
            signal.signal(signal.SIGINT, before)
        self.assertEqual(came, [1])

    def test_in_another_thread_nothing_is_lost(self):
        X, y = arrays()
        result = []
        thread = threading.Thread(target=lambda: result.append(mfld.run(with_arrays(X, y))))
        thread.start()
        thread.join()
        self.assert_bits(result[0].metrics.to_numpy(), mfld.run(with_arrays(X, y)).metrics.to_numpy())


if __name__ == "__main__":
    unittest.main()

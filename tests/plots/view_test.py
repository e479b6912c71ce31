#!/usr/bin/env python3
"""The page of trajectories as a file: what is packed is the file's to the stated error, names cannot become HTML, what cannot
be shown is refused in one sentence, and --serve answers this machine only."""

from drawing import PLOTS, DrawingTest, write_run, write_runs  # first: it may start the test over

import base64
import http.client
import json
import re
import threading
import unittest
import zlib

import numpy as np

import frames
import pages
import serving
from mfld import results

COLUMNS = {"train_loss": np.geomspace(1, 1e-3, 11), "movement_mean": np.linspace(0, 1, 11)}


def walk(num_frames=20, particles=7, seed=1):
    """[frames, particles, 3] of (r, w_1, w_2)."""
    return np.cumsum(np.random.default_rng(seed).normal(size=(num_frames, particles, 3)), axis=0)


def unpacked(run):
    """{name: [frames, particles]} of a run in a payload, as plots/page/data.js does it but by other means."""
    data = np.frombuffer(zlib.decompress(base64.b64decode(run["data"])), np.uint8)
    shape = (len(run["columns"]), 2, len(run["steps"]), len(run["ids"]))
    low, high = np.moveaxis(data.reshape(shape).astype(np.uint16), 1, 0)
    folded = low | (high << 8)
    changes = (folded >> 1) ^ (-(folded & 1).astype(np.int32)).astype(np.uint16)
    codes = np.cumsum(changes, axis=1, dtype=np.uint16)
    values = {}
    for head, code in zip(run["columns"], codes):
        step = (head["high"] - head["low"]) / head["levels"]
        values[head["name"]] = np.where(code == frames.MISSING, np.nan, head["low"] + code * step)
    return values


class Packing(DrawingTest):
    def shown(self, positions, **options):
        write_run(self.folder / "run", COLUMNS, frames=positions)
        return pages.payload([results.load(self.folder / "run")], **options)["runs"][0]

    def test_positions_to_the_stated_error(self):
        positions = walk() * [1, 1e-9, 1e9] + [0, 1e3, 0]
        values = unpacked(self.shown(positions))
        for column, name in enumerate(("r", "w_1", "w_2")):
            exact = positions[:, :, column]
            self.assertLessEqual(abs(values[name] - exact).max(), frames.ERROR * np.ptp(exact) + 1e-13 * abs(exact).max())

    def test_alignment_is_the_cosine_with_the_nearest_teacher(self):
        positions = walk()
        weights = positions[:, :, 1:] / np.linalg.norm(positions[:, :, 1:], axis=2, keepdims=True)
        np.testing.assert_allclose(unpacked(self.shown(positions))["alignment"], weights.max(axis=2), atol=1 / 249)

    def test_what_is_no_number_is_missing_and_said(self):
        positions = walk()
        positions[3, 2, 1], positions[4, 2, 2] = np.nan, np.inf
        run = self.shown(positions)
        values = unpacked(run)
        self.assertEqual(np.argwhere(np.isnan(values["w_1"])).tolist(), [[3, 2]])
        self.assertEqual(np.argwhere(np.isnan(values["w_2"])).tolist(), [[4, 2]])
        self.assertIn("2 positions are not finite", " ".join(run["notes"]))

    def test_one_frame_and_a_cloud_that_stands_still(self):
        self.assertEqual(self.shown(np.ones((1, 3, 3)))["steps"], [0])

    def test_thinning_is_said_and_keeps_the_first_and_the_last(self):
        run = self.shown(walk(), particles=3, most_frames=5)
        self.assertEqual((run["ids"], run["steps"]), ([0, 3, 6], [0, 5, 10, 14, 19]))
        self.assertIn("3 of 7 recorded particles and 5 of 20 frames", run["notes"][0])

    def test_principal_directions_of_a_cloud_in_a_plane(self):
        rng = np.random.default_rng(3)
        plane = np.linalg.qr(rng.normal(size=(9, 2)))[0]
        basis = frames.principal_directions([rng.normal(size=(4, 50, 2)) * [3, 1] @ plane.T])
        np.testing.assert_allclose(plane @ plane.T @ basis[:, :2], basis[:, :2], atol=1e-9)


class Command(DrawingTest):
    def view(self, *options, status=0, run="run"):
        return self.draw("view", *options, status=status, run=run)

    def draw(self, figure, *options, status=0, run="run"):
        return super().draw(figure, *options, "--out", str(self.folder / "page.html"), status=status, run=run)

    def test_names_are_escaped(self):
        evil = "</script><script>document.title = 'evil'</script>&<b>"
        experiment = f"[[phase]]\nname = {json.dumps(evil)}\nsteps = 100\n"
        write_run(self.folder / "<b>x&y", {**COLUMNS, evil: 1}, frames=walk(), experiment=experiment.replace("{", "{{"))
        self.view("--columns", evil, run="<b>x&y")
        text = (self.folder / "page.html").read_text()
        self.assertNotIn("<script>document.title", text)
        self.assertIn("<title>&lt;b&gt;x&amp;y</title>", text)

    def test_no_network(self):
        write_run(self.folder / "run", COLUMNS, frames=walk())
        self.view()
        text = (self.folder / "page.html").read_text()
        self.assertNotRegex(text, r"(src|href)\s*=")
        self.assertIn("default-src 'none'", text)
        self.assertIn("connect-src 'none'", text)
        self.assertIn("The MIT License", text)

    def test_refusals(self):
        write_run(self.folder / "run", COLUMNS)
        self.assertIn("[observe.trajectory]", self.view(status=2).stderr)
        write_run(self.folder / "empty", COLUMNS, frames=np.zeros((0, 4, 3)))
        self.assertIn("no frame yet", self.view(run="empty", status=2).stderr)
        write_run(self.folder / "good", COLUMNS, frames=walk())
        for options, part in ((["--coordinates", "w_9"], "r, w_1, w_2"), (["--columns", "x"], "train_loss"),
                              (["--serve", "good"], "no other RUN_DIR"), (["--only", "seed=1"], "single run")):
            self.assertIn(part, self.view(*options, run="good", status=2).stderr)
        self.assertFalse((self.folder / "page.html").exists())

    def test_of_a_sweep_one_or_two(self):
        runs = [(f"case{k}", f"case{k}", {"columns": COLUMNS, "frames": walk(seed=k)}) for k in range(3)]
        write_runs(self.folder / "run", [], runs)
        self.assertIn("here are 3", self.view(status=2).stderr)
        self.view("--only", "case=case0", "--only", "case=case2")

    def test_a_run_that_goes_on_is_marked(self):
        write_run(self.folder / "run", COLUMNS, frames=walk())
        (self.folder / "run/summary.json").write_text('{"ending": "running"}')
        self.assertIn("not finished: step 100", self.view().stderr)


class Served(DrawingTest):
    def get(self, folder, path, host="127.0.0.1"):
        server = serving.server_of(folder, 0, {})
        self.assertEqual(server.server_address[0], "127.0.0.1")
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            connection = http.client.HTTPConnection(*server.server_address, timeout=60)
            connection.request("GET", path, headers={"Host": host})
            answer = connection.getresponse()
            return answer.status, answer.read().decode()
        finally:
            server.shutdown()
            server.server_close()
            thread.join()

    def test_a_run_and_news_of_it(self):
        write_run(self.folder / "run", COLUMNS, frames=walk())
        status, text = self.get(self.folder / "run", "/")
        self.assertEqual(status, 200)
        self.assertRegex(text[:1000], "connect-src 'self'")
        self.assertEqual(self.get(self.folder / "run", "/version"), (200, "20 11 finished"))
        self.assertEqual(len(json.loads(self.get(self.folder / "run", "/payload")[1])["runs"][0]["steps"]), 20)
        self.assertEqual(self.get(self.folder / "run", "/../../etc/passwd")[0], 404)
        self.assertEqual(self.get(self.folder / "run", "/", host="elsewhere.example")[0], 403)

    def test_a_list_of_the_runs_of_a_sweep(self):
        runs = [("a<b", "", 1, {"columns": COLUMNS, "frames": walk()}), ("none", "", 2, {"columns": COLUMNS})]
        write_runs(self.folder / "run", ["seed"], runs)
        text = self.get(self.folder / "run", "/")[1]
        self.assertIn('<a href="/run/a%3Cb">a&lt;b</a>', text)
        self.assertEqual(self.get(self.folder / "run", "/run/a%3Cb")[0], 200)
        status, text = self.get(self.folder / "run", "/run/none")
        self.assertEqual(status, 503)
        self.assertIn("[observe.trajectory]", text)
        self.assertEqual(self.get(self.folder / "run", "/run/other")[0], 404)

    def test_a_run_of_a_sweep_that_goes_on_is_on_the_list(self):
        """index.csv has a row for it when it has ended."""
        write_runs(self.folder / "run", ["seed"], [("seed=1", "", 1, {"columns": COLUMNS, "frames": walk()})])
        write_run(self.folder / "run/seed=2", COLUMNS, frames=walk())
        (self.folder / "run/seed=2/summary.json").unlink()
        text = self.get(self.folder / "run", "/")[1]
        self.assertIn("1 runs have ended, 1 more begun", text)
        self.assertRegex(text, '<a href="/run/seed%3D2">seed=2</a> begun, step 100')
        self.assertEqual(self.get(self.folder / "run", "/run/seed%3D2/version"), (200, "20 11 None"))


if __name__ == "__main__":
    unittest.main()

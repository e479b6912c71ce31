#!/usr/bin/env python3
"""The page of trajectories in a browser without a screen: it plays, scrubs to the file's positions, answers pointer and keys,
keeps one clock for two runs, and says what it cannot do. Skipped where Debian's chromium, chromium-driver and
python3-selenium are not installed (sims/setup extra)."""

from drawing import DrawingTest, write_run, write_runs  # first: it may start the test over

import importlib.util
import shutil
import threading
import time
import unittest

import numpy as np

import frames
import pages
import serving
from mfld import results

BROWSER, DRIVER = shutil.which("chromium"), shutil.which("chromedriver")
MISSING = not (BROWSER and DRIVER and importlib.util.find_spec("selenium"))
PATIENCE_SECONDS = 120
COLUMNS = {"train_loss": np.geomspace(1, 1e-3, 11), "test_loss": np.geomspace(2, 1e-2, 11)}


def walk(num_frames=30, particles=8, seed=1):
    return np.cumsum(np.random.default_rng(seed).normal(size=(num_frames, particles, 3)), axis=0)


def open_browser():
    from selenium import webdriver
    from selenium.webdriver.chrome.service import Service

    options = webdriver.ChromeOptions()
    options.binary_location = BROWSER
    for argument in ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--window-size=1200,900"):
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    browser = webdriver.Chrome(service=Service(DRIVER), options=options)
    browser.set_script_timeout(PATIENCE_SECONDS)
    return browser


@unittest.skipIf(MISSING, "needs chromium, chromium-driver and python3-selenium: sims/setup extra installs them")
class PageTest(DrawingTest):
    @classmethod
    def setUpClass(cls):
        cls.browser = open_browser()
        cls.addClassCleanup(cls.browser.quit)

    def write(self, name, positions):
        write_run(self.folder / name, COLUMNS, frames=positions)
        return results.load(self.folder / name)

    def js(self, script, *arguments):
        return self.browser.execute_script(script, *arguments)

    def wait(self, condition):
        end = time.monotonic() + PATIENCE_SECONDS
        while not self.js(f"return Boolean({condition})"):
            self.assertLess(time.monotonic(), end, f"waited in vain for {condition}")
            time.sleep(0.05)

    def open(self, *runs, **options):
        path = self.folder / "page.html"
        path.write_text(pages.page(pages.payload(list(runs), **options)), encoding="utf-8")
        self.browser.get(path.as_uri())
        self.wait("window.readyMilliseconds || !document.getElementById('sentence').hidden")

    def press(self, key):
        from selenium.webdriver.common.action_chains import ActionChains

        ActionChains(self.browser).send_keys(key).perform()

    def point(self, x, y, click=False):
        """At pixels of the first canvas."""
        from selenium.webdriver.common.action_chains import ActionChains

        canvas = self.browser.find_element("css selector", "canvas")
        middle = [canvas.size["width"] / 2, canvas.size["height"] / 2]
        actions = ActionChains(self.browser).move_to_element_with_offset(canvas, round(x - middle[0]), round(y - middle[1]))
        (actions.click() if click else actions).perform()

    def assert_quiet(self):
        self.assertEqual([entry for entry in self.browser.get_log("browser") if entry["level"] == "SEVERE"], [])

    def tick(self):
        return self.js("return page.tick")

    def test_it_scrubs_to_the_positions_of_the_file(self):
        positions = walk()
        self.open(self.write("run", positions))
        for frame in (0, 7, 29):
            self.js("const scrub = document.getElementById('scrub'); scrub.value = arguments[0];"
                    "scrub.dispatchEvent(new Event('input'))", frame)
            self.wait(f"page.views[0].frame === {frame} && !page.stale")
            drawn = self.js("const v = page.views[0], n = v.run.particles; return v.axes.map(axis => "
                            "Array.from(axis.column.values.slice(v.frame * n, v.frame * n + n)))")
            for column, values in zip((1, 2), drawn):
                error = frames.ERROR * np.ptp(positions[:, :, column])
                np.testing.assert_allclose(values, positions[frame, :, column], rtol=0, atol=error)
            pixels = self.js("const v = page.views[0]; return Array.from(v.x, x => (x - v.width / 2) / v.axes[0].scale)")
            np.testing.assert_allclose(pixels, drawn[0], atol=1e-9)
        self.assert_quiet()

    def test_keys_and_playing(self):
        from selenium.webdriver.common.keys import Keys

        self.open(self.write("run", walk()))
        for key, tick in ((Keys.END, 29), (Keys.HOME, 0), (Keys.ARROW_RIGHT, 1), (Keys.ARROW_RIGHT, 2), (Keys.ARROW_LEFT, 1)):
            self.press(key)
            self.assertEqual(self.tick(), tick)
        self.press(" ")
        self.wait("page.tick > 3")
        self.assertEqual(self.js("return document.getElementById('play').getAttribute('aria-label')"), "Pause")
        self.press(" ")
        self.assertFalse(self.js("return page.playing"))
        self.wait("!page.told && !page.stale")
        self.assertIn(f"frame {self.tick() + 1} of 30", self.js("return document.getElementById('scrub').ariaValueText"))
        self.assertIn("8 particles", self.js("return document.querySelector('canvas').ariaLabel"))
        self.assert_quiet()

    def test_hover_and_follow(self):
        from selenium.webdriver.common.keys import Keys

        self.open(self.write("run", walk()))
        self.js("page.goTo(20)")
        self.wait("!page.stale")
        x, y, j = self.js("const v = page.views[0], j = v.at(v.x[3], v.y[3]); return [v.x[3], v.y[3], j]")
        self.point(x, y)
        self.assertIn(f"particle {j}\nr = ", self.js("return document.querySelector('.tip').textContent"))
        self.point(x, y, click=True)
        self.wait(f"page.followed === {j} && !page.told")
        self.assertIn(f"particle {j}", self.js("return document.getElementById('followed').textContent"))
        self.press(Keys.ESCAPE)
        self.assertIsNone(self.js("return page.followed"))
        self.assert_quiet()

    def test_two_runs_keep_one_clock(self):
        self.open(self.write("slow", walk()), self.write("quick", walk(num_frames=12, seed=2)))
        for tick in (5, 29):
            self.js("page.goTo(arguments[0])", tick)
            self.wait("!page.stale")
            shown = self.js("return page.views.map(view => view.run.times[view.frame])")
            np.testing.assert_allclose(shown, [0.1 * tick, 0.1 * min(tick, 11)])
        self.assert_quiet()

    def test_three_dimensions_turn_unless_motion_is_unwanted(self):
        run = self.write("run", walk())
        turn = "const depth = document.getElementById('axis2'); depth.value = 'r'; depth.dispatchEvent(new Event('input'))"
        self.open(run)
        self.js(turn)
        self.wait("page.look.yaw > 0.65")
        for colour in ("r", "alignment", "phase", ""):
            self.js("document.getElementById('colour').value = arguments[0]; page.applyChoices()", colour)
            self.wait("!page.stale || page.look.yaw > 0")
        media = [{"name": "prefers-reduced-motion", "value": "reduce"}, {"name": "prefers-color-scheme", "value": "dark"}]
        self.browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": media})
        try:
            self.open(run)
            self.js(turn)
            time.sleep(0.3)
            self.assertEqual(self.js("return page.look.yaw"), 0.6)
            self.assertEqual(self.js("return page.views[0].inks.paper"), "#15171a")
        finally:
            self.browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": []})
        self.assert_quiet()

    def test_odd_runs(self):
        holes = walk()
        holes[5, 2] = np.nan
        for name, positions in (("one", walk(num_frames=1)), ("holes", holes), ("none", np.full((4, 3, 3), np.nan)),
                                ("still", np.zeros((4, 3, 3)))):
            self.open(self.write(name, positions))
            self.press(" ")
            self.js("page.goTo(5)")
            self.wait("!page.stale")
            self.assert_quiet()

    def test_neighbouring_ticks_read_differently(self):
        self.open(self.write("run", walk()))
        self.assertEqual(self.js("return [0, 0.5, 1000, 15000, 20000, 25000, 1e-4, 1.5e-4, null].map(tickText)"),
                         ["0", "0.5", "1000", "1.5e+4", "2e+4", "2.5e+4", "1e-4", "1.5e-4", ""])

    def test_names_that_are_html_stay_text(self):
        self.open(self.write("<img src=x onerror='document.title=1'>", walk()))
        self.assertEqual(self.js("return document.querySelectorAll('img').length"), 0)
        self.assertIn("<img", self.js("return document.querySelector('figcaption').textContent"))

    def serve(self, name):
        server = serving.server_of(self.folder / name, 0, {})
        threading.Thread(target=server.serve_forever, daemon=True).start()
        self.addCleanup(server.server_close)
        self.addCleanup(server.shutdown)
        self.browser.get(f"http://127.0.0.1:{server.server_address[1]}/")

    def test_the_list_of_a_served_sweep_leads_to_a_run_that_goes_on(self):
        positions = walk()
        write_runs(self.folder / "sweep", ["seed"], [("seed=1", "", 1, {"columns": COLUMNS, "frames": positions})])
        write_run(self.folder / "sweep/seed=2", COLUMNS, frames=positions[:20])
        self.serve("sweep")
        self.js("[...document.links].find(link => link.textContent === 'seed=2').click()")
        self.wait("window.readyMilliseconds && page.seen && page.clock.last === 19")
        shutil.rmtree(self.folder / "sweep/seed=2")
        write_run(self.folder / "sweep/seed=2", COLUMNS, frames=positions)
        self.wait("page.clock.last === 29")

    def test_a_served_run_goes_on(self):
        """At the end it stays at the end."""
        positions = walk()
        self.write("run", positions[:20])
        self.serve("run")
        self.wait("window.readyMilliseconds && page.seen")
        self.assert_quiet()
        self.js("page.goTo(19)")
        shutil.rmtree(self.folder / "run")
        self.write("run", positions)
        self.wait("page.clock.last === 29 && page.tick === 29 && page.views[0].frame === 29")

    def test_a_browser_that_cannot_unpack(self):
        command = "Page.addScriptToEvaluateOnNewDocument"
        made = self.browser.execute_cdp_cmd(command, {"source": "delete window.DecompressionStream"})
        try:
            self.open(self.write("run", walk()))
            self.assertIn("DecompressionStream", self.js("return document.getElementById('sentence').textContent"))
        finally:
            self.browser.execute_cdp_cmd("Page.removeScriptToEvaluateOnNewDocument", made)
        self.assert_quiet()


if __name__ == "__main__":
    unittest.main()

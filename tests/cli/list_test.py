#!/usr/bin/env python3
"""`mfld list`: what an experiment can choose stands in a list with its formula. Usage: this PROGRAM"""
import json
import re

import program


class ListTest(program.ProgramTest):
    def rows(self, topic):
        """Name and formula, line by line."""
        result = self.mfld("list", topic)
        self.assertEqual(result.returncode, 0, result.stderr)
        return [line.split(maxsplit=1) for line in result.stdout.splitlines()[1:]]

    def choices(self, key):
        """What `mfld list keys` allows."""
        lines = self.mfld("list", "keys").stdout.splitlines()
        allowed = [lines[i + 1] for i, line in enumerate(lines) if line.split()[0] == key]
        self.assertTrue(allowed, key)
        return {name for line in allowed for name in re.findall(r'"([a-z0-9-]+)"', line.split(";")[0])}

    def test_schedules(self):
        rows = self.rows("schedules")
        self.assertEqual({name for name, _ in rows}, self.choices("phase.step_size.kind"))
        self.assertIn(["halving", "value 2^-floor(k / timescale): rounds of equal length"], rows)

    def test_losses(self):
        rows = self.rows("losses")
        self.assertEqual({name for name, _ in rows}, self.choices("loss.kind"))
        self.assertIn(["squared", "squared, l(u, y) = 0.5 (u - y)^2"], rows)

    def test_the_number_of_a_loss_is_read_with_it_alone(self):
        keys = self.mfld("list", "keys").stdout
        risk = r'only with objective\.kind = "risk", '
        self.assertRegex(keys, rf'  loss\.half .*\n +true or false; default: true; {risk}loss\.kind = "squared"\n')
        self.assertRegex(keys, rf'  loss\.delta .*\n +a finite number > 0; default: 1\.0; {risk}loss\.kind = "huber"\n')

    def test_objectives(self):
        rows = self.rows("objectives")
        self.assertEqual({name for name, _ in rows}, self.choices("objective.kind"))
        keys = self.mfld("list", "keys").stdout
        self.assertRegex(keys, r'  network\.neuron .*\n.*only with objective\.kind = "risk"\n')
        self.assertRegex(keys, r'  objective\.bend .*\n.*only with objective\.kind = "ksd", objective\.target = "banana"')

    def test_steps(self):
        rows = self.rows("steps")
        self.assertLessEqual(self.choices("phase.step"), {row[0] for row in rows})

    def test_the_methods_end_with_which_to_pick(self):
        hint = "  To pick one for a certified optimum: "
        self.assertEqual(self.mfld("list", "methods").stdout.count(hint), 1)
        self.assertNotIn(hint, self.mfld("list", "methods", "mfld").stdout)
        self.assertNotIn(hint, self.mfld("list", "methods", "--json").stdout)

    def test_its_step_sizes_can_be_written_as_they_stand(self):
        experiment = self.root / "rule.toml"
        task = '[task]\nkind = "teacher-student"\n[network]\nwidth = 8\n'
        for step, size in (("leimkuhler-matthews", "0.2 / lambda1"), ("euler-maruyama", "0.1 / lambda1"),
                           ("kinetic", '0.4 / sqrt(lambda1)"\nfriction = "2 * sqrt(2 * lambda1)')):
            experiment.write_text(f'seed = 1\n{task}[[phase]]\nmethod = "mfld"\nsteps = 3\nstep = "{step}"\n'
                                  f'step_size = "{size}"\nlambda1 = 0.01\nlambda2 = 0.01\n')
            result = self.mfld("run", experiment, "--out", self.root / step)
            self.assertEqual(result.returncode, 0, result.stderr)

    def test_links(self):
        rows = self.rows("links")
        self.assertEqual({name for name, _ in rows}, self.choices("task.link"))
        self.assertIn(["hermite3", "(z_1^3 - 3 z_1) / sqrt 6"], rows)

    def keys(self, *prefix):
        result = self.mfld("list", "keys", *prefix, "--json")
        self.assertEqual(result.returncode, 0, result.stderr)
        return [row["key"] for row in json.loads(result.stdout)["keys"]]

    def test_keys_of_a_section(self):
        everything = self.keys()
        self.assertEqual(self.keys("phase"), [key for key in everything if key.startswith("phase.")])
        self.assertEqual(self.keys("phase.1.step_size"), self.keys("phase.step_size"))
        self.assertEqual(set(self.keys("task.link")), {"task.link"})
        self.assertEqual(self.keys("task.lin"), self.keys("task.link"))
        self.assert_sentence(self.mfld("list", "keys", "task.lnk"), 2, "unknown key task.lnk; did you mean task.link?")
        self.assert_sentence(self.mfld("list", "keys", "netwrok"), 2, "unknown key netwrok; did you mean network?")
        self.assert_sentence(self.mfld("list", "keys", "zzzzzzzzz"), 2, "unknown key zzzzzzzzz; `mfld list keys`")

    def test_one_row(self):
        self.assertEqual(self.rows("links")[0], self.mfld("list", "links", "relu").stdout.splitlines()[1].split(maxsplit=1))
        self.assert_sentence(self.mfld("list", "links", "hermit3"), 2, "unknown link hermit3; did you mean hermite3?")

    def test_json_says_what_the_text_says(self):
        everything = json.loads(self.mfld("list", "--json").stdout)
        for topic, rows in everything.items():
            text = self.mfld("list", topic).stdout
            for row in rows:
                for word in row.values():
                    self.assertIn("" if word is None or isinstance(word, bool) else word, text)


if __name__ == "__main__":
    program.main()

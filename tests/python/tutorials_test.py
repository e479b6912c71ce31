#!/usr/bin/env python3
"""The tutorials run from their first cell to their last, and are kept without what they show.

    tests/python/tutorials_test.py --figures FOLDER      also leaves their figures there, to be looked at
"""
import ast
import contextlib
import io
import json
import os
import pathlib
import sys
import unittest

import package
from package import PACKAGE, ROOT

try:
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt
except ImportError:
    plt = None

TUTORIALS = sorted((ROOT / "src/python/tutorials").glob("*.ipynb"))
FIGURES = None


def cells(path):
    return [cell for cell in json.loads(path.read_text())["cells"] if cell["cell_type"] == "code"]


def execute(source, names):
    """What a notebook does with a cell: its statements, and the last expression shown."""
    tree = ast.parse(source)
    last = tree.body.pop() if tree.body and isinstance(tree.body[-1], ast.Expr) else None
    exec(compile(tree, "cell", "exec"), names)
    if last is not None:
        value = eval(compile(ast.Expression(last.value), "cell", "eval"), names)
        html = getattr(value, "_repr_html_", None)
        return html() if html is not None else repr(value)
    return None


def keep_figures(path, number, shown):
    for figure in plt.get_fignums():
        plt.figure(figure).savefig(FIGURES / f"{path.stem}_{number}_{figure}.png", dpi=80)
    if shown:
        (FIGURES / f"{path.stem}_{number}.html").write_text(shown)


def has_jupyter():
    try:
        import ipykernel  # noqa: F401
        import nbclient  # noqa: F401
        import nbformat  # noqa: F401
    except ImportError:
        return False
    return True


class Tutorials(package.PackageTest):
    def test_there_are_three_without_what_they_show(self):
        self.assertEqual(len(TUTORIALS), 3)
        for path in TUTORIALS:
            for cell in cells(path):
                self.assertEqual((cell["outputs"], cell["execution_count"]), ([], None), path.name)

    @unittest.skipIf(plt is None, "matplotlib is not installed (sims/setup plots)")
    def test_run_cell_by_cell(self):
        for path in TUTORIALS:
            with self.subTest(path.stem), contextlib.redirect_stdout(io.StringIO()):
                names = {"__name__": "__main__"}
                for number, cell in enumerate(cells(path)):
                    shown = execute("".join(cell["source"]), names)
                    if FIGURES is not None:
                        keep_figures(path, number, shown)
                    plt.close("all")

    @unittest.skipUnless(plt is not None and has_jupyter(), "nbclient and ipykernel are not installed")
    def test_run_in_jupyter(self):
        import nbclient
        import nbformat

        os.environ["PYTHONPATH"] = str(PACKAGE)
        path = ROOT / "src/python/tutorials/own_objective.ipynb"
        notebook = nbformat.read(path, as_version=4)
        kernel = {"metadata": {"path": str(self.root)}}
        done = nbclient.NotebookClient(notebook, timeout=int(120 * package.PATIENCE), resources=kernel).execute()
        shown = [output for cell in done.cells if cell.cell_type == "code" for output in cell.outputs]
        self.assertTrue(any("text/html" in output.get("data", {}) for output in shown))


if __name__ == "__main__":
    if "--figures" in sys.argv:
        position = sys.argv.index("--figures")
        FIGURES = pathlib.Path(sys.argv[position + 1])
        FIGURES.mkdir(parents=True, exist_ok=True)
        del sys.argv[position:position + 2]
    unittest.main()

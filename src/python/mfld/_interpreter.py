"""Whether this interpreter can import the part that is compiled; if not, one sentence about why."""

import importlib.util
import pathlib
import sys

FOLDER = pathlib.Path(__file__).parent


def check():
    """ImportError where the package was built for another interpreter. The sources alone, which read runs, go with any."""
    if importlib.util.find_spec("mfld._built_for") is None:
        return
    from . import _built_for

    if sys.implementation.cache_tag != _built_for.TAG:
        raise ImportError(f"mfld in {FOLDER} was built for {_built_for.TAG}, as {_built_for.PYTHON} is, and this Python, "
                          f"{sys.executable}, is {sys.implementation.cache_tag}.")
    if importlib.util.find_spec("numpy") is None:
        raise ImportError(f"mfld needs numpy, which {sys.executable} has not; it was built for {_built_for.PYTHON}, which "
                          "has.")


def extension():
    """The part that is compiled."""
    if importlib.util.find_spec("mfld._mfld") is None:
        raise ImportError(f"{FOLDER} has no compiled part: the package of a build is in its folder python "
                          "(PYTHONPATH=build/python).")
    return importlib.import_module("mfld._mfld")

"""Importing this first makes a script run the same for everyone: under an interpreter that has what the figures need,
with modules that no file of the current folder stands in for, and with nobody's settings of matplotlib.

On some machines the python3 first on PATH is not the distribution's and has none of the modules; then the script starts
over under the first of the usual places that has them.
"""

import os
import sys


def _leave_out_the_current_folder():
    """The current folder comes into the search path by PYTHONPATH: a file called random.py there is not Python's."""
    try:
        here = os.stat(".")
    except OSError:
        return
    own = os.path.dirname(os.path.abspath(__file__))

    def is_here(path):
        if path.startswith((sys.prefix + "/lib", sys.base_prefix + "/lib")):
            return False
        try:
            return path == "" or os.path.samestat(os.stat(path), here)
        except OSError:
            return False

    kept = [path for path in sys.path if not is_here(path)]
    sys.path[:] = ([own] if own in sys.path and own not in kept else []) + kept


_leave_out_the_current_folder()

# The reader of run directories is in the package: that of these sources, built or not, whichever may be installed.
sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.realpath(__file__))), "src", "python"))

import importlib.util  # noqa: E402  (now that it is Python's)
import logging  # noqa: E402
import signal  # noqa: E402
import subprocess  # noqa: E402
import warnings  # noqa: E402

MODULES = ("numpy", "h5py", "matplotlib", "pandas", "PIL")
PLACES = ("/usr/bin/python3", "/usr/local/bin/python3")
INTERRUPTED = 130


def _open_the_first_descriptors():
    """One that is closed at the start would become that of a data file, and messages would land in it."""
    for descriptor in (0, 1, 2):
        try:
            os.fstat(descriptor)
        except OSError:
            os.open(os.devnull, os.O_RDWR)


def _end_quietly_when_interrupted():
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:  # and not ignored, as in the background
        signal.signal(signal.SIGINT, lambda *_: os._exit(INTERRUPTED))


def _missing():
    return [name for name in MODULES if importlib.util.find_spec(name) is None]


def _has_modules(python):
    command = [python, "-c", "import sys; del sys.path[0]; import " + ", ".join(MODULES)]
    environment = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "MPLBACKEND")}
    done = subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd="/", env=environment,
                          check=False)
    return done.returncode == 0


def _choose():
    if not _missing():
        return
    for place in PLACES:
        if os.path.exists(place) and place != sys.executable and _has_modules(place):
            os.execv(place, [place, *sys.argv])
    sys.exit(
        f"{sys.argv[0]}: needs the Python modules {', '.join(_missing())}; `sims/setup plots` installs them on Debian."
    )


def _import_matplotlib():
    """matplotlib reads the settings in the current folder, at MATPLOTLIBRC and in MPLBACKEND once, when it is imported;
    what it cannot read would be an error. pyplot, which reads style files too, is imported nowhere."""
    for name in ("MPLBACKEND", "SOURCE_DATE_EPOCH"):
        os.environ.pop(name, None)
    before = os.environ.get("MATPLOTLIBRC")
    os.environ["MATPLOTLIBRC"] = os.devnull
    here = os.open(".", getattr(os, "O_PATH", os.O_RDONLY))
    os.chdir("/")
    try:
        import matplotlib.figure  # noqa: F401
    except ImportError as error:
        sys.exit(f"{sys.argv[0]}: cannot import matplotlib: {error}.")
    finally:
        os.fchdir(here)
        os.close(here)
        os.environ.pop("MATPLOTLIBRC")
        if before is not None:
            os.environ["MATPLOTLIBRC"] = before


_open_the_first_descriptors()
_end_quietly_when_interrupted()
_choose()
warnings.simplefilter("ignore")  # what they would say of odd numbers, the scripts say in words
logging.getLogger("matplotlib").setLevel(logging.ERROR)
_import_matplotlib()

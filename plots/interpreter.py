"""Importing this first makes a script run under an interpreter that has what the figures need.

On some machines the python3 first on PATH is not the distribution's and has none of the modules; then the script starts
over under the first of the usual places that has them.
"""

import importlib.util
import os
import subprocess
import sys

MODULES = ("numpy", "h5py", "matplotlib", "pandas", "PIL")
PLACES = ("/usr/bin/python3", "/usr/local/bin/python3")


def _missing():
    return [name for name in MODULES if importlib.util.find_spec(name) is None]


def _has_modules(python):
    command = [python, "-c", "import " + ", ".join(MODULES)]
    return subprocess.run(command, stderr=subprocess.DEVNULL, check=False).returncode == 0


if _missing():
    for place in PLACES:
        if os.path.exists(place) and place != sys.executable and _has_modules(place):
            os.execv(place, [place, *sys.argv])
    sys.exit(
        f"{sys.argv[0]}: needs the Python modules {', '.join(_missing())}; `sims/setup plots` installs them on Debian."
    )

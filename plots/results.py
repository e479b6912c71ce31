"""`import results`, for a script that has this folder on its path: the package's reader of run directories, which needs
nothing built or installed."""

import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.realpath(__file__))), "src", "python"))
import mfld.results  # noqa: E402

sys.modules[__name__] = mfld.results

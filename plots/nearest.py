"""What was probably meant by a name that is not there."""

import difflib

from mfld.results import some

LEAST_RATIO = 0.5  # of two names that are alike
MOST_NAMES = 20


def _likeness(name, other):
    """Of the whole name or of its last part: `widht` is like network.width."""
    return max(difflib.SequenceMatcher(None, name.lower(), part).ratio()
               for part in (other.lower(), other.lower().rsplit(".", 1)[-1]))


def of(name, there):
    """The name in `there` that is most like this one; None where none is like it."""
    best = max(there, key=lambda other: _likeness(name, other), default=None)
    return best if best is not None and _likeness(name, best) >= LEAST_RATIO else None


def hint(name, there):
    """The nearest name, and those that there are, as the end of a sentence."""
    there, found = list(there), of(name, there)
    listed = f"there are {some(there, MOST_NAMES)}" if there else "there are none"
    return f"the nearest is {found}; {listed}" if found else listed

"""What several functions take."""

import operator

MOST_THREADS = 4096


def threads_of(threads):
    """How many threads, 0 for all."""
    if threads is None:
        return 0
    try:
        count = operator.index(threads)
    except TypeError:
        count = 0
    if not 1 <= count <= MOST_THREADS:
        raise ValueError(f"threads = {threads!r}: must be an integer from 1 to {MOST_THREADS}, or None for all")
    return count

"""How far a run is, on standard error."""

import sys

BAR = 24


class Line:
    """One line that is drawn again and again, in a terminal and in a notebook alike."""

    def __init__(self):
        self._drawn = False

    def __call__(self, progress):
        step, total = progress["step"], progress["num_steps"]
        done = "#" * (BAR * min(step, total) // max(total, 1))
        seconds = int(progress["seconds_left"])
        print(f"\r[{done:-<{BAR}}] step {step}/{total}  train loss {progress['train_loss']:.4g}  "
              f"{progress['steps_per_second']:.4g} steps/s  {seconds // 60}:{seconds % 60:02} left ", end="",
              file=sys.stderr, flush=True)
        self._drawn = True

    def close(self):
        if self._drawn:
            print(file=sys.stderr, flush=True)


def teller(progress):
    """The function that is told, or None."""
    if progress is None or progress is False:
        return None
    if progress is True:
        return Line()
    if not callable(progress):
        raise ValueError(f"progress = {progress!r}: must be True, None or a function")
    return progress

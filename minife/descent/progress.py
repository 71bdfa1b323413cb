"""Progress on stderr: one line that is written over on a terminal, at most ten lines in a log."""
import sys
import time

from .. import validation


def progress(items, label=None):
    """Return the items, a sequence, for iteration; a label shows how far it is, and time left."""
    return items if label is None else _shown(items, validation.instance(label, "label", str))


def _shown(items, label):
    n, start, terminal = len(items), time.perf_counter(), sys.stderr.isatty()
    over = "\r\033[K" if terminal else ""         # back to the start of the line, and clear it
    for k, item in enumerate(items, start=1):
        try:
            yield item
        except GeneratorExit:
            print(f"{over}{label}: stopped at {k}/{n}", file=sys.stderr, flush=True)
            raise
        passed = time.perf_counter() - start
        if k == n:
            print(f"{over}{label}: {n}/{n}, {duration(passed)}", file=sys.stderr, flush=True)
        elif terminal or 10 * k // n > 10 * (k - 1) // n:
            print(f"{over}{label}: {k}/{n}, {duration(passed / k * (n - k))} left",
                  file=sys.stderr, flush=True, end="" if terminal else "\n")


def duration(seconds):
    """Return a time in words: 0.4 s, 12 s, 3 min 5 s, 2 h 10 min."""
    if seconds < 10:
        return f"{seconds:.1f} s"
    minutes, seconds = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes} min"
    return f"{minutes} min {seconds} s" if minutes else f"{seconds} s"

"""Progress on the terminal: tqdm's bar where tqdm is installed, a plain counter where it is not."""
import sys


def progress(items, label=None):
    """Return the items, a sequence, for iteration; if a label is given, show on stderr how far it is."""
    if label is None:
        return items
    try:
        from tqdm import tqdm
    except ImportError:
        return _count(items, label)
    return tqdm(items, desc=label)


def _count(items, label):
    for k, item in enumerate(items, start=1):
        yield item
        print(f"\r{label}: {k}/{len(items)}", end="", file=sys.stderr, flush=True)
    print(file=sys.stderr)

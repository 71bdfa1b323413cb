"""What the compiled kernels are made from.

setup.py runs this file, too: it gives each module the checksum of its source to keep."""
from pathlib import Path
from zlib import crc32

FOLDER = Path(__file__).parent
INCLUDED = (".h", ".pxd", ".pxi")  # what all modules share


def checksum(name):
    """Return the checksum of a module's .pyx file and what it includes; None if it is not here."""
    source = FOLDER / f"{name}.pyx"
    if not source.exists():
        return None
    included = sorted(path for path in FOLDER.iterdir() if path.suffix in INCLUDED)
    return crc32(b"".join(path.read_bytes() for path in (source, *included)))

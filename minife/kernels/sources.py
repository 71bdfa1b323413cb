"""What the compiled kernels are made from. setup.py runs this file, too: a module is told its checksum when it is built."""
from pathlib import Path
from zlib import crc32

FOLDER = Path(__file__).parent
INCLUDED = (".h", ".pxd", ".pxi")  # what all modules share


def checksum(name):
    """Return the checksum of a module's .pyx file and of all that modules include, or None where the file is absent."""
    source = FOLDER / f"{name}.pyx"
    if not source.exists():
        return None
    included = sorted(path for path in FOLDER.iterdir() if path.suffix in INCLUDED)
    return crc32(b"".join(path.read_bytes() for path in (source, *included)))

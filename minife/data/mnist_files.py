"""MNIST as it is found on disk, read and checked: one .npz file, or the four IDX files, gzipped or
not."""
import gzip
import math
import struct
import zipfile
import zlib
from pathlib import Path

import numpy as np

IDX_FILES = {
    "x_train": ("train-images", 3),
    "y_train": ("train-labels", 1),  # beginning of name, axes
    "x_test": ("t10k-images", 3),
    "y_test": ("t10k-labels", 1)
}
WHERE = (
    "get the file mnist.npz as distributed with Keras, or the four IDX files of LeCun and Cortes, "
    "and give its path or set MINIFE_MNIST")


def read_mnist(path):
    """Return the four arrays of MNIST as a dict: x_train, x_test (n, 28, 28) uint8, y_train, y_test
    (n,) integers.

    load_mnist says what path may be, and which errors follow from what."""
    if not path:
        raise FileNotFoundError(
            f"load_mnist: expected a path or MINIFE_MNIST, got neither; {WHERE}")
    path = Path(path).expanduser()
    if (path / "mnist.npz").is_file():
        path = path / "mnist.npz"
    if not path.exists():
        raise FileNotFoundError(
            f"load_mnist: expected a file or folder at {path}, got none; {WHERE}")
    if path.suffix.lower() == ".csv":
        raise ValueError(
            f"load_mnist: {path} is a CSV file: read it with numpy.loadtxt(path, delimiter=',', "
            "skiprows=1, "
            f"dtype=numpy.uint8); the first column is y, the other 784 are X; or {WHERE}")
    if path.is_file() and any(path.name.startswith(stem) for stem, _ in IDX_FILES.values()):
        path = path.parent              # one of the four files stands for the folder of all
    arrays = {key: _read_idx(path, key) for key in IDX_FILES} if path.is_dir() else _read_npz(path)
    for part in ("train", "test"):
        _check_part(path, part, arrays[f"x_{part}"], arrays[f"y_{part}"])
    return arrays


def _read_npz(path):
    """Return the four arrays of an .npz file."""
    try:
        if not zipfile.is_zipfile(path):
            raise ValueError("it is not a whole zip archive")
        with np.load(path, allow_pickle=False) as file:
            return {key: np.asarray(file[key]) for key in IDX_FILES}
    except (KeyError, ValueError, OSError, EOFError, RuntimeError, zipfile.BadZipFile,
            zlib.error) as error:
        raise _wrong(path, f"an .npz file with {', '.join(IDX_FILES)}", f"this: {error}") from error


def _read_idx(folder, key):
    """Return one of the arrays from the IDX file in a folder."""
    stem, n_axes = IDX_FILES[key]
    names = [f"{stem}{mark}idx{n_axes}-ubyte{end}" for mark in "-." for end in ("", ".gz")]
    # the last two as torchvision keeps them
    folders = [folder, folder / "MNIST" / "raw", folder / "raw"]
    places = [
        place / name for name in names for place in (*folders, *(place / name for place in folders))
    ]
    path = next((place for place in places if place.is_file()), None)
    if path is None:
        found = ", ".join(sorted(entry.name for entry in folder.iterdir())[:6]) or "nothing"
        raise FileNotFoundError(
            f"load_mnist: expected {names[0]} or mnist.npz in {folder}, found {found}; {WHERE}")
    data = path.read_bytes()
    if data[:2] == b"\x1f\x8b":  # gzip's own mark, since browsers unpack a .gz and leave its name
        try:
            data = gzip.decompress(data)
        except (OSError, EOFError, zlib.error) as error:
            raise _wrong(path, "a whole gzip file", f"this: {error}") from error
    start = 4 + 4 * n_axes              # magic number, then one big-endian length per axis
    if data[:4] != bytes([0, 0, 8, n_axes]) or len(data) < start:
        got = data[:start].hex() or "nothing"
        raise _wrong(path, f"an IDX header of {start} bytes that begins 0000080{n_axes}", got)
    shape = struct.unpack(f">{n_axes}I", data[4:start])
    if len(data) - start != math.prod(shape):
        raise _wrong(path, f"{math.prod(shape)} bytes after the header", len(data) - start)
    # frombuffer is read-only
    return np.frombuffer(data, np.uint8, offset=start).reshape(shape).copy()


def _check_part(path, part, x, y):
    """Raise ValueError unless x are images and y their labels."""
    if x.dtype != np.uint8 or x.ndim != 3 or x.shape[1:] != (28, 28) or len(x) == 0:
        raise _wrong(path, f"x_{part} uint8 of shape (n, 28, 28), n > 0",
                     f"{x.dtype} of shape {x.shape}")
    if y.dtype.kind not in "iu" or y.shape != x.shape[:1]:
        raise _wrong(path, f"y_{part} integers of shape ({len(x)},)",
                     f"{y.dtype} of shape {y.shape}")
    if y.min() < 0 or y.max() > 9:
        raise _wrong(path, f"y_{part} in 0..9", f"labels from {y.min()} to {y.max()}")


def _wrong(path, expected, got):
    """Return the error that says what was expected, what came and where to get the data."""
    return ValueError(f"load_mnist: {path}: expected {expected}, got {got}; {WHERE}")

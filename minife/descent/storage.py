"""Files: .npz archives of named arrays and one JSON text, written atomically, read without pickle.

Each file says what it holds, its kind ("checkpoint", or the class of an estimator), and the
version of its layout."""
import json
import math
import os
import uuid
import zipfile
from io import BytesIO
from pathlib import Path

import numpy as np

VERSION = 2


def write(path, kind, text, arrays):
    """Write arrays (a dict) and text (a dict of what JSON holds): all of the file, or nothing."""
    text = json.dumps({"minife": VERSION, "kind": kind} | text, default=_plain)
    arrays = {name: without_objects(array, name) for name, array in arrays.items()}
    temporary = Path(f"{os.fspath(path)}.{uuid.uuid4().hex}.writing")  # another for each writer
    try:
        with open(temporary, "wb") as file:
            np.savez(file, text=text, **arrays)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def read(path, kind, entries=()):
    """Return the text, a dict, and the dict of arrays of a file of that kind that write() made.

    Raises ValueError if it is any other file, or if its text lacks one of these entries."""
    if not isinstance(path, (str, os.PathLike)):
        raise TypeError(f"path must be the path of a file, got {path!r:.60}")
    try:
        with open(path, "rb") as file, zipfile.ZipFile(file) as archive:
            arrays = dict(_arrays(archive, os.path.getsize(path)))
        text = json.loads(str(arrays.pop("text")))
        if not isinstance(text, dict):
            raise TypeError("its text is no dict")
    except (FileNotFoundError, PermissionError, IsADirectoryError, MemoryError):
        raise
    except Exception as error:                 # whatever zip, NumPy and JSON say of a broken file
        reason = " ".join(str(error).split())[:200]
        raise ValueError(f"{path} is no whole file of minife: {reason}") from error
    if text.get("minife") != VERSION:
        raise ValueError(f"{path} has the layout {text.get('minife', 'of an older minife')!s:.60}; "
                         f"this minife reads layout {VERSION}")
    if text.get("kind") != kind:
        raise ValueError(f"{path} holds a {text.get('kind')!s:.60}, not a {kind}: "
                         "load it by what saved it")
    missing = [name for name in entries if name not in text]
    if missing:
        raise ValueError(f"{path} is no whole {kind}: its {' and '.join(missing)} is missing")
    return text, arrays


def pick(path, arrays, names):
    """Return the arrays of these names, a dict; ValueError if the file at path lacks one."""
    missing = [name for name in names if name not in arrays]
    if missing:
        raise ValueError(f"{path} is no whole file: it holds no array {', '.join(missing)}")
    return {name: arrays[name] for name in names}


def _arrays(archive, size):
    """Yield name and array of each member of an archive of that many bytes.

    No member may claim to be larger than it is, so that a small file cannot take all the memory."""
    members = archive.infolist()
    if any(member.compress_type != zipfile.ZIP_STORED for member in members) \
            or sum(member.file_size for member in members) > size:
        raise ValueError("its members are compressed or overlap, as minife never writes them")
    for member in members:
        data = BytesIO(archive.read(member))
        first = np.lib.format.read_magic(data) == (1, 0)
        header = getattr(np.lib.format, f"read_array_header_{1 if first else 2}_0")
        shape, _, dtype = header(data)
        n_bytes = len(data.getvalue()) - data.tell()
        if not dtype.hasobject and math.prod(shape) * dtype.itemsize != n_bytes:
            raise ValueError(f"{member.filename} announces {shape} of {dtype} and has other data")
        data.seek(0)
        array = np.lib.format.read_array(data, allow_pickle=False)
        yield member.filename.removesuffix(".npy"), array


def without_objects(array, name):
    """Return array; if it holds Python objects, as an array of the texts or numbers they are."""
    array = np.asarray(array)
    if not array.dtype.hasobject:
        return array
    values = array.tolist()
    try:
        known = np.array(values)
        same = known.dtype.kind in "biufU" and known.tolist() == values
    except ValueError:
        same = False
    if not same:
        raise TypeError(f"{name} cannot be written to a file: it holds objects that are not all "
                        "texts or all numbers")
    return known


def plain(value):
    """Return value as it comes back from a file: numbers, texts, lists and dicts."""
    return json.loads(json.dumps(value, default=_plain))


def check_plain(value, name):
    """Raise TypeError if a file cannot hold this value of the history."""
    try:
        json.dumps(value, default=_plain)
    except (TypeError, ValueError, RecursionError) as error:
        raise TypeError(f"{name} must be numbers or texts, or lists or dicts of them, got "
                        f"{type(value).__name__} ({error})") from None


def _plain(x):
    """Return NumPy's numbers and arrays as Python's; refuse any other object."""
    if isinstance(x, (np.ndarray, np.generic)):
        return x.tolist()
    raise TypeError(f"{type(x).__name__} is neither number nor text")

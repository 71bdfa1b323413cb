"""Files: .npz archives of named arrays and one JSON text, written atomically, read without pickle."""
import json
import os
import zipfile
import zlib
from pathlib import Path

import numpy as np


def write(path, text, arrays):
    """Write arrays (a dict) and text (anything JSON holds) to path: the file appears complete or not at all."""
    text = json.dumps(text, default=lambda x: x.tolist())  # callbacks return NumPy numbers and arrays
    temporary = Path(f"{os.fspath(path)}.{os.getpid()}.writing")
    try:
        with open(temporary, "wb") as file:
            np.savez(file, text=text, **arrays)
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def read(path):
    """Return the text and the dict of arrays of a file that write() made; ValueError if it is any other file."""
    try:
        with np.load(path, allow_pickle=False) as file:
            arrays = {name: file[name] for name in file.files}
        return json.loads(str(arrays.pop("text"))), arrays
    except FileNotFoundError:
        raise
    except (AttributeError, EOFError, KeyError, OSError, ValueError, zipfile.BadZipFile, zlib.error) as error:
        raise ValueError(f"{path} is no whole file of minife: {error}") from error

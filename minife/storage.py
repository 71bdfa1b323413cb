"""Files: .npz archives of named arrays and one JSON text, written atomically, read without pickle."""
import json
import os
from pathlib import Path

import numpy as np


def write(path, text, arrays):
    """Write arrays (a dict) and text (anything JSON holds) to path: the file appears complete or not at all."""
    text = json.dumps(text, default=lambda number: number.item())  # callbacks return NumPy numbers
    temporary = Path(f"{path}.writing")
    try:
        with open(temporary, "wb") as file:
            np.savez(file, text=text, **arrays)
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def read(path):
    """Return the text and the dict of arrays of a file that write() made."""
    with np.load(path, allow_pickle=False) as file:
        arrays = {name: file[name] for name in file.files}
    if "text" not in arrays:
        raise ValueError(f"{path} is no file of minife: it has no entry 'text'")
    return json.loads(str(arrays.pop("text"))), arrays

"""Make digits.npz, the embedded subset of MNIST:  python -m minife.data.make_digits
PATH/TO/mnist.npz"""
import argparse
import os
from pathlib import Path

import numpy as np

from .digits import EMBEDDED, load_mnist, pack


def make_digits(source, target=EMBEDDED, n_train=400, n_test=100):
    """Return the path written: an .npz of the first n_train training and n_test test digits of each
    class of MNIST.

    The rows keep their original order. Pixels are 4-bit grey values, pixel >> 4, two a byte, so
    that the threshold between 127 and 128 stays exact and the levels still serve as probabilities.
    The same source gives the same bytes, up to the version of zlib. source is what load_mnist
    takes, with its errors; ValueError if a class has too few rows."""
    mnist = load_mnist(source)
    train = first_of_each_class(mnist.y_train, n_train)
    test = first_of_each_class(mnist.y_test, n_test)
    arrays = {
        "x_train": pack(mnist.X_train[train] >> 4),
        "y_train": mnist.y_train[train].astype(np.uint8), "x_test": pack(mnist.X_test[test] >> 4),
        "y_test": mnist.y_test[test].astype(np.uint8)
    }
    target = Path(target)
    temporary = target.with_name(target.name + ".tmp")  # os.replace is atomic within one folder
    try:
        with open(temporary, "wb") as file:
            np.savez_compressed(file, **arrays)
        os.replace(temporary, target)
    finally:
        temporary.unlink(missing_ok=True)
    return target


def first_of_each_class(y, n):
    """Return ascending indices of the first n rows of each class 0..9: (10 n,). ValueError if a
    class has fewer."""
    indices = [np.flatnonzero(y == digit)[:n] for digit in range(10)]
    for digit, found in enumerate(indices):
        if len(found) < n:
            raise ValueError(f"make_digits: expected {n} rows of class {digit}, got {len(found)}")
    return np.sort(np.concatenate(indices))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Make the embedded digits from the full MNIST.")
    parser.add_argument("source", help="mnist.npz, or a folder that holds it or the four IDX files")
    path = make_digits(parser.parse_args().source)
    print(f"{path}: {path.stat().st_size / 1000:.0f} kB")

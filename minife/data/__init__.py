"""Data: embedded digits, a loader for the full MNIST, and toy problems with exact answers."""
from .digits import Dataset, binarise, load_digits, load_mnist, sample_binary
from .toys import bars_and_stripes, line_symmetry, xor

__all__ = ["Dataset", "load_digits", "load_mnist", "binarise", "sample_binary",
           "bars_and_stripes", "line_symmetry", "xor"]

"""python -m minife: what this is, which kernels compute, and where to begin."""
import os

import numpy as np

from . import __version__, kernels

THREADS = os.environ.get("OMP_NUM_THREADS", os.cpu_count())
TEXT = f"""minife {__version__}, mini free energy: a small book that runs
kernels: {kernels.implementation}, at most {THREADS} threads (NumPy {np.__version__})

chapters, each a folder with a README.md:
  U minife             units: potential, activation, variance
  D minife/descent     one training loop, the steps of all optimizers
  B minife/backprop    backprop by hand
  R minife/rbm         restricted Boltzmann machines
  T minife/tap         the TAP free energy
  E minife/evaluation  how good is my machine
  C minife/bridge      from RBMs to networks, and the answer
  L minife/landscape   entropy, energy, temperature
  K minife/kernels     the hot loops, in Cython and in NumPy

set up, and take the tour:       pip install -e . && python demos/tour.py
set up, and run the tests:       pip install -e '.[test]' && python -m pytest
the argument on one page:        python demos/one_page.py"""

if __name__ == "__main__":
    print(TEXT)

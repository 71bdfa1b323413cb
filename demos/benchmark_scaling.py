"""How time grows with rows, units and threads, and what the package costs in memory and on disk.

    export OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1
    python demos/benchmark_scaling.py                half a minute
    python demos/benchmark_scaling.py --quick        ten seconds
    python demos/benchmark_scaling.py --wider 4

1. Exponents. The operations of each job are proportional to rows x visible x hidden units. One of
   the three is doubled twice, and a line is fitted to the logarithms of the times: its slope should
   be 1, within 0.1. At these sizes nearly all that is read lies in the cache of a core (2 MB on
   many). Where it no longer does, time grows faster than the count: see it with --wider 4.
2. Threads. The same with one and with two threads, by the clock on the wall: at least 1.7 times
   faster is wanted, where two cores are free, and not a bit of the result may differ. The two
   products are timed as kernels, on arrays made before; the rest are public functions, with the
   checks and the lines of NumPy that they consist of besides. OMP_NUM_THREADS is only what the
   kernels begin with: set_threads may ask for more. NumPy's own products keep to one core.
3. Import, below 0.3 s of the processor, and the package packed as a wheel is (a zip archive of the
   same files), below 1.5 MB. `pip wheel --no-deps .` makes the wheel itself.
4. Memory: the high-water mark of a process that learns 60000 digits for one epoch of PCD, less that
   of the import, is to be within 1.3 times data and parameters (Linux alone)."""
import argparse
import io
import os
import subprocess
import sys
import warnings
import zipfile
from itertools import product
from pathlib import Path

import numpy as np

import minife
from benchmark import best_of
from minife import RBM, kernels, tap
from minife.descent import SGD
from minife.rbm import gibbs
from minife.evaluation import annealed_importance_sampling, pseudo_likelihood
from minife.rbm.training import train

EPOCH = """
import re
import numpy as np
import minife
from minife.descent import SGD
from minife.rbm.training import PersistentContrastiveDivergence, train

def highest():
    return int(re.search(r"VmHWM:\\s+(\\d+)", open("/proc/self/status").read())[1]) * 1024

rng = np.random.default_rng(0)                   # NumPy delays this part of its import
begin, X = highest(), np.zeros((60000, 784), np.uint8)
for row in X:                                    # so that nothing else is as large as the data
    row[:] = rng.random(784) < 0.13
with_data = highest()
rbm = minife.RBM.initialise(784, 500, rng, dtype=np.float32)
train(rbm, X, PersistentContrastiveDivergence(100), SGD(0.05), 1, rng)
needed = X.nbytes + sum(array.nbytes for array in rbm.parameters.values())
print(begin, with_data, highest(), needed)
"""


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="one round")
    parser.add_argument("--wider", type=int, default=1, metavar="FACTOR",
                        help="for exponents of layers so much larger")
    arguments = parser.parse_args()
    warnings.simplefilter("ignore", tap.NotConvergedWarning)
    kernels.set_threads(1)
    exponents(arguments.wider, 0 if arguments.quick else 3)
    threads(0 if arguments.quick else 2)
    import_and_size(3 if arguments.quick else 10)
    memory()


def machine(n_visible, n_hidden):
    """Return a machine in single precision whose weights are independent, and whose units are on
    one time in eight."""
    rng = np.random.default_rng(0)
    W = rng.standard_normal((n_visible, n_hidden)) / np.sqrt(n_visible + n_hidden)
    a, b = np.full(n_visible, -2), np.full(n_hidden, -2)
    return RBM(*(array.astype(np.float32) for array in (W, a, b)))


def digits(n, n_visible):
    """Return n rows of n_visible pixels of which one in eight is on."""
    return (np.random.default_rng(1).random((n, n_visible)) < 1 / 8).astype(np.uint8)


def exponents(wider, seconds):
    """Print the fitted exponents of three jobs in rows, visible and hidden units; layers are
    `wider` times as large."""
    def chains(n, n_visible, n_hidden):
        rbm, X, rng = machine(n_visible, n_hidden), digits(n, n_visible), np.random.default_rng(2)
        return lambda: gibbs.gibbs_chain(rbm, X, 4, rng)

    def learning(n, n_visible, n_hidden):
        rbm, X, rng = machine(n_visible, n_hidden), digits(n, n_visible), np.random.default_rng(2)
        dreams = tap.ExtendedMeanField(order=2, n_steps=3, persistent=True)
        return lambda: train(rbm, X, dreams, SGD(0.01), 1, rng)

    def flips(n, n_visible, n_hidden):
        rbm, X = machine(n_visible, n_hidden), digits(n, n_visible)
        return lambda: pseudo_likelihood(rbm, X)

    jobs = {"4 Gibbs steps": (chains, 250, 1000, 800), "EMF, epoch": (learning, 200, 784, 512),
            "pseudo-likelihood": (flips, 200, 400, 400)}
    print(f"{'time ~ size^exponent':22}{'of':>16}{'sizes':>20}{'time [ms]':>26}{'exponent':>10}")
    for name, axis in product(jobs, range(3)):
        job, n, n_visible, n_hidden = jobs[name]
        base = n, wider * n_visible, wider * n_hidden
        what = ("rows", "visible units", "hidden units")[axis]
        sizes = [[factor * size if k == axis else size for k, size in enumerate(base)]
                 for factor in (1, 2, 4)]
        times = best_of([job(*size) for size in sizes], seconds)[0]
        grown = [size[axis] for size in sizes]
        exponent = np.polyfit(np.log(grown), np.log(times), 1)[0]
        print(f"{name:22}{what:>16}{', '.join(map(str, grown)):>20}"
              f"{', '.join(f'{1e3 * time:.1f}' for time in times):>26}{exponent:10.2f}", flush=True)


def threads(seconds):
    """Print how many times faster each kernel's job is with two threads, and whether its numbers
    stay the same."""
    def new():
        return np.random.default_rng(3)

    many, few, rows = machine(784, 500), machine(100, 80), digits(4000, 784)
    starts = new().random((400, 100))
    x, flips = many.hidden_field(rows[:100]).astype(float), many.W.T.astype(float)
    calls = {
        "sample_units": lambda: gibbs.sample_hidden(many, rows, new()),
        "binary_product": lambda: kernels.binary_product(rows, many.W),
        "anneal_units": lambda: annealed_importance_sampling(many, 1000, 20, new()).log_weights,
        "softplus_product": lambda: kernels.softplus_product(x, flips),
        "damped_fixed_point": lambda: tap.fixed_point(few, 2, starts, tol=1e-300, max_iter=50).m_v,
        "block_fixed_point": lambda: tap.fixed_point(few, 2, starts, method="block", tol=1e-300,
                                                     max_iter=20).m_v}

    def with_two(call):
        kernels.set_threads(2)
        try:
            return call()
        finally:
            kernels.set_threads(1)

    print(f"\n{'two threads':30}{'one [ms]':>12}{'two [ms]':>12}{'faster':>10}{'same bits':>12}")
    for name, call in calls.items():
        one, two = best_of([call, lambda: with_two(call)], seconds)[1]
        same = np.array_equal(call(), with_two(call))
        print(f"{name:30}{1e3 * one:12.1f}{1e3 * two:12.1f}{one / two:10.2f}{str(same):>12}",
              flush=True)


def import_and_size(n_runs):
    """Print the seconds of an import in a process of its own, the least of n_runs, and the
    package's size, packed."""
    code = ("import time; a = time.process_time(); import numpy; b = time.process_time(); "
            "import minife; print(b - a, time.process_time() - b)")
    runs = [subprocess.run([sys.executable, "-c", code], capture_output=True, text=True,
                           check=True).stdout.split()
            for _ in range(n_runs)]
    with_numpy, alone = np.array(runs, dtype=float).T
    print(f"\nimport minife takes {min(with_numpy + alone):.3f} s, of which NumPy takes "
          f"{min(with_numpy):.3f} s")

    folder, packed = Path(minife.__file__).parent, io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in folder.rglob("*"):
            if path.is_file() and path.suffix not in (".c", ".pyc"):
                archive.write(path, path.relative_to(folder.parent))
    print(f"the package, packed as in a wheel, takes {packed.tell() / 1e6:.2f} MB")


def memory():
    """Print the memory that an epoch of PCD on as many digits as MNIST's takes beyond the import,
    at its highest."""
    if not os.path.exists("/proc/self/status"):
        return print("memory is measured on Linux alone")
    run = subprocess.run([sys.executable, "-c", EPOCH], capture_output=True, text=True, check=True)
    begin, with_data, highest, needed = (int(x) / 1e6 for x in run.stdout.split())
    print(f"PCD-1, 784 x 500, float32, an epoch of 60000 digits: {highest - begin:.1f} MB beyond "
          f"the import,\nof which the data take {with_data - begin:.1f} MB: "
          f"{(highest - begin) / needed:.2f} times data and parameters, {needed:.1f} MB")


if __name__ == "__main__":
    main()

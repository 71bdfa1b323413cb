"""The kernels, as ratios in one run: to NumPy's dense product of the same shapes, and to their NumPy twins.

    OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 python demos/benchmark.py            twenty seconds on one core
    OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 python demos/benchmark.py --quick

A ratio below 1 means that the kernel takes less time. Times are the best of several runs."""
import argparse
import time

import numpy as np

from minife import MLP, RBM, kernels
from minife.backprop import SGD, Adam
from minife.backprop.descent import descend
from minife.data import load_digits
from minife.kernels import reference
from minife.rbm.annealing import anneal
from minife.units import Rectified

N_ROWS, N_HIDDEN = 100, 500


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="fewer repetitions")
    rounds = 1 if parser.parse_args().quick else 10
    print(f"{kernels.implementation} kernels, {N_ROWS} digits of 784 pixels, {N_HIDDEN} hidden units")
    print("{:44}{:>9}{:>12}{:>16}{:>15}".format("", "type", "time [ms]", "/ dense product", "/ NumPy twin"))
    for dtype in (np.float32, np.float64):
        for name, job, twin, n_products, product in jobs(dtype):
            job_time, product_time, twin_time = best_of([job, product, twin], rounds)
            to_product = "" if product is None else f"{job_time / (n_products * product_time):.2f}"
            to_twin = "" if twin is None else f"{job_time / twin_time:.3f}"
            print(f"{name:44}{np.dtype(dtype).name:>9}{1e3 * job_time:12.3f}{to_product:>16}{to_twin:>15}")


def jobs(dtype):
    """Yield name, job, the same on the twin, and the dense products of the same work: how many, and one of them."""
    rng = np.random.default_rng(0)
    v = np.ascontiguousarray(load_digits().X_train[:N_ROWS])
    W, a, b = machine(rng, 784, N_HIDDEN, dtype)
    dense = v.astype(dtype)

    def product():
        return dense @ W

    fields, draw = (v, W), (v, W, b, 1.0, 0, 0)
    yield "hidden fields", *both("binary_product", *fields), 1, product
    yield "hidden samples", *both("sample_units", *draw), 1, product

    m_h = np.full((N_ROWS, N_HIDDEN), 0.5, dtype)
    sweeps = (W, a, b, 1.0, dense, m_h, 2, 0.5, 0.0, 3)  # a sweep is two products with W and two with W * W
    yield "3 TAP sweeps of order 2, 100 rows", *both("damped_fixed_point", *sweeps), 12, product

    rows, labels = load_digits().X_train[:2000], load_digits().y_train[:2000]
    mlp = MLP((784, N_HIDDEN, 10), Rectified(), rng=rng, dtype=dtype)
    h_0, y = mlp.check_rows(rows, labels)
    errors = rng.standard_normal((N_ROWS, N_HIDDEN)).astype(dtype)

    def epoch(optimizer):
        return lambda: descend(mlp, lambda batch: mlp.backward(h_0[batch], y[batch])[0], 2000, optimizer, 1, rng)

    def forward_and_backward():
        return dense @ W, dense.T @ errors

    yield "MLP 784-500-10, epoch of 20 steps of SGD", epoch(SGD(0.1)), None, 20, forward_and_backward
    yield "MLP 784-500-10, epoch of 20 steps of Adam", epoch(Adam()), None, 20, forward_and_backward

    theta, mean, square, slope = rng.random((4, W.size)).astype(dtype)
    descent = (theta, slope, 1e-3, 0.0, 0.0)
    yield "step of SGD, 392000 weights", *both("descent_step", *descent), 0, None
    adaptive = (theta, mean, square, slope, 1e-3, 0.1, 1e-3, 1.0, 1.0, 1e-8, 0.0, 0.0)
    yield "step of Adam, 392000 weights", *both("adaptive_step", *adaptive), 0, None

    rbm = RBM.initialise(784, N_HIDDEN, rng, load_digits().X_train)
    rbm, schedule = RBM(W, rbm.a, b), np.linspace(0, 1, 51)     # digits' pixels, and hidden units half of which are on
    halves = np.full((N_ROWS, N_HIDDEN), 0.5, dtype)

    def two_products_each():
        for _ in range(50):
            dense @ W, halves @ W.T

    yield "AIS, 100 chains, 50 temperatures", lambda: anneal(rbm, v, rbm.a, schedule, 0), None, 1, two_products_each
    if dtype == np.float64:                                     # what follows is always computed in float64
        factors = rng.standard_normal((64, 784)), rng.standard_normal((784, 64))
        yield "log Z, 784 pixels, 2^12 hidden states", *both("softplus_product", *factors), 0, None
        flips = rng.standard_normal((20, N_HIDDEN)), W.T
        yield "20 rows with each pixel flipped", *both("softplus_product", *flips), 0, None

    small_W, small_a, small_b = machine(rng, 20, 10, dtype)
    halves = np.full((1, 20), 0.5, dtype), np.full((1, 10), 0.5, dtype)
    small = (small_W, small_a, small_b, 1.0, *halves, 2, 0.5, 0.0, 100)
    yield "100 TAP sweeps of order 2, 1 row of 20 x 10", *both("damped_fixed_point", *small), 0, None

    chains_W, chains_a, chains_b = machine(rng, 64, 32, dtype)
    chains = rng.random((100, 64)).astype(dtype), rng.random((100, 32)).astype(dtype)
    block = (10 * chains_W, chains_a, chains_b, 1.0, *chains, 2, 0.0, 20)
    yield "order-2 block minimiser, 100 chains, 64 x 32", *both("block_fixed_point", *block), 0, None


def machine(rng, n_visible, n_hidden, dtype):
    """Return weights of standard deviation 0.05 and biases that are zero."""
    return 0.05 * rng.standard_normal((n_visible, n_hidden)).astype(dtype), np.zeros(n_visible, dtype), \
        np.zeros(n_hidden, dtype)


def both(name, *arguments):
    """Return the call of a kernel and that of its twin."""
    return lambda: getattr(kernels, name)(*arguments), lambda: getattr(reference, name)(*arguments)


def best_of(jobs, rounds):
    """Return the least time of each job in seconds: all in turn, to see the same moods of the machine, thrice in a row,
    to find the caches as they leave them."""
    times = np.full((rounds, len(jobs), 3), np.inf)
    for row in times:
        for j, job in enumerate(jobs):
            for repetition in range(3 if job is not None else 0):
                start = time.perf_counter()
                job()
                row[j, repetition] = time.perf_counter() - start
    return times.min(axis=(0, 2))


if __name__ == "__main__":
    main()

"""How fast: each job against NumPy's products of the same work, its twin, and scikit-learn.

    python demos/benchmark.py                 three minutes
    python demos/benchmark.py --quick         a quarter of a minute
    python demos/benchmark.py --mnist PATH    the full MNIST: five minutes

All is timed on one core (OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1), and beside it as users run it:
in a second process, in which nothing is said about threads. Seconds differ from machine to machine
and from minute to minute; ratios within one run differ much less. What is timed is what the package
offers, but for the last three jobs, which are single kernels: a public call adds its checks, some
tens of microseconds. benchmark_scaling.py, beside this file, shows how time grows with size, and
what threads and memory do. The columns:
    bits        of a number: 32 for float32, 64 for float64
    time        of one epoch or one result on one core, by the processor's clock, the least of
                several
    / products  over the time of the dense products that stand in brackets, by NumPy, on the same
                shapes and type, with digits for data. Below 1, the job takes less time than BLAS
                would take for its products alone
    peer        the same ratio of scikit-learn's BernoulliRBM or MLPClassifier, where that is
                installed
    x twin      how many times longer the job takes on the kernels' NumPy twins
    as run      the time with nothing said about threads over that on one core, both by the clock on
                the wall: below 1 where other cores are free, and not much above 1 where another
                process takes them
    wanted      of the first ratio or, where there is none, of the twin's"""
import argparse
import os
import subprocess
import sys
import textwrap
import time
import warnings
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Callable

import numpy as np

from minife import MLP, RBM, kernels, tap
from minife.descent import SGD
from minife.descent.loop import descend
from minife.data import load_digits
from minife.kernels import reference
from minife.rbm import exact
from minife.evaluation import annealed_importance_sampling, pseudo_likelihood
from minife.rbm.training import PersistentContrastiveDivergence, train
from minife.units import Rectified

N_HIDDEN, RATE, TWIN_ROWS = 500, 0.05, 200
ONE_CORE = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}


@dataclass(frozen=True)
class Job:
    """What is timed and beside what: functions without arguments, or None.

    run      the job
    floor    the dense products of the same work
    twin     the job, or one of n_parts equal parts of it, for the kernels' twins
    peer     the same by scikit-learn
    wanted   the largest ratio to the floor or, where there is no floor, the smallest of the twin to
             the job"""
    run: Callable
    wanted: float
    floor: Callable | None = None
    twin: Callable | None = None
    n_parts: int = 1
    peer: Callable | None = None


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true",
                        help="1000 digits, 100 temperatures, 2^16 states, one round")
    parser.add_argument("--mnist", metavar="PATH",
                        help="the full MNIST in place of the embedded digits")
    parser.add_argument("--as-run", action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    warnings.simplefilter("ignore", tap.NotConvergedWarning)     # sweeps are counted here
    seconds = 0 if arguments.quick else 8
    if arguments.as_run:
        return answer(all_jobs(*digits_and_machine(arguments), arguments.quick), seconds / 4)
    if not ONE_CORE.items() <= os.environ.items():
        return sys.exit(this_script(os.environ | ONE_CORE).wait())
    said = {name: value for name, value in os.environ.items() if name not in ONE_CORE}
    users = this_script(said, "--as-run", stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    describe_machine()
    rbm, X, y = digits_and_machine(arguments)
    print(f"{len(X)} digits of 784 pixels, {X.mean():.0%} of them on; "
          f"{N_HIDDEN} hidden units, after learning a little, {rbm.hidden_mean(X).mean():.0%} on\n")
    print(f"{'':47}{'bits':>4}{'time [ms]':>10}{'/ products':>11}{'peer':>6}{'x twin':>7}"
          f"{'as run':>7}{'wanted':>8}")
    for name, dtype, job in all_jobs(rbm, X, y, arguments.quick):
        print(f"{name:47}{8 * np.dtype(dtype).itemsize:4}" + line(job, seconds, users), flush=True)


def this_script(environment, *options, **pipes):
    """Return the process of this script with the same arguments in another environment."""
    return subprocess.Popen([sys.executable, *sys.argv, *options], env=environment, text=True,
                            **pipes)


def answer(jobs, seconds):
    """For each job, wait for a line and print the least seconds of the job by the clock on the
    wall."""
    for _, _, job in jobs:
        input()
        print(best_of([job.run], seconds)[1, 0], flush=True)


def digits_and_machine(arguments):
    """Return the machine that has learned, its digits and their labels."""
    digits = load_digits(mnist=arguments.mnist)
    n_rows = 1000 if arguments.quick else len(digits.X_train)
    return learned(digits.X_train[:n_rows]), digits.X_train[:n_rows], digits.y_train[:n_rows]


def all_jobs(rbm, X, y, quick):
    yield from learning_jobs(rbm, X, y)
    yield from sums(rbm, X, quick)
    yield from small_jobs()


def describe_machine():
    """Print what the times depend on: kernels, vector instructions, and the cores that NumPy's
    product takes."""
    build = np.show_config(mode="dicts")
    blas, vectors = build["Build Dependencies"]["blas"], build["SIMD Extensions"]
    square = np.ones((2000, 2000), np.float32)
    wall, processor = time.perf_counter(), time.process_time()
    square @ square
    n_cores = (time.process_time() - processor) / (time.perf_counter() - wall)
    found = ", ".join(vectors.get("found", [])) or "none"
    print(textwrap.fill(
        f"{kernels.implementation} kernels on {os.cpu_count()} cores; NumPy {np.__version__} with "
        f"{blas['name']} {blas['version']}, whose product takes {n_cores:.1f} cores, and which "
        f"finds the vector instructions {found}", 100))


def learned(X):
    """Return a machine with the fields and activities of one that has learned: 200 steps of PCD."""
    rng = np.random.default_rng(0)
    rbm = RBM.initialise(784, N_HIDDEN, rng, X, np.float32)
    train(rbm, X[:20000], PersistentContrastiveDivergence(100), SGD(RATE), -(-20000 // len(X)), rng)
    return rbm


def learning_jobs(rbm, X, y):
    """Yield name, type and Job: epochs of learning, each from a copy of the machine."""
    BernoulliRBM, MLPClassifier = peers()
    rng, rows = np.random.default_rng(1), X.astype(np.float32)

    def epoch(machine, phase, batch, n):
        return lambda: train(machine, X[:n], phase, SGD(RATE), 1, rng, batch_size=batch)

    def job(phase, batch, n, dtype, wanted, peer=None, **products):
        machine = RBM(*(array.astype(dtype) for array in (rbm.W, rbm.a, rbm.b)))
        floor = dense_products(X[:batch], machine.W, n // batch, **products)
        return Job(epoch(machine, phase, batch, n), wanted, floor,
                   epoch(machine, phase, batch, TWIN_ROWS), n // TWIN_ROWS,
                   peer and (lambda: peer.fit(rows)))

    # twice v W and v^T h, of data and chains; once h W^T
    for batch, wanted in ((100, 0.6), (10, 1.0)):
        peer = BernoulliRBM and BernoulliRBM(N_HIDDEN, learning_rate=RATE, batch_size=batch,
                                             n_iter=1)
        yield f"PCD-1, epoch, batches of {batch} (5 a batch)", np.float32, job(
            PersistentContrastiveDivergence(batch), batch, len(X), np.float32, wanted, peer, up=2,
            down=1, outer=2)
    n = min(len(X), 4000)
    # a sweep: m W and c (W * W), down too; v^T h; the model's m^T m, c^T c
    for dtype in (np.float32, np.float64):
        yield f"EMF, order 2, 3 sweeps, {n} rows (16 a batch)", dtype, job(
            tap.ExtendedMeanField(2, 3, 100, persistent=True), 100, n, dtype, 1.15, up=1 + 2 * 3,
            down=2 * 3, outer=3)

    def descent(mlp, optimizer):
        h, targets = mlp.check_rows(X, y)
        return lambda: descend(mlp, lambda rows: mlp.backward(h.take(rows, axis=0),
                                                              targets.take(rows, axis=0))[0],
                               len(h), optimizer, 1, rng)

    peer = MLPClassifier and MLPClassifier((N_HIDDEN,), solver="sgd", alpha=0, batch_size=100,
                                           momentum=0)
    floor = dense_products(X[:100], rbm.W, len(X) // 100, up=1, outer=1)
    for name, normalise in (("MLP 784-500-10, epoch of SGD (2 a batch)", False),
                            ("the same, inputs normalised", True)):
        mlp = MLP((784, N_HIDDEN, 10), Rectified(), rng=rng, dtype=np.float32)
        if normalise:
            mlp.normalise_input(X)
        yield name, np.float32, Job(descent(mlp, SGD(RATE)), 1.35, floor,
                                    peer=peer
                                    and (lambda: peer.partial_fit(rows, y, classes=np.arange(10))))


def sums(rbm, X, quick):
    """Yield name, type and Job: sums over temperatures, states and pixels."""
    n, rng = 100 if quick else 1000, np.random.default_rng(2)

    def ais(n):
        return lambda: annealed_importance_sampling(rbm, 100, n, rng)

    yield f"AIS, 100 chains, {n} temperatures (2 each)", np.float32, Job(
        ais(n), wanted=1.3, floor=dense_products(X[:100], rbm.W, n, up=1, down=1), twin=ais(10),
        n_parts=n // 10)

    def machine(n_hidden):
        return RBM(0.1 * rng.standard_normal((784, n_hidden)), np.zeros(784), np.zeros(n_hidden))

    # the states are summed in blocks of 2^16
    n_hidden, block = 16 if quick else 20, machine(16)
    whole = machine(n_hidden)
    yield f"exact log Z, 784 x {n_hidden}", np.float64, Job(
        lambda: exact.log_partition_function(whole), wanted=20,
        twin=lambda: exact.log_partition_function(block),
        n_parts=2 ** (n_hidden - 16))

    def collapsed(n):
        return lambda: annealed_importance_sampling(whole, 100, n, rng, collapsed=True)

    yield f"AIS without pixels, 784 x {n_hidden}, {n} temperatures", np.float64, Job(
        collapsed(n), wanted=10, twin=collapsed(10), n_parts=n // 10)
    n = 200 if quick else 1000
    yield f"pseudo-likelihood, every pixel, {n} rows", np.float64, Job(
        lambda: pseudo_likelihood(rbm, X[:n]), wanted=10,
        twin=lambda: pseudo_likelihood(rbm, X[:20]), n_parts=n // 20)


def small_jobs():
    """Yield name, type and Job: what is too small for BLAS."""
    rng = np.random.default_rng(3)

    def start(n, n_visible, n_hidden):
        W = rng.standard_normal((n_visible, n_hidden)) / np.sqrt(n_visible)
        return (W, rng.standard_normal(n_visible), rng.standard_normal(n_hidden), 1.0,
                rng.random((n, n_visible)), rng.random((n, n_hidden)), 2)

    one, (*machine, m_v, m_h, order) = start(1, 20, 10), start(100, 64, 32)

    def sweep():
        return kernels.damped_fixed_point(*one, 0.5, 0.0, 100)

    yield "TAP fixed point of order 2, 20 x 10, 100 sweeps", np.float64, Job(sweep, 50, twin=sweep)
    for n, name in ((100, "100 block minimisers, order 2, 64 x 32, 1e-10"),
                    (1, "one of them")):
        def minimise(n=n):
            return kernels.block_fixed_point(*machine, m_v[:n], m_h[:n], order, 1e-10, 1000)

        yield name, np.float64, Job(minimise, 20, twin=minimise)


def peers():
    """Return scikit-learn's BernoulliRBM and MLPClassifier, or None twice."""
    try:
        from sklearn.neural_network import BernoulliRBM, MLPClassifier
    except ImportError:
        return None, None
    return BernoulliRBM, MLPClassifier


def dense_products(X, W, n, up=0, down=0, outer=0):
    """Return the function that computes v @ W, h @ W.T and v.T @ h, each so many times, n times
    over."""
    v, h = X.astype(W.dtype), np.full((len(X), W.shape[1]), 0.5, W.dtype)

    def run():
        for _ in range(n):
            for _ in range(up):
                v @ W
            for _ in range(down):
                h @ W.T
            for _ in range(outer):
                v.T @ h
    return run


@contextmanager
def twins():
    """Let the whole package run on the kernels' twins for a while."""
    compiled = {name: thing for name, thing in vars(kernels).items()
                if callable(vars(reference).get(name))}
    vars(kernels).update({name: getattr(reference, name) for name in compiled})
    yield
    vars(kernels).update(compiled)


def line(job, seconds, users):
    """Return the columns of one row of the table."""
    def twin():
        with twins():
            job.twin()

    (run, floor, longer, peer), (alone, *_) = best_of(
        [job.run, job.floor, job.twin and twin, job.peer], seconds)
    print(file=users.stdin, flush=True)
    as_run = float(users.stdout.readline())
    columns = [(1e3 * run, 10, ".2f"), (run / floor, 11, ".2f"), (peer / floor, 6, ".2f"),
               (job.n_parts * longer / run, 7, ".1f"), (as_run / alone, 7, ".2f")]
    wanted = f" <= {job.wanted:.2f}" if job.floor else f" >= {job.wanted}"
    return "".join(f"{x:{width}{kind}}" if np.isfinite(x) else f"{'-':>{width}}"
                   for x, width, kind in columns) + wanted


def best_of(jobs, seconds):
    """Return the least seconds of each job (2, n_jobs), by the processor's clock and by that on the
    wall, NaN for None.

    All run in turn until seconds have passed, to see the same moods of the machine; those below
    half a second thrice in a row, to find the caches as they leave them."""
    times, begin = np.full((2, len(jobs)), np.nan), time.perf_counter()
    while True:
        for j, job in enumerate(jobs):
            for _ in range(3 if job is not None else 0):
                start = time.process_time(), time.perf_counter()
                job()
                times[:, j] = np.fmin(times[:, j],
                                      (time.process_time() - start[0],
                                       time.perf_counter() - start[1]))
                if times[1, j] > 0.5:
                    break
        if time.perf_counter() - begin > seconds:
            return times


if __name__ == "__main__":
    main()

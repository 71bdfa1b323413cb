"""A perceptron with couplings -1 and 1, small enough to list all 2^N of them."""
from dataclasses import dataclass

import numpy as np

from .. import validation

MOST_COUPLINGS = 21


@dataclass(frozen=True, eq=False, repr=False)
class Problem:
    """Patterns X (n, N) of -1 and 1, labels y (n,), and the teacher (N,) of their rule, or None."""
    X: np.ndarray
    y: np.ndarray
    teacher: np.ndarray | None

    def __repr__(self):
        labels = "at random" if self.teacher is None else "by a rule"
        return f"Problem({len(self.X)} patterns of {self.X.shape[1]} inputs, labels {labels})"


def random_problem(n_couplings, n_patterns, rng, rule=False):
    """Return a Problem: labels at random or, if rule, those of a random teacher, sign(w.x)"""
    N = _odd(n_couplings)
    n_patterns = validation.not_negative_integer(n_patterns, "n_patterns")
    X = validation.generator(rng).choice([-1, 1], size=(n_patterns, N))
    teacher = rng.choice([-1, 1], size=N) if validation.flag(rule, "rule") else None
    y = rng.choice([-1, 1], size=n_patterns) if teacher is None else np.sign(X @ teacher)
    return Problem(X, y, teacher)


def all_couplings(n_couplings):
    """Return all w (2^N, N) of -1 and 1, int8; bit i of the row's number is coupling i."""
    N = _odd(n_couplings)
    return ((np.arange(2**N)[:, None] >> np.arange(N) & 1) * 2 - 1).astype(np.int8)


def errors(w, X, y):
    """Return E(w) (n_w,), how many of the patterns X (n, N), y each w (n_w, N) gets wrong  (L13)"""
    w, X, y = (np.asarray(array, dtype=np.float32) for array in (w, X, y))
    if w.ndim != 2 or X.shape != (len(y), w.shape[1]) or y.ndim != 1:
        raise ValueError("w, X and y must have shapes (n_w, N), (n, N) and (n,), "
                         f"got {w.shape}, {X.shape} and {y.shape}")
    E = np.zeros(len(w), dtype=np.int64)
    for x, label in zip(X, y):
        E += label * (w @ x) < 0
    return E


def solution_entropy(E, n_couplings):
    """Return log2 of the number of w without errors over N; -inf where no w solves all  (L13)"""
    n = np.count_nonzero(np.asarray(E) == 0)
    return np.log2(n) / n_couplings if n else -np.inf


def error_thermodynamics(E, T):
    """Return U and S (n_T,) of the errors at temperatures T (n_T,), from E of all w  (L13)

    S, in nats, falls to the log of the number of best w as T goes to 0."""
    T = validation.real_array(T, "T", n_dims=1)[:, None]
    if T.min() <= 0:
        raise ValueError(f"T must be positive, got {T.min()}")
    n = np.bincount(E)                                       # n(E), E = 0, 1, ...
    E = np.flatnonzero(n)
    exponent = np.log(n[E]) - E / T                          # (n_T, n_E)
    log_z = np.logaddexp.reduce(exponent, axis=1)
    p = np.exp(exponent - log_z[:, None])                    # p(E)
    U = p @ E
    return U, U / T[:, 0] + log_z


def generalisation_error(w, teacher):
    """Return the error on new examples (n_w,) of each w (n_w, N), of large N  (L14)"""
    w = validation.real_array(w, "w", n_dims=2, dtype=float)
    teacher = validation.real_array(teacher, "teacher", n_dims=1, dtype=float)
    if len(teacher) != w.shape[1]:
        raise ValueError(f"teacher must have shape ({w.shape[1]},) to go with w {w.shape}, "
                         f"got {teacher.shape}")
    overlap = w @ teacher / len(teacher)                     # (n_w,)
    return np.arccos(np.clip(overlap, -1, 1)) / np.pi


def local_solution_entropy(w, solves, distance):
    """Return log2 of how many solutions lie within each distance of each solution, over N  (L15)

    w       all couplings (2^N, N), in the order of all_couplings
    solves  which of them solve, bool (2^N,)
    The result is (n_solutions, distance + 1), for Hamming distances 0 ... distance; the solution
    itself counts, so it starts at 0."""
    N = validation.real_array(w, "w", n_dims=2).shape[1]
    solves = validation.mask(solves, (2**N,), "solves")
    distance = validation.not_negative_integer(distance, "distance")
    spheres = _sphere_counts(solves, distance)               # (distance + 1, 2^N)
    return np.log2(np.cumsum(spheres, axis=0)[:, solves]).T / N


def _sphere_counts(solves, distance):
    """Return how many solutions lie at exactly each distance from every w: (distance + 1, 2^N)

    Coupling by coupling: those at distance d agree in it and have d among the rest, or differ in it
    and have d - 1. To flip coupling i is to flip bit i of the number of w."""
    counts = np.zeros((distance + 1, len(solves)), dtype=np.int32)
    counts[0] = solves
    bit = 1
    while bit < len(solves):
        other = counts.reshape(distance + 1, -1, 2, bit)[:, :, ::-1].reshape(distance + 1, -1)
        counts[1:] = counts[1:] + other[:-1]
        bit *= 2
    return counts


def _odd(n_couplings):
    """Return n_couplings, an odd number of which all 2^N can be listed."""
    N = validation.positive_integer(n_couplings, "n_couplings")
    if N % 2 == 0 or N > MOST_COUPLINGS:
        raise ValueError(f"n_couplings must be odd and at most {MOST_COUPLINGS}, got {N}")
    return N

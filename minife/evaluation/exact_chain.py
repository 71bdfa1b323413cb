"""The Gibbs chain of a small machine, exactly: not where one chain goes, but the distribution of all of them.

A distribution p of visible states is a row of 2^n_visible probabilities, in the order of exact.all_states."""
import numpy as np

from .. import validation
from ..units import Binary
from ..rbm.exact import all_states

LARGEST_TABLE = 24                                       # visible and hidden units together: 2^24 pairs of states
unit = Binary()


def conditionals(rbm):
    """Return p(h | v) (2^n_visible, 2^n_hidden) and p(v | h) (2^n_hidden, 2^n_visible), rows of states  (R4)

    One step of the chain is their product, K = p(h | v) p(v | h), and rows of K sum to 1  (R12)"""
    if rbm.n_visible + rbm.n_hidden > LARGEST_TABLE:
        raise ValueError(f"tables of all states need at most {LARGEST_TABLE} units, "
                         f"got {rbm.n_visible} visible and {rbm.n_hidden} hidden")
    rbm = rbm.double()
    v, h = all_states(rbm.n_visible), all_states(rbm.n_hidden)
    return _product_of_units(rbm.beta * rbm.hidden_field(v), h), _product_of_units(rbm.beta * rbm.visible_field(h), v)


def after(rbm, p, n_steps=1):
    """Return p K^n_steps, of the shape of p: where chains are, n_steps Gibbs steps after they were at p  (R12)

    p  (2^n_visible,) or rows of them. From the rows of a batch this is what CD-k draws from (R13)"""
    p = validation.real_array(p, "p", n_dims=(1, 2), dtype=np.float64)
    if p.shape[-1] != 2**rbm.n_visible or (p < 0).any() or np.abs(p.sum(axis=-1) - 1).max() > 1e-9:
        raise ValueError(f"each row of p must be {2**rbm.n_visible} probabilities that sum to 1, got shape {p.shape}, "
                         f"from {p.min():.3g}, sums {p.sum(axis=-1)}")
    n_steps = validation.positive_integer(n_steps, "n_steps")
    hidden_given_visible, visible_given_hidden = conditionals(rbm)
    for _ in range(n_steps):
        p = p @ hidden_given_visible @ visible_given_hidden
    return p


def follow(machines, p):
    """Yield where chains of PCD are at each of the machines, one step each, (2^n_visible,), from p at the first  (R14)

    A step is v ~ p(v | h), then h ~ p(h | v), which the next machine finds."""
    hidden = None                                        # (2^n_hidden,)
    for rbm in machines:
        hidden_given_visible, visible_given_hidden = conditionals(rbm)
        hidden = p @ hidden_given_visible if hidden is None else hidden
        p = hidden @ visible_given_hidden
        yield p
        hidden = p @ hidden_given_visible


def distribution(rbm):
    """Return p(v) = e^(-beta F(v)) / Z (2^n_visible,), which K leaves as it is  (R6, R12)"""
    log_weight = -rbm.beta * rbm.double().free_energy(all_states(rbm.n_visible))
    weight = np.exp(log_weight - log_weight.max())
    return weight / weight.sum()


def certain(X, n_visible):
    """Return for each binary row of X (n, n_visible) the distribution that is sure of it: (n, 2^n_visible)

    Their mean is the distribution of the data."""
    X = validation.states(X, n_visible, "X")
    p = np.zeros((len(X), 2**n_visible))
    p[np.arange(len(X)), X @ (1 << np.arange(n_visible))] = 1
    return p


def statistics(rbm):
    """Return v_i h_j, v_i and h_j with h at its mean given v, side by side: (2^n_visible, number of parameters)  (R9)

    p @ statistics are the Moments of p, in the order of parameters.flatten."""
    v = all_states(rbm.n_visible)
    return _side_by_side(v, rbm.double().hidden_mean(v))


def modes(rbm):
    """Return the eigenvalues of K that are not 0 (n,), from 1 down, and their functions of v (n, 2^n_visible)  (R12)

    K phi = lambda phi: the mean of phi(v) over chains shrinks by lambda in a step, and so does its autocorrelation. The
    functions have orthonormal products under p(v), the first is constant. By detailed balance K is similar to Q Q^T
    with Q = p(v, h) / sqrt(p(v) p(h)), so the eigenvalues are squares of singular values, in [0, 1]; the second is the
    square of the largest correlation between a function of v and one of h. n = 2^(units of the smaller layer)."""
    hidden_given_visible, visible_given_hidden = conditionals(rbm)
    vectors, singular, _ = np.linalg.svd(np.sqrt(hidden_given_visible * visible_given_hidden.T), full_matrices=False)
    return singular**2, vectors.T / np.sqrt(distribution(rbm))


def lag(rbm, velocity):
    """Return how far the mean statistics of persistent chains are behind those of a machine that moves  (R14)

    velocity  (n_parameters,), in the order of parameters.flatten: the parameters move by so much in each step
    To first order. A step shifts p(h) by beta p(h) velocity . (f(h) - <f>), f(h) the statistics with v at its mean
    given h. The chains lack each shift until they have forgotten it: a v drawn from h, and s more steps later, lacks
    beta times the covariance of velocity . f(h) with the statistics of that v. In a mode of K this is a geometric
    series in lambda^s, s = 0, 1, ..."""
    eigenvalues, phi = (part[1:] for part in modes(rbm))
    h, weight = all_states(rbm.n_hidden), distribution(rbm) * phi                  # (n, 2^n_visible)
    before = weight @ conditionals(rbm)[0] @ _side_by_side(rbm.double().visible_mean(h), h)    # (n, n_parameters)
    return -rbm.beta * ((before @ velocity) / (1 - eigenvalues)) @ (weight @ statistics(rbm))


def _side_by_side(v, h):
    """Return v_i h_j, v_i and h_j of rows v and h, in the order of parameters.flatten: (n, n_parameters)"""
    return np.hstack([(v[:, :, None] * h[:, None, :]).reshape(len(v), -1), v, h])


def _product_of_units(field, states):
    """Return the probabilities of all states (n_states, n) of independent units in fields of n rows  (R4)"""
    return np.exp(field @ states.T - unit.potential(field).sum(axis=1)[:, None])

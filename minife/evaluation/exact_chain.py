"""The Gibbs chain of a small machine, exactly: the distribution of all chains.

A distribution p of visible states is a row of 2^n_visible probabilities, in the order of
exact.all_states."""
import numpy as np

from .. import validation
from ..rbm.exact import all_states
from ..rbm.model import RBM, unit

LARGEST_TABLE = 24  # visible and hidden units together: 2^24 pairs of states


def conditionals(rbm):
    """Return p(h | v) (2^n_visible, 2^n_hidden) and p(v | h) (2^n_hidden, 2^n_visible)  (R4)

    One step of the chain is their product, K = p(h | v) p(v | h), and rows of K sum to 1  (R12)"""
    rbm = small(rbm)
    v, h = all_states(rbm.n_visible), all_states(rbm.n_hidden)
    return (_product_of_units(rbm.beta * rbm.hidden_field(v), h),
            _product_of_units(rbm.beta * rbm.visible_field(h), v))


def after(rbm, p, n_steps=1):
    """Return p K^n_steps, of the shape of p: where chains are n_steps Gibbs steps after p  (R12)

    p  (2^n_visible,) or rows of them. From the rows of a batch this is what CD-k draws from
       (R13)"""
    p_h_given_v, p_v_given_h = conditionals(rbm)
    p = _distributions(p, rbm, n_dims=(1, 2))
    for _ in range(validation.positive_integer(n_steps, "n_steps")):
        p = p @ p_h_given_v @ p_v_given_h
    return p


def follow(machines, p):
    """Yield the distribution (2^n_visible,) of PCD's chains at each machine, from p  (R14)

    A step is v ~ p(v | h), then h ~ p(h | v), which the next machine finds."""
    p_h = None                                           # (2^n_hidden,)
    for rbm in machines:
        p_h_given_v, p_v_given_h = conditionals(rbm)
        p_h = _distributions(p, rbm) @ p_h_given_v if p_h is None else p_h
        if len(p_h) != len(p_v_given_h):
            raise ValueError(f"machines must all be of one size, got 2^{rbm.n_hidden} hidden "
                             f"states after {len(p_h)}")
        p = p_h @ p_v_given_h
        yield p
        p_h = p @ p_h_given_v


def distribution(rbm):
    """Return p(v) = e^(-beta F(v)) / Z (2^n_visible,), which K leaves as it is  (R6, R12)"""
    rbm = small(rbm)
    log_weight = -rbm.beta * rbm.free_energy(all_states(rbm.n_visible))
    weight = np.exp(log_weight - log_weight.max())
    return weight / weight.sum()


def certain(X, n_visible):
    """Return (n, 2^n_visible), for each binary row of X (n, n_visible) a 1 in its place.

    Their mean is the distribution of the data."""
    n_visible = validation.positive_integer(n_visible, "n_visible")
    if n_visible > LARGEST_TABLE:
        raise ValueError(f"n_visible must be at most {LARGEST_TABLE}, got {n_visible}")
    X = validation.states(X, n_visible, "X")
    p = np.zeros((len(X), 2**n_visible))
    p[np.arange(len(X)), X @ (1 << np.arange(n_visible))] = 1
    return p


def statistics(rbm):
    """Return v_i h_j, v_i, h_j, with h at its mean given v: (2^n_visible, n_parameters)  (R9)

    p @ statistics are the Moments of p, in the order of parameters.flatten."""
    v = all_states(small(rbm).n_visible)
    return _side_by_side(v, rbm.double().hidden_mean(v))


def modes(rbm):
    """Return the eigenvalues of K (n,), from 1 down, and their functions (n, 2^n_visible)  (E14)

    K phi = lambda phi: the mean of phi(v) over chains shrinks by lambda in a step, and so does its
    autocorrelation. The functions are orthonormal under p(v), the first is constant. Eigenvalues
    beyond n, the number of states of the smaller layer, are 0."""
    p_h_given_v, p_v_given_h = conditionals(rbm)
    Q = np.sqrt(p_h_given_v * p_v_given_h.T)  # p(v, h) / sqrt(p(v) p(h)), (2^n_visible, 2^n_hidden)
    vectors, singular, _ = np.linalg.svd(Q, full_matrices=False)
    return singular**2, vectors.T / np.sqrt(distribution(rbm))


def lag(rbm, velocity):
    """Return how far <f> of persistent chains lags behind that of a machine that moves  (E15)

    velocity  (n_parameters,), in the order of parameters.flatten: the parameters move by so much in
              each step
    To first order in the velocity. It is the lag of the statistics with h at its mean given v,
    (n_parameters,)."""
    eigenvalues, phi = (part[1:] for part in modes(rbm))  # the first mode does not decay
    weight, h = distribution(rbm) * phi, all_states(rbm.n_hidden)  # (n, 2^n_visible)
    shifted = _side_by_side(rbm.double().visible_mean(h), h)  # f(h), (2^n_hidden, n_parameters)
    velocity = validation.real_array(velocity, "velocity", n_dims=1, dtype=np.float64)
    if len(velocity) != shifted.shape[1]:
        raise ValueError(f"velocity must hold {shifted.shape[1]} numbers, one for each parameter, "
                         f"got {len(velocity)}")
    start = weight @ conditionals(rbm)[0] @ (shifted @ velocity)  # <phi(v) velocity.f(h)>, (n,)
    return -rbm.beta * (start / (1 - eigenvalues)) @ (weight @ statistics(rbm))


def small(rbm):
    """Return the binary machine in float64, if tables of all its states fit in memory."""
    rbm = validation.instance(rbm, "rbm", RBM)
    if rbm.n_visible + rbm.n_hidden > LARGEST_TABLE:
        raise ValueError(f"tables of all states need at most {LARGEST_TABLE} units, "
                         f"got {rbm.n_visible} visible and {rbm.n_hidden} hidden")
    return rbm.double()


def _distributions(p, rbm, n_dims=1):
    """Return p as checked distributions over the visible states of rbm."""
    p = validation.real_array(p, "p", n_dims=n_dims, dtype=np.float64)
    if p.shape[-1] != 2**rbm.n_visible or (p < 0).any() or np.abs(p.sum(axis=-1) - 1).max() > 1e-9:
        raise ValueError(f"each row of p must be {2**rbm.n_visible} probabilities that sum to 1, "
                         f"got shape {p.shape}, from {p.min():.3g}, sums {p.sum(axis=-1)}")
    return p


def _side_by_side(v, h):
    """Return v_i h_j, v_i and h_j of rows v and h, as flatten orders them: (n, n_parameters)"""
    return np.hstack([(v[:, :, None] * h[:, None, :]).reshape(len(v), -1), v, h])


def _product_of_units(field, states):
    """Return the probabilities of states (n_states, n_units) in fields (n, n_units)  (R4)"""
    return np.exp(field @ states.T - unit.potential(field).sum(axis=1)[:, None])

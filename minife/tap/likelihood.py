"""The likelihood with the TAP free energy in place of -log Z / beta: an estimate, and the gradient of that estimate."""
from .. import validation
from .expansion import free_energy_gradient
from .solvers import fixed_point, lowest


def log_likelihood(rbm, X, order=2, **solver):
    """Return beta (Gamma_k* - mean F(x)) over the binary rows of X (n, n_visible), in nats  (T13)

    solver  arguments of fixed_point; of several starts the lowest Gamma_k* counts. At order 1 this is an upper
            bound of the log-likelihood, at orders 2 and 3 it is no bound."""
    X = validation.states(X, rbm.n_visible, "X")
    state = fixed_point(rbm, order, **solver)
    return float(rbm.beta * (state.free_energy[lowest(state)] - rbm.free_energy(X).mean()))


def log_likelihood_gradient(rbm, X, order=2, **solver):
    """Return the gradient of log_likelihood: beta times (moments at the data + dGamma_k*/dtheta)  (T14)"""
    X = validation.states(X, rbm.n_visible, "X")
    state = fixed_point(rbm, order, **solver)
    row = [lowest(state)]
    model = free_energy_gradient(rbm, state.m_v[row], state.m_h[row], order)
    data = rbm.free_energy_gradient(X)
    return {name: rbm.beta * (model[name] - data[name]) for name in model}

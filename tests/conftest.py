"""Small random machines that many tests share."""
import numpy as np
import pytest

from minife import RBM

BETAS = (0.6, 1.0, 1.5)


def random_rbm(rng, n_visible=5, n_hidden=4, beta=1.0, scale=0.7):
    """Return an RBM with weights of standard deviation `scale` and biases of 0.5."""
    return RBM(scale * rng.standard_normal((n_visible, n_hidden)), 0.5 * rng.standard_normal(n_visible),
               0.5 * rng.standard_normal(n_hidden), beta)


@pytest.fixture
def rng():
    return np.random.default_rng(2024)


@pytest.fixture(params=BETAS, ids=lambda beta: f"beta={beta}")
def beta(request):
    return request.param

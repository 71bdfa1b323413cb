"""Small random machines that many tests share."""
import numpy as np
import pytest

from kernel_calls import twin  # noqa: F401  (a fixture of the tests of chapter K)
from minife import MLP, RBM
from minife.gradcheck import check_gradient

BETAS = (0.6, 1.0, 1.5)


def random_rbm(rng, n_visible=5, n_hidden=4, beta=1.0, scale=0.7):
    """Return an RBM with weights of standard deviation `scale` and biases of 0.5."""
    return RBM(scale * rng.standard_normal((n_visible, n_hidden)),
               0.5 * rng.standard_normal(n_visible), 0.5 * rng.standard_normal(n_hidden), beta)


def magnetisations(rng, rbm, n=4):
    """Return m_v (n, n_visible), m_h (n, n_hidden) uniform in [0.1, 0.9]."""
    return rng.uniform(0.1, 0.9, (n, rbm.n_visible)), rng.uniform(0.1, 0.9, (n, rbm.n_hidden))


def random_network(depth, hidden, loss, seed=0):
    """Return an MLP of up to five layers of weights, 4 rows X and targets y that are probabilities.

    No field of a hidden unit is within 0.05 of 0: rectified units have a kink there, and no
    slope."""
    rng = np.random.default_rng([seed, depth])
    mlp = MLP((3, 4, 5, 3, 4, 3)[-depth - 1:], hidden, loss, rng)
    for k in range(1, depth + 1):
        mlp.parameters[f"b{k}"] += 0.3 * rng.standard_normal(mlp.sizes[k])
    X = 1 + 2 * rng.standard_normal((500, mlp.sizes[0]))
    mlp.normalise_input(X)
    hidden_fields = np.hstack([np.ones((500, 1)), *mlp.fields(X)[:-1]])
    X = X[np.abs(hidden_fields).min(axis=1) > 0.05][:4]
    return mlp, X, rng.dirichlet(np.ones(mlp.sizes[-1]), len(X))


def check_along(f, parameters, gradient):
    """Check the gradient of f() along one random direction of all parameters: an error in any of
    its entries shows, at the cost of one entry."""
    rng, start = np.random.default_rng(9), {name: x.copy() for name, x in parameters.items()}
    way = {name: rng.standard_normal(x.shape) / 4 for name, x in start.items()}

    def moved(p):
        for name, x in parameters.items():
            x[...] = start[name] + p["t"] * way[name]
        return f()
    slope = sum((gradient[name] * way[name]).sum() for name in start)
    check_gradient(moved, {"t": np.zeros(1)}, {"t": np.array([slope])})
    moved({"t": 0.0})


@pytest.fixture
def rng():
    return np.random.default_rng(2024)


@pytest.fixture(params=BETAS, ids=lambda beta: f"beta={beta}")
def beta(request):
    return request.param


def pytest_configure(config):
    config.addinivalue_line(
        "markers", "proves(*tags): the test fails when an equation of these tags is broken")


def pytest_addoption(parser):
    parser.addoption("--proves", metavar="TAGS",
                     help="only the tests that are marked as proofs of these equations: T9,C8")


def pytest_collection_modifyitems(config, items):
    tags = config.getoption("--proves")
    if tags is not None:
        items[:] = [item for item in items
                    if any(set(tags.split(",")) & set(mark.args)
                           for mark in item.iter_markers("proves"))]


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item):
    """Say of a test that fails which equations it proves."""
    report = (yield).get_result()
    tags = [tag for mark in item.iter_markers("proves") for tag in mark.args]
    if report.failed and tags:
        report.sections.append(("equations", f"this test proves {', '.join(tags)}"))

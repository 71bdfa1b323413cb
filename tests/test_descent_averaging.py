"""The mean of the last steps: its weights, why it is nearer to the minimum, where it is seen."""
from types import SimpleNamespace

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from proofs import proves

from minife.descent import SGD, NormConstraint
from minife.descent.averaging import Averaging
from minife.descent.loop import descend
from minife.estimators import BernoulliRBM, MLPRegressor, RBMClassifier
from minife.parameters import norm

ROWS = np.random.default_rng(1).standard_normal((12, 3))


def run(n_epochs=4, rate=0.1, **more):
    """Return b and the history of a descent to the mean of the rows: three steps an epoch."""
    model = SimpleNamespace(parameters={"b": np.array([1.0, -2.0, 0.5])})
    history = descend(model, lambda rows: {"b": model.parameters["b"] - ROWS[rows].mean(axis=0)},
                      len(ROWS), SGD(rate), n_epochs, np.random.default_rng(0),
                      **{"batch_size": 4} | more)
    return model.parameters["b"], history


def followed(share, path):
    """Return the mean of an Averaging that has seen the rows of a path (n_steps, n)."""
    averaging = Averaging(share)
    for b in path:
        averaging.follow({"b": b})
    return averaging.mean["b"]


@proves("D6")
def test_the_weights_of_the_steps():
    """(D6): all alike for s = 1; (u - 1)(u - 2) for s = 1/3; of any share, the last part"""
    n, u = 50, np.arange(1.0, 51)
    assert_allclose(followed(1.0, np.eye(n)), np.full(n, 1 / n), rtol=1e-12)
    cubic = (u - 1) * (u - 2)
    assert_allclose(followed(1 / 3, np.eye(n)), cubic / cubic.sum(), atol=1e-14)
    assert_allclose(followed(0.07, np.ones((9, 2))), 1)     # of a constant: the constant
    u = np.arange(1.0, 3001)
    for s in (0.1, 0.35, 0.8):
        w = followed(s, np.eye(3000))
        assert_allclose([w @ u / 3000, 1 / (3000 * w @ w)], [1 / (1 + s), s * (2 - s)], rtol=2e-3)


@proves("D6")
@pytest.mark.parametrize("share", [1.0, 0.3])
def test_the_mean_in_a_bowl_with_scatter(share):
    """(D6): variance sigma^2 / (lambda^2 n) at any rate; of the last step eta sigma^2 / (2 lambda)

    Exactly, by the response to each noise: x has a component for each step t, which is 1 in the
    noise of that step alone. The sum of the squares of x is then the variance for sigma = 1."""
    n, curvature = 4000, 0.7
    for rate in (0.05, 0.2):
        model = SimpleNamespace(parameters={"x": np.zeros(n)})

        def slope(rows, steps=iter(range(n)), model=model):
            g = curvature * model.parameters["x"]
            g[next(steps)] += 1
            return {"x": g}

        for averaging, expected in ((0.0, rate / (curvature * (2 - rate * curvature))),
                                    (share, 1 / (curvature**2 * share * (2 - share) * n))):
            model.parameters["x"][:] = 0
            descend(model, lambda rows, steps=iter(range(n)): slope(rows, steps), n, SGD(rate), 1,
                    np.random.default_rng(0), batch_size=1, averaging=averaging)
            assert_allclose((model.parameters["x"]**2).sum(), expected, rtol=0.02)


def test_a_path_that_travels_is_followed_late():
    """By t s / (1 + s) steps"""
    mean = followed(0.1, np.arange(1.0, 2001)[:, None])
    assert_allclose(2000 - mean, 2000 * 0.1 / 1.1, rtol=0.01)


def test_the_mean_is_of_the_very_steps_of_a_run_without_it():
    """And the end is where a callback saw it: that of a run of so many epochs"""
    path, seen = [], []
    slope = SimpleNamespace(parameters={"b": np.array([1.0, -2.0, 0.5])})

    class Recorder(SGD):
        def step(self, theta, gradient):
            super().step(theta, gradient)
            path.append(theta["b"].copy())
    descend(slope, lambda rows: {"b": slope.parameters["b"] - ROWS[rows].mean(axis=0)}, 12,
            Recorder(0.1), 4, np.random.default_rng(0), batch_size=4)
    b, _ = run(averaging=0.4, callbacks=lambda m, epoch: seen.append(m.parameters["b"].copy()))
    assert_allclose(b, followed(0.4, path), rtol=1e-14)
    for epoch in (1, 2, 3, 4):
        assert_array_equal(seen[epoch - 1], run(epoch, averaging=0.4)[0])
    stopped, history = run(averaging=0.4, callbacks=lambda m, epoch: epoch == 2)
    assert len(history) == 2
    assert_array_equal(stopped, seen[1])


@pytest.mark.parametrize("n_done", [1, 3])
def test_a_resumed_run_has_the_mean_of_the_uninterrupted_run(n_done, tmp_path):
    """To the last bit, and also where nothing is left to do"""
    path, once = tmp_path / "run.npz", run(averaging=0.5)[0]
    run(n_done, averaging=0.5, checkpoint=path)
    assert_array_equal(run(averaging=0.5, checkpoint=path)[0], once)
    with pytest.warns(UserWarning, match="nothing is left to train"):
        assert_array_equal(run(averaging=0.5, checkpoint=path)[0], once)
    with pytest.raises(ValueError, match="holds averaging=0.5; this run has averaging=0.2"):
        run(averaging=0.2, checkpoint=path)


def test_the_mean_has_the_norm_of_the_constraint():
    """For a callback and at the end; the steps do not notice"""
    sizes, constraint = [], NormConstraint(2.0)
    b, _ = run(averaging=1.0, norm_constraint=constraint,
               callbacks=lambda m, epoch: sizes.append(norm(m.parameters)))
    assert_allclose([*sizes, np.linalg.norm(b)], 2.0)
    assert_array_equal(b, run(averaging=1.0, norm_constraint=constraint)[0])


def test_a_callback_that_fails_leaves_the_last_step():
    model = SimpleNamespace(parameters={"b": np.zeros(3)})

    def fail(model, epoch):
        raise RuntimeError("no")
    with pytest.raises(RuntimeError):
        descend(model, lambda rows: {"b": np.ones(3)}, 12, SGD(1.0), 1, np.random.default_rng(0),
                batch_size=4, averaging=1.0, callbacks=fail)
    assert_array_equal(model.parameters["b"], [-3, -3, -3])


@pytest.mark.parametrize("bad", [-0.1, 1.1, None, True, "all", np.nan])
def test_a_share_is_a_share(bad):
    with pytest.raises(ValueError, match=r"^averaging must be a number in \[0, 1\], got"):
        run(averaging=bad)


@pytest.mark.filterwarnings("ignore:learning stopped at max_iter")
@pytest.mark.parametrize("make", [BernoulliRBM, RBMClassifier, MLPRegressor])
def test_estimators_hand_it_on(make):
    """They end at the mean: the same epochs and another result; a bad share is refused"""
    X, y = np.random.default_rng(0).integers(0, 2, (60, 5)), np.arange(60) % 2
    setting = {"max_iter" if make is MLPRegressor else "n_iter": 3, "random_state": 0}

    def parameters(**more):
        model = make(4, **setting, **more).fit(X, y)
        return getattr(model, model._model).parameters
    last, mean = parameters(), parameters(averaging=1.0)
    assert any((last[name] != mean[name]).any() for name in last)
    with pytest.raises(ValueError, match="averaging"):
        parameters(averaging=2)

"""Networks in training: the loop, checkpoints, and problems that they solve."""
from math import log

import numpy as np
import pytest
from networks import LOSSES, each_loss, each_unit, network
from numpy.testing import assert_allclose, assert_array_equal
from proofs import proves

from minife import MLP
from minife.backprop import BinaryCrossEntropy, CategoricalCrossEntropy, SquaredError, train
from minife.data import line_symmetry, load_digits, xor
from minife.descent import SGD, Adam, NormConstraint, RMSProp
from minife.parameters import flatten, norm
from minife.units import Binary, Gaussian, LeakyRectified, Spin


TOY_X = np.random.default_rng(3).normal(size=(23, 3))
TOY_Y = np.random.default_rng(4).dirichlet(np.ones(2), 23)
OPTIMIZERS = {"momentum": lambda: SGD(0.05, momentum=0.9, l2=1e-3),
              "RMSProp": lambda: RMSProp(0.01), "Adam": lambda: Adam(0.01, l1=1e-3)}


@proves("B8", "D2")
@each_unit
@each_loss
def test_small_steps_descend_the_loss(unit, loss):
    """(B8), (D2): every full-batch step of gradient descent lowers E_train, by rate |slope|^2 to
    first order"""
    mlp = network((3, 6, 2), unit, loss)
    losses, slopes = [mlp.loss(TOY_X, TOY_Y)], [norm(mlp.gradient(TOY_X, TOY_Y))]

    def watch(mlp, epoch):
        losses.append(mlp.loss(TOY_X, TOY_Y))
        slopes.append(norm(mlp.gradient(TOY_X, TOY_Y)))
    history = train(mlp, TOY_X, TOY_Y, SGD(1e-3), 20, np.random.default_rng(0), callbacks=[watch])
    assert np.all(np.diff(losses) < 0)
    assert_allclose(-np.diff(losses), 1e-3 * np.square(slopes[:-1]), rtol=0.05)
    # as the batches came
    assert_allclose([record["loss"] for record in history], losses[:-1], rtol=1e-12)


@proves("D1", "D2")
def test_training_is_the_loop_written_out():
    """(B8), (D2): batches of an order of each epoch's own, the last one ragged, and a history of
    their mean loss"""
    trained, rng = network((3, 4, 2)), np.random.default_rng(5)
    history = train(trained, TOY_X, TOY_Y, SGD(0.1, momentum=0.5), 3, np.random.default_rng(5),
                    batch_size=10)
    mlp, velocity = network((3, 4, 2)), dict.fromkeys(trained.parameters, 0)
    for record in history:
        order, losses = rng.permutation(23), []
        for rows in (order[:10], order[10:20], order[20:]):
            losses += len(rows) * [mlp.loss(TOY_X[rows], TOY_Y[rows])]
            for name, slope in mlp.gradient(TOY_X[rows], TOY_Y[rows]).items():
                velocity[name] = 0.5 * velocity[name] + slope
                mlp.parameters[name] -= 0.1 * velocity[name]
        assert record["loss"] == pytest.approx(np.mean(losses), rel=1e-12)
    for name, array in mlp.parameters.items():
        assert_allclose(trained.parameters[name], array, rtol=1e-12)


def test_linear_regression_arrives_at_least_squares():
    """(B8), (B14): one layer under the squared error, against numpy.linalg.lstsq"""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(30, 3)) * [1, 2, 3] + 4
    y = X @ [1.0, -2.0, 0.5] + rng.normal(size=30)
    mlp = network((3, 1), loss=SquaredError())
    mlp.normalise_input(X)
    train(mlp, X, y, SGD(0.3, momentum=0.5), 300, rng)
    solution = np.linalg.lstsq(np.column_stack([X, np.ones(30)]), y, rcond=None)[0]
    assert_allclose(mlp.predict(X)[:, 0], np.column_stack([X, np.ones(30)]) @ solution, atol=1e-10)


@pytest.mark.parametrize("problem, n_hidden, n_epochs",
                         [(xor(), 8, 60), (line_symmetry(6), 16, 100)],
                         ids=["xor", "line_symmetry"])
def test_problems_that_no_single_layer_solves_are_solved_from_every_start(problem, n_hidden,
                                                                          n_epochs):
    """tanh units on normalised inputs, one sigmoid output, Adam with rate 0.1 on all rows at once:
    20 of 20 seeds"""
    X, y = problem
    for seed in range(20):
        rng = np.random.default_rng(seed)
        mlp = MLP((X.shape[1], n_hidden, 1), Spin(), BinaryCrossEntropy(), rng)
        mlp.normalise_input(X)
        train(mlp, X, y, Adam(0.1), n_epochs, rng)
        assert_array_equal(mlp.predict(X)[:, 0] > 0.5, y)


def test_a_single_layer_does_not_solve_xor():
    """(B3): the loss is convex, and least where every output is 1/2"""
    X, y = xor()
    mlp = network((2, 1), loss=BinaryCrossEntropy())
    train(mlp, X, y, SGD(1.0, momentum=0.5), 300, np.random.default_rng(0))
    assert_allclose(mlp.predict(X), 0.5, atol=1e-6)
    assert mlp.loss(X, y) == pytest.approx(log(2))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", OPTIMIZERS)
def test_resumed_run_is_the_uninterrupted_run(name, dtype, tmp_path):
    """(D2), (D3), (D4): to the last bit, whatever the start and the seed of the run that takes up
    the file"""
    def run(mlp, n_epochs, seed, checkpoint=None):
        return train(mlp, TOY_X, TOY_Y, OPTIMIZERS[name](), n_epochs, np.random.default_rng(seed),
                     batch_size=5, checkpoint=checkpoint, same_seed=False)
    whole, parts, resumed = (network((3, 4, 2), seed=seed, dtype=dtype) for seed in (0, 0, 99))
    history = run(whole, 4, 3)
    run(parts, 2, 3, tmp_path / "run.npz")
    again = run(resumed, 4, 77, tmp_path / "run.npz")
    for key, array in whole.parameters.items():
        assert array.dtype == resumed.parameters[key].dtype == dtype
        assert_array_equal(array, resumed.parameters[key])
    assert [record["loss"] for record in history] == [record["loss"] for record in again]
    assert [record["epoch"] for record in again] == [1, 2, 3, 4]


CHANGES = {
    "sizes": ({"sizes": (3, 5, 2)}, r"an MLP of \(3, 4, 2\) .*this run has an MLP of \(3, 5, 2\)"),
    "depth": ({"sizes": (3, 4, 4, 2)},
              r"an MLP of \(3, 4, 2\) .*this run has an MLP of \(3, 4, 4, 2\)"),
    "hidden": ({"hidden": Binary()},
               r".*LeakyRectified.*'slope': 0.2.*this run has .* Binary units"),
    "slope": ({"hidden": LeakyRectified(0.1)},
              r".*LeakyRectified.*'slope': 0.2.*this run has .*'slope': 0.1"),
    "softmax": ({"loss": CategoricalCrossEntropy()},
                "SquaredError of Binary units; this run has Categorical"),
    "sigmoid": ({"loss": BinaryCrossEntropy()},
                "SquaredError of Binary units; this run has BinaryCross"),
    "output": ({"loss": SquaredError()},
               "SquaredError of Binary units; this run has SquaredError of Gaussian"),
    "dtype": ({"dtype": np.float32}, ".*float64.*this run has .*float32"),
    "X": ({"X": TOY_X[::-1]}, "23 rows with checksum .*; this run has 23 rows"),
    "y": ({"y": TOY_Y[::-1]}, "23 rows with checksum .*; this run has 23 rows"),
    "n_rows": ({"X": TOY_X[:9], "y": TOY_Y[:9]},
               "23 rows .*, n_rows=23; this run has 9 rows .*, n_rows=9"),
    "normalise": ({"normalise": True}, "23 rows with checksum .*; this run has 23 rows")}


@pytest.mark.parametrize("name", CHANGES)
def test_checkpoint_of_another_network_is_refused_and_nothing_is_changed(name, tmp_path):
    def run(X=TOY_X, y=TOY_Y, normalise=False, **changes):
        mlp = network(**({"sizes": (3, 4, 2), "hidden": LeakyRectified(0.2),
                          "loss": SquaredError(Binary())} | changes))
        if normalise:
            mlp.normalise_input(X)
        before = flatten(mlp.parameters)
        yield mlp, before
        train(mlp, X, y, SGD(0.1), 2, np.random.default_rng(0), checkpoint=tmp_path / "run.npz")
    list(run())
    content, (change, message) = (tmp_path / "run.npz").read_bytes(), CHANGES[name]
    attempt = run(**change)
    mlp, before = next(attempt)
    with pytest.raises(ValueError, match=f"run.npz is of another run: it holds {message}"):
        next(attempt)
    assert_array_equal(flatten(mlp.parameters), before)
    assert (tmp_path / "run.npz").read_bytes() == content


@pytest.mark.filterwarnings("ignore:overflow", "ignore:invalid value")
def test_divergence_is_an_error_that_names_the_epoch():
    mlp = network((3, 4, 2), Gaussian(), SquaredError())
    with pytest.raises(FloatingPointError,
                       match=r"stopped being finite in epoch \d+: lower the learning rate"):
        train(mlp, TOY_X, TOY_Y, SGD(1e3), 50, np.random.default_rng(0))


def test_training_takes_what_the_one_loop_takes(capsys):
    """(D5) among them: the norm constraint works on networks as well"""
    mlp, norms = network((3, 4, 2)), []
    history = train(mlp, TOY_X, TOY_Y, Adam(0.01), 2, np.random.default_rng(0), batch_size=7,
                    label="toy", norm_constraint=NormConstraint(2.0),
                    callbacks=[lambda mlp, epoch: norms.append(norm(mlp.parameters)), lambda mlp,
                               epoch: {"square": epoch**2}])
    assert_allclose(norms, 2.0)
    assert [(record["epoch"], record["square"]) for record in history] == [(1, 1), (2, 4)]
    train(mlp, TOY_X, TOY_Y, Adam(0.01), 3, np.random.default_rng(0), history=history)
    assert [record["epoch"] for record in history] == [1, 2, 3]
    assert "toy" in capsys.readouterr().err


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_float32_networks_stay_float32_in_training(name):
    for loss in LOSSES:
        mlp, optimizer = network((3, 4, 2), loss=loss, dtype=np.float32), OPTIMIZERS[name]()
        mlp.normalise_input(TOY_X)
        train(mlp, TOY_X, TOY_Y, optimizer, 2, np.random.default_rng(0), batch_size=5)
        for array in (*mlp.parameters.values(), *mlp.gradient(TOY_X, TOY_Y).values(),
                      mlp.predict(TOY_X), *optimizer.memory.values()):
            assert array.dtype == np.float32
        double = network((3, 4, 2), loss=loss)
        double.normalise_input(TOY_X)
        train(double, TOY_X, TOY_Y, OPTIMIZERS[name](), 2, np.random.default_rng(0), batch_size=5)
        assert_allclose(flatten(mlp.parameters), flatten(double.parameters), atol=1e-4)


def test_centring_removes_the_steep_direction_of_the_digits():
    """(B14): the largest eigenvalue of the mean of h_0^T h_0 over the embedded grey digits: 76,
    without centring 560"""
    X, mlp = load_digits(binary=False).X_train, MLP((784, 1), loss=SquaredError())
    mlp.normalise_input(X)
    h_0, _ = mlp.check_rows(X, np.zeros(len(X)))
    for rows, eigenvalue in ((h_0, 76), (X / mlp.input_scale, 560)):
        assert round(np.linalg.eigvalsh(rows.T @ rows / len(rows))[-1]) == eigenvalue

"""The one loop: its five lines, its callbacks, what it refuses, and the progress that it shows."""
import time
from types import SimpleNamespace

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from proofs import proves

from minife.descent import SGD, Adam, NormConstraint, StopTraining
from minife.descent.averaging import Averaging
from minife.descent.loop import descend, epochs
from minife.descent.progress import duration, progress
from minife.parameters import norm

ROWS = np.random.default_rng(1).standard_normal((11, 3))


def model():
    return SimpleNamespace(parameters={"b": np.array([1.0, -2.0, 0.5])})


def slope(model):
    """Return the gradient of half the mean squared distance of b from the rows of a batch."""
    return lambda rows: {"b": model.parameters["b"] - ROWS[rows].mean(axis=0)}


def run(n_epochs=3, seed=0, optimizer=None, **more):
    m = model()
    return m, descend(m, slope(m), len(ROWS), optimizer or SGD(0.1), n_epochs,
                      np.random.default_rng(seed), **{"batch_size": 4} | more)


@proves("D1")
@pytest.mark.parametrize("constraint", [None, NormConstraint(0.7)], ids=["free", "norm"])
def test_the_loop_written_out(constraint):
    """(D1): a new order of the rows for each epoch, batches of it, the last one ragged; a step
    each; the norm"""
    (m, _), rng, b = run(norm_constraint=constraint), np.random.default_rng(0), np.array([1.0,
                                                                                          -2.0,
                                                                                          0.5])
    for _ in range(3):
        order = rng.permutation(11)
        for rows in (order[:4], order[4:8], order[8:]):
            b = b - 0.1 * (b - ROWS[rows].mean(axis=0))
        if constraint is not None:
            b = 0.7 * b / np.linalg.norm(b)
    assert_allclose(m.parameters["b"], b, rtol=1e-14)


@proves("D1")
def test_every_epoch_sees_every_row_once_in_another_order():
    """(D1) alone, without what stands around it"""
    m, seen = model(), []

    def gradient(rows):
        seen.append(rows)
        return slope(m)(rows)
    numbers = list(epochs(range(5, 7), m, gradient, 11, 4, SGD(0.1), None, Averaging(0),
                          np.random.default_rng(0)))
    assert numbers == [5, 6] and [len(rows) for rows in seen] == [4, 4, 3, 4, 4, 3]
    first, second = np.concatenate(seen[:3]).tolist(), np.concatenate(seen[3:]).tolist()
    assert sorted(first) == sorted(second) == list(range(11)) and len({*map(tuple,
                                                                            (first, second,
                                                                             range(11)))}) == 3


def test_callbacks_join_the_history_and_one_may_stand_alone():
    _, history = run(callbacks=lambda model, epoch: {"square": epoch**2})
    assert [(record["epoch"], record["square"]) for record in history] == [(1, 1), (2, 4), (3, 9)]
    _, history = run(callbacks=[lambda model, epoch: {"x": np.float32(epoch)}, lambda model,
                                epoch: None])
    assert [record["x"] for record in history] == [1, 2, 3]


def raising(model, epoch):
    if epoch == 2:
        raise StopTraining


@pytest.mark.parametrize("stop", [lambda model, epoch: epoch == 2, raising],
                         ids=["returns True", "raises"])
def test_a_callback_ends_the_training_after_its_epoch(stop, tmp_path, capsys):
    """The other callbacks of that epoch are called, and its checkpoint is written, from which a run
    goes on"""
    path, seen = tmp_path / "run.npz", []
    m, history = run(5, callbacks=[stop, lambda model, epoch: seen.append(epoch)],
                     checkpoint=path, label="toy")
    assert [record["epoch"] for record in history] == seen == [1, 2]
    assert_array_equal(m.parameters["b"], run(2)[0].parameters["b"])
    assert_array_equal(run(5, checkpoint=path)[0].parameters["b"], run(5)[0].parameters["b"])
    assert "toy: stopped at 2/5" in capsys.readouterr().err


@pytest.mark.parametrize("value, message", [
    (7, "a callback must return None, a dict, or True to stop, got 7"),
    ({"model": model()}, "callbacks: the entry 'model' must be numbers or texts, or lists or dicts "
                         "of them, got SimpleNamespace"),
    ({"set": {1, 2}}, "callbacks: the entry 'set' must be numbers or texts"),
    ({"keys": {(1, 2): 3}}, "callbacks: the entry 'keys' must be numbers or texts")])
def test_what_no_file_can_hold_is_refused_when_it_appears(value, message):
    """And not when the model is saved, after the training"""
    history = []
    with pytest.raises(TypeError, match=f"^{message}"):
        run(callbacks=lambda model, epoch: value, history=history)
    assert history == []


def test_an_interrupted_training_leaves_how_far_it_came():
    history, m, start = [], model(), time.perf_counter()

    def gradient(rows, calls=iter(range(100))):
        # three steps per epoch: in the third one
        if next(calls) == 7:
            raise KeyboardInterrupt
        return slope(m)(rows)
    with pytest.raises(KeyboardInterrupt):
        descend(m, gradient, 11, SGD(0.1), 5, np.random.default_rng(0), batch_size=4,
                history=history)
    assert [record["epoch"] for record in history] == [1, 2]
    seconds = [record["seconds"] for record in history]
    assert min(seconds) > 0 and sum(seconds) < time.perf_counter() - start


@pytest.mark.filterwarnings("ignore:overflow", "ignore:invalid value")
def test_divergence_names_the_epoch_and_keeps_the_history_before_it():
    history = []
    with pytest.raises(FloatingPointError,
                       match=r"stopped being finite in epoch \d+: lower the learning rate"):
        run(10_000, optimizer=SGD(1e9), history=history)
    assert 1 <= len(history) < 10_000 and history[-1]["epoch"] == len(history)


BAD = {
    "optimizer class": (TypeError, {"optimizer": Adam},
                        "optimizer must be an Optimizer, got the class Adam itself"),
    "optimizer text": (TypeError, {"optimizer": "adam"},
                       "optimizer must be an Optimizer, got str 'adam'"),
    "constraint class": (TypeError, {"norm_constraint": NormConstraint},
                         "norm_constraint must be a NormConstraint, got"),
    "constraint number": (TypeError, {"norm_constraint": 4.0},
                          "norm_constraint must be a NormConstraint, got float 4.0"),
    "callbacks": (TypeError, {"callbacks": 5},
                  r"callbacks must be a function of \(model, epoch\) or a list of such"),
    "callback": (TypeError, {"callbacks": ["print"]},
                 r"callbacks must be a function of \(model, epoch\)"),
    "callback class": (TypeError, {"callbacks": [SimpleNamespace]},
                       r"callbacks must be a function of \(model, epoch\)"),
    "checkpoint": (TypeError, {"checkpoint": True}, "checkpoint must be a path, got True"),
    "folder": (FileNotFoundError, {"checkpoint": "no/such/run.npz"},
               "checkpoint no/such/run.npz: there is no folder no"),
    "same_seed": (TypeError, {"checkpoint": "x.npz", "same_seed": "no"},
                  "same_seed must be True or False, got 'no'"),
    "history": (TypeError, {"history": {}}, "history must be a list, got dict"),
    "label": (TypeError, {"label": True}, "label must be a str, got bool True"),
    "batch_size": (ValueError, {"batch_size": 0}, "batch_size must be a positive integer, got 0"),
    "n_epochs": (ValueError, {"n_epochs": 2.5}, "n_epochs must be a positive integer, got 2.5"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_argument(name):
    error, change, message = BAD[name]
    with pytest.raises(error, match=f"^{message}"):
        run(**change)


def test_a_generator_is_a_generator():
    m = model()
    with pytest.raises(TypeError, match="rng must be a numpy.random.Generator, got int"):
        descend(m, slope(m), 11, SGD(0.1), 1, 0)


def test_the_norm_constraint_takes_part():
    norms = []
    run(norm_constraint=NormConstraint(2.0), callbacks=lambda model,
        epoch: norms.append(norm(model.parameters)))
    assert_allclose(norms, 2.0)


# Progress

@pytest.mark.parametrize("terminal", [False, True])
def test_progress_in_a_log_and_on_a_terminal(terminal, monkeypatch, capsys):
    """A log gets whole lines, at most ten and a last one; a terminal one line, written over"""
    monkeypatch.setattr("sys.stderr.isatty", lambda: terminal, raising=False)
    assert list(progress(range(95), "bars")) == list(range(95))
    shown = capsys.readouterr()
    assert shown.out == "" and " left" in shown.err and "bars: 95/95, 0.0 s" in shown.err
    assert ("\r" in shown.err) == terminal
    assert shown.err.count("\n") == (1 if terminal else 10)


def test_progress_without_a_label_says_nothing(capsys):
    assert list(progress("abc")) == ["a", "b", "c"]
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize("seconds, words",
                         [(0.44, "0.4 s"), (59.4, "59 s"), (185, "3 min 5 s"),
                          (7800, "2 h 10 min")])
def test_durations_in_words(seconds, words):
    assert duration(seconds) == words


def test_a_model_has_parameters_and_a_gradient_is_a_function():
    for bad in ((object(), slope(model())), (model(), {"b": np.zeros(3)}),
                (SimpleNamespace(parameters=5), len)):
        with pytest.raises(TypeError, match="model must have parameters, a dict of arrays, and"):
            descend(*bad, 11, SGD(0.1), 1, np.random.default_rng(0))

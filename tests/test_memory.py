"""State that meets an object that it was not made for: an error that says both shapes, no crash.

The cases run in another process, as a wrong one would end it: python tests/test_memory.py runs
them here."""
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import pytest

from minife import MLP, RBM, backprop, estimators
from minife.descent import SGD, Adam, RMSProp
from minife.rbm import gibbs, training
from minife.tap import ExtendedMeanField

g = np.random.default_rng


def rows(n_units):
    return g(1).integers(2, size=(20, n_units))


def rbm(n_visible=400, n_hidden=300):
    return RBM.initialise(n_visible, n_hidden, g(0))


def two_machines(first, second, phase, optimizer):
    """The same phase and optimizer teach two machines (n_visible, n_hidden), one after the
    other."""
    for size in (first, second):
        training.train(rbm(*size), rows(size[0]), phase, optimizer, 1, g(0))


def two_networks(optimizer):
    for sizes in (6, 4, 2), (400, 300, 2):
        backprop.train(MLP(sizes, rng=g(0)), g(1).standard_normal((20, sizes[0])), rows(6)[:, 0],
                       optimizer, 1, g(0))


def replaced(machine, name, array):
    setattr(machine, name, array)
    machine.hidden_mean(rows(machine.n_visible))


def weights_of_a_network_replaced():
    mlp = MLP((400, 30, 2), rng=g(0))
    mlp.parameters["W1"] = np.zeros((5, 30))
    mlp.predict(rows(400).astype(np.uint8))


def changed_file(path, shorten):
    """Shorten one array of a file by rows."""
    with np.load(path) as file:
        arrays = dict(file)
    name = next(name for name in arrays if shorten in name)
    np.savez(path, **arrays | {name: arrays[name][:5]})


def file_with_other_shapes(folder):
    path = folder / "model.npz"
    mlp = estimators.MLPClassifier(hidden_layer_sizes=(30,), max_iter=1, random_state=0,
                                   normalise=False)
    mlp.fit(rows(400), rows(6)[:, 0]).save(path)
    changed_file(path, "W1")
    estimators.MLPClassifier.load(path).predict_proba(rows(400).astype(np.uint8))


def checkpoint_with_other_shapes(folder):
    path, machine = folder / "checkpoint.npz", rbm()
    for n_epochs in (1, 2):
        training.train(machine, rows(400), training.ContrastiveDivergence(), SGD(0.1, 0.5),
                       n_epochs, g(0), checkpoint=path)
        changed_file(path, "velocity_W")


SMALL, LARGE = (6, 4), (400, 300)
CD, PCD = training.ContrastiveDivergence, training.PersistentContrastiveDivergence
CASES = {  # name: what is done, and the two shapes that the message says
    "momentum of another machine": (
        lambda _: two_machines(SMALL, LARGE, CD(), SGD(0.1, momentum=0.5)), "(6, 4)", "(400, 300)"),
    "Adam of another network": (lambda _: two_networks(Adam(0.01)), "(6, 4)", "(400, 300)"),
    "RMSProp of another network": (lambda _: two_networks(RMSProp(0.01)), "(6, 4)", "(400, 300)"),
    "momentum of another network": (lambda _: two_networks(SGD(0.01, momentum=0.9)), "(6, 4)",
                                    "(400, 300)"),
    "chains of a smaller machine": (lambda _: two_machines(SMALL, LARGE, PCD(10), SGD(0.1)), " 4 ",
                                    "300"),
    "chains of a larger machine": (lambda _: two_machines(LARGE, SMALL, PCD(10), SGD(0.1)), " 300 ",
                                   "4"),
    "magnetisations of a smaller machine": (
        lambda _: two_machines(SMALL, LARGE, ExtendedMeanField(n_chains=10, persistent=True),
                               SGD(0.1)), "6", "400"),
    "magnetisations of a larger machine": (
        lambda _: two_machines(LARGE, SMALL, ExtendedMeanField(n_chains=10, persistent=True),
                               SGD(0.1)), "400", "6"),
    "slope of another shape": (
        lambda _: SGD(0.1).step({"W": np.zeros(100000)}, {"W": np.ones(1)}), "(100000,)", "(1,)"),
    "bias replaced": (lambda _: replaced(rbm(), "b", np.zeros(3)), "(300,)", "(3,)"),
    "weights of a machine replaced": (lambda _: replaced(rbm(6, 4), "W", np.zeros((6, 100000))),
                                      "4", "100000"),
    "weights of a network replaced": (lambda _: weights_of_a_network_replaced(), "(400, 30)",
                                      "(5, 30)"),
    "file with other shapes": (file_with_other_shapes, "400", "5"),
    "checkpoint with other shapes": (checkpoint_with_other_shapes, "(400, 300)", "(5, 300)"),
    "states that are none": (
        lambda _: gibbs.sample_visible(rbm(6, 4), np.full((5, 4), 200, np.uint8), g(0)), "200", ""),
}


@pytest.fixture(scope="module")
def messages():
    """Return what the process says of each case, by name; it says nothing after a crash."""
    folder = Path(__file__).parent.parent
    run = subprocess.run([sys.executable, "-u", __file__], capture_output=True, text=True,
                         timeout=120, env=os.environ | {"PYTHONPATH": str(folder)})
    said = dict(line.split(": ", 1) for line in run.stdout.splitlines())
    said["end"] = f"ended with {run.returncode} {run.stderr[-1000:]}"
    return said


@pytest.mark.parametrize("name", CASES)
def test_state_that_was_made_for_another_object(name, messages):
    message = messages.get(name, messages["end"])
    assert message.startswith(("ValueError: ", "TypeError: ")), message
    assert all(shape in message for shape in CASES[name][1:]), message


if __name__ == "__main__":
    for name, (do, *_) in CASES.items():
        try:
            with tempfile.TemporaryDirectory() as scratch:
                do(Path(scratch))
            print(f"{name}: returned without a word")
        except (ValueError, TypeError) as error:
            print(f"{name}: {type(error).__name__}: {' '.join(str(error).split())}")

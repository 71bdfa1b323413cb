"""The classification RBM against brute force over x, one-hot y and h, and what it learns."""
import copy

import numpy as np
import pytest
from conftest import BETAS
from numpy.testing import assert_allclose, assert_array_equal
from proofs import proves

from minife.descent.optimizers import SGD, Adam
from minife.data import line_symmetry, load_digits
from minife.estimators import RBMClassifier
from minife.rbm import ClassificationRBM, exact
from minife.rbm.classification import OBJECTIVES, shares, train
from minife.rbm.gibbs import gibbs_chain
from minife.rbm.tempering import ParallelTempering
from minife.rbm.training import (ContrastiveDivergence, ExactEnumeration,
                                 PersistentContrastiveDivergence)


def random_machine(rng, n_visible=5, n_hidden=4, n_classes=3, beta=1.0, dtype=np.float64):
    shapes = (n_visible, n_hidden), (n_classes, n_hidden), n_visible, n_hidden, n_classes
    return ClassificationRBM(*(0.6 * rng.standard_normal(shape).astype(dtype) for shape in shapes),
                             beta)


class BruteForce:
    """The table of all joint states: x binary, one of the labels, h binary."""

    def __init__(self, machine):
        n, n_classes, n_hidden = machine.n_visible, machine.n_classes, machine.n_hidden
        number = np.arange(2 ** (n + n_hidden))
        bits = (number[:, None] >> np.arange(n + n_hidden) & 1).astype(float)
        bits = np.tile(bits, (n_classes, 1))
        self.x, self.h = bits[:, :n], bits[:, n:]
        self.y = np.repeat(np.arange(n_classes), len(number))
        W, U, a, b, d = machine.parameters.values()
        self.E = -(self.x @ a + d[self.y] + self.h @ b
                   + ((self.x @ W + U[self.y]) * self.h).sum(axis=1))   # (R22)
        weight = np.exp(-machine.beta * self.E)
        self.Z, self.p = weight.sum(), weight / weight.sum()

    def probability(self, x):
        """Return p(x, y) for every y."""
        rows = (self.x == x).all(axis=1)
        return np.bincount(self.y[rows], self.p[rows])


@pytest.fixture(scope="module", params=BETAS, ids=lambda beta: f"beta={beta}")
def case(request):
    rng = np.random.default_rng(11)
    machine = random_machine(rng, beta=request.param)
    return machine, BruteForce(machine), rng.integers(2, size=(6, 5)), rng.integers(3, size=6)


@proves("R22")
def test_conditional_and_free_energy(case):
    """(R22)"""
    machine, brute, X, _ = case
    joint = np.array([brute.probability(x) for x in X])
    assert_allclose(np.exp(machine.log_conditional(X)), joint / joint.sum(axis=1, keepdims=True),
                    rtol=1e-12)
    assert_allclose(np.exp(-machine.beta * machine.free_energy(X)) / brute.Z, joint, rtol=1e-12)
    assert_array_equal(machine.predict(X), joint.argmax(axis=1))


@proves("R24")
def test_likelihoods_of_the_three_objectives(case):
    """(R24): Z has a term for each of the C labels, not for 2^C states of C units"""
    machine, brute, X, y = case
    joint = np.array([brute.probability(x) for x in X])
    generative = np.log(joint[np.arange(6), y]).mean()
    discriminative = generative - np.log(joint.sum(axis=1)).mean()
    assert_allclose(machine.log_partition_function(), np.log(brute.Z), rtol=1e-13)
    assert_allclose(machine.log_likelihood(X, y), discriminative, rtol=1e-12)
    assert_allclose(machine.log_likelihood(X, y, "generative"), generative, rtol=1e-12)
    assert_allclose(machine.log_likelihood(X, y, "hybrid", 0.3), discriminative + 0.3 * generative,
                    rtol=1e-12)


@proves("R24")
def test_moments(case):
    """(R24)"""
    machine, brute, _, _ = case
    v = np.hstack([brute.x, np.eye(3)[brute.y]])
    model = machine.moments()
    assert_allclose(model.v, brute.p @ v, rtol=1e-12)
    assert_allclose(model.h, brute.p @ brute.h, rtol=1e-12)
    assert_allclose(model.vh, (v * brute.p[:, None]).T @ brute.h, rtol=1e-12)
    assert_allclose(model.v[5:].sum(), 1, rtol=1e-13)


def test_the_machine_that_a_held_label_leaves(case, rng):
    """(R24): its states have the probability p(x | y), and so have its chains"""
    machine, brute, X, _ = case
    joint = np.array([brute.probability(x) for x in X])
    for label in range(3):
        rbm, p_label = machine.given_label(label), brute.p[brute.y == label].sum()
        p = np.exp(-rbm.beta * rbm.free_energy(X) - exact.log_partition_function(rbm))
        assert_allclose(p, joint[:, label] / p_label, rtol=1e-12)
    n, held = 10_000, brute.y == label
    v, _ = gibbs_chain(rbm, rbm.random_states(n, rng), 30, rng)
    p = np.bincount(brute.x[held].astype(int) @ 2 ** np.arange(5), brute.p[held]) / p_label
    frequency = np.bincount(v @ 2 ** np.arange(5), minlength=32) / n
    assert (np.abs(frequency - p) < 5 * np.sqrt(p * (1 - p) / n)).all()


@proves("R23")
def test_gradient_of_the_conditional_is_clamped_minus_free(case):
    """(R23): the mean of -beta dE at x and y minus that at x alone, by brute force"""
    machine, brute, X, y = case
    W, U = 0, 0
    for x, label in zip(X, y):
        rows = (brute.x == x).all(axis=1)
        free = np.where(rows, brute.p, 0) / brute.p[rows].sum()
        clamped = np.where(rows & (brute.y == label), brute.p, 0)
        difference = (clamped / clamped.sum() - free)[:, None] * brute.h * machine.beta / 6
        W = W + np.outer(x, difference.sum(axis=0))
        U = U + np.eye(3)[brute.y].T @ difference
    gradient = machine.gradient(X, y)
    assert_allclose(gradient["W"], W, rtol=1e-10, atol=1e-15)
    assert_allclose(gradient["U"], U, rtol=1e-10, atol=1e-15)
    assert_allclose(gradient["b"], U.sum(axis=0), rtol=1e-10, atol=1e-15)
    assert not gradient["a"].any() and abs(gradient["d"].sum()) < 1e-15


@proves("R22")
def test_sampling_the_label(case, rng):
    """(R22): one label in every row, drawn from the softmax, pixels as ever; the chain keeps the
    joint distribution"""
    machine, brute, _, _ = case
    n, joint = 10_000, machine.joint
    start = joint.random_states(n, rng)
    assert (start[:, 5:].sum(axis=1) == 1).all() and (start[:, 5:].sum(axis=0) > 0.3 * n).all()
    v, h = gibbs_chain(joint, start, 30, rng)
    assert v.dtype == np.uint8 and (v[:, 5:].sum(axis=1) == 1).all()
    number = v[:, :5] @ 2 ** np.arange(5) + 32 * (h @ 2 ** np.arange(4))
    number = number + 512 * v[:, 5:].argmax(axis=1)
    frequency = np.bincount(number, minlength=1536) / n
    assert (np.abs(frequency - brute.p) < 5 * np.sqrt(brute.p / n) + 3e-4).all()


@pytest.mark.parametrize("phase",
                         [PersistentContrastiveDivergence(2000),
                          ParallelTempering([0, 0.5, 1], 2000), ContrastiveDivergence(25)],
                         ids=lambda phase: type(phase).__name__)
def test_every_negative_phase_dreams_of_labels_too(case, phase, rng):
    """(R24): within five standard errors of the exact generative gradient"""
    machine, _, X, y = case
    phase, X, y = copy.deepcopy(phase), np.tile(X, (300, 1)).astype(np.uint8), np.tile(y, 300)
    for _ in range(1 if isinstance(phase, ContrastiveDivergence) else 25):
        model = phase.moments(machine.joint, np.hstack([X, np.eye(3, dtype=np.uint8)[y]]), rng)
        estimate = machine.ascent(X, y, *shares("generative", 0), model)
    for name, slope in machine.gradient(X, y, "generative").items():
        assert np.abs(estimate[name] - slope).max() < 5 * 0.5 * machine.beta / np.sqrt(1800)


@pytest.mark.parametrize("objective", OBJECTIVES)
def test_a_step_of_the_loop_climbs_the_objective(case, objective, rng):
    """(R23, R24): plain descent of minus the gradient"""
    machine, _, X, y = copy.deepcopy(case)
    before = {name: array.copy() for name, array in machine.parameters.items()}
    slope = machine.gradient(X, y, objective, 0.3)
    train(machine, X, y, SGD(0.1), 1, rng, objective=objective, alpha=0.3,
          negative_phase=ExactEnumeration())
    for name, array in machine.parameters.items():
        assert_allclose(array - before[name], 0.1 * slope[name], rtol=1e-11, atol=1e-15)


def test_grey_pixels_may_be_drawn(rng):
    """(R23): every step sees binary rows of its own, whose means are the grey values; otherwise it
    sees these"""
    class Recorder(ClassificationRBM):
        def ascent(self, X, *args):
            seen.append(X)
            return super().ascent(X, *args)
    grey = np.tile([[0.0, 0.2, 0.7, 1.0]], (500, 1))
    for draw_grey in (False, True):
        seen = []
        train(Recorder.initialise(4, 3, 2, rng), grey, np.arange(500) % 2, SGD(0.1), 2, rng,
              batch_size=500, grey="drawn" if draw_grey else "means")
        assert len(seen) == 2 and (seen[0] != seen[1]).any() == draw_grey
        for rows in seen:
            assert rows.dtype == (np.uint8 if draw_grey else np.float64)
            assert_allclose(rows.mean(axis=0), grey[0], atol=5 * 0.5 / np.sqrt(500) if draw_grey
                            else 1e-12)
            assert rows[:, 0].max() == 0 and rows[:, 3].min() == 1


@proves("R22", "R23")
def test_one_hidden_unit_and_two_classes_by_hand():
    """(R22, R23): o_0 = log 2, o_1 = log 5, so the weights of the classes are 1 + 2 and 1 + 5: p(y
    = 1 | x) = 2/3"""
    machine = ClassificationRBM([[np.log(2)]], [[0.0], [np.log(2.5)]], [0.7], [0.0], [0.0, 0.0])
    assert_allclose(np.exp(machine.log_conditional([[1]])), [[1 / 3, 2 / 3]], rtol=1e-14)
    gradient = machine.gradient([[1]], [1])               # D = (-1/3, 1/3), sigma(o) = (2/3, 5/6)
    assert_allclose(gradient["U"], [[-2 / 9], [5 / 18]], rtol=1e-14)
    assert_allclose([gradient["W"][0, 0], gradient["b"][0]], 5 / 18 - 2 / 9, rtol=1e-13)
    assert_allclose(gradient["d"], [-1 / 3, 1 / 3], rtol=1e-14)


def test_mirror_symmetry_is_learned():
    """(R23) where no pixel alone says anything: 64 rows of 6 bits, 8 of them symmetric"""
    X, y = line_symmetry(6)
    rng = np.random.default_rng(0)
    machine = ClassificationRBM.initialise(6, 8, 2, rng, X)
    train(machine, X, y, Adam(0.05), 300, rng, batch_size=16)
    assert (machine.predict(X) == y).all()


@pytest.mark.parametrize("objective, learning_rate, score",
                         [("discriminative", 0.1, 0.83), ("hybrid", 0.1, 0.83),
                          ("generative", 0.02, 0.68)])
def test_digits_are_learned(objective, learning_rate, score):
    """(R23, R24): from 2000 rows, in four epochs"""
    digits = load_digits()
    model = RBMClassifier(50, objective=objective, method="cd", learning_rate=learning_rate,
                          momentum=0.9, batch_size=20, n_iter=4, random_state=0)
    model.fit(digits.X_train[:2000], digits.y_train[:2000])
    assert model.score(digits.X_test, digits.y_test) > score


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("objective", ["discriminative", "hybrid"])
def test_resumed_run_is_the_uninterrupted_run(objective, dtype, tmp_path):
    X, y = line_symmetry(6)

    def run(n_epochs, seed, **more):
        machine = ClassificationRBM.initialise(6, 5, 2, np.random.default_rng(0), dtype=dtype)
        grey = 0.1 + 0.8 * X
        train(machine, grey, more.pop("y", y), SGD(0.1, momentum=0.5), n_epochs,
              np.random.default_rng(seed), objective=objective, **{"grey": "drawn"} | more)
        assert all(array.dtype == dtype for array in machine.parameters.values())
        return machine
    whole = run(4, 3)
    run(2, 3, checkpoint=tmp_path / "run.npz")
    resumed = run(4, 5, checkpoint=tmp_path / "run.npz", same_seed=False)
    for name, array in whole.parameters.items():
        assert_array_equal(array, resumed.parameters[name])
    with pytest.raises(ValueError, match="is of another run"):
        run(4, 5, checkpoint=tmp_path / "run.npz", y=1 - y)
    with pytest.raises(ValueError, match="is of another run"):
        run(4, 5, checkpoint=tmp_path / "run.npz", grey="means")


def test_single_precision_is_near_double(rng):
    double = random_machine(rng, 6, 30, 4)
    single = ClassificationRBM(*(array.astype(np.float32) for array in double.parameters.values()))
    X, y = rng.random((9, 6)), rng.integers(4, size=9)
    assert single.log_conditional(X).dtype == single.free_energy(X).dtype == np.float32
    assert_allclose(single.log_conditional(X), double.log_conditional(X), atol=1e-5)
    for name, slope in single.gradient(X, y, "hybrid", 0.1).items():
        assert_allclose(slope, double.gradient(X, y, "hybrid", 0.1)[name], atol=1e-5)
    model = PersistentContrastiveDivergence().moments(single.joint, None, rng)
    for name, slope in single.ascent(single._rows(X), y, True, 0.1, model).items():
        assert slope.dtype == np.float32, name


@pytest.mark.parametrize("scale", [1, 30, 1000])
def test_fields_of_any_size(scale, rng):
    """(R22) where exponentials of fields are no numbers any more: softplus is then the field, or
    nothing"""
    machine = ClassificationRBM(*(scale * array
                                  for array in random_machine(rng, 6, 30).parameters.values()))
    X = rng.integers(2, size=(9, 6))
    o = machine.b + (X @ machine.W)[:, None] + machine.U  # (n, n_classes, n_hidden)
    log_weight = machine.d + np.logaddexp(0, o).sum(axis=2)
    expected = log_weight - np.logaddexp.reduce(log_weight, axis=1, keepdims=True)
    assert_allclose(machine.log_conditional(X), expected, rtol=1e-12,
                    atol=1e-12 * np.abs(log_weight).max())
    assert all(np.isfinite(slope).all() for slope in machine.gradient(X, np.arange(9) % 3).values())


def test_parameters_are_views_of_the_joint_machine_and_copies_of_the_arguments(rng):
    machine = random_machine(rng)
    twin = ClassificationRBM(**machine.parameters)
    for name, array in twin.parameters.items():
        array += 1
        assert np.abs(array - machine.parameters[name]).min() > 0.9
        assert any(np.shares_memory(array, joint) for joint in twin.joint.parameters.values())
    other = copy.deepcopy(twin)
    other.parameters["U"][...] = 0
    assert not other.joint.W[5:].any() and twin.U.any()


LABELS = np.array(["seven", "one", "three"])


def test_the_estimator_has_the_shape_of_scikit_learn(tmp_path):
    X, y = line_symmetry(6)
    names = LABELS[y + (X.sum(axis=1) > 3)]
    model = RBMClassifier(7, objective="hybrid", method="cd", n_iter=5,
                          random_state=0).fit(X, names)
    assert model.classes_.tolist() == sorted(LABELS) and len(model.history_) == 5
    assert model.n_features_in_ == 6
    assert_allclose(model.predict_proba(X).sum(axis=1), 1, rtol=1e-5)
    assert_array_equal(model.predict(X), model.classes_[model.predict_log_proba(X).argmax(axis=1)])
    assert model.score(X, names) == (model.predict(X) == names).mean()
    dreams = model.sample(["three", "seven", "three"], 3)
    assert dreams.shape == (3, 6) and dreams.dtype == np.uint8 and dreams.max() == 1
    model.save(tmp_path / "model.npz")
    again = RBMClassifier.load(tmp_path / "model.npz")
    assert_array_equal(again.predict_proba(X), model.predict_proba(X))
    assert again.get_params()["objective"] == "hybrid" and again.history_ == model.history_
    assert again.sample(["one"]).shape == (1, 6)
    with pytest.raises(ValueError, match=r"y must be a row of classes among .*, got \['two'\]"):
        again.sample(["one", "two"])
    assert_array_equal(again.fit(X, names).predict_proba(X), model.predict_proba(X))
    with pytest.raises(ValueError, match="has not learned yet"):
        RBMClassifier().predict(X)
    np.savez(tmp_path / "other.npz", text="{}")
    with pytest.raises(ValueError, match="has the layout of an older minife"):
        RBMClassifier.load(tmp_path / "other.npz")


def test_a_dream_of_a_class_looks_like_it():
    """(R24): every row of a class is the same, so that its dreams are mostly that row"""
    X = np.repeat([[1, 1, 1, 0, 0, 0], [0, 1, 0, 1, 0, 1]], 50, axis=0)
    y = np.repeat(["left", "odd"], 50)
    model = RBMClassifier(8, objective="generative", n_iter=100, random_state=0).fit(X, y)
    assert (model.sample(y, 50) == X).mean() > 0.8 and (model.sample(y[::-1], 50) == X).mean() < 0.5


def test_settings_reach_the_one_loop():
    X, y = line_symmetry(6)
    X = 0.2 + 0.5 * X
    model = RBMClassifier(5, objective="hybrid", alpha=0.2, learning_rate=0.3, batch_size=9,
                          n_iter=3, n_chains=7, n_gibbs_steps=2, grey="drawn", momentum=0.6,
                          weight_decay=0.01, random_state=3, dtype=np.float64).fit(X, y)
    rng = np.random.default_rng(3)
    machine = ClassificationRBM.initialise(6, 5, 2, rng, X)
    train(machine, X, y, SGD(0.3, 0.6, l2=0.01), 3, rng, objective="hybrid", alpha=0.2,
          batch_size=9, grey="drawn", negative_phase=PersistentContrastiveDivergence(7, 2))
    assert_array_equal(model.rbm_.W, machine.W)


MACHINE = random_machine(np.random.default_rng(0))
ZEROS = np.zeros((3, 5))
BAD = {
    "U": (lambda: ClassificationRBM(np.zeros((2, 3)), np.zeros((4, 2)), *map(np.zeros, (2, 3, 4))),
          "must have shapes"),
    "d": (lambda: ClassificationRBM(np.zeros((2, 3)), np.zeros((4, 3)), *map(np.zeros, (2, 3, 3))),
          "must have shapes"),
    "beta": (lambda: ClassificationRBM([[1.0]], [[1.0]], [0.0], [0.0], [0.0], 0),
             "beta must be a positive number"),
    "n_classes": (lambda: ClassificationRBM.initialise(2, 3, 0, np.random.default_rng(0)),
                  "n_classes must be a posit"),
    "X": (lambda: MACHINE.log_conditional(np.zeros((3, 8))), r"X must have shape \(n, 5\), got "
          r"\(3, 8\)"),
    "X > 1": (lambda: MACHINE.free_energy(np.full((3, 5), 2.0)), r"X must lie in \[0, 1\]"),
    "label": (lambda: MACHINE.gradient(ZEROS, [0, 1, 3]), "y must hold labels 0 to 2, got 3"),
    "held label": (lambda: MACHINE.given_label(3), "label must hold labels 0 to 2, got 3"),
    "rows": (lambda: MACHINE.gradient(ZEROS, [0, 1]), "same number of rows, got 3 and 2"),
    "objective": (lambda: MACHINE.gradient(ZEROS, [0, 1, 2], "best"), "objective must be one of "
                  "'discriminative', "),
    "alpha": (lambda: MACHINE.gradient(ZEROS, [0, 1, 2], "hybrid", -1), "alpha must be a number of "
              "at least 0"),
    "method": (lambda: RBMClassifier(method="emf").fit(ZEROS, [0, 1, 2]), "method must be one of "
               "'pcd', 'cd'"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_arguments(name):
    call, message = BAD[name]
    with pytest.raises(ValueError, match=message):
        call()


@proves("R22", "R24")
def test_exact_sums_of_the_joint_machine_count_rows_with_one_label(case):
    """(R22, R24): summed over h, with the label a softmax; given_label sums over x or h, label by
    label"""
    machine, brute, X, y = case
    joint, rows = machine.joint, np.hstack([X, np.eye(3, dtype=int)[y]])
    assert_allclose(exact.log_partition_function(joint), machine.log_partition_function(),
                    rtol=1e-13)
    assert_allclose(exact.log_likelihood(joint, rows), machine.log_likelihood(X, y, "generative"),
                    rtol=1e-12)
    for name, mean in vars(machine.moments()).items():
        assert_allclose(getattr(exact.moments(joint), name), mean, rtol=1e-12)
    thermo, U = exact.thermodynamics(joint), brute.p @ brute.E
    assert_allclose([thermo.U, thermo.S, thermo.C],
                    [U, -brute.p @ np.log(brute.p), joint.beta**2 * (brute.p @ (brute.E - U) ** 2)],
                    rtol=1e-10)


def test_the_start_is_uniform_within_one_over_the_root_of_the_larger_side(rng):
    for n_visible, n_hidden in ((300, 100), (100, 300)):
        machine = ClassificationRBM.initialise(n_visible, n_hidden, 50, rng)
        for array, side in ((machine.W, max(n_visible, n_hidden)), (machine.U, max(50, n_hidden))):
            bound = 1 / np.sqrt(side)
            assert 0.98 * bound < np.abs(array).max() <= bound
            assert abs(array.std() - bound / np.sqrt(3)) < 5 * bound / np.sqrt(array.size)


def test_a_classification_machine_is_asked_for(rng):
    with pytest.raises(TypeError, match="machine must be a ClassificationRBM, got LabelledRBM"):
        train(MACHINE.joint, ZEROS, [0, 1, 2], SGD(0.1), 1, rng)
    with pytest.raises(TypeError, match="negative_phase must be a NegativePhase"):
        train(MACHINE, ZEROS, [0, 1, 2], SGD(0.1), 1, rng, negative_phase="cd")
    with pytest.raises(ValueError, match="dtype must be numpy.float32 or numpy.float64, got int64"):
        ClassificationRBM.initialise(3, 2, 2, rng, dtype=int)
    assert repr(MACHINE) == "ClassificationRBM(5 x 4, 3 classes, beta=1.0, float64)"

"""Learning: each negative phase against the exact gradient, the one loop and its checkpoints."""
import json

import numpy as np
import pytest
from brute_force import BruteForce, frequencies, within
from conftest import random_rbm
from numpy.testing import assert_allclose, assert_array_equal
from proofs import proves

from minife import RBM, tap
from minife.descent import storage
from minife.descent import SGD, NormConstraint, linear_decay
from minife.data import bars_and_stripes
from minife.parameters import norm
from minife.evaluation import exact_chain
from minife.gradcheck import check_gradient
from minife.kernels.products import as_states
from minife.rbm import exact
from minife.rbm.centering import Centering
from minife.rbm.gibbs import sample_hidden
from minife.rbm.moments import Moments, averages
from minife.rbm.tempering import ParallelTempering
from minife.rbm.training import (ContrastiveDivergence, ExactEnumeration,
                                 PersistentContrastiveDivergence, descent_direction, train)

PHASES = {"exact": ExactEnumeration, "cd": ContrastiveDivergence,
          "pcd": PersistentContrastiveDivergence,
          "emf1": lambda: tap.ExtendedMeanField(1, persistent=True),
          "emf2": lambda: tap.ExtendedMeanField(2, persistent=True),
          "emf3": lambda: tap.ExtendedMeanField(3, persistent=True)}
X = bars_and_stripes(3)


def machine(seed=0, dtype=np.float64):
    return RBM.initialise(9, 8, np.random.default_rng(seed), X, dtype=dtype)


@proves("R9", "R10")
def test_exact_phase_descends_minus_the_log_likelihood(rng, beta):
    """(R9) and (R10)"""
    rbm, batch = random_rbm(rng, beta=beta), rng.integers(2, size=(6, 5)).astype(np.uint8)
    step = descent_direction(rbm, batch, ExactEnumeration(), rng)
    slope = exact.log_likelihood_gradient(rbm, batch)
    for name in slope:
        assert_allclose(step[name], -slope[name], rtol=1e-12, atol=1e-14)


@proves("D1")
def test_a_step_of_the_loop_climbs_the_exact_likelihood(rng, beta):
    """(D1): with plain descent, by the rate times the gradient of the batch"""
    rbm, batch = random_rbm(rng, beta=beta), rng.integers(2, size=(6, 5)).astype(np.uint8)
    before = {name: array.copy() for name, array in rbm.parameters.items()}
    slope = exact.log_likelihood_gradient(rbm, batch)
    train(rbm, batch, ExactEnumeration(), SGD(0.1), 1, rng)
    for name, array in rbm.parameters.items():
        assert_allclose(array - before[name], 0.1 * slope[name], rtol=1e-12, atol=1e-15)


@proves("R13")
def test_contrastive_divergence_by_hand():
    """(R13): from v = 1 the machine of the README is back at v = 1 with probability 263/330, biased
    from 11/16"""
    rbm = RBM(W=[[np.log(18) / 2]], a=[-np.log(2) / 2], b=[-np.log(2)], beta=2)
    n, batch = 100_000, np.ones((100_000, 1), dtype=np.uint8)
    for k, p in ((1, 263 / 330), (2, 11 / 16 + (263 / 330 - 11 / 16) * 289 / 825)):
        v = ContrastiveDivergence(k).moments(rbm, batch, np.random.default_rng(k)).v[0]
        assert abs(v - p) < 5 * np.sqrt(p * (1 - p) / n)


@proves("R12", "R13", "R14")
def test_long_contrastive_divergence_and_many_persistent_chains_are_unbiased(rng):
    """(R13), (R14) and (R12): both approach the moments of the model"""
    rbm = random_rbm(rng)
    model, n = exact.moments(rbm), 40_000
    persistent = PersistentContrastiveDivergence(n_chains=n, n_steps=1)
    for _ in range(50):
        chains = persistent.moments(rbm, None, rng)
    for moments in (chains, ContrastiveDivergence(50).moments(rbm, np.ones((n, 5), dtype=np.uint8),
                                                              rng)):
        assert np.abs(moments.vh - model.vh).max() < 5 * 0.5 / np.sqrt(n)
        assert np.abs(moments.v - model.v).max() < 5 * 0.5 / np.sqrt(n)


@proves("R14")
def test_number_of_chains_is_free_of_the_batch_size(rng):
    """(R14): means over rows and over chains, so 7 chains go with a batch of 3"""
    rbm = random_rbm(rng)
    for phase in (PersistentContrastiveDivergence(n_chains=7),
                  tap.ExtendedMeanField(n_chains=7, persistent=True)):
        moments = phase.moments(rbm, np.zeros((3, 5), dtype=np.uint8), rng)
        assert moments.vh.shape == (5, 4) and moments.v.max() <= 1
        for chains in phase.state().values():
            assert len(chains) == 7 and np.ptp(chains, axis=0).any()


@pytest.mark.parametrize("name", PHASES)
def test_learning_raises_the_exact_likelihood(name):
    """(D1) on bars and stripes, whose best possible value is -log 14; EMF gains less than sampling
    does, and at
    order 1 it loses: (T13) is then an upper bound, and raising it need not raise what lies below
    it"""
    rbm = machine()
    before = exact.log_likelihood(rbm, X)
    n_epochs = 1500
    train(rbm, X, PHASES[name](), SGD(linear_decay(0.1, 2 * n_epochs), momentum=0.5), n_epochs,
          np.random.default_rng(1), batch_size=7)
    after = exact.log_likelihood(rbm, X)
    gain = after - before
    assert gain < -np.log(14) - before
    expected = {"exact": -3.20, "cd": -3.78, "pcd": -3.20, "emf1": -10.78, "emf2": -4.52,
                "emf3": -4.53}[name]
    # the numbers in the README of chapter T
    assert abs(before + 6.24) < 0.01 and abs(after - expected) < 0.1
    assert gain > {"exact": 2.5, "cd": 2.0, "pcd": 2.5, "emf2": 1.2, "emf3": 1.2}.get(name, -np.inf)
    if name == "emf1":
        assert gain < 0 < tap.log_likelihood(rbm, X, 1, n_starts=0) - exact.log_likelihood(rbm, X)


def test_grey_data_are_means(rng):
    """Grey rows clamp the visible units at their means, and CD starts from a draw of them"""
    rbm, grey = machine(), rng.random((20, 9))
    data = rbm.clamped_moments(grey)
    assert_allclose(data.v, grey.mean(axis=0))
    train(rbm, grey, ContrastiveDivergence(), SGD(0.1), 2, rng)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", PHASES)
def test_resumed_run_is_the_uninterrupted_run(name, dtype, tmp_path):
    def run(rbm, n_epochs, rng, checkpoint=None):
        return train(rbm, X, PHASES[name](), SGD(0.05, momentum=0.9, l2=1e-3), n_epochs, rng,
                     batch_size=5, checkpoint=checkpoint, same_seed=False,
                     callbacks=[lambda rbm, epoch: {"mean": rbm.W.mean()}])
    whole, parts = machine(dtype=dtype), machine(dtype=dtype)
    history = run(whole, 4, np.random.default_rng(3))
    run(parts, 2, np.random.default_rng(3), tmp_path / "run.npz")
    # another start and another seed: the file knows better
    resumed = machine(seed=99, dtype=dtype)
    again = run(resumed, 4, np.random.default_rng(77), tmp_path / "run.npz")
    for key in whole.parameters:
        assert_array_equal(whole.parameters[key], resumed.parameters[key])
    assert [r["epoch"] for r in again] == [1, 2, 3, 4]
    assert [float(r["mean"]) for r in history] == [r["mean"] for r in again]
    assert [path.name for path in tmp_path.iterdir()] == ["run.npz"]


@pytest.mark.parametrize("change, message", [
    ({"rbm": RBM.initialise(9, 5, np.random.default_rng(0))}, "9 visible and 8 hidden units of "
     "float64 at beta = 1.0"),
    ({"rbm": machine(dtype=np.float32)}, "9 visible and 8 hidden units of float64"),
    ({"X": X[::-1]}, "14 rows with checksum"),
    ({"centering": Centering()}, "centering=None; this run has centering=Cent"),
({"negative_phase": ContrastiveDivergence()}, r"PersistentContrastiveDivergence\(n_chains=100, "
 r"n_steps=1\); this"),
    ({"negative_phase": PersistentContrastiveDivergence(n_chains=7)},
     "PersistentContrastiveDivergence")], ids=str)
def test_checkpoint_of_another_run_is_refused_and_nothing_is_changed(change, message, tmp_path):
    def run(**changes):
        arguments = {"rbm": machine(), "X": X, "negative_phase": PersistentContrastiveDivergence(),
                     "optimizer": SGD(0.1), "n_epochs": 2, "rng": np.random.default_rng(0),
                     "checkpoint": tmp_path / "run.npz"} | changes
        return train(**arguments)
    run()
    rbm = change.get("rbm", machine())
    W, before = rbm.W.copy(), (tmp_path / "run.npz").read_bytes()
    with pytest.raises(ValueError, match=f"is of another run: it holds .*{message}"):
        run(**({"rbm": rbm} | change))
    assert_array_equal(rbm.W, W)
    assert (tmp_path / "run.npz").read_bytes() == before


@pytest.mark.parametrize("content", [b"", b"text", b"PK\x03\x04 torn"])
def test_a_file_that_is_no_checkpoint_says_so(content, tmp_path, rng):
    path = tmp_path / "run.npz"
    path.write_bytes(content)
    with pytest.raises(ValueError, match="run.npz is no whole file of minife"):
        train(machine(), X, ExactEnumeration(), SGD(0.1), 1, rng, checkpoint=path)


def test_a_failed_epoch_leaves_the_last_checkpoint_alone(tmp_path, rng):
    path = tmp_path / "run.npz"
    train(machine(), X, ExactEnumeration(), SGD(0.1), 1, rng, checkpoint=path)
    before = path.read_bytes()

    def fail(rbm, epoch):
        raise KeyboardInterrupt
    with pytest.raises(KeyboardInterrupt):
        train(machine(), X, ExactEnumeration(), SGD(0.1), 3, rng, checkpoint=path, callbacks=[fail])
    assert path.read_bytes() == before


@pytest.mark.filterwarnings("ignore:overflow", "ignore:invalid value")
def test_divergence_is_an_error(rng):
    with pytest.raises(FloatingPointError, match="stopped being finite in epoch"):
        train(machine(), X, ContrastiveDivergence(), SGD(lambda t: np.inf), 5, rng)


def test_callbacks_see_every_epoch_and_join_the_history(rng):
    history = train(machine(), X, ContrastiveDivergence(), SGD(0.1), 3, rng,
                    callbacks=[lambda rbm, epoch: {"square": epoch**2}, lambda rbm, epoch: None])
    assert [(r["epoch"], r["square"]) for r in history] == [(1, 1), (2, 4), (3, 9)]
    assert all(r["seconds"] > 0 for r in history)
    json.dumps(history)


def test_progress_is_shown_under_the_label(rng, capsys):
    train(machine(), X, ContrastiveDivergence(), SGD(0.1), 2, rng, label="bars")
    assert "bars" in capsys.readouterr().err


@proves("D5")
def test_norm_constraint_in_training(rng):
    """(D5) after every epoch, as temperature control"""
    rbm, norms = machine(), []
    train(rbm, X, ContrastiveDivergence(), SGD(0.5), 5, rng, norm_constraint=NormConstraint(4.0),
          callbacks=[lambda rbm, epoch: norms.append(norm(rbm.parameters))])
    assert_allclose(norms, 4.0)


def frozen_machine():
    """One visible and one hidden unit that stay both on or both off."""
    return RBM([[80.0]], [-40.0], [-40.0])


def test_grey_batches_start_contrastive_divergence_from_draws_of_them(rng):
    """(R13)"""
    n = 10_000
    v = ContrastiveDivergence().moments(frozen_machine(), np.full((n, 1), 0.9), rng).v[0]
    assert abs(v - 0.9) < 5 * np.sqrt(0.09 / n)


@proves("R14")
def test_persistent_chains_start_as_fair_coins_and_take_all_their_steps(rng):
    """(R14): where 40000 chains are after one update, and after another, by the exact transition
    probabilities"""
    n, rbm = 40_000, random_rbm(rng, scale=2.0)
    coins = np.full(2**rbm.n_visible, 2.0**-rbm.n_visible)
    for n_steps in (1, 3):
        phase = PersistentContrastiveDivergence(n, n_steps)
        for n_updates in (1, 2):
            moments = phase.moments(rbm, None, rng)
            expected = exact_chain.after(rbm, coins,
                                         n_steps * n_updates) @ exact_chain.statistics(rbm)
            got = np.concatenate([moments.vh.ravel(), moments.v, moments.h])
            assert np.abs(got - expected).max() < 5 * 0.5 / np.sqrt(n)
    stuck = PersistentContrastiveDivergence(n).moments(frozen_machine(), None, rng)
    assert abs(stuck.v[0] - 0.5) < 5 * 0.5 / np.sqrt(n)


@pytest.mark.parametrize("name", [name for name in PHASES if name != "exact"])
def test_float32_machines_learn_in_float32(name, rng):
    rbm = machine(dtype=np.float32)
    for slope in descent_direction(rbm, X, PHASES[name](), rng).values():
        assert np.asarray(slope).dtype == np.float32


def test_divergence_of_one_bias_is_an_error(rng):
    class Bad(SGD):
        def step(self, theta, gradient):
            theta["b"][0] = np.nan
    with pytest.raises(FloatingPointError, match="stopped being finite in epoch 1"):
        train(machine(), X, ExactEnumeration(), Bad(), 1, rng)


def test_a_write_that_fails_leaves_the_last_checkpoint_alone(tmp_path, rng, monkeypatch):
    path = tmp_path / "run.npz"
    train(machine(), X, ExactEnumeration(), SGD(0.1), 1, rng, checkpoint=path)
    before = path.read_bytes()

    def disk_full(file, **arrays):
        file.write(b"half")
        raise OSError("No space left on device")
    monkeypatch.setattr(np, "savez", disk_full)
    with pytest.raises(OSError, match="No space left"):
        train(machine(), X, ExactEnumeration(), SGD(0.1), 2, rng, checkpoint=path)
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]             # and no half-written file beside it


def test_every_epoch_sees_every_row_once_in_another_order(rng):
    class Recorder(ExactEnumeration):
        batches = []

        def moments(self, rbm, batch, rng):
            self.batches.append(batch)
            return super().moments(rbm, batch, rng)
    phase, rows = Recorder(), exact.all_states(3)         # 8 different rows
    train(random_rbm(rng, 3, 2), rows, phase, SGD(0.1), 2, rng, batch_size=3)
    assert [len(batch) for batch in phase.batches] == [3, 3, 2, 3, 3, 2]
    numbers = np.vstack(phase.batches) @ [1, 2, 4]
    assert sorted(numbers[:8]) == sorted(numbers[8:]) == list(range(8))
    assert len({tuple(numbers[:8]), tuple(numbers[8:]), tuple(range(8))}) == 3


def test_a_checkpoint_is_written_after_every_epoch(tmp_path, rng):
    def stop(rbm, epoch):
        if epoch == 3:
            raise KeyboardInterrupt
    path = tmp_path / "run.npz"
    with pytest.raises(KeyboardInterrupt):
        train(machine(), X, ExactEnumeration(), SGD(0.1), 5, rng, checkpoint=path, callbacks=[stop])
    text, _ = storage.read(path, "checkpoint")
    assert [record["epoch"] for record in text["history"]] == [1, 2]


@pytest.mark.parametrize("bits", [np.random.MT19937, np.random.Philox, np.random.SFC64])
def test_a_checkpoint_keeps_the_state_of_any_generator(bits, tmp_path):
    def run(n_epochs, seed, **more):
        rbm = machine()
        train(rbm, X, ContrastiveDivergence(), SGD(0.1), n_epochs, np.random.Generator(bits(seed)),
              **more)
        return rbm.W
    whole = run(4, 5)
    run(2, 5, checkpoint=tmp_path / "run.npz")
    assert_array_equal(run(4, 6, checkpoint=tmp_path / "run.npz", same_seed=False), whole)


class Watched(RBM):
    """A machine that remembers the last visible states that were drawn."""

    def draw_visible(self, h, draw):
        vars(self)["v"] = super().draw_visible(h, draw)
        return self.v


@proves("R14")
@pytest.mark.parametrize("n_steps", [1, 2])
def test_the_pairs_that_persistent_chains_keep_are_of_the_model(n_steps, rng, beta):
    """v of the moments and the h that lives on have the probability p(v, h), in every joint state:
    h has random
    numbers of its own. The tolerance is five true standard errors"""
    rbm, n = Watched(**random_rbm(rng, 4, 3, scale=1.2).parameters, beta=beta), 100_000
    phase = PersistentContrastiveDivergence(n, n_steps)
    phase.h = sample_hidden(rbm, exact.sample(rbm, n, rng), rng)
    for _ in range(3):
        phase.moments(rbm, None, rng)
        assert within(frequencies(rbm.v, phase.h), BruteForce(rbm).p, n)


@proves("R9")
@pytest.mark.parametrize("kinds", ["states and states", "states and means", "means and states",
                                   "means and means"])
def test_moments_are_subtracted_and_scaled_like_numbers(rng, kinds):
    """beta * (model - data), under the names of the parameters, of rows of any kind and number"""
    make = {"states": lambda n: as_states(rng.integers(2, size=(n, 5))),
            "means": lambda n: rng.random((n, 5))}
    model, data = (averages(make[kind](n), rng.random((n, 4)))
                   for kind, n in zip(kinds.split(" and "), (6, 9), strict=True))
    plain = Moments(data.v, data.h, data.vh)
    for slope in ((0.7 * (model - data)).by_parameter(), (0.7 * (model - plain)).by_parameter()):
        for name, m, d in (("W", model.vh, data.vh), ("a", model.v, data.v),
                           ("b", model.h, data.h)):
            assert type(slope[name]) is np.ndarray
            assert_allclose(slope[name], 0.7 * (m - d), atol=1e-15)


def test_a_phase_that_returns_something_else_is_named(rng):
    class Wrong(ContrastiveDivergence):
        def moments(self, rbm, batch, rng):
            return {"W": rbm.W}

    with pytest.raises(TypeError, match="must be Moments, as averages.*, got dict"):
        train(machine(), X, Wrong(), SGD(0.1), 1, rng)


def teacher(n=400):
    """Return rows of all 2^3 states, about as often as a machine has them, and the share of each
    state (2^3,)."""
    rbm, states = random_rbm(np.random.default_rng(2024), 3, 2, scale=1.0), exact.all_states(3)
    p = np.exp(-rbm.free_energy(states) - exact.log_partition_function(rbm))
    counts = np.maximum(np.round(n * p), 1).astype(int)
    return np.repeat(states, counts, axis=0), counts / counts.sum()


def learned(rows, phase, n_epochs, beta, rate, n_hidden=4, momentum=0.9, l2=0.0, **more):
    """Return the machine that full batches lead to from weights of standard deviation 0.3."""
    start = RBM.initialise(3, n_hidden, np.random.default_rng(5), rows)
    rbm = RBM(30 * start.W, start.a, start.b, beta)
    train(rbm, rows, phase, SGD(rate, momentum, l2=l2), n_epochs, np.random.default_rng(6),
          batch_size=len(rows), **more)
    return rbm


@proves("R9")
def test_exact_learning_rests_where_the_moments_match(beta):
    """The machine then has the moments of the data, and minus its F(v) goes with the log of how
    often v was seen"""
    rows, share = teacher()
    rbm = learned(rows, ExactEnumeration(), 1500, beta, rate=3 / beta)
    data, model = rbm.clamped_moments(rows), exact.moments(rbm)
    for name in ("v", "h", "vh"):
        assert_allclose(getattr(model, name), getattr(data, name), atol=1e-5, err_msg=f"<{name}>")
    assert np.corrcoef(-rbm.free_energy(exact.all_states(3)), np.log(share))[0, 1] > 0.9999


@proves("R9", "D2")
def test_decay_leaves_the_moments_apart_by_the_weights(beta):
    """At rest beta (<v h>_data - <v h>_model) = l2 W, to rounding; biases have no decay"""
    rows, _ = teacher()
    rbm = learned(rows, ExactEnumeration(), 1500, beta, rate=1 / beta, n_hidden=2, l2=0.05)
    data, model = rbm.clamped_moments(rows), exact.moments(rbm)
    assert_allclose(model.vh, data.vh - 0.05 / beta * rbm.W, atol=2e-14)
    assert_allclose(model.v, data.v, atol=2e-14)
    assert_allclose(model.h, data.h, atol=2e-14)


@pytest.mark.parametrize("phase, centering", [(lambda: PersistentContrastiveDivergence(500), None),
                                              (lambda: PersistentContrastiveDivergence(500),
                                               Centering()),
                                              (lambda: ParallelTempering(3, 500), None)],
                         ids=["pcd", "centered pcd", "tempering"])
def test_the_mean_machine_of_the_last_steps_has_the_moments_of_the_data(phase, centering):
    """Sampled gradients scatter the parameters around the point of rest; their mean over the tail
    is near it"""
    rows, _ = teacher()
    tail = []

    def remember(rbm, epoch):
        if epoch > 400:
            tail.append({name: array.copy() for name, array in rbm.parameters.items()})
    learned(rows, phase(), 1200, 1.2, 0.1, n_hidden=2, momentum=0, l2=0.02, centering=centering,
            callbacks=remember)
    mean = RBM(**{name: np.mean([parameters[name] for parameters in tail], axis=0)
                  for name in "Wab"}, beta=1.2)
    data, model = mean.clamped_moments(rows), exact.moments(mean)
    assert_allclose(model.v, data.v, atol=0.01)
    assert_allclose(model.h, data.h, atol=0.01)
    assert_allclose(model.vh, data.vh - 0.02 / 1.2 * mean.W, atol=0.01)


def drawn_rows(grey):
    """Return all binary rows (2^n, n) and the probability of each, pixels being on with the
    probabilities of grey."""
    states = exact.all_states(len(grey)).astype(float)
    return states, np.prod(np.where(states == 1, grey, 1 - grey), axis=1)


@proves("R25")
def test_rows_drawn_anew_have_the_gradient_of_their_mean_likelihood(rng, beta):
    """The mean of the gradients of all drawn rows is the slope of the mean of their log p, by
    finite differences"""
    rbm, grey = random_rbm(rng, beta=beta), rng.random(5)
    states, p = drawn_rows(grey)
    mean = dict.fromkeys("Wab", 0)
    for v, share in zip(states, p, strict=True):
        for name, slope in exact.log_likelihood_gradient(rbm, v[None]).items():
            mean[name] = mean[name] + share * slope
    check_gradient(lambda q: (-beta * p @ RBM(**q, beta=beta).free_energy(states)
                              - exact.log_partition_function(RBM(**q, beta=beta))), rbm.parameters,
                   mean)
    v = rbm.states_at(np.tile(grey, (40_000, 1)), rng)
    assert within(np.bincount(v @ (1 << np.arange(5)), minlength=32) / len(v), p, len(v))


@proves("R25")
def test_clamped_means_climb_a_lower_bound(rng, beta):
    """-F is convex, so the mean over drawn rows is above the value at the mean row: by Onsager's
    term, to order W^2"""
    rbm, grey = random_rbm(rng, beta=beta), rng.random(5)
    states, p = drawn_rows(grey)
    c_v = grey - grey**2
    for scale in (0.3, 0.03, 0.003):
        weak = RBM(scale * rbm.W, rbm.a, rbm.b, beta)
        # -F, by (R5)
        at_means = grey @ weak.a + np.logaddexp(0,
                                                beta * weak.hidden_field(grey[None])).sum() / beta
        gap = beta * (-p @ weak.free_energy(states) - at_means)
        h = weak.hidden_mean(grey[None])[0]
        assert gap > 0 and abs(gap / (beta**2 / 2 * c_v @ weak.W**2 @ (h - h**2)) - 1) < scale


def test_grey_rows_are_clamped_or_drawn(rng):
    """Every step sees rows of its own, zeros and ones whose means are the grey values; or these
    themselves"""
    class Recorder(ExactEnumeration):
        def moments(self, rbm, batch, rng):
            seen.append(batch)
            return super().moments(rbm, batch, rng)
    grey = np.tile([[0.0, 0.2, 0.7, 1.0]], (2000, 1))
    for option, dtype in (("means", np.float64), ("drawn", np.uint8)):
        seen = []
        train(random_rbm(rng, 4, 3), grey, Recorder(), SGD(0.1), 2, rng, batch_size=2000,
              grey=option)
        assert len(seen) == 2 and seen[0].dtype == dtype
        assert (seen[0] != seen[1]).any() == (option == "drawn")
        assert_allclose(seen[0].mean(axis=0), grey[0], atol=5 * 0.5 / np.sqrt(2000)
                        if option == "drawn" else 1e-12)
    with pytest.raises(ValueError, match="grey must be one of 'means', 'drawn', got 'both'"):
        train(machine(), X, ExactEnumeration(), SGD(0.1), 1, rng, grey="both")


def test_a_checkpoint_knows_how_grey_rows_are_taken(tmp_path):
    for grey in ("means", "drawn"):
        arguments = (machine(), 0.1 + 0.8 * X, ContrastiveDivergence(), SGD(0.1), 1,
                     np.random.default_rng(0))
        if grey == "means":
            train(*arguments, checkpoint=tmp_path / "run.npz")
        else:
            with pytest.raises(ValueError, match="is of another run"):
                train(*arguments, checkpoint=tmp_path / "run.npz", grey=grey)


@pytest.mark.parametrize("phase, message", [
    (PersistentContrastiveDivergence(10), "these chains have 4 hidden units; the machine has 3"),
    (ParallelTempering(3, 10), "these chains have 6 visible units; the machine has 5")],
                         ids=["pcd", "tempering"])
def test_chains_of_another_machine_are_refused(phase, message, rng):
    small, other = RBM.initialise(6, 4, rng), RBM.initialise(5, 3, rng)
    train(small, rng.integers(2, size=(20, 6)), phase, SGD(0.1), 1, rng)
    with pytest.raises(ValueError, match=message):
        train(other, rng.integers(2, size=(20, 5)), phase, SGD(0.1), 1, rng)


def test_offsets_of_another_machine_are_refused(rng):
    centering = Centering()
    train(RBM.initialise(6, 4, rng), rng.integers(2, size=(20, 6)), ExactEnumeration(), SGD(0.1), 1,
          rng, centering)
    with pytest.raises(ValueError, match="offsets are of 6 visible and 4 hidden units; the machine "
                       "has 6 and 3"):
        train(RBM.initialise(6, 3, rng), rng.integers(2, size=(20, 6)), ExactEnumeration(),
              SGD(0.1), 1, rng, centering)


@pytest.mark.parametrize("wrong, message", [
    ({"negative_phase": ContrastiveDivergence}, "negative_phase must be a NegativePhase, got the "
     "class Contrastive"),
    ({"negative_phase": "pcd"}, "negative_phase must be a NegativePhase, got str 'pcd'"),
    ({"centering": True}, "centering must be a Centering, got bool True"),
    ({"centering": Centering}, "centering must be a Centering, got the class Centering itself"),
    ({"optimizer": 0.1}, "optimizer must be an Optimizer, got float 0.1"),
    ({"rbm": None}, "rbm must be a Machine, got NoneType None")], ids=str)
def test_objects_that_are_none_are_named(wrong, message, rng):
    arguments = {"rbm": machine(), "X": X, "negative_phase": ExactEnumeration(),
                 "optimizer": SGD(0.1), "n_epochs": 1, "rng": rng}
    with pytest.raises(TypeError, match=message):
        train(**arguments | wrong)


def test_negative_phases_name_themselves():
    name = "PersistentContrastiveDivergence(n_chains=7, n_steps=2)"
    assert repr(PersistentContrastiveDivergence(7, 2)) == name
    assert repr(ExactEnumeration()) == "ExactEnumeration()"
    assert repr(Centering(0.1)) == "Centering(rate=0.1)"

"""The verdict: every claim of the chapter, run, with strict criteria; and what descends for ever or
does not."""
import re
from pathlib import Path

import numpy as np
import pytest
from conftest import random_rbm
from numpy.testing import assert_allclose
from proofs import proves

from minife import MLP, RBM, bridge, tap
from minife.backprop import SquaredError
from minife.bridge.claims import backward, learning, networks
from minife.bridge.claims.claim import Claim, clamped, cosine, distance, exponent, machine
from minife.bridge.claims.verdict import verdict
from minife.data import bars_and_stripes
from minife.rbm import exact
from minife.units import Binary


@proves("C14")
def test_one_clamped_hidden_layer_minimises_energy_minus_entropy_exactly(rng, beta):
    """(C14): Gamma_1(v, m) is F(v) at one sigmoid layer, more by T KL(m || that layer) elsewhere"""
    rbm = random_rbm(rng, 8, 4, beta)
    v, states = rng.integers(2, size=(10, 8)), exact.all_states(4)
    F = [-np.log(sum(np.exp(beta * (rbm.a @ x + rbm.b @ h + x @ rbm.W @ h))
                     for h in states.astype(float))) / beta
         for x in v]
    h = rbm.hidden_mean(v)
    assert_allclose(tap.free_energy(rbm, v, h, order=1), F, rtol=1e-12)
    assert_allclose(networks.above_the_minimum(rbm, v), 0, atol=1e-12)
    assert_allclose(rbm.free_energy(v), F, rtol=1e-12)
    m = rng.random(h.shape)
    divergence = (m * np.log(m / h) + (1 - m) * np.log((1 - m) / (1 - h))).sum(axis=1)
    assert_allclose(tap.free_energy(rbm, v, m, order=1) - F, divergence / beta, rtol=1e-10)
    for order in (2, 3):                                    # at states the Onsager terms vanish
        assert_allclose(tap.free_energy(rbm, v, h, order), F, rtol=1e-12)


@proves("C13")
@pytest.mark.parametrize("seed", range(3))
def test_a_loss_may_fall_while_the_free_energy_stays(seed):
    """(C13): on a level set of Gamma* the loss moves, so that it is no function of Gamma*"""
    network, X, y = clamped(np.random.default_rng(seed))
    losses, drift = backward.on_a_level(network, X, y, 10, 0.5)
    assert drift < 1e-12, f"(C13) Gamma* drifts by {drift}"
    assert np.all(np.diff(losses) < 0) and losses[-1] < 0.95 * losses[0], f"(C13) {losses}"


@proves("C13")
def test_a_function_of_the_free_energy_has_a_gradient_along_that_of_the_free_energy(rng):
    """(C13): the other half: for l = phi(Gamma*) the two are parallel, and the loss cannot move on
    a level"""
    network, X, _ = clamped(rng)

    def gamma():
        rest = network.equilibrium(X, tol=1e-13)
        return (network.free_energy(X, rest.m_h, rest.m_y).mean(),
                network.free_energy_gradient(X, rest.m_h, rest.m_y))

    _, slope = gamma()
    found = {}
    for name, array in network.parameters.items():
        found[name] = np.empty_like(array)
        for index in np.ndindex(array.shape):
            array[index] += 1e-5
            above = np.exp(gamma()[0] / 5)
            array[index] -= 2e-5
            found[name][index] = (above - np.exp(gamma()[0] / 5)) / 2e-5
            array[index] += 1e-5
    assert cosine(found, slope) > 1 - 1e-9


@proves("C15", "C16")
@pytest.mark.parametrize("copies", [1, 4])
def test_the_loss_of_copies_is_a_difference_of_free_energies(rng, copies):
    """(C16), and (C15) of one copy: row by row, of the machine that has all copies as units"""
    copied, X, y = networks.copied_units(rng, copies, beta=0.7)
    difference = networks.free_energy_difference(copied, X, y)
    assert_allclose(difference, -np.log(copied.predict(X)[np.arange(len(y)), y]), rtol=1e-12)
    assert_allclose(difference.mean(), copied.loss(X, y), rtol=1e-12)


@proves("C15")
@pytest.mark.parametrize("seed", range(3))
def test_the_distance_of_mean_field_over_label_and_hidden_units(seed):
    """(C15): with q of the label on a grid of steps 1/200, and the hidden units at their minimum
    given q"""
    rng = np.random.default_rng(seed)
    W, U, b, d = (rng.standard_normal(shape) for shape in ((6, 5), (3, 5), 5, 3))
    x, d = rng.integers(2, size=6) @ W + b / 2, d / 2
    softplus, grid = Binary().potential, np.mgrid[0:201, 0:201].reshape(2, -1).T / 200
    q = np.column_stack([grid, 1 - grid.sum(axis=1)])[grid.sum(axis=1) <= 1].clip(1e-300)
    gamma = (q * (np.log(q) - d)).sum(axis=1) - softplus(x + q @ U).sum(axis=1)
    p = np.exp(d + softplus(x + U).sum(axis=1))
    distance = np.abs(q[gamma.argmin()] - p / p.sum()).sum() / 2
    assert_allclose(networks.label_distance(np.random.default_rng(seed)), distance, atol=0.005)


def test_mean_field_over_label_and_hidden_units_is_not_exact():
    """(C15)"""
    distances = [networks.label_distance(np.random.default_rng(seed)) for seed in range(30)]
    assert 0.02 < np.mean(distances) and max(distances) > 0.1


@proves("C23")
def test_prediction_errors_make_an_energy_of_any_network():
    """(C23): the error of the symmetric difference falls as the square of the nudge, down to the
    gradient itself"""
    rng = np.random.default_rng(3)
    mlp = MLP((5, 4, 3), Binary(), SquaredError(Binary()), rng)
    for name in ("b1", "b2"):
        mlp.parameters[name] += rng.standard_normal(mlp.parameters[name].shape)
    X, y = rng.standard_normal((10, 5)), rng.random((10, 3))
    gradient = mlp.gradient(X, y)
    for nudge in (0.1, 0.01, 0.001):
        assert distance(networks.prediction_slopes(mlp, X, y, nudge), gradient) < 3 * nudge**2


@proves("C18")
def test_descending_the_free_energy_of_the_model_has_no_end(rng, beta):
    """(C18): each rate stays above its bound, so that Gamma* <= E(1, 1) falls at least linearly,
    for ever"""
    rbm, _ = machine(rng, 5, 4, beta=beta)
    floor, before, step = learning.least_rate(rbm), rbm.W.copy(), 0.1
    v, h = exact.all_states(5), exact.all_states(4)      # the least means that any states allow
    assert_allclose(floor, np.outer(rbm.visible_mean(h).min(axis=0),
                                    rbm.hidden_mean(v).min(axis=0)), rtol=1e-12)
    for k in range(300):
        star = tap.fixed_point(rbm, order=1, step=1.0)
        rate = np.outer(star.m_v[0], star.m_h[0])
        assert np.all(rate > floor), (k, rate, floor)
        assert np.all(rbm.W >= before + step * k * floor)
        ceiling = -rbm.a.sum() - rbm.b.sum() - before.sum() - step * k * floor.sum()
        assert star.free_energy[0] <= ceiling + 1e-6
        assert_allclose(tap.free_energy_gradient(rbm, star.m_v, star.m_h, 1)["W"], -rate, rtol=1e-6)
        rbm.W -= step * tap.free_energy_gradient(rbm, star.m_v, star.m_h, 1)["W"]
    assert star.free_energy[0] < -150


@proves("C18")
def test_learning_by_likelihood_lowers_both_free_energies():
    """(C18): only their difference, -log p(x) / beta, has to fall: it does at every step, here with
    exact gradients"""
    X, rng = bars_and_stripes(3), np.random.default_rng(0)
    rbm = RBM.initialise(9, 8, rng, X)
    rbm.W[...] = 0.1 * rng.standard_normal(rbm.W.shape)
    data, model = learning.descend_difference(rbm, X, 1000, 0.2)
    assert (np.diff(data - model) < 0).all() and data[-1] - model[-1] >= np.log(14)
    assert data[-1] < data[0] - 10 and model[-1] < model[0] - 8


@pytest.fixture(scope="module", params=range(2))
def claims(request):
    return verdict(np.random.default_rng(request.param), quick=True)


def test_every_claim_is_as_the_verdict_has_it(claims):
    """(C1) to (C26)"""
    for claim in claims:
        assert claim.holds, claim


def test_the_criteria_are_strict(claims):
    """Identities to 1e-12, gradients to 1e-7, integrals and limits to 1e-9, exponents to 0.02."""
    assert [claim.status for claim in claims].count("false") == 7
    for claim in claims:
        if claim.status == "exact":
            assert claim.high <= (1e-7 if "finite differences" in claim.meaning else
                                  1e-9 if claim.tag in ("C24", "C25") else 1e-12), claim
        if claim.status == "limit" and claim.tag != "C22":  # C22: a median ratio of exponents
            assert claim.high <= 1e-9 or claim.high - claim.low < 0.041, claim


def test_claims_are_sentences_in_the_order_of_the_equations(claims):
    tags = [int(claim.tag[1:]) for claim in claims]
    assert tags == sorted(tags)
    for claim in claims:
        assert claim.text.endswith("."), claim
        assert len(claim.text) <= 78 and len(claim.meaning) <= 84, claim


def test_the_verdict_names_equations_of_the_chapter_and_covers_it(claims):
    folder = Path(bridge.__file__).parent
    defined = {tag for page in folder.glob("*.md")
               for tag in re.findall(r"\\text\{\((C\d+)\)\}", page.read_text(encoding="utf-8"))}
    tags = {claim.tag for claim in claims}
    assert tags <= defined
    assert defined - tags <= {"C7", "C27"}  # a definition, and a better estimate of log p


def test_a_claim_that_misses_its_criterion_does_not_hold():
    for measured, holds in ((1e-13, True), (1e-11, False), (np.nan, False)):
        assert Claim("It is so.", "exact", measured, "error", 0, 1e-12, "C1").holds is holds
    assert exponent(np.array([4.0, 2.0, 1.0]), [99, 12, 3]) == pytest.approx(2)


@pytest.mark.parametrize("call, message",
                         [(lambda: verdict(0), "rng must be a numpy.random.Generator"),
                                           (lambda: verdict(np.random.default_rng(0), 1),
                                            "quick must be True or False")])
def test_wrong_arguments_are_named(call, message):
    with pytest.raises(TypeError, match=message):
        call()

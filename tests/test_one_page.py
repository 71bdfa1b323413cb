"""The book on one page says what the package says: each of its functions, to 1e-12."""
import contextlib
import io
import runpy
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_allclose

from minife import MLP, RBM, tap
from minife.rbm import exact
from minife.units import Binary, Potts

PATH = Path(__file__).parent.parent / "demos/one_page.py"


@pytest.fixture(scope="module")
def page():
    with contextlib.redirect_stdout(io.StringIO()) as printed:
        names = runpy.run_path(str(PATH))
    return names | {"printed": printed.getvalue()}


@pytest.fixture(scope="module")
def rbm(page):
    return RBM(page["W"], page["a"], page["b"])


def same(ours, theirs):
    for one, other in zip(ours, theirs, strict=True):
        assert_allclose(one, other, rtol=1e-12, atol=1e-12)


def test_it_is_one_page_of_numpy():
    text = PATH.read_text(encoding="utf-8")
    lines = text.splitlines()
    assert len(lines) <= 150 and max(map(len, lines)) <= 100
    assert "import minife" not in text and "from minife" not in text


def test_units(page):
    x, unit = np.linspace(-5, 5, 11), Binary()
    m = unit.mean(x)
    same([page["A"](x), page["sigmoid"](x), page["variance"](m), -page["entropy"](m)],
         [unit.potential(x), m, unit.variance(x), unit.conjugate(m)])


def test_an_rbm(page, rbm):
    v, h = page["V"][::9], page["H"][:8]
    same([page["energy"](v[:8], h), page["free_energy"](v), page["log_Z"]()],
         [rbm.energy(v[:8], h), rbm.free_energy(v), exact.log_partition_function(rbm)])
    model, X = exact.moments(rbm), page["X"].astype(np.uint8)
    same(page["model"], [model.vh, model.v, model.h])
    same([-slope for slope in page["learning"]],
         [exact.log_likelihood_gradient(rbm, X)[name] for name in "Wab"])
    assert_allclose(page["loss"](), -exact.log_likelihood(rbm, X), rtol=1e-12)


@pytest.mark.parametrize("order", [1, 2])
def test_the_tap_free_energy(page, rbm, order):
    m_v, m_h = np.linspace(0.1, 0.9, 6), np.linspace(0.2, 0.7, 5)
    rows = m_v[None], m_h[None]
    same([page["gamma"](m_v, m_h, order)], tap.free_energy(rbm, *rows, order))
    same(page["emf_slopes"](m_v, m_h, order),
         [tap.free_energy_gradient(rbm, *rows, order)[name] for name in "Wab"])
    theta_v = page["field"](m_h, m_v, page["W"].T, page["a"], order)
    same([Binary().field(m_v) - theta_v], tap.stationarity(rbm, *rows, order)[0])
    at_rest = tap.fixed_point(rbm, order, tol=1e-13)
    assert_allclose(page["gamma"](*page["fixed_point"](order), order), at_rest.free_energy[0],
                    rtol=1e-12)


def test_a_network(page):
    mlp = MLP((6, 5, 3), Binary(), rng=np.random.default_rng(0))
    for name, array in zip(("W1", "b1", "W2", "b2"), page["net"], strict=True):
        mlp.parameters[name][...] = array
    same([page["output"](page["X"]), page["cross_entropy"](page["output"](page["X"]))],
         [mlp.fields(page["X"])[-1], mlp.loss(page["X"], page["y"])])
    same(page["backprop"],
         [mlp.gradient(page["X"], page["y"])[name] for name in ("W1", "b1", "W2", "b2")])
    same([page["softmax"](page["output"](page["X"]))], [Potts().mean(mlp.fields(page["X"])[-1])])


def test_what_it_prints_is_small_where_it_should_be(page):
    lines = [line.rsplit(maxsplit=1) for line in page["printed"].splitlines()]
    errors = {what.strip(): float(number) for what, number in lines}
    small = [error for what, error in errors.items()
             if not what.startswith(("by contrastive", "TAP", "and backprop's"))]
    assert len(small) == 7 and max(small) < 1e-7, errors
    copies = [error for what, error in errors.items() if what.startswith("and backprop's")]
    assert_allclose(np.log10(copies[:-1]) - np.log10(copies[1:]), 1, atol=0.1)

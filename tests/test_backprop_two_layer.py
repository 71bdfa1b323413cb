"""The post's own network, written out, against the general one, and by hand."""
import re
from math import log
from pathlib import Path

import numpy as np
import pytest
from networks import network
from numpy.testing import assert_allclose
from proofs import proves

from minife.backprop import BinaryCrossEntropy, two_layer
from minife.units import Binary


@proves("B1", "B2", "B4", "B5", "B8", "B9")
@pytest.mark.parametrize("n_outputs", [1, 3])
@pytest.mark.parametrize("states", [False, True], ids=["numbers", "states"])
def test_the_two_layers_are_the_mlp(n_outputs, states):
    """(B1) to (B9): outputs, loss and all four slopes to 1e-12"""
    rng = np.random.default_rng(n_outputs)
    mlp = network((5, 4, n_outputs), Binary(), BinaryCrossEntropy())
    for array in mlp.parameters.values():
        array += rng.standard_normal(array.shape)
    X = rng.integers(2, size=(7, 5), dtype=np.uint8) if states else rng.standard_normal((7, 5))
    y = rng.random((7, n_outputs))
    W, b, U, d = mlp.parameters.values()
    h, m = two_layer.forward(X, W, b, U, d)
    assert_allclose(m, mlp.predict(X), rtol=1e-12)
    assert_allclose(two_layer.loss(m, y), mlp.loss(X, y), rtol=1e-12)
    ours = two_layer.backward(X, y, h, m, U)
    for slope, expected in zip(ours, mlp.gradient(X, y).values(), strict=True):
        assert_allclose(slope, expected, rtol=1e-12, atol=1e-15)


@proves("B8", "B9")
def test_the_two_layers_by_hand():
    """The 2-2-1 net of the chapter: means 3/4, 1/2 and 4/5, target 0"""
    W, b = np.array([[log(3), -log(9)], [log(3), log(3)]]), np.array([-log(9), 0])
    U, d = np.array([[4.0], [-6.0]]), np.array([log(4)])
    X, y = np.array([[1.0, 2.0]]), np.array([[0.0]])
    h, m = two_layer.forward(X, W, b, U, d)
    assert_allclose(h, [[3 / 4, 1 / 2]])
    assert_allclose(m, [[4 / 5]])
    assert_allclose(two_layer.loss(m, y), log(5))
    d_W, d_b, d_U, d_d = two_layer.backward(X, y, h, m, U)
    assert_allclose(d_W, [[3 / 5, -6 / 5], [6 / 5, -12 / 5]])
    assert_allclose(d_b, [3 / 5, -6 / 5])
    assert_allclose(d_U, [[3 / 5], [2 / 5]])
    assert_allclose(d_d, [4 / 5])


def test_the_lines_of_the_chapter_are_those_that_run():
    source = [line.split("#")[0].strip()
              for line in Path(two_layer.__file__).read_text().splitlines()]
    chapter = (Path(two_layer.__file__).parent / "README.md").read_text(encoding="utf-8")
    block = chapter.split("## The post's own network")[1].split("```")[1]
    quoted = [line for row in block.strip().splitlines()
              for line in re.split(r"\s{3,}", row.strip())]
    assert len(quoted) == 10 and set(quoted) <= set(source)

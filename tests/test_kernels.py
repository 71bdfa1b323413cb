"""Every compiled kernel gives the numbers of its NumPy twin, and both give the right ones."""
import ast
import os
import re
import subprocess
import sys
import time
from collections import Counter
from itertools import product
from pathlib import Path

import numpy as np
import pytest

from kernel_calls import (CALLS, DENSITIES, KEY, SHAPES, SOLVERS, STEPS, arguments, load_compiled,
                          sigma)
from minife import kernels
from minife.kernels import reference
from proofs import proves


@pytest.mark.parametrize("call", CALLS, ids=str)
@pytest.mark.parametrize("dtype, rounding", [(np.float64, 1e-12), (np.float32, 1e-5)])
def test_a_kernel_and_its_twin_give_the_same_numbers(call, dtype, rounding):
    """(K1) to (K4), (R4), (E3), (R15), (T10), (T18): words, samples, counts of sweeps are equal,
    numbers nearly."""
    tolerances = {"binary_product": [rounding], "draw_units": [0], "random_words": [0],
                  "anneal_units": [0, 100 * rounding],
                  "softplus_product": [1e-9 if call[1:] == (100.0,) else 1e-11],
                  "collapsed_sweep": [0, 1e-9, 1e-9],
                  **dict.fromkeys(SOLVERS, [rounding, rounding, 10 * rounding, 0])}[call[0]]
    # u may lie within the rounding of p, and the residual within that of tol
    if dtype == np.float32:
        tolerances = {"anneal_units": [1, 100 * rounding],
                      **dict.fromkeys(SOLVERS, tolerances[:2])}.get(call[0], tolerances)
    # where sweeps start matters little
    for shape, density in product(SHAPES, [0.5] if call[0] in SOLVERS else DENSITIES):
        args = arguments(call, shape, density, dtype)
        results = [getattr(kernel, call[0])(**args) for kernel in (load_compiled(), reference)]
        got, wanted = (x if isinstance(x, tuple) else (x,) for x in results)
        assert [(x.dtype, x.shape) for x in got] == [(x.dtype, x.shape) for x in wanted]
        for x, y, tolerance in zip(got, wanted, tolerances):
            np.testing.assert_allclose(x.astype(float), y.astype(float), rtol=0, atol=tolerance)


@pytest.mark.parametrize("name", SOLVERS)
def test_a_residual_does_not_hide_a_unit_that_is_nan(twin, name):
    """(T12): whichever unit it is, and the other rows are none the worse"""
    args = arguments((name, 2, 1.5, 0.5)) | {"max_iter": 1}
    args["m_h"] = args["m_h"].copy()
    args["m_h"][2, 5] = np.nan
    assert np.isnan(getattr(twin, name)(**args)[2]).tolist() == [row == 2 for row in range(5)]


@pytest.mark.parametrize("name", STEPS)
@pytest.mark.parametrize("l1, l2", [(0.0, 0.0), (0.3, 0.2)])
@pytest.mark.parametrize("dtype, rounding", [(np.float64, 1e-14), (np.float32, 1e-6)])
def test_a_step_and_its_twin_move_the_arrays_to_the_same_place(name, l1, l2, dtype, rounding):
    """(D2), (D3), (D4)"""
    rng, results = np.random.default_rng(8), []
    start = {key: rng.random(103).astype(dtype) for key, value in STEPS[name].items()
             if value is None}
    theta, slope = rng.standard_normal((2, 103)).astype(dtype)
    # the sign of zero is zero
    theta[:3] = 0, -0.0, 1
    for kernel in (load_compiled(), reference):
        arrays = {"theta": theta.copy()} | {key: array.copy() for key, array in start.items()}
        numbers = {key: value for key, value in STEPS[name].items() if value is not None}
        for _ in range(3):
            assert getattr(kernel, name)(**arrays, slope=slope, **numbers, l1=l1, l2=l2) is None
        results.append(arrays)
    for key, got in results[0].items():
        np.testing.assert_allclose(got, results[1][key], rtol=rounding, atol=rounding)
        assert not np.array_equal(got, theta if key == "theta" else start[key])


def test_every_kernel_has_a_twin_and_a_pair_test():
    sources = Path(kernels.__file__).parent.glob("*.p[yx][xi]")
    names = {name for source in sources
             for name in re.findall(r"^def (\w+)", source.read_text(), re.M)}
    names -= {"set_threads", "look_around"}
    assert names == {name for name, *_ in CALLS} | set(STEPS)
    assert all(hasattr(reference, name) and hasattr(kernels, name) for name in names)


@pytest.mark.parametrize("call", CALLS, ids=str)
def test_results_do_not_depend_on_the_number_of_threads(call):
    # enough work for several threads
    shape = (20, 301, 103) if call[0] in SOLVERS else (90, 784, 201)
    compiled, args, results = load_compiled(), arguments(call, shape), []
    for n in (1, 2, os.cpu_count()):
        compiled.set_threads(n)
        results.append(getattr(compiled, call[0])(**args))
    assert all(np.array_equal(x, y) for result in results for x, y in zip(result, results[0]))


@proves("K1")
def test_the_product_with_binary_states_is_exact_for_whole_numbers(twin):
    """(K1) by hand, and against integers: sums of whole numbers are not rounded."""
    assert twin.binary_product(np.array([[1, 0, 1]], np.uint8),
                               np.array([[1.0], [10], [100]])) == 101
    rng = np.random.default_rng(0)
    states = rng.integers(2, size=(20, 90), dtype=np.uint8)
    whole = rng.integers(-99, 99, size=(90, 35))
    assert np.array_equal(twin.binary_product(states, whole.astype(np.float32)), states @ whole)


@proves("K1")
@pytest.mark.parametrize("shape", [(9, 33, 21), (90, 784, 101), (1, 7, 5), (300, 300, 64)], ids=str)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_states_and_matrices_may_lie_in_memory_in_any_way(twin, dtype, shape):
    """(K1): rows with gaps between them, transposes, and columns in reverse give the same sums."""
    states, W = arguments(("binary_product",), shape, 0.3, dtype).values()
    wanted = states.astype(float) @ W
    for v in (states, np.asfortranarray(states),
              np.repeat(np.repeat(states, 2, axis=0), 2, axis=1)[::2, ::2]):
        for matrix in (W, np.asfortranarray(W), np.repeat(W, 2, axis=1)[:, ::2],
                       W[:, ::-1].copy()[:, ::-1]):
            got = twin.binary_product(v, matrix)
            assert got.dtype == dtype and got.flags.c_contiguous
            np.testing.assert_allclose(got, wanted, rtol=0, atol=1e-5 if dtype == np.float32
                                       else 1e-13)


def test_a_sum_of_rows_depends_on_its_row_alone():
    """(K1): to the last bit, whatever other rows stand beside it, and however wide the panel is"""
    states, W = arguments(("binary_product",), (300, 784, 101), 0.3, np.float32).values()
    together = load_compiled().binary_product(states, W)
    for rows in (slice(0, 1), slice(5, 50), slice(130, 300)):
        assert np.array_equal(load_compiled().binary_product(states[rows], W), together[rows])


@proves("E3")
def test_an_annealed_change_by_hand(twin):
    """(E3): one unit in the field log 2, from beta 1 to 2: log(1 + 4) - log(1 + 2); and 1500 of
    them, three chunks."""
    field = np.log(2.0)
    for n in (1, 1500):
        args = np.ones((1, 1), np.uint8), np.full((1, n), field), np.zeros(n), 1.0, 2.0, KEY, 0
        samples, change = twin.anneal_units(*args)
        np.testing.assert_allclose(change, n * np.log(5 / 3), rtol=1e-13)
        assert np.array_equal(samples, twin.draw_units(np.full((1, n), sigma(2 * field)), KEY, 0))


@proves("T9", "T10", "T12")
@pytest.mark.parametrize("beta", [1.0, 1.5])
@pytest.mark.parametrize("order", [1, 2, 3])
def test_a_sweep_by_hand(twin, order, beta):
    """(T9), (T10), (T12) with W = 1, b = 0, m_v = m_h = 1/4, so c = 3/16: W m_v = 1/4; (1/2 - m_h)
    c_v = 3/64; (1/3 - 2 c_h) c_v (1/2 - m_v) = (-1/24) (3/64) = -1/512. Three quarters of the
    way."""
    one, zero, quarter = np.ones((1, 1)), np.zeros(1), np.full((1, 1), 1 / 4)
    m_v, m_h, residual, _ = twin.damped_fixed_point(one, zero, zero, beta, quarter, quarter,
                                                    order, 0.75, 1e-9, 1)
    way_h = sigma(sum([beta / 4, beta**2 * 3 / 64, -beta**3 / 512][:order])) - 1 / 4
    np.testing.assert_allclose(m_h, 1 / 4 + 0.75 * way_h, rtol=1e-15)
    # what the visible unit sees
    m, c = m_h.item(), (m_h - m_h**2).item()
    terms = [beta * m, beta**2 / 4 * c, beta**3 * (1 / 3 - 6 / 16) * c * (0.5 - m)]
    way_v = sigma(sum(terms[:order])) - 1 / 4
    np.testing.assert_allclose(m_v, 1 / 4 + 0.75 * way_v, rtol=1e-14)
    floor = np.finfo(float).eps ** (1 / 3)
    np.testing.assert_allclose(residual, max(abs(way_h), abs(way_v)) / (3 / 16 + floor), rtol=1e-13)


@pytest.mark.parametrize("order", [1, 2, 3])
def test_each_row_converges_by_itself_and_then_rests(twin, order):
    """(T12): a row ends as it does alone, whatever the others need, and its last sweep is its
    own."""
    args = arguments(("damped_fixed_point", order, 1.5, 0.6), (12, 20, 13))
    args["W"] = 3 * args["W"]
    start = args["m_v"].copy()
    m_v, m_h, residual, n_iter = twin.damped_fixed_point(**args)
    assert np.all(residual <= args["tol"]) and len(set(n_iter)) > 1
    for r in range(12):
        alone = twin.damped_fixed_point(**{**args, "m_v": args["m_v"][[r]],
                                           "m_h": args["m_h"][[r]]})
        # BLAS rounds by the shape
        rounding = 1e-13 if twin is reference else 0
        np.testing.assert_allclose(np.hstack(alone[:2])[0], [*m_v[r], *m_h[r]], rtol=0,
                                   atol=rounding)
    early, done = twin.damped_fixed_point(**{**args,
                                             "max_iter": int(n_iter.min())}), n_iter == n_iter.min()
    assert np.array_equal(early[0][done], m_v[done]) and np.array_equal(early[1][done], m_h[done])
    assert np.all(early[2][~done] > args["tol"]) and np.all(early[3] == n_iter.min())
    # a fixed point is fixed
    again = twin.damped_fixed_point(**{**args, "m_v": m_v, "m_h": m_h})
    assert np.all(again[3] == 1) and np.all(again[2] <= args["tol"])
    assert np.array_equal(args["m_v"], start) and np.all(args["m_h"] == 0.5)


@pytest.mark.filterwarnings("ignore:.*encountered in:RuntimeWarning")
def test_a_sweep_that_overflows_has_not_converged(twin):
    """(T12): W^3 is infinite in float32, and 0 times it is not a number."""
    W, half, zero = (np.full(shape, x, np.float32) for shape,
                     x in [((1, 1), 1e13), ((1, 1), 0.5), (1, 0)])
    _, m_h, residual, _ = twin.damped_fixed_point(W, zero, zero, 1.0, half, half, 3, 0.5, 1e-6, 5)
    assert np.isnan(m_h) and not residual <= 1e-6


@pytest.mark.parametrize("wanted, answer",
                         [("reference", "reference"), ("", "compiled"), ("fast", "'fast'")])
def test_an_environment_variable_chooses_the_twins(monkeypatch, wanted, answer):
    load_compiled()
    monkeypatch.chdir(Path(kernels.__file__).parents[2])
    environment = {name: value for name, value in {**os.environ, "MINIFE_KERNELS": wanted}.items()
                   if value}
    code = "from minife import kernels; print(kernels.implementation)"
    run = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True,
                         text=True)
    refused = "ValueError: MINIFE_KERNELS" in run.stderr and answer in run.stderr
    assert run.stdout.strip() == answer or refused


@pytest.mark.parametrize("n", [0, -1, True, 1.5, "2"])
def test_the_number_of_threads_is_a_positive_integer(n):
    with pytest.raises(ValueError, match="n must be a positive integer"):
        kernels.set_threads(n)


@pytest.mark.skipif(not hasattr(os, "fork") or kernels.implementation == "reference",
                    reason="no fork, or no threads")
@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
def test_a_forked_child_does_not_wait_for_the_threads_of_its_parent():
    compiled, args = load_compiled(), arguments(("anneal_units", 0.0, 1.0), (90, 784, 201))
    compiled.set_threads(2)
    compiled.anneal_units(**args)
    child = os.fork()
    if child == 0:
        compiled.anneal_units(**args)
        os._exit(0)
    for _ in range(200):
        if os.waitpid(child, os.WNOHANG)[0]:
            return
        time.sleep(0.05)
    os.kill(child, 9)
    os.waitpid(child, 0)
    pytest.fail("the child hangs")


def test_more_units_than_a_list_can_name(twin):
    """(K1): 65537 of them, the last of which counts"""
    states, matrix = np.zeros((2, 65537), np.uint8), np.zeros((65537, 3))
    states[1, [0, -1]], matrix[[0, -1]] = 1, [[1, 10, 100], [2, 20, 200]]
    assert twin.binary_product(states, matrix).tolist() == [[0, 0, 0], [3, 30, 300]]
    assert twin.binary_product(states[:, 1:], matrix[1:]).tolist() == [[0, 0, 0], [2, 20, 200]]
    assert twin.binary_product(states[1:].T,
                               np.array([[7.0]])).ravel().nonzero()[0].tolist() == [0, 65536]


def quotations():
    """Return (place, line) for each line of the compiled sources that quotes the twin, after #>."""
    for path in sorted(Path(kernels.__file__).parent.glob("*.p[yx][dxi]")):
        for k, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
            if line.lstrip().startswith("#>"):
                yield f"{path.name}:{k}", " ".join(line.lstrip()[2:].split())


def test_what_compiled_code_quotes_of_its_twin_stands_there():
    """Character for character, up to white space and a comment at the end of the twin's line, and
    once, so that no other line stands for one that has changed"""
    text = Path(reference.__file__).read_text(encoding="utf-8")
    lines = Counter(" ".join(re.sub(r"  +# .*", "", line).split()) for line in text.splitlines())
    assert [quotation for quotation in quotations() if lines[quotation[1]] != 1] == []
    assert len(list(quotations())) > 40


def test_no_comment_of_compiled_code_looks_like_an_unmarked_quotation():
    for path in Path(kernels.__file__).parent.glob("*.p[yx][dxi]"):
        for comment in re.findall(r"^ *# (.*)$", path.read_text(encoding="utf-8"), re.M):
            try:
                statements = ast.parse(comment).body
            except SyntaxError:
                continue
            assert not any(isinstance(s, (ast.Assign, ast.AugAssign)) for s in statements), comment

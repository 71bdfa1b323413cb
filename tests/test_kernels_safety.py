"""No call from Python reads or writes outside an array, whatever it is given, and every kernel
answers Ctrl-C."""
import signal
import subprocess
import sys
import time
from itertools import product

import numpy as np
import pytest

from kernel_calls import KEY, STEPS, arguments, load_compiled
from minife.kernels import reference

CALLS = {name: (name, *options) for name, *options in [
    ("binary_product",), ("draw_units",), ("anneal_units", 0.3, 0.4), ("softplus_product", 1.0),
    ("collapsed_sweep", 1.0), ("damped_fixed_point", 3, 1.5, 0.5), ("block_fixed_point", 2, 1.5)]}
ARRAYS = [(name, array) for name in [*CALLS, *STEPS] for array in getattr(reference, name).axes]
WRONG = (ValueError, TypeError)


def valid(name, n=9, n_in=20, n_out=13, dtype=np.float64):
    """Return the keyword arguments of a call; arrays that it changes in place may be written to."""
    if name in CALLS:
        return arguments(CALLS[name], (n, n_in, n_out), dtype=dtype)
    rng, numbers = np.random.default_rng(3), {key: x for key, x in STEPS[name].items()
                                              if x is not None}
    return {array: rng.random(n).astype(dtype)
            for array in getattr(reference, name).axes} | numbers | {"l1": 0.1, "l2": 0}


def called(kernel, name, **changes):
    """Return all arrays that a call makes or changes, and the exception that it raises instead."""
    args = valid(name) | changes
    result = getattr(kernel, name)(**args)
    if name in STEPS:
        return [args[array] for array in getattr(reference, name).axes]
    return list(result) if isinstance(result, tuple) else [result]


@pytest.mark.parametrize("name, array", ARRAYS, ids=lambda x: x)
def test_an_argument_that_does_not_fit_is_an_error(twin, name, array):
    """Of any kernel: None, a number, an axis too few or too many, another type, and an axis of
    another length"""
    right = valid(name)[array]
    axes = getattr(reference, name).axes
    types = complex, object, np.int64, np.float16, ">f8"
    wrong = [None, 0.5, "x", [1, 2], np.array(0, right.dtype), right[None],
             *(right.astype(dtype) for dtype in types)]
    wrong += [right[0]] if right.ndim > 1 else []
    if len(set(axes) - {"states"}) > 1:                       # then all of them are of one type
        wrong.append(right.astype(np.float32))
    for x in wrong:
        with pytest.raises(WRONG):
            called(twin, name, **{array: x})
    for k, axis in enumerate(axes[array].split()):
        for length in (0, 1, right.shape[k] - 1, right.shape[k] + 1, 300, 70000 if right.ndim == 1
                       else 1000):
            x = np.resize(right, right.shape[:k] + (length,) + right.shape[k + 1:])
            if " ".join(axes.values()).split().count(axis) > 1:
                with pytest.raises(ValueError, match="shapes do not go together"):
                    called(twin, name, **{array: x})
            # an axis of its own may have any length
            else:
                assert len(called(twin, name, **{array: x})) > 0


@pytest.mark.parametrize("name", [*CALLS, *STEPS])
@pytest.mark.parametrize("lengths",
                         [lengths for lengths in product((0, 5), (0, 7), (0, 6)) if 0 in lengths],
                         ids=str)
def test_empty_arrays_are_as_good_for_a_kernel_as_for_its_twin(name, lengths):
    answers = []
    for kernel in (load_compiled(), reference):
        args = valid(name, *lengths) if name in STEPS else empty(name, *lengths)
        try:
            result = getattr(kernel, name)(**args)
            answers.append(result if isinstance(result, tuple) else (result,))
        except ValueError:
            answers.append(None)
    got, wanted = answers
    assert (got is None) == (wanted is None)
    for x, y in zip(got or (), wanted or (), strict=True):
        if y is not None:
            np.testing.assert_allclose(x, y, rtol=1e-12)
            assert x.dtype == y.dtype


def empty(name, n, n_in, n_out):
    """Return the arguments of a call whose axes have been cut to these lengths."""
    axes, args = getattr(reference, name).axes, valid(name, 5, 7, 6)
    lengths = {5: n, 7: n_in, 6: n_out}
    return args | {array: args[array][tuple(slice(lengths[length])
                                            for length in args[array].shape)] for array in axes}


@pytest.mark.parametrize("name, array", ARRAYS, ids=lambda x: x)
def test_arrays_may_lie_in_memory_in_any_way(name, array):
    """Read only, in Fortran's order, backwards, with gaps, or between bytes: the same numbers, or a
    clear error"""
    wanted, right, in_place = called(load_compiled(),
                                     name), valid(name)[array], name in STEPS and array != "slope"
    records = np.zeros(right.shape, np.dtype([("byte", "u1"), ("number", right.dtype)]))
    records["number"] = right
    odd = np.ndarray(right.shape, right.dtype, bytearray(right.nbytes + 1), 1)
    odd[...] = right
    fixed = right.copy()
    fixed.flags.writeable = False
    for x in (np.asfortranarray(right), np.repeat(right, 2, axis=0)[::2],
              np.repeat(right, 2, axis=-1)[..., ::2], right[::-1].copy()[::-1],
              right[..., ::-1].copy()[..., ::-1], records["number"], odd, fixed):
        if name not in STEPS:
            for got, want in zip(called(load_compiled(), name, **{array: x}), wanted, strict=True):
                np.testing.assert_array_equal(got, want)
        elif x is fixed and in_place or not x.flags.c_contiguous or not x.flags.aligned:
            with pytest.raises(ValueError, match="read-only|contiguous|aligned|alignment"):
                called(load_compiled(), name, **{array: x})


@pytest.mark.parametrize("name", ["binary_product", "anneal_units", "collapsed_sweep"])
def test_states_that_are_no_states_are_an_error(twin, name):
    """Also one that is hidden in the last column, in either order of memory, of more than a tile of
    rows"""
    rng = np.random.default_rng(0)
    for n, order, strange in product((9, 2000), "CF", (2, 128, 200, 255)):
        states = np.asarray(valid(name, n)["states"], order=order).copy(order)
        states[n // 2, -1] = strange
        with pytest.raises(ValueError, match=f"states must be 0 or 1, got {strange}"):
            getattr(twin, name)(**(valid(name, n) | {"states": states}))
    with pytest.raises(ValueError, match="states must be 0 or 1, got 25"):
        called(twin, name, states=rng.integers(256, size=valid(name)["states"].shape,
                                               dtype=np.uint8) | 250)


@pytest.mark.parametrize("order, name",
                         [(0, "damped_fixed_point"), (4, "damped_fixed_point"),
                          (3, "block_fixed_point")])
def test_an_order_that_a_sweep_does_not_know_is_an_error(order, name):
    with pytest.raises(ValueError, match="order must be 1"):
        called(load_compiled(), name, order=order)


def test_counts_of_words_are_counts():
    for n_rows, n_units in [(-1, 3), (3, -1), (2**40, 1), (1, 2**62), (1, 2**63 - 1)]:
        with pytest.raises((ValueError, MemoryError)):
            load_compiled().random_words(KEY, 0, n_rows, n_units)


def endless():
    """Return calls that take minutes, each a function without arguments."""
    compiled, rng = load_compiled(), np.random.default_rng(0)
    W = (0.1 * rng.standard_normal((784, 500))).astype(np.float32)
    a, b, m = W[:, 0].copy(), W[0].copy(), rng.random((300, 784), dtype=np.float32)
    small, sweeps = slice(0, 20), {"tol": -1.0, "max_iter": 2**31 - 1}
    machine = {"W": W, "a": a, "b": b, "beta": 1.0, "order": 2, **sweeps}
    rows = {"m_v": m, "m_h": m[:, :500].copy()}
    few = {name: array[small] for name, array in rows.items()}
    many = {"m_v": np.full((200000, 30), 0.5), "m_h": np.full((200000, 20), 0.5)}
    toy = {"W": W[:30, :20].astype(float), "a": a[:30].astype(float), "b": b[:20].astype(float)}
    x = rng.standard_normal((3000, 3000))
    return {"few rows, damped": lambda: compiled.damped_fixed_point(**machine, **few, step=0.5),
            "few rows, block": lambda: compiled.block_fixed_point(**machine, **few),
            "many rows": lambda: compiled.damped_fixed_point(**machine, **rows, step=0.5),
            "a small machine": lambda: compiled.damped_fixed_point(**machine | toy | many,
                                                                   step=0.5),
            "softplus_product": lambda: compiled.softplus_product(x, x),
            "collapsed_sweep": lambda: compiled.collapsed_sweep(
                np.zeros((3000, 1000), np.uint8), x[:, :1000] / 3000, x[0], x[1, :1000],
                x[:, :1000])}


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="no timers of processor time")
@pytest.mark.parametrize("job",
                         ["few rows, damped", "few rows, block", "many rows", "a small machine",
                          "softplus_product", "collapsed_sweep"])
def test_a_kernel_answers_a_signal_within_a_second(job):
    """The signal comes after 0.2 seconds of processor time, and is answered as Ctrl-C is, by
    KeyboardInterrupt."""
    call = endless()[job]
    before, start = signal.signal(signal.SIGPROF, signal.default_int_handler), time.process_time()
    try:
        signal.setitimer(signal.ITIMER_PROF, 0.2)
        with pytest.raises(KeyboardInterrupt):
            call()
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, before)
    assert time.process_time() - start < 1.2


def test_a_fixed_point_answers_ctrl_c():
    """From outside, as a user interrupts it: a call that would take hours ends."""
    code = """if True:
        import signal
        import numpy as np
        from minife import kernels
        signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background ignores it
        W, m = np.full((784, 500), 0.01), np.full((20, 784), 0.5)
        print("started", flush=True)
        try:
            kernels.damped_fixed_point(W, W[:, 0], W[0], 1.0, m, m[:, :500], 2, 0.5, -1.0, 10**9)
        except KeyboardInterrupt:
            print("interrupted")"""
    child = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    try:
        assert child.stdout.readline() == "started\n"
        time.sleep(0.3)
        child.send_signal(signal.SIGINT)
        assert child.communicate(timeout=20)[0] == "interrupted\n"
    finally:
        child.kill()

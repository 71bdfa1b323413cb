"""The data are what they say: counts, ranges, exact toys, a loader that names what is wrong with a
file."""

import gzip
import os
import re
from dataclasses import FrozenInstanceError
from itertools import product

import numpy as np
import pytest

from minife.data import (bars_and_stripes, binarise, line_symmetry, load_digits, load_mnist,
                         sample_binary, xor)
from minife.data.digits import EMBEDDED, pack, unpack
from minife.data.make_digits import make_digits

FIELDS = ("X_train", "y_train", "X_test", "y_test")


def rows(X):
    return {tuple(row) for row in X.tolist()}


# ---------------------------------------------------------------- the embedded digits

@pytest.mark.parametrize("binary, dtype, n_levels", [(True, np.uint8, 2), (False, np.float64, 16)])
def test_digits_have_the_stated_shapes_dtypes_and_levels(binary, dtype, n_levels):
    digits = load_digits(binary)
    for X, y, n in [(digits.X_train, digits.y_train, 4000), (digits.X_test, digits.y_test, 1000)]:
        assert X.shape == (n, 784) and X.dtype == dtype
        assert y.shape == (n,) and y.dtype == np.int64
        assert np.bincount(y).tolist() == [n // 10] * 10
        np.testing.assert_allclose(np.unique(X), np.linspace(0, 1, n_levels), rtol=0, atol=1e-15)


def test_binary_digits_are_the_grey_ones_above_one_half():
    binary, grey = load_digits(), load_digits(binary=False)
    assert np.array_equal(binary.X_train, grey.X_train > 0.5)
    assert np.array_equal(binary.X_test, binarise(grey.X_test, 0.5))


def test_no_digit_appears_twice():
    digits = load_digits()
    train, test = rows(digits.X_train), rows(digits.X_test)
    assert len(train) == 4000 and len(test) == 1000 and train.isdisjoint(test)


def test_digits_are_upright_images():
    """MNIST puts the centre of mass of each digit at the centre of its image, and a one is tall,
    not wide."""
    digits = load_digits(binary=False)
    images = digits.X_train.reshape(-1, 28, 28)
    mass = images.sum(axis=(1, 2))
    for axis in (1, 2):
        centre = images.sum(axis=3 - axis) @ np.arange(28) / mass               # (n,)
        assert np.all(np.abs(centre - 14) < 1)
        ink, change = images.mean(), np.abs(np.diff(images, axis=axis)).mean()
        # neighbours mostly agree
        assert change < ink
    ones = images[digits.y_train == 1] > 0.5
    assert ones.any(axis=2).sum(axis=1).mean() > 1.5 * ones.any(axis=1).sum(axis=1).mean()


def test_digits_may_be_modified_and_loaded_again():
    first = load_digits()
    for name in FIELDS:
        getattr(first, name)[:] = 0
    second = load_digits()
    assert all(getattr(second, name).any() for name in FIELDS)
    with pytest.raises(FrozenInstanceError):
        second.X_train = first.X_train


def test_the_embedded_file_is_small():
    assert EMBEDDED.stat().st_size < 1_000_000


def test_packing_by_hand_and_back():
    assert pack(np.array([[1, 2, 15, 0]], np.uint8)).tolist() == [[0x12, 0xF0]]
    levels = np.random.default_rng(0).integers(16, size=(5, 784), dtype=np.uint8)
    assert np.array_equal(unpack(pack(levels)), levels)


# ---------------------------------------------------------------- fake MNIST, on disk

def fake_mnist(n_train=40, n_test=20):
    """Random images; the labels run through the ten classes."""
    rng = np.random.default_rng(1)
    return {"x_train": rng.integers(256, size=(n_train, 28, 28), dtype=np.uint8),
            "y_train": (np.arange(n_train) % 10).astype(np.uint8),
            "x_test": rng.integers(256, size=(n_test, 28, 28), dtype=np.uint8),
            "y_test": (np.arange(n_test) % 10).astype(np.uint8)}


def write_npz(folder, arrays, name="mnist.npz"):
    np.savez(folder / name, **arrays)
    return folder / name


def write_idx(folder, arrays, mark="-", compress=None):
    for key, array in arrays.items():
        kind = "images" if key[0] == "x" else "labels"
        stem = "train" if key.endswith("train") else "t10k"
        header = bytes([0, 0, 8, array.ndim]) + np.array(array.shape, ">u4").tobytes()
        data, end = header + array.tobytes(), ""
        if compress:
            data, end = compress(data), ".gz"
        (folder / f"{stem}-{kind}{mark}idx{array.ndim}-ubyte{end}").write_bytes(data)
    return folder


def write_npz_in_folder(folder, arrays):
    write_npz(folder, arrays)
    return folder


WRITERS = {
    "npz": write_npz,
    "npz of another name": lambda folder, arrays: write_npz(folder, arrays, "digits-of-mine.npz"),
    "folder with npz": write_npz_in_folder,
    "idx": write_idx,
    "idx, dotted": lambda folder, arrays: write_idx(folder, arrays, mark="."),
    "idx, gzipped": lambda folder, arrays: write_idx(folder, arrays, compress=gzip.compress),
    "idx, dotted, gzipped": lambda folder, arrays: write_idx(folder, arrays, ".", gzip.compress),
    "idx, named .gz but plain": lambda folder, arrays: write_idx(folder, arrays, compress=bytes),
}


@pytest.mark.parametrize("kind", WRITERS)
@pytest.mark.parametrize("given", ["path", "text", "environment"])
def test_every_kind_of_mnist_loads_the_same(tmp_path, monkeypatch, kind, given):
    arrays = fake_mnist()
    path = WRITERS[kind](tmp_path, arrays)
    monkeypatch.delenv("MINIFE_MNIST", raising=False)
    if given == "environment":
        monkeypatch.setenv("MINIFE_MNIST", str(path))
    mnist = load_mnist({"path": path, "text": str(path), "environment": None}[given])
    assert mnist.X_train.dtype == np.uint8 and mnist.y_train.dtype == np.int64
    for name in FIELDS:
        loaded, written = getattr(mnist, name), arrays[name.lower()]
        assert np.array_equal(loaded, written.reshape(len(written), -1) if name[0] == "X"
                              else written)
        # the caller's own, so it must be writable
        loaded[:] = 0


def test_the_full_set_in_the_form_of_the_embedded_digits(tmp_path):
    """binary as binarise() makes it, or grey in [0, 1], of the types of the embedded digits"""
    path = write_npz(tmp_path, fake_mnist())
    mnist = load_mnist(path)
    for binary in (True, False):
        full, embedded = load_digits(binary, path), load_digits(binary)
        for name in FIELDS:
            assert getattr(full, name).dtype == getattr(embedded, name).dtype
        for X, grey in ((full.X_train, mnist.X_train), (full.X_test, mnist.X_test)):
            assert np.array_equal(X, binarise(grey) if binary else grey / 255)
        assert np.array_equal(full.y_train, mnist.y_train)
        assert np.array_equal(full.y_test, mnist.y_test)


def test_an_argument_wins_over_the_environment(tmp_path, monkeypatch):
    monkeypatch.setenv("MINIFE_MNIST", str(tmp_path / "nowhere"))
    assert len(load_mnist(write_npz(tmp_path, fake_mnist())).X_train) == 40


def assert_refused(path, error, *words):
    with pytest.raises(error) as caught:
        load_mnist(path)
    message = str(caught.value)
    assert message.startswith("load_mnist") and "Keras" in message and "IDX" in message
    assert "\n" not in message
    for word in words:
        assert word in message, message


@pytest.mark.parametrize("variable", [None, ""])
def test_no_path_at_all_is_refused(monkeypatch, variable):
    monkeypatch.delenv("MINIFE_MNIST", raising=False)
    if variable is not None:
        monkeypatch.setenv("MINIFE_MNIST", variable)
    assert_refused(None, FileNotFoundError, "MINIFE_MNIST")


def test_missing_files_are_named(tmp_path):
    assert_refused(tmp_path / "absent.npz", FileNotFoundError, "absent.npz")
    assert_refused(tmp_path, FileNotFoundError, "train-images-idx3-ubyte", str(tmp_path))
    write_idx(tmp_path, fake_mnist())
    (tmp_path / "t10k-labels-idx1-ubyte").unlink()
    assert_refused(tmp_path, FileNotFoundError, "t10k-labels-idx1-ubyte")


BAD_ARRAYS = {
    "pixels as floats": ("x_train", lambda x: x / 255, "float64"),
    "pixels with NaN": ("x_test", lambda x: np.full(x.shape, np.nan), "float64"),
    "wrong size": ("x_train", lambda x: x[:, :, :27], "(40, 28, 27)"),
    "flat rows": ("x_test", lambda x: x.reshape(-1, 784), "(20, 784)"),
    "no rows": ("x_test", lambda x: x[:0], "(0, 28, 28)"),
    "a label too few": ("y_train", lambda y: y[1:], "(39,)"),
    "one-hot labels": ("y_test", lambda y: np.eye(10, dtype=int)[y], "(20, 10)"),
    "labels as floats": ("y_train", lambda y: y.astype(float), "float64"),
    "label 10": ("y_test", lambda y: y + 1, "1 to 10"),
    "label -1": ("y_train", lambda y: y.astype(int) - 1, "-1 to 8"),
    "objects": ("y_train", lambda y: y.astype(object), "allow_pickle"),
}


@pytest.mark.parametrize("case", BAD_ARRAYS)
def test_wrong_arrays_are_refused(tmp_path, case):
    key, spoil, word = BAD_ARRAYS[case]
    arrays = fake_mnist()
    arrays[key] = spoil(arrays[key])
    assert_refused(write_npz(tmp_path, arrays), ValueError, word, "mnist.npz")


def test_a_missing_key_is_named(tmp_path):
    arrays = fake_mnist()
    del arrays["y_test"]
    assert_refused(write_npz(tmp_path, arrays), ValueError, "y_test is not a file in the archive")


@pytest.mark.parametrize("spoil",
                         [lambda data: data[:-100], lambda data: b"",
                          lambda data: b"not an archive", lambda data: data[:2000] + bytes(50)
                          + data[2050:]],
                         ids=["truncated", "empty", "text", "flipped bytes"])
def test_a_spoilt_npz_is_refused(tmp_path, spoil):
    path = write_npz(tmp_path, fake_mnist())
    path.write_bytes(spoil(path.read_bytes()))
    assert_refused(path, ValueError, "expected an .npz file")


def test_a_bare_npy_is_refused(tmp_path):
    np.save(tmp_path / "mnist.npy", np.zeros((2, 28, 28), np.uint8))
    assert_refused(tmp_path / "mnist.npy", ValueError, "expected an .npz file")


@pytest.mark.parametrize("spoil, word", [
    (lambda data: data[:-1], "got 31359"),                              # 40 * 28 * 28 - 1
    (lambda data: data + b"\0", "got 31361"),
    (lambda data: data[:10], "header of 16 bytes"),
    (lambda data: b"", "got nothing"),
    (lambda data: bytes([0, 0, 13, 3]) + data[4:], "got 00000d03"),  # the magic number of float32
    (lambda data: bytes([0, 0, 8, 1]) + data[4:], "got 00000801"),      # that of labels
    (lambda data: gzip.compress(data)[:-20], "whole gzip file"),
    (lambda data: gzip.compress(data)[:10] + b"\xff" * 50, "invalid block type"),
    (lambda data: b"\x1f\x8b" + data, "whole gzip file"),
], ids=["truncated", "too long", "half a header", "empty", "floats", "labels", "cut gzip",
        "bad gzip", "no gzip"])
def test_a_spoilt_idx_is_refused(tmp_path, spoil, word):
    path = write_idx(tmp_path, fake_mnist()) / "train-images-idx3-ubyte"
    path.write_bytes(spoil(path.read_bytes()))
    assert_refused(tmp_path, ValueError, word, path.name)


def test_idx_arrays_that_disagree_are_refused(tmp_path):
    arrays = fake_mnist()
    arrays["y_train"] = arrays["y_train"][:-1]
    assert_refused(write_idx(tmp_path, arrays), ValueError, "y_train", "(40,)", "(39,)")


# ---------------------------------------------------------------- making digits.npz

def test_make_digits_takes_the_first_of_each_class_in_order(tmp_path):
    arrays = fake_mnist(60, 30)
    arrays["y_train"] = np.random.default_rng(2).permutation(arrays["y_train"])
    target = make_digits(write_npz(tmp_path, arrays), tmp_path / "out.npz", n_train=3, n_test=2)
    seen, expected = {}, []
    for i, label in enumerate(arrays["y_train"].tolist()):
        seen[label] = seen.get(label, 0) + 1
        if seen[label] <= 3:
            expected.append(i)
    with np.load(target, allow_pickle=False) as file:
        assert file["y_train"].tolist() == arrays["y_train"][expected].tolist()
        assert np.array_equal(unpack(file["x_train"]),
                              arrays["x_train"][expected].reshape(-1, 784) // 16)
        assert file["y_test"].tolist() == [*range(10)] * 2
    assert sorted(p.name for p in tmp_path.iterdir()) == ["mnist.npz", "out.npz"]


def test_make_digits_repeats_its_bytes_and_leaves_no_ruin(tmp_path, monkeypatch):
    source, target = write_npz(tmp_path, fake_mnist()), tmp_path / "out.npz"
    make_digits(source, target, 4, 2)
    written = target.read_bytes()
    make_digits(source, target, 4, 2)
    assert target.read_bytes() == written
    with pytest.raises(ValueError, match="expected 3 rows of class 0, got 2"):
        make_digits(source, target, 4, 3)

    def fail(file, **arrays):
        file.write(b"half")
        raise OSError("disk full")
    monkeypatch.setattr(np, "savez_compressed", fail)
    with pytest.raises(OSError, match="disk full"):
        make_digits(source, target, 3, 2)
    assert target.read_bytes() == written
    assert sorted(p.name for p in tmp_path.iterdir()) == ["mnist.npz", "out.npz"]


@pytest.mark.skipif(not os.environ.get("MINIFE_MNIST"), reason="needs MINIFE_MNIST, the full MNIST")
def test_the_embedded_file_comes_from_the_full_mnist(tmp_path):
    mnist, digits = load_mnist(), load_digits()
    assert mnist.X_train.shape == (60000, 784) and mnist.X_test.shape == (10000, 784)
    assert rows(digits.X_train) <= rows(binarise(mnist.X_train[:5000]))
    with np.load(make_digits(None, tmp_path / "out.npz")) as made, np.load(EMBEDDED) as embedded:
        assert all(np.array_equal(made[key], embedded[key]) for key in embedded)


# ---------------------------------------------------------------- grey to binary

def test_binarise_at_the_threshold():
    assert binarise(np.array([[0, 127, 128, 255]], np.uint8)).tolist() == [[0, 0, 1, 1]]
    assert binarise(np.array([0, 1, 255], np.uint8), threshold=0).tolist() == [0, 1, 1]
    assert binarise([[0.2, 0.5, 0.6]], threshold=0.5).tolist() == [[0, 0, 1]]
    assert binarise(np.zeros((2, 3), np.uint8)).dtype == np.uint8


def test_sample_binary_has_the_grey_values_as_means():
    n, p = 20_000, np.arange(16) / 15
    for X in (np.tile(p, (n, 1)), np.tile((255 * p).astype(np.uint8), (n, 1))):
        draws = sample_binary(X, np.random.default_rng(3))
        assert draws.shape == X.shape and draws.dtype == np.uint8
        assert np.unique(draws).tolist() == [0, 1]
        # certainty is kept exactly
        assert draws[:, 0].max() == 0 and draws[:, -1].min() == 1
        assert np.all(np.abs(draws.mean(axis=0) - p) <= 5 * np.sqrt(p * (1 - p) / n))


def test_sample_binary_is_reproducible_from_the_generator():
    X = load_digits(binary=False).X_test
    first, second = (sample_binary(X, np.random.default_rng(4)) for _ in range(2))
    assert np.array_equal(first, second)
    rng = np.random.default_rng(4)
    sample_binary(X, rng)
    assert not np.array_equal(sample_binary(X, rng), first)


def test_neither_changes_its_argument():
    X = np.array([[0, 200, 255]], np.uint8)
    for made in (binarise(X), sample_binary(X, np.random.default_rng(5))):
        made[:] = 7
    assert X.tolist() == [[0, 200, 255]]


@pytest.mark.parametrize("X, word", [
    (np.array([0.5, np.nan]), "nan"), (np.array([0.5, np.inf]), "inf"),
    (np.array([0.5, 1.5]), "0.5 to 1.5"),
(np.array([-0.1, 0.5]), "-0.1"), (np.array([0, 255]), "int"), (np.array([True]), "bool"),
    (np.zeros((0, 784)), "(0, 784)"), (np.zeros((0, 784), np.uint8), "(0, 784)"),
    (np.array(["1"]), "<U1"),
])
def test_wrong_grey_values_are_refused(X, word):
    for function, argument in [(binarise, 0.5), (sample_binary, np.random.default_rng(6))]:
        with pytest.raises(ValueError, match=f"{function.__name__}: X must be") as caught:
            function(X, argument)
        assert word in str(caught.value)


@pytest.mark.parametrize("X, threshold", [(np.zeros(3, np.uint8), 255), (np.zeros(3, np.uint8), -1),
                                          (np.zeros(3), 127), (np.zeros(3), np.nan)])
def test_a_threshold_out_of_range_is_refused(X, threshold):
    with pytest.raises(ValueError, match=r"binarise: threshold must be in \[0, (1|255)\).*got"):
        binarise(X, threshold)


@pytest.mark.parametrize("rng", [None, 0, np.random.RandomState(0), np.random])
def test_anything_but_a_generator_is_refused(rng):
    with pytest.raises(TypeError, match="sample_binary: rng must be a numpy.random.Generator, got"):
        sample_binary(np.zeros(3), rng)


# ---------------------------------------------------------------- toys

def test_bars_and_stripes_of_side_two_by_hand():
    """Of the 16 images of 2 x 2 pixels, blank, full, two horizontal and two vertical lines
    remain."""
    assert rows(bars_and_stripes(2)) == {(0, 0, 0, 0), (1, 1, 1, 1), (1, 1, 0, 0), (0, 0, 1, 1),
                                         (1, 0, 1, 0), (0, 1, 0, 1)}


@pytest.mark.parametrize("side", [1, 2, 3, 4])
def test_bars_and_stripes_are_found_by_brute_force(side):
    X = bars_and_stripes(side)
    expected = set()
    for image in product((0, 1), repeat=side * side):
        lines = [image[i * side:(i + 1) * side] for i in range(side)]
        if all(len(set(line)) == 1 for line in lines) or all(line == lines[0] for line in lines):
            expected.add(image)
    assert X.dtype == np.uint8 and X.shape == (2 ** (side + 1) - 2, side * side)
    assert rows(X) == expected and len(expected) == len(X)


def test_bars_and_stripes_do_not_change_when_transposed():
    X = bars_and_stripes(6)
    assert rows(X.reshape(-1, 6, 6).transpose(0, 2, 1).reshape(-1, 36)) == rows(X)
    assert len(rows(X)) == len(X) == 126


def test_no_model_beats_minus_log_n_on_bars_and_stripes():
    """Over the 512 states of 3 x 3 pixels random models stay below; the uniform one on X attains
    it."""
    X = bars_and_stripes(3)
    states = X @ (2 ** np.arange(9))                                            # (n,)
    rng = np.random.default_rng(7)
    uniform = np.bincount(states, minlength=512) / len(X)
    for weight in (0.0, 0.5, 0.9, 0.999):
        p = weight * uniform + (1 - weight) * rng.dirichlet(np.ones(512))
        assert np.log(p[states]).mean() < -np.log(14)
    assert np.log(uniform[states]).mean() == pytest.approx(-np.log(14), rel=1e-14)


def test_xor_is_its_truth_table():
    X, y = xor()
    assert X.dtype == np.uint8 and y.dtype == np.int64
    assert dict(zip(map(tuple, X.tolist()), y.tolist())) == {(0, 0): 0, (0, 1): 1, (1, 0): 1,
                                                             (1, 1): 0}


@pytest.mark.parametrize("n_bits", [2, 4, 6, 10])
def test_line_symmetry_agrees_with_brute_force(n_bits):
    X, y = line_symmetry(n_bits)
    states = list(product((0, 1), repeat=n_bits))
    assert X.dtype == np.uint8 and y.dtype == np.int64
    assert list(map(tuple, X.tolist())) == states
    assert y.tolist() == [int(state == state[::-1]) for state in states]
    assert y.sum() == 2 ** (n_bits // 2)
    # no single bit tells
    assert np.all(X[y == 1].mean(axis=0) == 0.5)


def test_toys_may_be_modified():
    for make in (xor, lambda: line_symmetry(4), lambda: (bars_and_stripes(3),)):
        for array in make():
            array[:] = 1
        assert all(0 in array for array in make())


@pytest.mark.parametrize("side", [0, -1, 17, 2.0, 2.5, "3", None, np.nan])
def test_a_wrong_side_is_refused(side):
    got = re.escape(repr(side))
    message = f"bars_and_stripes: side must be an integer from 1 to 16, got {got}$"
    with pytest.raises(ValueError, match=message):
        bars_and_stripes(side)


@pytest.mark.parametrize("n_bits", [0, -2, 3, 22, 4.0, "4", None])
def test_a_wrong_number_of_bits_is_refused(n_bits):
    with pytest.raises(ValueError, match="line_symmetry: n_bits must be an even integer from 2 to "
                       "20, got"):
        line_symmetry(n_bits)


def test_numpy_integers_are_integers():
    assert len(bars_and_stripes(np.int64(3))) == 14 and len(line_symmetry(np.uint8(4))[0]) == 16

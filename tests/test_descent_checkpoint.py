"""Checkpoints and files: a resumed run is the uninterrupted run; any other file, and any other run,
is refused."""
import io
import threading
import warnings
import zipfile
from types import SimpleNamespace

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from minife.descent import SGD, Adam, NormConstraint, RMSProp, linear_decay, storage
from minife.descent.loop import descend

ROWS = np.random.default_rng(1).standard_normal((11, 3))
OPTIMIZERS = {"momentum": lambda: SGD(0.1, momentum=0.5), "RMSProp": lambda: RMSProp(0.05),
              "Adam": lambda: Adam(0.05)}


def run(path=None, n_epochs=4, seed=0, optimizer=None, rows=ROWS, kind=lambda: "a toy", rng=None,
        b=(1.0, -2.0, 0.5), **more):
    """Return b and the history of a descent to the mean of the rows, with noise from the generator
    of the run."""
    model, rng = SimpleNamespace(parameters={"b": np.array(b)}), rng or np.random.default_rng(seed)

    def gradient(batch):
        return {"b": model.parameters["b"] - rows[batch].mean(axis=0) + 0.1
                * rng.standard_normal(3)}
    history = descend(model, gradient, len(rows), optimizer or SGD(0.1, momentum=0.5), n_epochs,
                      rng, **{"batch_size": 4, "checkpoint": path, "kind": kind} | more)
    return model.parameters["b"], history


@pytest.fixture
def path(tmp_path):
    return tmp_path / "run.npz"


@pytest.mark.parametrize("name", OPTIMIZERS)
@pytest.mark.parametrize("n_done", [1, 3])
def test_a_resumed_run_is_the_uninterrupted_run(name, n_done, path):
    """To the last bit; wherever its parameters start, as the file knows better"""
    run(path, n_done, optimizer=OPTIMIZERS[name]())
    again, history = run(path, optimizer=OPTIMIZERS[name](), b=(0.0, 0.0, 0.0))
    assert_array_equal(again, run(optimizer=OPTIMIZERS[name]())[0])
    assert [record["epoch"] for record in history] == [1, 2, 3, 4]


def test_the_generator_of_the_run_itself_may_go_on(path):
    rng = np.random.default_rng(0)
    run(path, 2, rng=rng)
    assert_array_equal(run(path, 4, rng=rng)[0], run()[0])


OTHER = {
    "rate": ({"optimizer": SGD(5, momentum=0.5)},
             "learning_rate=0.1; this run has learning_rate=5"),
    "schedule": ({"optimizer": SGD(linear_decay(0.1, 9), 0.5)},
                 r"rate=0.1; this run has learning_rate=linear_decay\(0"),
    "function": ({"optimizer": SGD(lambda t: 0.1, 0.5)},
                 r"rate=0.1; this run has learning_rate=a function with \[0.1"),
    "momentum": ({"optimizer": SGD(0.1)}, "momentum=0.5.*; this run has momentum=0.0"),
    "decay": ({"optimizer": SGD(0.1, 0.5, l2=0.1)}, "l2=0.0; this run has l2=0.1"),
    "optimizer": ({"optimizer": Adam(0.1)},
                  "optimizer=SGD, .*momentum=0.5.*; this run has optimizer=Adam, .*no mom"),
    "batch_size": ({"batch_size": 5}, "batch_size=4; this run has batch_size=5"),
    "n_rows": ({"rows": ROWS[:9]}, "n_rows=11; this run has n_rows=9"),
    "constraint": ({"norm_constraint": NormConstraint(2)},
                   r"constraint=None; this run has norm_constraint=NormConstr"),
    "kind": ({"kind": lambda: "another toy"}, "a toy; this run has another toy"),
    "seed": ({"seed": 1}, None),
    "generator": ({"rng": np.random.Generator(np.random.Philox(0))}, None),
}


@pytest.mark.parametrize("name", OTHER)
def test_another_run_is_refused_and_what_differs_is_named(name, path):
    change, message = OTHER[name]
    run(path, 2)
    before = path.read_bytes()
    words = f"holds .*{message}" if message else "began with other random numbers"
    with pytest.raises(ValueError, match=f"run.npz is of another run: it {words}"):
        run(path, **change)
    assert path.read_bytes() == before


def test_another_seed_goes_on_where_that_is_asked_for(path):
    run(path, 2)
    assert_array_equal(run(path, seed=1, same_seed=False)[0], run()[0])
    with pytest.raises(ValueError, match="began with other random numbers"):
        run(path, 5, rng=np.random.Generator(np.random.Philox(0)), same_seed=False)


def test_a_function_of_the_same_rates_goes_on(path):
    run(path, 2, optimizer=SGD(lambda t: 0.1 / (1 + t)))
    assert_array_equal(run(path, optimizer=SGD(lambda t: 0.1 / (t + 1)))[0],
                       run(optimizer=SGD(lambda t: 0.1 / (1 + t)))[0])


@pytest.mark.parametrize("n_epochs", [4, 2])
def test_a_run_that_has_nothing_left_to_do_says_so(n_epochs, path):
    run(path, 4)
    said = f"nothing is left to train: checkpoint .*holds 4 epochs, n_epochs is {n_epochs}"
    with pytest.warns(UserWarning, match=said):
        b, history = run(path, n_epochs)
    assert_array_equal(b, run()[0])
    with pytest.warns(UserWarning, match="its history holds 4 epochs, n_epochs is 4"):
        run(history=history)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        run(path, 5)


def test_arrays_of_another_shape_are_refused(path):
    run(path, 2)
    arrays = dict(np.load(path))
    for change, message in (({"model.b": np.zeros(2)},
                             r"the parameter b has shape \(3,\) .*that of the file shape \(2,\)"),
                            ({"model.b": None}, "that of the file none"),
                             ({"optimizer.n_steps": None},
                              "the state of an optimizer must hold n_steps"),
                             ({"optimizer.velocity_b": np.zeros(2)},
                              r"has moved b of shape \(2,\); got \(3,\)")):
        np.savez(path, **{name: array for name, array in (arrays | change).items()
                          if array is not None})
        with pytest.raises(ValueError, match=message):
            run(path)


# Files

def npz(**members):
    """Return the bytes of a zip archive with these members, as they are."""
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as archive:
        for name, content in members.items():
            archive.writestr(f"{name}.npy", content)
    return data.getvalue()


def npy(array):
    data = io.BytesIO()
    np.save(data, array)
    return data.getvalue()


def bomb():
    data = io.BytesIO()
    np.savez_compressed(data, text="{}", W=np.zeros(10**7))
    return data.getvalue()


def claims(shape):
    """Return a member that announces this shape and holds three numbers."""
    data = io.BytesIO()
    np.lib.format.write_array_header_1_0(data,
                                         {"shape": shape, "fortran_order": False, "descr": "<f8"})
    return data.getvalue() + np.zeros(3).tobytes()


STRANGE = {
    "empty": (b"", "no whole file of minife"), "text": (b"text", "no whole file of minife"),
    "torn": (b"PK\x03\x04 torn", "no whole file of minife"),
    "npy": (npy(np.zeros(3)), "no whole file of minife"),
    "bomb": (bomb(), "its members are compressed or overlap"),
    "claims much": (npz(text=npy("{}"), W=claims((10**12,))),
                    r"W.npy announces \(1000000000000,\) of float64 and has"),
    "claims little": (npz(text=npy("{}"), W=claims((1,))),
                      r"W.npy announces \(1,\) of float64 and has other data"),
    "huge header": (npz(text=npy("{}"), W=b"\x93NUMPY\x02\x00" + (10**6).to_bytes(4, "little")
                        + b" " * 10**6), "no whole"),
    "no text": (npz(W=npy(np.zeros(3))), "no whole file of minife: 'text'"),
    "no dict": (npz(text=npy("[1]")), "its text is no dict"),
    "no json": (npz(text=npy("{")), "no whole file of minife"),
    "deep": (npz(text=npy("[" * 10**5)), "no whole file of minife"),
    "old": (npz(text=npy("{}")), "has the layout of an older minife; this minife reads layout 2"),
    "new": (npz(text=npy('{"minife": 3}')), "has the layout 3; this minife reads layout 2"),
    "kind": (npz(text=npy('{"minife": 2, "kind": "MLPClassifier"}')),
             "holds a MLPClassifier, not a checkpoint"),
    "missing": (npz(text=npy('{"minife": 2, "kind": "checkpoint", "settings": {}}')),
                "its seed and rng and history is"),
    "objects": (npz(text=npy("{}"), W=b"\x93NUMPY\x01\x00v\x00"
                    b"{'descr': '|O', 'fortran_order': False, 'shape': (1,), }"
                    + b" " * 61 + b"\n" + b"x"), "allow_pickle=False"),
}


@pytest.mark.parametrize("name", STRANGE)
def test_a_file_that_is_no_checkpoint_is_refused_in_one_line(name, path):
    content, message = STRANGE[name]
    path.write_bytes(content)
    with warnings.catch_warnings():
        # a file that is not closed is a ResourceWarning
        warnings.simplefilter("error")
        with pytest.raises(ValueError, match=f"run.npz.*{message}") as raised:
            run(path)
    assert "\n" not in str(raised.value) and len(str(raised.value)) < 400
    assert path.read_bytes() == content


def test_a_file_comes_back_as_it_was(path):
    arrays = {"W": np.arange(6, dtype=np.float32).reshape(2, 3),
              "F": np.asfortranarray(np.eye(3)[:2]), "text1": np.array(["ä"]),
              "none": np.zeros((0, 3)), "scalar": np.array(7)}
    storage.write(path, "toy",
                  {"history": [{"x": np.float32(0.5), "y": np.arange(2), "nan": np.nan}]}, arrays)
    text, again = storage.read(path, "toy", ("history",))
    (record,) = text["history"]
    assert record["x"] == 0.5 and record["y"] == [0, 1] and np.isnan(record["nan"])
    assert set(again) == set(arrays)
    for name, array in arrays.items():
        assert again[name].dtype == array.dtype
        assert_array_equal(again[name], array)


def test_texts_and_numbers_held_as_objects_are_written_as_such_and_others_refused(path):
    arrays = {"names": np.array(["cat", "dog"], object), "numbers": np.array([3, 7], object)}
    storage.write(path, "toy", {}, arrays)
    for name, array in storage.read(path, "toy")[1].items():
        assert array.tolist() == arrays[name].tolist() and not array.dtype.hasobject
    for strange in ([1, "a"], [None, 1], [{}, {}]):
        with pytest.raises(TypeError,
                           match="classes cannot be written to a file: it holds objects"):
            storage.write(path, "other", {}, {"classes": np.array(strange, object)})
    assert storage.read(path, "toy")


def test_a_write_that_fails_leaves_the_last_file_alone(path, monkeypatch):
    run(path, 1)
    before = path.read_bytes()

    def disk_full(file, **arrays):
        file.write(b"half")
        raise OSError("No space left on device")
    monkeypatch.setattr(np, "savez", disk_full)
    with pytest.raises(OSError, match="No space left"):
        run(path, 2)
    assert path.read_bytes() == before and list(path.parent.iterdir()) == [path]


def test_writers_in_two_threads_do_not_meet(path):
    """Each file that a reader sees is whole, and is that of one writer"""
    def write(k):
        for _ in range(20):
            storage.write(path, "toy", {"k": k}, {"W": np.full(1000, k)})
    write(0)
    threads = [threading.Thread(target=write, args=(k,)) for k in (1, 2)]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        text, arrays = storage.read(path, "toy")
        assert_array_equal(arrays["W"], text["k"])
    assert list(path.parent.iterdir()) == [path]

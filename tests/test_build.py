"""How the package is loaded: all kernels compiled, from the sources beside them, or all twins."""
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import minife
from minife import kernels
from minife.kernels import sources
from minife.kernels.blas import one_core, together

PACKAGE = Path(minife.__file__).parent
compiled = pytest.mark.skipif(not list(PACKAGE.glob("kernels/_gibbs*.so")),
                              reason="nothing was compiled here")
SAY = "from minife import kernels as k; print(k.implementation, k.draw_units.__module__)"


def run(code, folder=None, **variables):
    """Return what a process prints and what it warns of; its package is in `folder` or is ours."""
    environment = {name: value for name, value in os.environ.items() if name != "MINIFE_KERNELS"}
    path = {"PYTHONPATH": str(folder or PACKAGE.parent)}
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd="/",
                            env=environment | path | variables, timeout=100)
    assert result.returncode == 0, result.stderr
    return result.stdout.strip(), result.stderr


@pytest.fixture
def copy(tmp_path):
    """Return the package in a copy whose files may be changed."""
    left_out = shutil.ignore_patterns("__pycache__", "*.c")
    return Path(shutil.copytree(PACKAGE, tmp_path / "minife", ignore=left_out))


def delete(copy):
    next(copy.glob("kernels/_descent.*.so")).unlink()


def spoil(copy):
    next(copy.glob("kernels/_gibbs.*.so")).write_text("not a library")


def edit_a_kernel(copy):
    path = copy / "kernels/_gibbs.pyx"
    stamp = path.stat()
    path.write_text(path.read_text().replace("sigmoid(beta *", "sigmoid(2 * beta *"))
    os.utime(path, (stamp.st_atime, stamp.st_mtime - 1000))  # an older stamp hides nothing


def edit_what_is_included(copy):
    path = copy / "kernels/_inline.pxd"
    path.write_text(path.read_text() + "\n")


@compiled
@pytest.mark.parametrize("change, reason", [
    (delete, "No module named 'minife.kernels._descent'"), (spoil, "_gibbs"),
    (edit_a_kernel, "_gibbs was compiled from another source than _gibbs.pyx"),
    (edit_what_is_included, "was compiled from another source")])
def test_a_build_that_is_not_whole_gives_way_to_the_twins_with_one_warning(copy, change, reason):
    assert run(SAY, copy.parent) == ("compiled minife.kernels._gibbs", "")
    change(copy)
    out, warned = run(SAY, copy.parent)
    assert out == "reference minife.kernels.reference"
    assert warned.count("Warning") == 1 and reason in warned, warned


@compiled
def test_a_machine_without_openmp_runs_on_the_twins(tmp_path):
    (tmp_path / "libgomp.so.1").write_text("not a library")
    out, warned = run(SAY, LD_LIBRARY_PATH=str(tmp_path))
    assert out == "reference minife.kernels.reference"
    assert warned.count("Warning") == 1 and "libgomp.so.1" in warned, warned


def test_where_nothing_was_compiled_the_twins_are_used_without_a_word(copy):
    for path in copy.glob("kernels/*.so"):
        path.unlink()
    assert run(SAY, copy.parent) == ("reference minife.kernels.reference", "")


def test_the_twins_are_used_where_they_are_asked_for():
    assert run(SAY, MINIFE_KERNELS="reference") == ("reference minife.kernels.reference", "")


def test_every_source_is_one_of_the_modules_that_are_loaded():
    assert sorted(kernels.MODULES) == sorted(path.stem for path in sources.FOLDER.glob("*.pyx"))


@compiled
def test_what_was_compiled_here_is_what_is_tested():
    wanted = os.environ.get("MINIFE_KERNELS", "compiled")
    assert kernels.implementation == wanted, "the kernels are not those of the sources: build again"


def test_type_checkers_may_read_the_package():
    assert (PACKAGE / "py.typed").exists()


@compiled
def test_waiting_is_short_unless_the_user_chose_and_children_inherit_nothing():
    show = "import os, minife; print(os.environ.get('GOMP_SPINCOUNT'))"
    assert run(show)[0] == "None"
    assert run(show, GOMP_SPINCOUNT="7")[0] == "7"


@compiled
def test_a_machine_that_is_busy_leaves_fewer_cores():
    look = ("import time; from minife.kernels import _threads as t; "
            "t.look_around(); time.sleep(0.3); print(t.look_around())")
    busy = [subprocess.Popen([sys.executable, "-c", "while True: pass"])
            for _ in range(os.cpu_count())]
    try:
        assert run(look)[0] == "1" or not Path("/proc/stat").exists()
    finally:
        for process in busy:
            process.kill()
            process.wait()


def test_products_keep_to_one_core_until_the_last_user_has_left():
    if one_core.get is None:
        pytest.skip("NumPy's BLAS is not OpenBLAS")
    before = one_core.get()
    with one_core:
        with one_core:
            assert one_core.get() == 1
        assert one_core.get() == 1
    assert one_core.get() == before


def test_calls_at_the_same_time_are_all_made():
    made = []
    together([lambda k=k: made.append(k) for k in range(3)])
    assert sorted(made) == [0, 1, 2]


LEARN = """
import numpy as np
from minife import RBM, tap
from minife.descent import SGD
from minife.rbm.training import train
X = np.random.default_rng(0).integers(2, size=(200, 300))
rbm = RBM.initialise(300, 200, np.random.default_rng(1), dtype=np.float32)
train(rbm, X, tap.ExtendedMeanField(3, 2), SGD(0.1), 2, np.random.default_rng(2))
print(rbm.W.tobytes().hex())
"""


@compiled
def test_learning_gives_the_same_bits_whatever_the_number_of_threads():
    one = run(LEARN, OMP_NUM_THREADS="1", OPENBLAS_NUM_THREADS="1")
    assert one == run(LEARN, OMP_NUM_THREADS="3", OPENBLAS_NUM_THREADS="3")


@pytest.mark.parametrize("chapter", ["bridge", "data", "estimators", "landscape"])
def test_a_chapter_that_no_other_needs_is_imported_when_asked_for(chapter):
    said, _ = run(f"import sys, minife as m; print('minife.{chapter}' in sys.modules, "
                  f"'{chapter}' in dir(m), m.{chapter}.__name__, hasattr(m, 'nothing'))")
    assert said == f"False True minife.{chapter} False"

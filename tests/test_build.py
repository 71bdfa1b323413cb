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

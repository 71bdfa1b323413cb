"""Builds minife. The kernels are optional: where no C compiler works, their NumPy twins take over."""
import os
import subprocess
import sys
import sysconfig
import tempfile
from pathlib import Path

from Cython.Build import cythonize
from setuptools import Extension, find_packages, setup

HERE = Path(__file__).parent
SHARED = "minife.kernels._shared"  # one copy of what Cython would else add to each module


def openmp_flags():
    """Return the flags that turn on OpenMP, or none where the compiler has no OpenMP."""
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder, "try.c")
        source.write_text("#include <omp.h>\nint main(void) { return omp_get_max_threads() < 1; }\n")
        compiler = (os.environ.get("CC") or sysconfig.get_config_var("CC") or "cc").split()
        try:
            subprocess.run([*compiler, "-fopenmp", str(source), "-o", str(Path(folder, "try"))],
                           check=True, capture_output=True)
        except (OSError, subprocess.CalledProcessError):
            return []
    return ["-fopenmp"]


def extensions():
    """Return one extension per .pyx file in minife/kernels, and what they share."""
    if sys.platform == "win32":
        compile_flags, link_flags = ["/O2", "/openmp"], []
    else:
        # No fused multiply-add: the same bits whether the machine has AVX-512, AVX2 or neither.
        openmp = openmp_flags()
        link_flags = [*openmp, *(["-s"] if sys.platform == "linux" else [])]  # without the names of inner functions
        compile_flags = ["-O3", "-g0", "-ffp-contract=off", "-fno-trapping-math", "-fno-math-errno",
                         "-Wno-unknown-pragmas", *openmp]
    if os.environ.get("MINIFE_BASELINE"):  # what a plain x86-64 runs, for testing that path anywhere
        compile_flags.append("-DMINIFE_BASELINE")
    flags = {"extra_compile_args": compile_flags, "extra_link_args": link_flags}
    return [Extension(SHARED, [], **flags)] + [
        Extension(f"minife.kernels.{source.stem}", [f"minife/kernels/{source.name}"], include_dirs=["minife/kernels"],
                  depends=["minife/kernels/platform.h", "minife/kernels/_row_sums.pxi"], **flags)
        for source in sorted(HERE.glob("minife/kernels/*.pyx"))]


kernels = cythonize(extensions(), language_level=3, shared_utility_qualified_name=SHARED)
for kernel in kernels:
    kernel.optional = True  # set here because cythonize forgets it: a failed compilation is a warning

setup(
    name="minife",
    version="0.1.0",
    description="mini free energy: RBMs, TAP free energies and backprop, derived by hand",
    long_description=(HERE / "README.md").read_text(encoding="utf-8"),
    long_description_content_type="text/markdown",
    license="MIT AND CC-BY-SA-3.0",  # the embedded digits are under the latter
    author="the minife authors",
    python_requires=">=3.10",
    install_requires=["numpy>=2.0", "matplotlib>=3.8"],
    extras_require={"test": ["pytest>=8"]},
    packages=find_packages(include=["minife", "minife.*"]),
    package_data={"minife": ["*/*.md", "*.md"], "minife.data": ["digits.npz"],
                  "minife.kernels": ["*.pyx", "*.pxd", "*.pxi", "*.h"]},
    ext_modules=kernels,
)

"""Builds minife. The kernels are optional: where no C compiler works, their twins take over."""
import os
import runpy
import subprocess
import sys
import sysconfig
import tempfile
from pathlib import Path

from Cython.Build import cythonize
from setuptools import Extension, find_packages, setup

HERE = Path(__file__).parent
POST = ("https://calculatedcontent.com/2017/02/24/"
        "why-deep-learning-works-3-backprop-minimizes-the-free-energy/")
SHARED = "minife.kernels._shared"  # one copy of what Cython would else add to each module
checksum = runpy.run_path(str(HERE / "minife/kernels/sources.py"))["checksum"]


def openmp_flags():
    """Return the flags that turn on OpenMP, or none where the compiler has no OpenMP."""
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder, "try.c")
        source.write_text("#include <omp.h>\nint main(void) { return omp_get_max_threads() < 1; }")
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
        # Without the names of inner functions.
        link_flags = [*openmp, *(["-s"] if sys.platform == "linux" else [])]
        compile_flags = ["-O3", "-g0", "-ffp-contract=off", "-fno-trapping-math", "-fno-math-errno",
                         "-Wno-unknown-pragmas", *openmp]
    if os.environ.get("MINIFE_BASELINE"):  # what a plain x86-64 runs, to test it anywhere
        compile_flags.append("-DMINIFE_BASELINE")
    flags = {"extra_compile_args": compile_flags, "extra_link_args": link_flags}
    return [Extension(SHARED, [], **flags)] + [
        Extension(f"minife.kernels.{source.stem}", [f"minife/kernels/{source.name}"],
                  include_dirs=["minife/kernels"],
                  define_macros=[("MINIFE_CHECKSUM", f"{checksum(source.stem)}u")], **flags)
        for source in sorted(HERE.glob("minife/kernels/*.pyx"))]


# All of them, always: the time stamps of copies and of git do not tell what is newer.
kernels = cythonize(extensions(), language_level=3, shared_utility_qualified_name=SHARED,
                    force=True)
for kernel in kernels:
    kernel.optional = True  # cythonize forgets it: a failed compilation is a warning

setup(
    name="minife",
    version="0.2.0",
    description="mini free energy: RBMs, TAP free energies and backprop, derived by hand",
    long_description=(HERE / "README.md").read_text(encoding="utf-8"),
    long_description_content_type="text/markdown",
    project_urls={"The question": POST},
    license="MIT AND CC-BY-SA-3.0",  # the embedded digits are under the latter
    license_files=["LICENSE", "minife/data/LICENSE-DIGITS"],
    author="the minife authors",
    classifiers=["Development Status :: 4 - Beta",
                 "Intended Audience :: Education",
                 "Intended Audience :: Science/Research",
                 "Programming Language :: Cython",
                 "Programming Language :: Python :: 3",
                 "Topic :: Scientific/Engineering :: Artificial Intelligence",
                 "Topic :: Scientific/Engineering :: Physics"],
    python_requires=">=3.10",
    install_requires=["numpy>=2.0", "matplotlib>=3.8"],
    extras_require={"test": ["pytest>=8"],
                    "book": ["latex2mathml>=3.81", "markdown-it-py>=4", "pygments>=2.19"]},
    packages=find_packages(include=["minife", "minife.*"]),
    package_dir={"": "."},  # so that an editable install beats a folder of the same name
    package_data={"minife": ["*/*.md", "*.md", "*/*/*.md", "py.typed"],
                  "minife.data": ["digits.npz", "LICENSE-DIGITS"],
                  "minife.kernels": ["*.pyx", "*.pxd", "*.pxi", "*.h"]},
    ext_modules=kernels,
    options={"build_ext": {"force": True}},
)

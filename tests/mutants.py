"""Breaks formulas on purpose and asks whether a test notices that is marked with the tag of the
broken equation.

    python tests/mutants.py                  one dead mutant for every tag (some minutes)
    python tests/mutants.py --n 200          200 of all mutants, drawn with --seed; those that the
                                             marked tests let live meet the whole suite, the tests
                                             of their own chapter first; --first goes on from there
    python tests/mutants.py --tags T9 C8     these tags alone

A mutant is one broken token of a function whose docstring, or whose class, cites an equation;
broken.py says which. It is tried in a copy of the tree. Compiled kernels are built again for
theirs. Tests that compare texts are left out: they are no proof of a formula."""
import argparse
import os
import random
import re
import resource
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from broken import ROOT, all_mutants

TIMES = {"marked": 120, "all": 1200}  # seconds of processor time; a test without an end fails


def limit_time(seconds):
    """Let this process use so many seconds of processor time."""
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds))


class Copy:
    """A copy of the tree in which mutants are tried, one at a time."""

    def __init__(self):
        self.folder = Path(tempfile.mkdtemp())
        for name in ("minife", "tests", "setup.py", "pyproject.toml", "README.md", "demos",
                     "LICENSE", "MANIFEST.in"):
            source = ROOT / name
            copy = shutil.copytree if source.is_dir() else shutil.copy
            copy(source, self.folder / name)
        self.texts = {path.relative_to(self.folder): path.read_text(encoding="utf-8")
                      for path in sorted(self.folder.glob("tests/test_*.py"))}

    def killer(self, mutant, marked_only=False):
        """Return who kills a mutant: "its tags", "other tests" or nobody, None.

        Where only marked tests count, one of them must fail by what it asserts: an error is no
        proof."""
        path = self.folder / mutant.path.relative_to(ROOT)
        good = {path: path.read_bytes()}
        if path.suffix != ".py":
            good |= {built: built.read_bytes() for built in path.parent.glob("*.so")}
        try:
            raw = good[path]
            path.write_bytes(raw[:mutant.start] + mutant.new.encode() + raw[mutant.stop:])
            if path.suffix != ".py" and self.build(path):
                return "the compiler"
            # a twin runs only where it is asked for, and is compared only where it is not
            ways = ["reference", "compiled"] if path.name == "reference.py" else ["compiled"]
            marked = [name for name, text in self.texts.items()
                      if any(re.search(rf"\b{tag}\b", text) for tag in mutant.tags)]
            tags = ",".join(mutant.tags)
            for way in ways:
                if marked and self.fails(way, "marked", *marked, "--proves", tags,
                                         by_assertion=marked_only):
                    return "its tags"
            for way in [] if marked_only else ways:
                if self.fails(way, "all", *self.near(mutant.path)):
                    return "other tests"
            return None
        finally:
            for changed, content in good.items():
                changed.write_bytes(content)

    def near(self, path):
        """Return all test files, those named like a module or its chapter first."""
        names = path.stem.strip("_"), path.parent.name
        return sorted(self.texts, key=lambda test: (
            names[0] not in test.stem, not test.stem.startswith(f"test_{names[1]}"),
            test.stem != "test_gradients",
            not any(re.search(rf"\b{name}\b", self.texts[test]) for name in names)))

    def fails(self, way, time, *arguments, by_assertion=False):
        """Return whether one of the tests that the pytest arguments choose fails."""
        environment = os.environ | {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1",
                                    "MINIFE_KERNELS": way}
        command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--tb=line",
                   *([] if by_assertion else ["-x"]), "-k", "not quote and not quotation",
                   *map(str, arguments)]
        run = subprocess.run(command, cwd=self.folder, env=environment, capture_output=True,
                             text=True, preexec_fn=lambda: limit_time(TIMES[time]))
        if by_assertion:
            return re.search(r"py:\d+: (.*Error: )?(assert|AssertionError|.*GradientError|Failed)",
                             run.stdout) is not None
        return run.returncode not in (0, 5)                  # 5: no test was chosen

    def build(self, path):
        """Build the kernels that are made from a file, for one instruction set, which takes a third
        of the time; return the exit status."""
        others = [] if path.suffix != ".pyx" else set(path.parent.glob("*.pyx")) - {path}
        try:
            for other in others:
                other.rename(f"{other}.away")
            return subprocess.run([sys.executable, "setup.py", "-q", "build_ext", "--inplace"],
                                  cwd=self.folder, capture_output=True,
                                  env=os.environ | {"MINIFE_BASELINE": "1"}).returncode
        finally:
            for other in others:
                Path(f"{other}.away").rename(other)


def one_for_each_tag(mutants, wanted, rng):
    """Return the tags of which no mutant dies by a test that is marked with the tag."""
    copy, alive = Copy(), []
    for tag in wanted:
        mine = [mutant.of(tag) for mutant in mutants if tag in mutant.tags]
        rng.shuffle(mine)
        # those that need no build come first, and of these the ones of this equation alone
        mine.sort(key=lambda mutant: (mutant.path.suffix != ".py", mutant.n_tags))
        killed = next((mutant for mutant in mine if copy.killer(mutant, marked_only=True)), None)
        print(f"{tag:4} {'dead: ' + str(killed) if killed else f'ALIVE, {len(mine)} mutants'}",
              flush=True)
        if killed is None:
            alive.append(tag)
    return alive


def sample(mutants, n, rng, first=0):
    """Return the drawn mutants that all tests let live, and print who kills the others."""
    copy, killers = Copy(), []
    for k, mutant in enumerate(rng.sample(mutants, min(n, len(mutants)))):
        if k >= first:
            killers.append(copy.killer(mutant))
            print(f"{k:4} {killers[-1] or 'ALIVE':12} {mutant}", flush=True)
    counts = {str(killer): killers.count(killer) for killer in set(killers)}
    print(f"{len(killers)} mutants, killed by: {counts}")
    return counts.get("None", 0)


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--n", type=int, default=0, help="so many mutants drawn from all")
    parser.add_argument("--first", type=int, default=0, help="the number of the first of them")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--tags", nargs="*", help="one dead mutant for each of these tags")
    arguments = parser.parse_args()
    mutants, rng = all_mutants(), random.Random(arguments.seed)
    tags = sorted({tag
                   for mutant in mutants
                   for tag in mutant.tags}, key=lambda tag: (tag[0], int(tag[1:])))
    print(f"{len(mutants)} mutants of {len(tags)} tags")
    if arguments.n:
        return bool(sample(mutants, arguments.n, rng, arguments.first))
    return bool(one_for_each_tag(mutants, arguments.tags or tags, rng))


if __name__ == "__main__":
    sys.exit(main())

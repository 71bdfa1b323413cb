"""Breaks formulas on purpose and asks whether a test notices that is marked with the tag of the
broken equation.

    python tests/mutants.py                  one dead mutant for every tag (some minutes)
    python tests/mutants.py --n 200          200 of all mutants, drawn with --seed; survivors of
                                             the marked tests meet the whole suite
    python tests/mutants.py --tags T9 C8     these tags alone

A mutant is one token of a function whose docstring cites an equation: + for -, * for /, a number by
one, a power by one, a comparison turned, a sign or a beta left out. It is tried in a copy of the
tree. Compiled kernels are built again for theirs."""
import argparse
import ast
import os
import random
import re
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parent.parent
TAG = re.compile(r"\(((?:[A-Z]\d+)(?:, ?[A-Z]\d+)*)\)")
SKIPPED = ("estimators", "data", "claims")               # no formulas there
OTHER = {
    ast.Add: "-", ast.Sub: "+", ast.Mult: "/", ast.Div: "*", ast.Lt: ">", ast.Gt: "<", ast.LtE: ">",
    ast.GtE: "<"
}


@dataclass(frozen=True)
class Mutant:
    """One broken token: the file, the place of the text that goes, what comes, and the tags of its
    function."""
    path: Path
    start: int
    stop: int
    new: str
    line: int
    tags: tuple

    def __str__(self):
        old = self.path.read_text(encoding="utf-8").splitlines()[self.line - 1].strip()
        where = f"{self.path.relative_to(ROOT)}:{self.line}"
        return f"{where} {','.join(self.tags)}: {self.new!r} in: {old[:90]}"


def tags_of(text):
    """Return the tags that a docstring cites."""
    return tuple(
        dict.fromkeys(tag for group in TAG.findall(text or "")
                      for tag in re.findall(r"[A-Z]\d+", group)))


def python_mutants(path):
    """Yield the mutants of a Python module."""
    text = path.read_text(encoding="utf-8")
    offsets = [0]
    for line in text.splitlines(keepends=True):
        offsets.append(offsets[-1] + len(line.encode()))
    raw = text.encode()

    def place(line, column):
        return offsets[line - 1] + column

    def mutants(node, tags):
        if isinstance(node, (ast.Raise, ast.JoinedStr, ast.Assert)) or is_check(node):
            return
        if isinstance(node, ast.BinOp) and type(node.op) in OTHER:
            left, right = place(node.left.end_lineno,
                                node.left.end_col_offset), place(node.right.lineno,
                                                                 node.right.col_offset)
            between = raw[left:right].decode()
            symbol = {ast.Add: "+", ast.Sub: "-", ast.Mult: "*", ast.Div: "/"}[type(node.op)]
            at = left + between.index(symbol)
            yield Mutant(path, at, at + 1, OTHER[type(node.op)], node.lineno, tags)
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Pow) and isinstance(
                node.right, ast.Constant):
            yield constant(node.right, tags)
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
            at = place(node.lineno, node.col_offset)
            yield Mutant(path, at, at + 1, "+", node.lineno, tags)
        if isinstance(node, ast.Compare) and type(node.ops[0]) in OTHER:
            left = place(node.left.end_lineno, node.left.end_col_offset)
            right = place(node.comparators[0].lineno, node.comparators[0].col_offset)
            between = raw[left:right].decode()
            symbol = re.search(r"[<>]=?", between)
            yield Mutant(path, left + symbol.start(), left + symbol.end(), OTHER[type(node.ops[0])],
                         node.lineno, tags)
        if isinstance(node, ast.Constant) and type(node.value) in (int, float) and node.value != 0:
            yield constant(node, tags)
        if isinstance(node, (ast.Name, ast.Attribute)) and isinstance(node.ctx, ast.Load) \
                and (getattr(node, "id", None) or node.attr) == "beta":
            yield Mutant(path, place(node.lineno, node.col_offset),
                         place(node.end_lineno, node.end_col_offset), "1.0", node.lineno, tags)
        for name, child in ast.iter_fields(node):
            if name in ("annotation", "returns", "decorator_list", "slice", "keywords"):
                continue  # axis=1, shapes and the like are no formulas
            for part in child if isinstance(child, list) else [child]:
                if isinstance(part, ast.AST):
                    yield from mutants(part, tags)

    def constant(node, tags):
        value = node.value + 1 if isinstance(node.value, int) else node.value * 1.5
        return Mutant(path, place(node.lineno, node.col_offset),
                      place(node.end_lineno, node.end_col_offset), repr(value), node.lineno, tags)

    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef) and tags_of(ast.get_docstring(node)):
            for statement in node.body[1:]:
                yield from mutants(statement, tags_of(ast.get_docstring(node)))


def is_check(node):
    """Return whether a node is a call of the checks at the door."""
    return isinstance(node, ast.Call) and ast.unparse(node.func).startswith(
        ("validation.", "np.zeros", "np.empty", "range"))


def kernel_mutants(path):
    """Yield the mutants of a Cython file: arithmetic of functions whose docstring cites an
    equation."""
    text, tags = path.read_text(encoding="utf-8"), ()
    raw_position, number, in_docstring = 0, 0, False
    for line in text.splitlines(keepends=True):
        number += 1
        stripped = line.strip()
        if re.match(r"(cdef|cpdef|def) .*", line):
            tags = ()
        if '"""' in line:
            in_docstring = not in_docstring if line.count('"""') == 1 else False
        if tags_of(stripped) and (in_docstring or '"""' in line):
            tags = tags_of(stripped)
        elif (tags and not in_docstring and '"""' not in line
              and re.search(r"[^=<>!]=|\+=|-=", stripped)
              and not stripped.startswith(("#", "cdef", "for", "if", "def", "@", "while"))):
            code = line.split("#")[0]
            for found in re.finditer(r"(?<= )[+\-*/](?= )|\bthird\b|\bbeta\b(?! =)", code):
                new = {"+": "-", "-": "+", "*": "/", "/": "*", "third": "half",
                       "beta": "1"}[found[0]]
                at = raw_position + len(code[:found.start()].encode())
                yield Mutant(path, at, at + len(found[0]), new, number, tags)
        raw_position += len(line.encode())


def all_mutants():
    """Return all mutants of all formula modules and kernels."""
    found = []
    for path in sorted((ROOT / "minife").glob("**/*.py")):
        if path.parent.name not in SKIPPED:
            found += python_mutants(path)
    for path in sorted((ROOT / "minife/kernels").glob("*.p[yx][xdi]")):
        found += kernel_mutants(path)
    return found


class Copy:
    """A copy of the tree in which mutants are tried, one at a time."""

    def __init__(self):
        self.folder = Path(tempfile.mkdtemp())
        for name in ("minife", "tests", "setup.py", "pyproject.toml", "README.md", "demos",
                     "LICENSE", "MANIFEST.in"):
            source = ROOT / name
            copy = shutil.copytree if source.is_dir() else shutil.copy
            copy(source, self.folder / name)

    def survives(self, mutant, *arguments):
        """Return whether the tests that the pytest arguments choose pass with the mutant in
        place."""
        path = self.folder / mutant.path.relative_to(ROOT)
        good = {path: path.read_bytes()}
        if path.suffix != ".py":
            good |= {built: built.read_bytes() for built in path.parent.glob("*.so")}
        try:
            raw = good[path]
            path.write_bytes(raw[:mutant.start] + mutant.new.encode() + raw[mutant.stop:])
            environment = os.environ | {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
            if path.name == "reference.py":              # a twin runs only where it is asked for
                environment["MINIFE_KERNELS"] = "reference"
            if mutant.path.suffix != ".py" and self.build():
                return False                             # it does not even compile
            command = [
                sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", *arguments
            ]
            try:
                run = subprocess.run(command, cwd=self.folder, env=environment, capture_output=True,
                                     timeout=900)
            except subprocess.TimeoutExpired:
                return False
            return run.returncode in (0, 5)              # 5: no test was chosen
        finally:
            for changed, content in good.items():
                changed.write_bytes(content)

    def build(self):
        """Build the kernels of the copy; return the exit status."""
        return subprocess.run([sys.executable, "setup.py", "-q", "build_ext", "--inplace"],
                              cwd=self.folder, capture_output=True).returncode


def one_for_each_tag(mutants, wanted, rng):
    """Return the tags of which no mutant dies by a test that is marked with the tag."""
    copy, alive = Copy(), []
    for tag in wanted:
        mine = [mutant for mutant in mutants if tag in mutant.tags]
        rng.shuffle(mine)
        # those that need no build come first, and of these the ones of this equation alone
        mine.sort(key=lambda mutant: (mutant.path.suffix != ".py", len(mutant.tags)))
        killed = next((mutant for mutant in mine if not copy.survives(mutant, "--proves", tag)),
                      None)
        print(f"{tag:4} {'dead: ' + str(killed) if killed else f'ALIVE, {len(mine)} mutants'}",
              flush=True)
        if killed is None:
            alive.append(tag)
    return alive


def sample(mutants, n, rng):
    """Return the drawn mutants that the whole suite lets live; those that only marked tests miss
    are printed."""
    copy, alive, unmarked = Copy(), [], 0
    for mutant in rng.sample(mutants, min(n, len(mutants))):
        if all(copy.survives(mutant, "--proves", tag) for tag in mutant.tags):
            unmarked += 1
            dead = not copy.survives(mutant)
            print(f"{'missed by marked tests' if dead else 'ALIVE'}: {mutant}", flush=True)
            if not dead:
                alive.append(mutant)
    print(
        f"{min(n, len(mutants))} mutants: {unmarked} missed by the tests of their tags, "
        f"{len(alive)} by all tests"
    )
    return alive


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--n", type=int, default=0, help="so many mutants drawn from all")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--tags", nargs="*", help="one dead mutant for each of these tags")
    arguments = parser.parse_args()
    mutants, rng = all_mutants(), random.Random(arguments.seed)
    tags = sorted({tag
                   for mutant in mutants
                   for tag in mutant.tags}, key=lambda tag: (tag[0], int(tag[1:])))
    print(f"{len(mutants)} mutants of {len(tags)} tags")
    if arguments.n:
        return bool(sample(mutants, arguments.n, rng))
    return bool(one_for_each_tag(mutants, arguments.tags or tags, rng))


if __name__ == "__main__":
    sys.exit(main())

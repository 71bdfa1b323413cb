"""The ways to break one token of a formula: all mutants of the package, for mutants.py.

In Python these are + for -, * for /, & for |, a comparison turned, a number by one, a sign, a not
or a beta left out, the largest for the smallest, a mean for a sum, 1 for 0, the last for the first,
a function of mathematics left out, the two cases of np.where swapped, one step more, and a value
that is not kept; in Cython + for -, * for /, 1/2 for 1/3 and a beta left out. Checks at the door,
messages, sizes, and the settings of the experiments in claims/ are no formulas."""
import ast
import re
from dataclasses import dataclass, replace
from pathlib import Path

ROOT = Path(__file__).parent.parent
TAG = re.compile(r"\(((?:[A-Z]\d+)(?:, ?[A-Z]\d+)*)\)")
SKIPPED = ("estimators", "data")                         # no formulas there
SYMBOLS = {ast.Add: "+-", ast.Sub: "-+", ast.Mult: "*/", ast.Div: "/*", ast.BitAnd: "&|",
           ast.BitOr: "|&"}
COMPARED = {"<": ">", ">": "<", "<=": ">", ">=": "<", "==": "!=", "!=": "=="}
TWINS = {"maximum": "minimum", "max": "min", "zeros_like": "ones_like", "mean": "sum"}
TWINS |= {new: old for old, new in TWINS.items()}
FUNCTIONS = ("exp", "log", "log1p", "expm1", "sqrt", "abs", "tanh", "sigmoid", "mean", "variance",
             "potential", "conjugate")
NO_FORMULA = ("validation.", "check_", "_distributions", "isinstance", "getattr", "warnings.",
              "NotConvergedWarning", "np.zeros", "np.empty", "range", "rng.", "draw")
SIZES = ("axis", "shape", "size", "dtype", "n_dims")     # names of arguments that are no numbers


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
    n_tags: int

    def __str__(self):
        raw = self.path.read_bytes()
        begin, end = raw.rfind(b"\n", 0, self.start) + 1, raw.find(b"\n", self.stop)
        line = b"".join((raw[begin:self.start], b"[", raw[self.start:self.stop], b" -> ",
                         self.new.encode(), b"]", raw[self.stop:end])).decode()
        where = f"{self.path.relative_to(ROOT)}:{self.line}"
        return f"{where} {','.join(self.tags)}: {' '.join(line.split())}"

    def of(self, tag):
        """Return the same mutant, to be killed by the proofs of one tag alone."""
        return replace(self, tags=(tag,))


def tags_of(text):
    """Return the tags that a docstring cites."""
    return tuple(
        dict.fromkeys(tag for group in TAG.findall(text or "")
                      for tag in re.findall(r"[A-Z]\d+", group)))


def all_mutants():
    """Return all mutants of all formula modules and kernels."""
    found = []
    for path in sorted((ROOT / "minife").glob("**/*.py")):
        if path.parent.name not in SKIPPED:
            found += python_mutants(path)
    for path in sorted((ROOT / "minife/kernels").glob("*.p[yx][xdi]")):
        found += kernel_mutants(path)
    return found


def python_mutants(path):
    """Yield the mutants of a Python module."""
    raw = path.read_bytes()
    offsets = [0]
    for line in raw.splitlines(keepends=True):
        offsets.append(offsets[-1] + len(line))

    def start(node):
        return offsets[node.lineno - 1] + node.col_offset

    def stop(node):
        return offsets[node.end_lineno - 1] + node.end_col_offset

    for function, tags in functions(ast.parse(raw)):
        for statement in function.body[ast.get_docstring(function) is not None:]:
            for node in formulas(statement):
                for first, last, new in broken(node, raw, start, stop):
                    yield Mutant(path, first, last, new, raw[:first].count(b"\n") + 1, tags,
                                 len(tags))


def functions(tree):
    """Yield the functions whose docstring cites equations, and the methods of classes whose
    docstring does, with their tags."""
    for node in tree.body:
        parts, shared = [node], ()
        if isinstance(node, ast.ClassDef):
            parts, shared = node.body, tags_of(ast.get_docstring(node))
        for function in parts:
            if isinstance(function, ast.FunctionDef):
                tags = tags_of(ast.get_docstring(function))
                if not (function.name.startswith("__") or function.name in ("state", "restore")):
                    tags = tuple(dict.fromkeys(tags + shared))
                calls = [ast.unparse(call.func) for call in ast.walk(function)
                         if isinstance(call, ast.Call)]
                if tags and not {"Claim", "limit"} & set(calls):     # an experiment
                    yield function, tags


def formulas(node):
    """Yield the nodes of a statement that compute something: no checks, messages or sizes."""
    if isinstance(node, (ast.Raise, ast.JoinedStr, ast.Assert)) or (
            isinstance(node, ast.If) and isinstance(node.body[-1], ast.Raise)) or (
            isinstance(node, ast.Call) and ast.unparse(node.func).startswith(NO_FORMULA)):
        return
    yield node
    for name, child in ast.iter_fields(node):
        if name in ("annotation", "returns", "decorator_list", "slice"):
            continue
        for part in child if isinstance(child, list) else [child]:
            if isinstance(part, ast.keyword) and (part.arg in SIZES or is_number(part.value)):
                continue
            if isinstance(part, ast.AST):
                yield from formulas(part)


def is_number(node):
    """Return whether a node is a number as it stands, with a sign or not."""
    return isinstance(node.operand if isinstance(node, ast.UnaryOp) else node, ast.Constant)


def broken(node, raw, start, stop):
    """Yield (start, stop, new text) for each way to break a node."""
    def between(left, right, pattern):
        found = re.search(pattern, raw[left:right].decode())
        return left + found.start(), left + found.end(), found[0]

    def source(part):
        return raw[start(part):stop(part)].decode()

    match node:
        case ast.BinOp(left=left, op=op, right=right) if type(op) in SYMBOLS:
            old, new = SYMBOLS[type(op)]
            yield *between(stop(left), start(right), re.escape(old))[:2], new
        case ast.AugAssign(target=target, op=op, value=value) if type(op) in SYMBOLS:
            old, new = SYMBOLS[type(op)]
            yield *between(stop(target), start(value), re.escape(old))[:2], new
        case ast.UnaryOp(op=ast.USub()):
            yield start(node), start(node) + 1, "+"
        case ast.UnaryOp(op=ast.Invert() | ast.Not(), operand=operand):
            yield start(node), stop(node), source(operand)
        case ast.Compare(left=left, ops=[op], comparators=[right]) if not isinstance(
                op, (ast.Is, ast.IsNot, ast.In, ast.NotIn)):
            first, last, symbol = between(stop(left), start(right), r"[<>=!]=?")
            yield first, last, COMPARED[symbol]
        case ast.Constant(value=value) if type(value) in (int, float):
            new = value + 1 if isinstance(value, int) or value == 0 else value * 1.5
            yield start(node), stop(node), repr(new)
        case ast.Subscript(value=value, slice=index) if source(index) in ("0", "-1") and not source(
                value).endswith("shape"):
            yield start(index), stop(index), "0" if source(index) == "-1" else "-1"
        case ast.Assign(targets=[ast.Attribute() as target]):
            yield start(target), stop(target), "_"
    name = getattr(node, "id", getattr(node, "attr", None))
    if isinstance(node, (ast.Name, ast.Attribute)) and isinstance(node.ctx, ast.Load):
        if name == "beta":
            yield start(node), stop(node), "1.0"
        if name == "n_steps":
            yield start(node), stop(node), f"({source(node)} + 1)"
    if isinstance(node, ast.Call):
        name = source(node.func).split(".")[-1]
        if name in TWINS and isinstance(node.func, ast.Attribute) and not (
                name == "mean" and node.args):               # the mean of a unit is no average
            yield stop(node.func) - len(name), stop(node.func), TWINS[name]
        if name in FUNCTIONS and len(node.args) == 1 and not node.keywords:
            yield start(node), stop(node), f"({source(node.args[0])})"
        if name == "where" and len(node.args) == 3:
            yield (start(node.args[1]), stop(node.args[2]),
                   f"{source(node.args[2])}, {source(node.args[1])}")


def kernel_mutants(path):
    """Yield the mutants of a Cython file: arithmetic of functions that cite an equation or quote
    their twin."""
    text = path.read_text(encoding="utf-8")
    starts = [found.start() for found in re.finditer(r"^(?:cdef|cpdef|def) (?!extern|enum)", text,
                                                     re.MULTILINE)]
    for begin, end in zip(starts, [*starts[1:], len(text)]):
        function = text[begin:end]
        docstring = re.search(r'""".*?"""', function, re.DOTALL)
        tags = tags_of(docstring[0]) if docstring else ()
        if not tags and "#>" not in function:
            continue
        at = begin
        for line in function.splitlines(keepends=True):
            code, inside = line.split("#")[0], docstring and (
                docstring.start() <= at - begin < docstring.end())
            if not inside and '"""' not in line and re.search(r"[^=<>!]=", code) and not re.match(
                    r"\s*(cdef|for|if|def|@|while)", code):
                for found in re.finditer(r"(?<= )[+\-*/](?= )|\bthird\b|\bbeta\b(?! =)", code):
                    new = {"+": "-", "-": "+", "*": "/", "/": "*", "third": "half",
                           "beta": "1"}[found[0]]
                    first = len(text[:at + found.start()].encode())
                    yield Mutant(path, first, first + len(found[0]), new,
                                 text[:at].count("\n") + 1, tags, len(tags))
            at += len(line)

"""What leads where in the book: the pages in their order, the functions of every file, and for
every equation its page, its functions, the tests that prove it, the demos that show it."""
import ast
import os
import re
from collections import defaultdict
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
EQUATION = re.compile(r"```math\n(.*?)```(.*?)(?=```math|\Z)", re.DOTALL)
NUMBER = re.compile(r"\s*\\qquad\s*\\text\{\(([A-Z]\d+)\)\}")
LINK = re.compile(r"\[`?([\w.]+)`?\]\(([^)#]+)\)")
ARROW = re.compile(rf"(?:→|->)((?: |, | and |, and ){LINK.pattern})+")
CITED = re.compile(r"\([A-Z]\d+(?:,\s*[A-Z]\d+)*\)")
TAG = re.compile(r"(?<!reset )\b[A-Z]\d+\b(?! or L\d| norm| decay)")
LONGEST = 60  # lines of a class that stand beside its equation; of a longer one only its head


def read(path):
    return (ROOT / path).read_text(encoding="utf-8")


def files(*patterns):
    return sorted(path.relative_to(ROOT).as_posix() for pattern in patterns
                  for path in ROOT.glob(pattern))


def beside(path, target):
    """Return the path in the repository to which a link on a page leads."""
    return os.path.normpath(os.path.join(os.path.dirname(path), target)).replace(os.sep, "/")


def chapters():
    """Return the pages in the order of reading: the README, the chapters of its map, each with the
    pages of its folder, and what is left."""
    order = ["README.md"]
    for readme in re.findall(r"\]\((\S+/README\.md)\)", read("README.md").split("## The map")[1]):
        order += [readme] + [beside(readme, name)
                             for name in re.findall(r"\]\(((?!EXER)[A-Z_]+\.md)", read(readme))]
    return list(dict.fromkeys(order + files("minife/**/*.md")))


def definitions(path):
    """Return {name: (first line, last line)} of the functions, classes and methods of a file."""
    found, lines = {}, read(path).split("\n")

    def visit(node, prefix):
        for child in ast.iter_child_nodes(node):
            if isinstance(child, (ast.FunctionDef, ast.ClassDef)):
                first = min([child.lineno, *(mark.lineno for mark in child.decorator_list)])
                last = child.end_lineno
                if isinstance(child, ast.ClassDef) and last - first > LONGEST:
                    last = next(part.lineno - len(part.decorator_list) - 1 for part in child.body
                                if isinstance(part, ast.FunctionDef))
                found[prefix + child.name] = first, last
                visit(child, prefix + child.name + ".")

    if path.endswith(".py"):
        visit(ast.parse(read(path)), "")
    else:                                                        # Cython and C
        for k, line in enumerate(lines, 1):
            name = re.match(r"(?:static |cp?def |def ).*?(\w+)\(", line)
            if name:
                after = (j for j in range(k, len(lines)) if re.match(r"[^\s})]", lines[j]))
                found[name[1]] = k - lines[k - 2].startswith("@"), next(after, len(lines))
    return found


def proofs(path):
    """Yield (tags, name) of the tests that are marked with @proves and of the lines of the table of
    derivatives."""
    for node in ast.walk(ast.parse(read(path))):
        for mark in getattr(node, "decorator_list", ()):
            if getattr(getattr(mark, "func", None), "id", "") == "proves":
                yield [tag.value for tag in mark.args], node.name
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "line":
            if isinstance(node.args[1], ast.Constant):
                yield node.args[1].value.split(), f"line-{node.lineno}"


PAGES = chapters()
CODE = files("minife/**/*.py", "minife/**/*.pyx", "minife/**/*.px[di]", "minife/**/*.h",
             "tests/*.py", "demos/*.py")
DEFINED = {path: definitions(path) for path in CODE}
EQUATIONS, PROOFS, DEMOS = {}, defaultdict(list), defaultdict(list)
for path in PAGES:
    for formula, after in EQUATION.findall(read(path)):
        for tag in NUMBER.findall(formula):
            EQUATIONS[tag] = path, [(beside(path, target), name) for arrow in ARROW.finditer(after)
                                    for name, target in LINK.findall(arrow[0])]
for path in files("tests/*.py"):
    for tags, name in proofs(path):
        for tag in tags:
            PROOFS[tag].append((path, name))
for path in files("demos/*.py"):
    for tag in {*TAG.findall(" ".join(CITED.findall(ast.get_docstring(ast.parse(read(path))))))}:
        DEMOS[tag].append(path)

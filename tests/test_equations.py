"""Every numbered equation has a link to the function that is it, a docstring that cites it, and a
test that proves it.

And what the READMEs claim can be run is run."""
import ast
import contextlib
import io
import re
from pathlib import Path

import pytest

from broken import all_mutants

ROOT = Path(__file__).parent.parent
CHAPTERS = {
    "U": "minife", "K": "minife/kernels", "D": "minife/descent", "B": "minife/backprop",
    "R": "minife/rbm", "T": "minife/tap", "E": "minife/evaluation", "C": "minife/bridge",
    "L": "minife/landscape"
}
PAGES = [ROOT / "README.md", ROOT / "minife/data/README.md", ROOT / "minife/EXERCISES.md"]
BLOCK = re.compile(r"```math\n(.*?)```(.*?)(?=```math|\Z)", re.DOTALL)
LINK = re.compile(r"→ \[`?([\w.]+)`?\]\(([^)#]+)\)|-> \[`?([\w.]+)`?\]\(([^)#]+)\)")


def pages(chapter):
    """Return the pages of a chapter: its README, then the other pages of its folder, in the order
    of their links."""
    readme = ROOT / CHAPTERS[chapter] / "README.md"
    text = readme.read_text(encoding="utf-8")
    others = dict.fromkeys(re.findall(r"\]\(([A-Z_]+\.md)[^)]*\)", text))
    return [readme, *(readme.parent / name for name in others if name != "README.md")]


def equations(chapter):
    """Return (tag, page, text up to the next equation) of every numbered equation of a chapter, in
    order."""
    return [(tag, page, after) for page in pages(chapter)
            for block, after in BLOCK.findall(page.read_text(encoding="utf-8"))
            for tag in re.findall(r"\\text\{\(([A-Z]\d+)\)\}", block)]


def cited(text):
    """Return all tags in parentheses, such as T3 in (T3) or (T3, T4)."""
    groups = re.findall(r"\(((?:[A-Z]\d+)(?:, ?[A-Z]\d+)*)\)", text)
    return {tag for group in groups for tag in re.findall(r"[A-Z]\d+", group) if tag[0] in CHAPTERS}


def docstring(path, name):
    """Return the docstring of a function, class or Class.method of a module, or None where there is
    no such thing."""
    text = path.read_text(encoding="utf-8")
    if path.suffix != ".py":
        found = re.search(rf'def {name}\(.*?"""(.*?)"""', text, re.DOTALL) or re.search(
            rf"\b{name}\(.*?\n(.*?)\n\n", text, re.DOTALL)
        return found and found[1]
    node = ast.parse(text)
    for part in name.split("."):
        node = next((child for child in node.body if getattr(child, "name", None) == part), None)
        if node is None:
            return None
    return ast.get_docstring(node) or ""


def proved():
    """Return the tags of all tests that are marked with @proves, and of the lines of the table of
    derivatives."""
    tags = set()
    for path in (ROOT / "tests").glob("**/test_*.py"):
        text = path.read_text(encoding="utf-8")
        for group in re.findall(r"proves\(([^)]*)\)", text) + re.findall(
                r'line\(f?"[^"]+", ("[^"]+")', text):
            tags |= set(re.findall(r"\b[A-Z]\d+\b", group))
    return tags


ALL = {
    chapter: equations(chapter)
    for chapter in CHAPTERS if (ROOT / CHAPTERS[chapter] / "README.md").exists()
}
TAGS = [
    pytest.param(tag, page, after, id=tag) for chapter in ALL for tag, page, after in ALL[chapter]
]
PROVED = proved()


@pytest.mark.parametrize("chapter", CHAPTERS)
def test_equations_are_numbered_in_order_and_once(chapter):
    found = [tag for tag, _, _ in ALL[chapter]]
    assert found == [f"{chapter}{k + 1}" for k in range(len(found))]
    assert found


@pytest.mark.parametrize("tag, page, after", TAGS)
def test_every_equation_leads_to_a_function_that_cites_it(tag, page, after):
    links = [(a or c, b or d) for a, b, c, d in LINK.findall(after)]
    assert links, f"no '-> [function](module.py)' below ({tag}) in {page.relative_to(ROOT)}"
    texts = {f"{name} in {target}": docstring(page.parent / target, name) for name, target in links}
    assert None not in texts.values(
    ), f"({tag}) leads to nothing: {[k for k, text in texts.items() if text is None]}"
    assert any(tag in cited(text)
               for text in texts.values()), f"({tag}) is not cited by {', '.join(texts)}"


@pytest.mark.parametrize("tag, page, after", TAGS)
def test_every_equation_has_a_test_that_proves_it(tag, page, after):
    assert tag in PROVED, f'no test is marked @proves("{tag}")'


def test_every_equation_has_a_token_to_break():
    """Which mutants.py breaks, to see whether the test that proves the equation fails"""
    breakable = {tag for mutant in all_mutants() for tag in mutant.tags}
    assert {tag for found in ALL.values() for tag, _, _ in found} - breakable == set()


def test_every_citation_has_an_equation():
    known = {tag for found in ALL.values() for tag, _, _ in found}
    for path in [
            *ROOT.glob("minife/**/*.py"), *ROOT.glob("minife/**/*.p[yx][xdi]"),
            *ROOT.glob("tests/**/*.py"), *ROOT.glob("demos/*.py"), *all_pages()
    ]:
        assert cited(path.read_text(encoding="utf-8")) <= known, path.relative_to(ROOT)
    assert PROVED <= known


def test_every_page_is_led_to():
    assert {*ROOT.glob("minife/**/*.md")} < {*all_pages()}


def all_pages():
    return PAGES + [page for chapter in ALL for page in pages(chapter)]


@pytest.mark.parametrize("page", all_pages(), ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page):
    text = page.read_text(encoding="utf-8")
    for target, anchor in re.findall(r"\]\((?!http)([^)#\s]*)(?:#([^)\s]*))?\)", text):
        path = page.parent / target if target else page
        assert path.exists(), target
        if anchor and path.suffix == ".md":
            heads = re.findall(r"^#+ (.*)$", path.read_text(encoding="utf-8"), re.MULTILINE)
            slugs = {re.sub(r"[^\w\- ]", "", head.lower()).replace(" ", "-") for head in heads}
            assert anchor in slugs, f"{target}#{anchor}"


@pytest.mark.parametrize("page", all_pages(), ids=lambda page: str(page.relative_to(ROOT)))
def test_snippets_print_the_numbers_they_show(page):
    text = page.read_text(encoding="utf-8").replace("\u2212", "-")
    for snippet in re.findall(r"```python\n(.*?)```", text, re.DOTALL):
        with contextlib.redirect_stdout(io.StringIO()) as output:
            exec(snippet, {})
        for number in re.findall(r"-?\d+\.\d+", output.getvalue()):
            assert re.search(rf"(?<![\d.]){re.escape(number)}(?!\d)",
                             text), f"{number} is printed, but not in {page.name}"


@pytest.mark.parametrize("page", all_pages(), ids=lambda page: str(page.relative_to(ROOT)))
def test_pages_fit_on_ten_printed_pages(page):
    assert page.read_text(encoding="utf-8").count("\n") <= 360


def test_exercises_name_tags_and_the_functions_that_cite_them():
    text = (ROOT / "minife/EXERCISES.md").read_text(encoding="utf-8")
    assert set(re.findall(r"--proves ([A-Z]\d+)", text)) <= PROVED
    for name, path, tag in re.findall(r"again\*: \[`(.+?)`\]\((.+?)\).*?--proves ([A-Z]\d+)", text,
                                      re.DOTALL):
        assert tag in cited(docstring(ROOT / "minife" / path, name)), (name, tag)


@pytest.mark.parametrize("page", all_pages(), ids=lambda page: str(page.relative_to(ROOT)))
def test_commands_name_demos_options_and_tests_that_exist(page):
    text = page.read_text(encoding="utf-8")
    for name, options in re.findall(r"python demos/(\w+)\.py([^`\n)]*)", text):
        source = (ROOT / "demos" / f"{name}.py").read_text(encoding="utf-8")
        for option in re.findall(r"--(\w+)", options):
            assert (f'"--{option}"' in source or f"{option}=True" in source
                    or option in ("quick", "seed", "out") and "demo_parser" in source), option
    for path, word in re.findall(r"pytest (tests/\w+\.py)(?: -k (\w+))?", text):
        names = re.findall(r"def (test_\w+)", (ROOT / path).read_text(encoding="utf-8"))
        assert any(word in name for name in names), (path, word)
    tests = "\n".join(file.read_text(encoding="utf-8") for file in (ROOT / "tests").glob("*.py"))
    for name in re.findall(r"`(test_\w+)`", text):
        assert f"def {name}(" in tests, name

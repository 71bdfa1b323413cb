"""Every numbered equation of a chapter is cited by its code and by a test, and the other way round.

And what the READMEs claim can be run is run."""
import contextlib
import io
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
CHAPTERS = {"U": "minife/README.md", "K": "minife/kernels/README.md", "R": "minife/rbm/README.md",
            "T": "minife/tap/README.md", "B": "minife/backprop/README.md", "C": "minife/bridge/README.md",
            "L": "minife/landscape/README.md"}


def defined(chapter):
    """Return the tags that a README numbers, in order: \\text{(R1)} in a math block."""
    text = (ROOT / CHAPTERS[chapter]).read_text(encoding="utf-8")
    return re.findall(r"\\text\{\(([A-Z]\d+)\)\}", "".join(re.findall(r"```math(.*?)```", text, re.DOTALL)))


def cited(*patterns):
    """Return all tags, such as T3 in (T3) or (T3, T4), in the files of these patterns."""
    tags = set()
    for pattern in patterns:
        for path in ROOT.glob(pattern):
            for group in re.findall(r"\(((?:[UKRTBCL]\d+)(?:, ?[UKRTBCL]\d+)*)\)", path.read_text(encoding="utf-8")):
                tags |= set(re.findall(r"[UKRTBCL]\d+", group))
    return tags


CODE = cited("minife/**/*.py", "minife/**/*.p[yx][xd]", "minife/**/*.pxi")
TESTS = cited("tests/*.py")
ALL = {tag for chapter in CHAPTERS for tag in defined(chapter)}


@pytest.mark.parametrize("chapter", CHAPTERS)
def test_equations_are_numbered_in_order_and_once(chapter):
    assert defined(chapter) == [f"{chapter}{k + 1}" for k in range(len(defined(chapter)))]
    assert defined(chapter)


@pytest.mark.parametrize("chapter", CHAPTERS)
def test_every_equation_is_cited_by_the_code_and_by_a_test(chapter):
    assert set(defined(chapter)) <= CODE
    assert set(defined(chapter)) <= TESTS


def test_every_citation_has_an_equation():
    assert CODE <= ALL
    assert TESTS <= ALL


def test_every_module_in_the_map_exists():
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    paths = re.findall(r"\]\(((?:minife|demos|tests)[^)#]*)\)", text)
    assert len(paths) >= 10
    for path in paths:
        assert (ROOT / path).exists(), path


@pytest.mark.parametrize("readme", ["README.md", "minife/evaluation/EXPERIMENTS.md", *CHAPTERS.values()])
def test_links_of_the_readmes_lead_somewhere(readme):
    for target in re.findall(r"\]\((?!http)([^)#]+)[^)]*\)", (ROOT / readme).read_text(encoding="utf-8")):
        assert ((ROOT / readme).parent / target).exists(), target


@pytest.mark.parametrize("readme", ["README.md", "minife/data/README.md", *CHAPTERS.values()])
def test_snippets_of_the_readmes_print_the_numbers_they_show(readme):
    text = (ROOT / readme).read_text(encoding="utf-8").replace("\u2212", "-")
    for snippet in re.findall(r"```python\n(.*?)```", text, re.DOTALL):
        with contextlib.redirect_stdout(io.StringIO()) as output:
            exec(snippet, {})
        for number in re.findall(r"-?\d+\.\d+", output.getvalue()):
            assert re.search(rf"(?<![\d.]){re.escape(number)}(?!\d)", text), f"{number} is printed, but not in {readme}"

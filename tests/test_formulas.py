"""The pages keep to what GitHub shows: its Markdown takes some formulas apart before it sets
them."""
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PAGES = [ROOT / "README.md", *sorted(ROOT.glob("minife/**/*.md"))]
FENCED = re.compile(r"^```math\n(.*?)^```$", re.DOTALL | re.MULTILINE)
INLINE = re.compile(r"\$`([^`]*)`\$")


def per_page(test):
    """Run a test on each page."""
    names = [str(page.relative_to(ROOT)) for page in PAGES]
    return pytest.mark.parametrize("page", PAGES, ids=names)(test)


def without_blocks(text):
    """Return a page without its fenced blocks and without code in its lines, formulas kept."""
    text = re.sub(r"^```.*?^```$|^    .*?$", "", text, flags=re.DOTALL | re.MULTILINE)
    return re.sub(r"(\$`[^`]*`\$)|`[^`]*`", lambda found: found[1] or "code", text)


def formulas(text):
    return FENCED.findall(text) + INLINE.findall(without_blocks(text))


@per_page
def test_displays_are_fenced_and_inline_formulas_have_both_marks(page):
    text = page.read_text(encoding="utf-8")
    assert text.count("```math") == len(FENCED.findall(text))
    assert "$" not in INLINE.sub("", without_blocks(text))


@per_page
def test_inline_formulas_stand_free_and_on_one_line(page):
    text = without_blocks(page.read_text(encoding="utf-8"))
    for found in INLINE.finditer(text):
        before, after = text[:found.start()][-1:], text[found.end():][:1]
        assert "\n" not in found[1], found[0]
        assert not re.match(r"[\w(\[{\"']", before), f"{before}{found[0]}"
        assert not re.match(r"\w", after), f"{found[0]}{after}"


@per_page
def test_a_table_has_no_bar_within_a_formula(page):
    rows = [line for line in page.read_text(encoding="utf-8").split("\n") if line[:1] == "|"]
    for row in rows:
        assert not [f for f in INLINE.findall(row) if re.search(r"(?<!\\)\|", f)], row


@per_page
def test_formulas_need_no_package_and_no_definition(page):
    for formula in formulas(page.read_text(encoding="utf-8")):
        wrong = re.findall(r"\\(?:operatorname|newcommand|bm|boldsymbol|tag|label|def)\b", formula)
        assert not wrong, formula


@per_page
def test_every_bracket_of_a_formula_is_closed(page):
    for formula in formulas(page.read_text(encoding="utf-8")):
        bare = re.sub(r"\\[{}\\]", "", formula)
        assert bare.count("{") == bare.count("}"), formula
        for one, other in (("left", "right"), ("begin", "end")):
            counts = [len(re.findall(rf"\\{word}\b", bare)) for word in (one, other)]
            assert counts[0] == counts[1], formula


@per_page
def test_a_number_stands_at_the_end_of_its_formula(page):
    for formula in FENCED.findall(page.read_text(encoding="utf-8")):
        numbers = re.findall(r"\\text\{\([A-Z]\d+\)\}", formula)
        assert len(numbers) <= 1 and (not numbers or re.search(
            r"\\qquad\s*\\text\{\([A-Z]\d+\)\}$", formula.rstrip())), formula

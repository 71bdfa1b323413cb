"""The formulas of the book: none is lost without a word."""
import re
import runpy
from pathlib import Path

import pytest

pytest.importorskip("latex2mathml", reason="the book's packages are not here")
mathml = runpy.run_path(str(Path(__file__).parent.parent / "demos/book_math.py"))["mathml"]


def shown(tex):
    """Return the characters of a formula as a page shows them."""
    return re.sub(r"<.*?>|\s", "", mathml(tex))


@pytest.mark.parametrize("tex, characters", [
    (r"\Big\langle x\Big\rangle", "⟨x⟩"),
    (r"\big\{x\big\}_\mathrm{data}", "{x}data"),
    (r"\begin{aligned}a&=b\\c&=d\end{aligned}", "a=bc=d"),
    (r"\log\overline{x}\,\big|_{\mathcal N}", "logx|𝒩"),
    (r"\tfrac12\sum_{i<j}W_{ij}", "12∑i&lt;jWij"),
])
def test_formula_is_shown_whole(tex, characters):
    assert shown(tex) == characters


@pytest.mark.parametrize("tex", [
    r"\unknown{x}", r"a & b", r"\begin{gathered}a&=b\end{gathered}", r"\big\unknown x"])
def test_what_is_not_converted_is_an_error(tex):
    with pytest.raises(ValueError, match="not converted"):
        mathml(tex)


def test_the_range_of_a_sum_stands_below_and_names_stand_free():
    assert re.search(r"<munder><mo movablelimits=.true.>∑</mo>", mathml(r"\sum_i x_i"))
    assert '<mo lspace="0.17em" rspace="0.17em">log</mo>' in mathml(r"\beta\log Z")
    assert '<mo lspace="0.17em" rspace="0">log</mo>' in mathml(r"\beta\log(Z)")
    assert 'form="prefix"' in mathml("x=-y") and "form" not in mathml("x-y")

"""The book, side by side: derivations left, the code that is each equation right.

    pip install -e '.[book]'            markdown-it-py, latex2mathml and pygments
    python demos/book.py                15 seconds; then open figures/book/index.html
    python demos/book.py --quick        the same

Every README and every file of code gets a page, at its place in the repository. An equation leads
to its function and to the tests that prove it, and they lead back. The pages need no network and
no script. A formula that is not converted ends the run with an error that names page and formula.
"""
import os
import re
import shutil
import sys
from pathlib import Path

from book_index import CODE, DEFINED, EQUATIONS, NUMBER, PAGES, PROOFS, ROOT, read
from common import demo_parser

try:
    from book_html import (MARKDOWN, a, again, copied, evidence, faults, function, highlight, href,
                           slug)
except ImportError as missing:
    sys.exit(f"The book needs {missing.name}: pip install -e '.[book]'")

PAGE = """<!doctype html>
<html lang="en"><meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title><link rel="stylesheet" href="{style}">
<body><nav>{ways}</nav><main>{body}</main><nav>{ways}</nav></body></html>
"""
ROW = """<section><div class="text"><div>{}</div><div>{}</div></div>
<div class="code">{}</div></section>"""


def derivations(path):
    """Return the sections [(anchor, title, tags)] of a page and its HTML: rows that begin with an
    equation and have its code beside them."""
    own = {tag: functions for tag, (page, functions) in EQUATIONS.items() if page == path}
    env = {"path": path, "linked": False, "functions": sum(own.values(), [])}
    tokens, rows, sections, shown = MARKDOWN.parse(read(path)), [], [], set()
    ends = [k + 1 for k, token in enumerate(tokens) if token.level == 0 and token.nesting <= 0]
    for first, end in zip([0, *ends], ends):
        part = tokens[first:end]
        words = MARKDOWN.renderer.render(part, MARKDOWN.options, env)
        tags = NUMBER.findall(part[0].content) if part[0].info == "math" else []
        if part[0].tag in ("h1", "h2"):
            title = re.sub(r"</?(?:h\d|a).*?>", "", words)
            sections.append((slug(part[1].content), title, []))
        if tags or part[0].tag in ("h1", "h2", "table"):             # a table takes the width
            rows.append([[], ""])
        sections[-1][2].extend(tags)
        rows[-1][0].append(words)
        for tag in tags:
            for place in own[tag]:
                code = again(path, *place, tag) if place in shown else function(path, *place)
                rows[-1][1] += code
                shown.add(place)
            rows[-1][1] += evidence(path, tag)
    return sections, "".join(
        ROW.format(parts[0], "".join(parts[1:]), code) if code else
        f'<section class="plain">{"".join(parts)}</section>' for parts, code in rows)


def listing(path):
    """Return the HTML of a page of code, with a place for each function and line of a table."""
    places = {first: name for name, (first, _) in reversed(DEFINED[path].items())}
    places |= {int(name[5:]): name for tests in PROOFS.values() for file, name in tests
               if file == path and name[:5] == "line-"}
    lines = "\n".join(f'<b{f""" id="{places[k]}" """ if k in places else ""}>{k}</b>{line}'
                      for k, line in enumerate(highlight(path, path, read(path)), 1))
    picture = "demos/" + Path(path).stem.partition("_")[2] + ".png"
    shown = path[:5] == "demos" and picture in copied
    shown = f'<p><img src="{Path(picture).name}" alt=""></p>' if shown else ""
    return f'<h1 class="file">{path}</h1>{shown}<pre class="listing" tabindex=0>{lines}</pre>'


def contents(pages):
    """Return the HTML of the first page: every section and every equation of the book."""
    out = MARKDOWN.render(read("README.md").split("\n\n")[1],
                          {"path": "index", "linked": False, "functions": ()})
    for path, (sections, _) in pages.items():
        lines = [a("index", path, anchor, title) + " <span>"
                 + " ".join(a("index", path, tag, tag) for tag in tags) + "</span>"
                 for anchor, title, tags in sections]
        level = 2 if path.endswith("README.md") else 3
        rest = "".join(f"<li>{line}</li>" for line in lines[1:])
        out += f"<div><h{level}>{lines[0]}</h{level}><ul>{rest}</ul></div>"
    return f'<h1>Contents</h1><section class="plain contents">{out}</section>'


def write(out, path, title, body, ways=()):
    """Write the page of a file, with the ways to its neighbours above and below."""
    file, style = out / href("", path), os.path.relpath("book.css", os.path.dirname(path) or ".")
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(PAGE.format(
        title=re.sub(r"<.*?>", "", title), style=style.replace(os.sep, "/"), body=body,
        ways=" ".join(a(path, other, "", words) for other, words in ways)), encoding="utf-8")


def main():
    out = demo_parser(__doc__, "the same", out="the folder; figures/book").parse_args().out
    out = out or Path("figures/book")
    pages = {path: derivations(path) for path in PAGES}
    if faults:
        sys.exit("\n".join(faults))
    titles = {path: sections[0][1] for path, (sections, _) in pages.items()}
    for before, path, after in zip([None, *PAGES], PAGES, [*PAGES[1:], None]):
        ways = [(before, f"← {titles[before]}")] if before else []
        ways += [("index", "Contents")]
        ways += [(after, f"{titles[after]} →")] if after else []
        write(out, path, titles[path], pages[path][1], ways)
    for path in CODE:
        chapter = os.path.dirname(path) + "/README.md"
        ways = [(chapter, titles[chapter])] if chapter in titles else []
        write(out, path, path, listing(path), [*ways, ("index", "Contents")])
    write(out, "index", "minife", contents(pages))
    for path in copied:
        (out / path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / path, out / path)
    shutil.copy(ROOT / "demos/book.css", out)
    print(f"{len(EQUATIONS)} equations on {len(PAGES)} pages, and {len(CODE)} files of code, "
          f"are in {out / 'index.html'}")


if __name__ == "__main__":
    main()

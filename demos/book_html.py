"""HTML for the book: links between its pages, code, and Markdown as GitHub shows it."""
import html
import os
import re
import textwrap
from pathlib import Path

from book_index import (CITED, CODE, DEFINED, DEMOS, EQUATIONS, NUMBER, PAGES, PROOFS, TAG, beside,
                        files, read)
from book_math import mathml
from markdown_it import MarkdownIt
from pygments import lex
from pygments.lexers import get_lexer_for_filename
from pygments.token import Comment, Keyword, Name, String

COLOURS = {Comment: "c", String.Doc: "c", String: "s", Keyword: "k", Name.Function: "f",
           Name.Class: "f"}
faults, copied = [], set(files("demos/*.png"))  # formulas not converted; files that are no pages


def href(start, path, anchor=""):
    """Return the address of the page of a file, or of a place on it, seen from another's page."""
    page = re.sub(r"\.md$", "", path) + ".html"
    page = "" if path == start else os.path.relpath(page, os.path.dirname(start) or ".")
    return page.replace(os.sep, "/") + (anchor and f"#{anchor}")


def a(start, path, anchor, words):
    return f'<a href="{href(start, path, anchor)}">{words}</a>'


def cite(start, words):
    """Return HTML in which each tag, such as T8, leads to its equation."""
    return TAG.sub(lambda tag: a(start, EQUATIONS[tag[0]][0], tag[0], tag[0])
                   if tag[0] in EQUATIONS else tag[0], words)


# Code

def highlight(start, path, code):
    """Return the lines of code as HTML, with links at the equations that it cites."""
    out = ""
    for kind, value in lex(code, get_lexer_for_filename(path, stripnl=False, ensurenl=False)):
        css = next((css for colour, css in COLOURS.items() if kind in colour), "")
        words = CITED.sub(lambda tags: cite(start, tags[0]), html.escape(value, quote=False))
        if css == "s" and not TAG.sub("", value).strip():                       # @proves("T8")
            words = cite(start, value)
        out += "\n".join(f"<i class={css}>{part}</i>" if css and part else part
                         for part in words.split("\n"))
    return out.rstrip("\n").split("\n")


def excerpt(start, path, name, tag=None):
    """Return the lines of a function as HTML; or those whose comments cite an equation."""
    first, last = DEFINED[path][name]
    lines = [line for line in read(path).split("\n")[first - 1:last]
             if tag is None or re.search(rf"#.*\b{tag}\b", line)]
    code = "\n".join(highlight(start, path, textwrap.dedent("\n".join(lines))))
    return f"<pre tabindex=0>{code}</pre>" if lines else ""


def function(start, path, name):
    """Return a function beside its equation: where it stands, which equations it is, its lines."""
    back = [a(start, start, tag, f"({tag})") for tag, (page, functions) in EQUATIONS.items()
            if page == start and (path, name) in functions]
    return (f'<div class="function" id="{path}:{name}"><p class="where">'
            f'{a(start, path, name, f"{path}:{DEFINED[path][name][0]}")} '
            f"<span>{' '.join(back)}</span></p>{excerpt(start, path, name)}</div>")


def again(start, path, name, tag):
    """Return the way to a function that an earlier equation shares, and its lines of this one."""
    return (f'<p class="where">{a(start, start, f"{path}:{name}", name)} <span>above</span></p>'
            f"{excerpt(start, path, name, tag)}")


def evidence(start, tag):
    """Return what stands under the code of an equation: the tests that prove it, its demos."""
    lines = [a(start, path, name, name[5:]) for path, name in PROOFS[tag] if name[:4] == "line"]
    tests = [a(start, path, name, name.replace("_", "_<wbr>")) for path, name in PROOFS[tag]
             if name[:4] == "test"]
    tests += [f"test_gradients.py (line {', '.join(lines)})"] if lines else []
    demos = [a(start, path, "", Path(path).stem) for path in DEMOS[tag]]
    return "".join(f'<p class="evidence">({tag}) is {what} {", ".join(links)}</p>'
                   for what, links in (("proved by", tests), ("seen in", demos)) if links)


# Markdown as GitHub shows it: a function per kind of token

def read_formula(state, silent):
    """Take $`...`$, the inline formula of GitHub."""
    found = re.compile(r"\$`([^`]*)`\$").match(state.src, state.pos)
    if found and not silent:
        state.push("formula", "", 0).content = found[1]
    state.pos = found.end() if found else state.pos
    return bool(found)


def convert(tex, env, display=False):
    try:
        return mathml(tex, display)
    except ValueError as fault:
        faults.append(f"{env['path']}: {fault}")
        return ""


def formula(md, tokens, k, options, env):
    """Return a formula and the comma or bracket behind it, which must not begin a new line."""
    behind = re.match(r"[^\s\w]*", tokens[k + 1].content if k + 1 < len(tokens) else "")[0]
    if behind:
        tokens[k + 1].content = tokens[k + 1].content[len(behind):]
    return f'<span class="whole">{convert(tokens[k].content, env)}{html.escape(behind)}</span>'


def fence(md, tokens, k, options, env):
    content, tags = tokens[k].content, NUMBER.findall(tokens[k].content)
    if tokens[k].info == "python":
        return f"<pre tabindex=0>{chr(10).join(highlight(env['path'], '.py', content))}</pre>"
    if tokens[k].info != "math":
        return f"<pre tabindex=0>{html.escape(content)}</pre>"
    number = "".join(f'<a id="{tag}" href="#{tag}">({tag})</a>' for tag in tags)
    return (f'<div class="formula"><div tabindex=0>'
            f'{convert(NUMBER.sub("", content), env, display=True)}</div>{number}</div>')


def text(md, tokens, k, options, env):
    words = re.sub("-&gt; $", "→ ", html.escape(tokens[k].content, quote=False))
    return words if env["linked"] else cite(env["path"], words)


def code_inline(md, tokens, k, options, env):
    """Lead from the name of a demo or of a test to its page."""
    name, out = tokens[k].content, f"<code>{html.escape(tokens[k].content, quote=False)}</code>"
    places = [(path, "") for path in re.findall(r"demos/\w+\.py", name) if path in CODE]
    places += [(path, name) for path in CODE if name[:5] == "test_" and name in DEFINED[path]]
    return a(env["path"], *places[0], out) if places and not env["linked"] else out


def link_open(md, tokens, k, options, env):
    """Lead to the page of a file in place of the file, and from a function's name to its code."""
    start, env["linked"] = env["path"], True
    target, _, anchor = tokens[k].attrs["href"].partition("#")
    words, path = tokens[k + 1].content, beside(start, target) if target else start
    if ":" in target:
        return f'<a href="{target}">'
    if (path, words) in env["functions"]:
        path, anchor = start, f"{path}:{words}"
    elif words in EQUATIONS:
        path, anchor = EQUATIONS[words][0], words
    elif words in DEFINED.get(path, ()):
        anchor = words
    if path not in DEFINED and path not in PAGES:
        copied.add(path)
        return f'<a href="{target}">'
    return f'<a href="{href(start, path, anchor)}">'


def link_close(md, tokens, k, options, env):
    env["linked"] = False
    return "</a>"


def image(md, tokens, k, options, env):
    caption = html.escape(tokens[k].content)
    return f'<img src="{tokens[k].attrs["src"]}" alt=""><small>{caption}</small>'


def heading_open(md, tokens, k, options, env):
    return f'<{tokens[k].tag} id="{slug(tokens[k + 1].content)}">'


def slug(heading):
    """Return the anchor that GitHub gives to a heading."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


MARKDOWN = MarkdownIt("commonmark", {"html": False}).enable("table")
MARKDOWN.inline.ruler.before("backticks", "formula", read_formula)
for rule in (formula, fence, text, code_inline, link_open, link_close, image, heading_open):
    MARKDOWN.add_render_rule(rule.__name__, rule)

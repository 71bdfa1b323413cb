"""TeX to MathML for the book: latex2mathml does the work, this adds what it leaves out.

It prints a command that it does not know, backslash and all, and says nothing. Here that is an
error, and so is a letter or digit that is lost on the way."""
import re
from collections import Counter
from xml.etree import ElementTree

from latex2mathml.converter import convert

FENCES = {r"\langle": "⟨", r"\rangle": "⟩", r"\{": "{", r"\}": "}", r"\|": "‖",
          r"\lvert": "|", r"\rvert": "|", r"\lVert": "‖", r"\rVert": "‖"}
FUNCTIONS = {"arccos", "cos", "cosh", "det", "exp", "ln", "log", "sin", "sinh", "tanh"}
CLOSING = (")", "]", "}", "⟩", "|", "‖", "!", "…", "⋯")
OPENING = ("(", "[", "{", "⟨", "|")
CAPITALS = tuple("ΓΔΘΛΞΠΣΦΨΩ")
LIMITS = {"∑", "∏", "lim", "max", "min", "sup"}                     # with their range below
BELOW = {"msub": "munder", "msup": "mover", "msubsup": "munderover"}
COMMAND = re.compile(r"\\\\|\\(?:begin|end|mathcal)\{[^}]*\}|\\([A-Za-z]+)")


def mathml(tex, display=False):
    """Return a formula as MathML, or raise a ValueError that names what was not converted."""
    source = re.sub(r"(?<!\\)\\\n", r"\\ ", tex).replace("{aligned}", "{align*}")
    source = source.replace(r"\qquad", r"\quad").replace(r"\sim", "∼ ")  # a column is narrow
    source = re.sub(r"\\mathcal ?(\w)", r"\\mathcal{\1}", source)
    out = convert(source, display="block" if display else "inline")
    try:
        tree = ElementTree.fromstring(re.sub(r' xmlns="[^"]*"', "", out))
    except ElementTree.ParseError as error:
        raise ValueError(f"not converted ({error}): {tex.strip()}") from None
    polish(tree)
    text = "".join(tree.itertext())
    named = FUNCTIONS | LIMITS
    letters = COMMAND.sub(lambda found: found[1] if found[1] in named else " ", source)
    lost, made = characters(letters), characters(text)
    if "\\" in text or "&" in text or lost != made:
        odd = " ".join((lost - made) + (made - lost))
        raise ValueError(f"not converted ({odd or text}): {tex.strip()}")
    return ElementTree.tostring(tree, encoding="unicode", short_empty_elements=False)


def characters(text):
    """Return how often each letter and digit of ASCII occurs."""
    return Counter(letter for letter in text if letter.isascii() and letter.isalnum())


def polish(node):
    """Give names, signs, fences and the ranges of sums the form that MathML has for them."""
    for child in node:
        polish(child)
    if node.tag == "mo" and "minsize" in node.attrib:               # \big and its like
        node.text = FENCES.get(node.text, node.text)
        node.attrib |= {"stretchy": "true", "symmetric": "true", "lspace": "0", "rspace": "0"}
    if node.tag in BELOW and node[0].get("minsize"):                # else it would stay small
        row = ElementTree.Element("mrow")
        row.append(node[0])
        node[0] = row
    if node.tag in BELOW and node[0].text in LIMITS:
        node.tag = BELOW[node.tag]
        node[0].set("movablelimits", "true")
    if node.tag == "mi" and node.text in CAPITALS:                  # upright, as TeX has them
        node.set("mathvariant", "normal")
    if node.tag == "mi" and node.text in ("∼", "±", "⟺", ":", ";"):
        node.tag = "mo"
    if node.tag == "mover" and node[1].text == "―":                 # \overline
        node.tag, node.attrib = "mrow", {"class": "over"}
        del node[1]
    letters = [child.text for child in node if child.get("mathvariant") == "normal"]
    if node.tag == "mrow" and len(letters) == len(node) > 1:        # \mathrm{KL}: one name
        node.tag, node.text = "mi", "".join(letters)
        del node[:]
    before, opens = None, False
    for child in reversed(node):                                    # no space before a bracket
        name = child[0] if len(child) else child
        if name.text in FUNCTIONS | LIMITS - {"∑", "∏"}:
            name.tag = "mo"
            name.attrib |= {"lspace": "0", "rspace": "0" if opens else "0.17em"}
        opens = child.text in OPENING
    for child in node:                                              # a sign is not a difference
        name = child[0] if len(child) else child
        operand = before is not None and (
            before.tag not in ("mo", "mspace") or before.text in CLOSING)
        if child.text in ("−", "+", "±") and not operand:
            child.set("form", "prefix")
        elif child.text in ("/", "|", "‖") and child.get("stretchy") != "true":
            child.attrib |= {"lspace": "0", "rspace": "0", "stretchy": "false"}
        elif name.get("rspace") and name.text in FUNCTIONS and operand:
            name.set("lspace", "0.17em")
        before = child

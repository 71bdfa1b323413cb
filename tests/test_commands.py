"""The commands that the pages print run as they are printed.

Here run those of a second; with MINIFE_COMMANDS=1 in the environment all that take under a minute
by the docstring of their demo. Those with a file of the reader's own, such as --mnist PATH, do not
run."""
import ast
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PAGES = sorted(path for path in ROOT.glob("**/*.md") if not {"figures", "build"} & {*path.parts})
COMMAND = re.compile(r"^    ((?:[A-Z_]+=\w+ )?python [^#\n]*)$|`((?:[A-Z_]+=\w+ )?python [^`]*)`",
                     re.MULTILINE)
OWN = re.compile(r"\b(PATH|TAG)\b|minife\.data\.make_digits")
SECONDS = {"a": 1, "a few": 3, "half a minute": 30, "a quarter of a minute": 15, "one": 1, "two": 2, "three": 3, "four": 4, "five": 5,
           "six": 6, "seven": 7, "eight": 8, "nine": 9, "ten": 10, "twelve": 12, "twenty": 20}


def commands():
    """Return the commands of all pages, each once."""
    found = [one or other for page in PAGES
             for one, other in COMMAND.findall(page.read_text(encoding="utf-8"))]
    return sorted({command.strip().replace(" S", " 1") for command in found})

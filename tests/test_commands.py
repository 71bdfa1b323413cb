"""The commands that the pages print run as they are printed.

Here run those that take a second; with MINIFE_COMMANDS=1 in the environment all that take less than
a minute, as the docstring of their demo has it. Those that need a file of the reader's do not run.
"""
import ast
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PAGES = [ROOT / "README.md", *sorted(ROOT.glob("minife/**/*.md"))]
PRINTED = re.compile(r"^    ((?:[A-Z_]+=\w+ )?python [^#\n]*)$|`((?:[A-Z_]+=\w+ )?python [^`]*)`",
                     re.MULTILINE)
OF_THE_READER = re.compile(r"\bPATH\b|\bTAG\b|figures/")
SHORT = re.compile(r"second|(half|quarter of|under) a minute")
LONG = ("python tests/mutants.py", "MINIFE_ALL_FLOATS=1")


def commands():
    """Return the commands of all pages, each once, with a number for the seed S."""
    found = ["".join(either) for page in PAGES
             for either in PRINTED.findall(page.read_text(encoding="utf-8"))]
    return sorted({re.sub(r" S$", " 1", " ".join(command.split())) for command in found
                   if not OF_THE_READER.search(command)})


def duration(command):
    """Return what the docstring of a demo says that a command takes; of another's what it says of
    the demo without options."""
    name = re.match(r"python (demos/\w+\.py)", command)
    if name is None:
        return "1 second" if command == "python -m minife" else "seconds"
    text = ast.get_docstring(ast.parse((ROOT / name[1]).read_text(encoding="utf-8")))
    said = [re.search(rf"^    {re.escape(words)}  +(.*(?:\n {{20,}}.*)*)", text, re.MULTILINE)
            for words in (command, f"python {name[1]}")]
    return " ".join(next(found[1] for found in said if found).split())


ALL = {command: duration(command) for command in commands()}
QUICK = [command for command, said in ALL.items() if re.match(r"(1|a|one) second\b", said)]
SHORTER = [command for command, said in ALL.items()
           if SHORT.search(said) and not command.startswith(LONG)]


@pytest.mark.parametrize("command", SHORTER if os.environ.get("MINIFE_COMMANDS") else QUICK)
def test_command_runs(command, tmp_path):
    for path in ROOT.iterdir():                       # figures go elsewhere
        if path.name != "figures":
            (tmp_path / path.name).symlink_to(path)
    setting, _, rest = command.rpartition("python ")
    environment = dict(pair.split("=") for pair in setting.split())
    done = subprocess.run([sys.executable, *rest.split()], cwd=tmp_path, capture_output=True,
                          text=True, timeout=900,
                          env=os.environ | {"PYTHONPATH": str(ROOT)} | environment)
    assert done.returncode == 0, done.stderr[-2000:]
    assert done.stdout

"""Marks a test as the proof of numbered equations: it fails when the formula in the code is
broken."""
import pytest


def proves(*tags):
    """Return the mark of a test that proves the equations of these tags, such as "T9"."""
    return pytest.mark.proves(*tags)

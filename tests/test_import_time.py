"""Imports stay light: processor time of a child process, and what it loaded."""

import os
import resource
import subprocess
import sys

import pytest

HEAVY = ("torch", "numpy", "scipy", "skimage", "pandas", "matplotlib", "lightning", "jinja2")
CALLS = (("--help",), ("compare", "--help"), ("list", "loss"))
EACH_CALL = pytest.mark.parametrize("words", CALLS, ids=" ".join)


def _call(words: tuple[str, ...]) -> str:
    return f"from subband.cli import main; assert main({list(words)}) == 0"


def _run(code: str) -> subprocess.CompletedProcess[str]:
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("COV_", "COVERAGE_"))}
    return subprocess.run([sys.executable, "-c", code], env=clean, capture_output=True, text=True, check=False)


def _cpu_seconds(code: str) -> float:
    """Least processor time, in seconds, of five child processes that run the code."""
    spent = []
    for _ in range(5):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        done = _run(code)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        assert done.returncode == 0, done.stderr
        spent.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    return min(spent)


def test_import_takes_a_tenth_of_a_second_at_most():
    assert _cpu_seconds("import subband") - _cpu_seconds("") <= 0.1


@EACH_CALL
def test_help_takes_three_tenths_of_a_second_at_most(words):
    assert _cpu_seconds(_call(words)) <= 0.3


@pytest.mark.parametrize("module", ["subband", "subband.catalog", "subband.config", "subband.cli"])
def test_nothing_heavy_is_loaded(module):
    done = _run(f"import sys, {module}; print(*sorted(sys.modules))")
    assert done.returncode == 0, done.stderr
    assert not set(done.stdout.split()) & set(HEAVY)


@EACH_CALL
def test_help_loads_nothing_heavy(words):
    spy = "import atexit, sys; atexit.register(lambda: print(*sorted(sys.modules), file=sys.stderr)); "
    done = _run(spy + _call(words))
    assert done.returncode == 0, done.stderr
    assert "loss" in done.stdout
    assert not set(done.stderr.split()) & set(HEAVY)

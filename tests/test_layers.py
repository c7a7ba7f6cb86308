"""Imports point downwards, and the house rules that no linter checks."""

import ast
import re
from pathlib import Path

import pytest
from importlinter.cli import lint_imports

ROOT = Path(__file__).resolve().parents[1]
SOURCES = sorted((ROOT / "src").rglob("*.py"))
TREES = {path.relative_to(ROOT).as_posix(): ast.parse(path.read_text(encoding="utf-8")) for path in SOURCES}
EACH = pytest.mark.parametrize("path", TREES)
# The guards take the arguments that they check by name, the catalogue the options that it stores, a converted module
# those of the forward that it had.
TAKES_NAMES = (
    "src/subband/_check.py",
    *(f"src/subband/catalog/{task}.py" for task in ("segmentation", "classification", "recognition")),
    "src/subband/layers/_functional.py",
)
MACHINE_PATH = re.compile(r"(?<![\w.])/(work|root|farm|home|tmp)/")


def _code_lines(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Lines of a function below its docstring."""
    documented = ast.get_docstring(function) is not None
    body = function.body[1:] if documented and len(function.body) > 1 else function.body
    return (function.end_lineno or 0) - body[0].lineno + 1


def _functions(path: str) -> list[ast.FunctionDef | ast.AsyncFunctionDef]:
    return [node for node in ast.walk(TREES[path]) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]


def test_import_contracts_are_kept(capsys):
    code = lint_imports(config_filename=str(ROOT / "pyproject.toml"), no_cache=True)
    assert code == 0, capsys.readouterr().out


@EACH
def test_files_are_short(path):
    assert len((ROOT / path).read_text(encoding="utf-8").splitlines()) <= 300


@EACH
def test_functions_are_short(path):
    assert [function.name for function in _functions(path) if _code_lines(function) > 50] == []


@pytest.mark.parametrize("path", [path for path in TREES if path not in TAKES_NAMES])
def test_no_function_swallows_options(path):
    assert [function.name for function in _functions(path) if function.args.kwarg] == []


@EACH
def test_library_code_never_names_a_device_or_a_machine(path):
    text = (ROOT / path).read_text(encoding="utf-8")
    assert ".cuda()" not in text
    assert not MACHINE_PATH.search(text)


def test_there_are_no_drawers_without_a_label():
    assert [path for path in TREES if Path(path).stem in {"utils", "helpers", "misc", "common"}] == []


def test_folders_are_two_deep_at_most():
    assert max(path.count("/") for path in TREES) <= 4

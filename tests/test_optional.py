"""Optional packages: found, missing, and present but broken."""

import json
import sys
import types

import pytest

from subband._optional import require


def test_returns_the_module():
    assert require("json", extra="train") is json


def test_returns_a_submodule():
    assert require("xml.dom", extra="train") is sys.modules["xml.dom"]


@pytest.mark.message
def test_missing_package_names_the_command():
    with pytest.raises(ImportError, match=r"^'no_such_package' is not installed.*pip install 'subband\[topology\]'$"):
        require("no_such_package", extra="topology")


def test_missing_parent_counts_as_missing():
    with pytest.raises(ImportError, match="not installed"):
        require("no_such_package.part", extra="train")


def test_a_package_that_lacks_its_own_dependency_is_not_called_missing(tmp_path, monkeypatch):
    (tmp_path / "needs_more.py").write_text("import something_else_entirely\n", encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(ModuleNotFoundError, match="something_else_entirely"):
        require("needs_more", extra="train")


def test_other_errors_of_an_import_come_through(tmp_path, monkeypatch):
    (tmp_path / "broken.py").write_text("raise RuntimeError('no driver')\n", encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(RuntimeError, match="no driver"):
        require("broken", extra="train")


def test_a_module_already_imported_is_reused(monkeypatch):
    stand_in = types.ModuleType("stand_in")
    monkeypatch.setitem(sys.modules, "stand_in", stand_in)
    assert require("stand_in", extra="train") is stand_in

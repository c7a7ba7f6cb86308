"""Files are whole or as they were."""

import errno
import os

import pytest

from subband import _files


def test_json_keeps_what_is_not_finite(tmp_path):
    value = {"a": [1, 2.5, float("inf"), None], "b": {"c": float("nan")}, "d": True}
    _files.write_json(tmp_path / "x" / "v.json", value)
    back = _files.read_json(tmp_path / "x" / "v.json")
    assert back["a"] == value["a"]
    assert back["b"]["c"] != back["b"]["c"]
    assert back["d"] is True


@pytest.mark.message
@pytest.mark.parametrize(
    ("number", "sentence"),
    [(errno.ENOSPC, "no space left"), (errno.EACCES, "no permission"), (errno.EIO, "input/output error")],
)
def test_failed_write_keeps_the_old_file(tmp_path, monkeypatch, number, sentence):
    path = tmp_path / "kept.json"
    _files.write_json(path, {"old": 1})

    def fail(self, target):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(_files.Path, "replace", fail)
    with pytest.raises(OSError, match=f"cannot write .*kept.json: .*{sentence}") as caught:
        _files.write_json(path, {"new": 2})
    assert caught.value.errno == number
    assert _files.read_json(path) == {"old": 1}
    assert [p.name for p in tmp_path.iterdir()] == ["kept.json"]


@pytest.mark.message
def test_folder_that_cannot_be_made(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(OSError, match="cannot write"):
        _files.write_json(tmp_path / "file" / "below.json", 1)


def test_permissions_are_the_ordinary_ones(tmp_path):
    _files.write_text(tmp_path / "a", "")
    (tmp_path / "b").write_text("")
    assert (tmp_path / "a").stat().st_mode == (tmp_path / "b").stat().st_mode

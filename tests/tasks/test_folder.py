"""Files of a run are whole or as they were."""

import errno
import os

import pytest

from subband import _files
from subband.tasks import _folder


def test_json_keeps_what_is_not_finite(tmp_path):
    value = {"a": [1, 2.5, float("inf"), None], "b": {"c": float("nan")}, "d": True}
    _folder.write_json(tmp_path / "x" / "v.json", value)
    back = _folder.read_json(tmp_path / "x" / "v.json")
    assert back["a"] == value["a"]
    assert back["b"]["c"] != back["b"]["c"]
    assert back["d"] is True


def test_csv_round_trip(tmp_path):
    _folder.write_csv(tmp_path / "t.csv", ["step", "loss"], [{"step": 1, "loss": 0.5}, {"step": 2}])
    assert _folder.read_csv(tmp_path / "t.csv") == [{"step": "1", "loss": "0.5"}, {"step": "2", "loss": ""}]
    assert _folder.read_csv(tmp_path / "none.csv") == []


@pytest.mark.message
@pytest.mark.parametrize(
    ("number", "sentence"),
    [(errno.ENOSPC, "no space left"), (errno.EACCES, "no permission"), (errno.EIO, "input/output error")],
)
def test_failed_write_keeps_the_old_file(tmp_path, monkeypatch, number, sentence):
    path = tmp_path / "kept.json"
    _folder.write_json(path, {"old": 1})

    def fail(file):
        file.write(b"half")
        raise OSError(number, os.strerror(number))

    with pytest.raises(OSError, match=f"cannot write .*kept.json: .*{sentence}") as caught:
        _files.write_atomic(path, fail)
    assert caught.value.errno == number
    assert _folder.read_json(path) == {"old": 1}
    assert [p.name for p in tmp_path.iterdir()] == ["kept.json"]


@pytest.mark.message
def test_folder_that_cannot_be_made(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(OSError, match="cannot write"):
        _folder.write_json(tmp_path / "file" / "below.json", 1)


def test_versions_and_machine():
    assert {"subband", "torch", "python"} <= _folder.versions().keys()
    assert _folder.machine()["threads"] == 1
    assert _folder.command().startswith("subband ")

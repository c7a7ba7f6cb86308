"""``subband head merge`` and ``split``: there and back, and one sentence for each wrong call."""

import pytest
import torch

from subband.cli._parse import call
from subband.cli.head import head
from subband.losses.recognition.cosface import CosFace
from subband.tasks.head_files import read_head


def run(*words):
    return call(head, "head", [str(word) for word in words])


def test_there_and_back(tmp_path, capsys):
    weight = CosFace(3, 7).weight.detach()
    torch.save({"weight": weight}, tmp_path / "head.pt")
    assert run("split", tmp_path / "head.pt", tmp_path / "parts", "--ranks", 2) == 0
    assert sorted(path.name for path in (tmp_path / "parts").iterdir()) == ["rank-0-of-2.pt", "rank-1-of-2.pt"]
    assert run("merge", tmp_path / "parts", tmp_path / "again.safetensors") == 0
    assert torch.equal(read_head(tmp_path / "again.safetensors")["weight"], weight)
    assert "weight 7 x 3" in capsys.readouterr().out
    assert run("split", tmp_path / "again.safetensors", tmp_path / "parts", "--overwrite") == 0
    assert (tmp_path / "parts" / ".metadata").exists()
    assert not (tmp_path / "parts" / "rank-0-of-2.pt").exists()


@pytest.mark.message
def test_wrong_calls_end_in_one_sentence(tmp_path, capsys):
    torch.save({"weight": torch.ones(4, 2)}, tmp_path / "head.pt")
    (tmp_path / "parts").mkdir()
    for words, sentence in (
        (("merge", tmp_path / "none", "a.pt"), f"there is no {tmp_path / 'none'}"),
        (("merge", tmp_path / "head.pt", "a.pt"), "head.pt is a file; split makes a folder of a file"),
        (("split", tmp_path / "parts", "a"), "parts is a folder; merge makes a file of a folder"),
        (("merge", tmp_path / "parts", tmp_path / "a.pt", "--ranks", 2), "--ranks is for split"),
        (("split", tmp_path / "head.pt", tmp_path / "parts"), "parts is there already; choose another name or add"),
        (("split", tmp_path / "head.pt", tmp_path / "head.pt"), "head.pt is a file already; choose another name"),
        (("split", tmp_path / "head.pt", tmp_path / "a", "--ranks", -1), "ranks is -1, but must be 0 or greater"),
        (("join", tmp_path / "head.pt", "a"), "merge"),
    ):
        assert run(*words) == 2
        error = capsys.readouterr().err
        assert sentence in error
        assert error.count("\n") == 1

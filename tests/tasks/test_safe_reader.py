"""Checkpoints that ask for code: nothing runs, and one sentence says so."""

import pickle

import pytest
import torch
from torch.distributed import checkpoint

from subband.losses.recognition.cosface import CosFace
from subband.tasks._safe_reader import SafeReader
from subband.tasks.head_checkpoint import load_head, save_head


class _Runs:
    """Makes a file when it is read."""

    def __init__(self, file):
        self.file = file

    def __reduce__(self):
        return open, (self.file, "w")


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.float16, torch.bfloat16])
def test_what_save_head_writes_is_read(dtype, tmp_path):
    save_head(tmp_path / "head", CosFace(3, 5).to(dtype))
    found = SafeReader(tmp_path / "head").read_metadata().state_dict_metadata
    assert set(found) == {"step", "head.weight"}
    assert found["head.weight"].properties.dtype == dtype
    assert found["head.weight"].size == (5, 3)


@pytest.mark.message
@pytest.mark.parametrize("name", [".metadata", "__0.metadata"])
def test_nothing_in_the_contents_runs(name, tmp_path):
    save_head(tmp_path / "head", CosFace(3, 5))
    marker = tmp_path / "ran"
    (tmp_path / "head" / name).write_bytes(pickle.dumps(_Runs(str(marker))))
    if name == ".metadata":
        with pytest.raises(
            ValueError, match=r"not a checkpoint of tensors: it asks for (_?io|builtins).open, which is"
        ):
            load_head(tmp_path / "head", CosFace(3, 5))
    else:
        load_head(tmp_path / "head", CosFace(3, 5))
    assert not marker.exists()


@pytest.mark.message
@pytest.mark.filterwarnings("ignore:torch.distributed is disabled")
def test_an_entry_that_is_no_tensor_is_not_read(tmp_path):
    marker = tmp_path / "ran"
    checkpoint.save({"step": _Runs(str(marker)), "head.weight": torch.ones(5, 3)}, checkpoint_id=tmp_path / "head")
    with pytest.raises(ValueError, match=r"step in .*head is no tensor, and reading it could run code; it is not read"):
        load_head(tmp_path / "head", CosFace(3, 5))
    assert not marker.exists()


@pytest.mark.message
@pytest.mark.parametrize("content", [b"", b"\x80", b"no pickle", pickle.dumps([1])])
def test_other_contents(content, tmp_path):
    (tmp_path / ".metadata").write_bytes(content)
    with pytest.raises(ValueError, match=r"\.metadata (is damaged|holds a list)"):
        SafeReader(tmp_path).read_metadata()

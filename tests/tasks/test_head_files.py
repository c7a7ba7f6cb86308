"""One file of a head of many processes and back: every row where it was, and folders that do not fit refused."""

import pytest
import torch
from gloo_world import gloo_world
from sharded_heads import CLASSES, FEATURES, HEADS, sharded, train, whole
from torch.distributed.checkpoint.state_dict_saver import save

from subband.losses.recognition.cosface import CosFace
from subband.losses.recognition.shard import ClassShard
from subband.losses.recognition.uss import USS
from subband.tasks.head_checkpoint import load_head, save_head
from subband.tasks.head_files import merge_head, read_head, split_head


def _save(folder):
    head, optimizer = sharded("unitsface")
    train(head, optimizer, range(4))
    save_head(folder / "saved", head, optimizer, step=4)
    return whole(head)


@pytest.mark.slow
def test_two_processes_become_one_file(tmp_path):
    expected = gloo_world(_save, 2, tmp_path, tmp_path)[0]
    merge_head(tmp_path / "saved", tmp_path / "head.safetensors")
    head = HEADS["unitsface"](FEATURES, CLASSES).double()
    head.load_state_dict(read_head(tmp_path / "head.safetensors"))
    for name, value in head.state_dict().items():
        assert torch.equal(value, expected[name]), name


@pytest.fixture
def uss():
    """A head with a memory, partly filled, of 7 classes."""
    head = USS(3, 7, initial_bias=2.0)
    head.remember(torch.randn(4, 3), torch.tensor([0, 2, 6, 3]))
    return head


@pytest.mark.parametrize("kind", [".pt", ".safetensors"])
@pytest.mark.parametrize("ranks", [0, 1, 2, 3])
def test_split_and_merged_is_the_same(kind, ranks, uss, tmp_path):
    before = tmp_path / f"before{kind}"
    save_head(tmp_path / "whole", uss)
    merge_head(tmp_path / "whole", before)
    split_head(before, tmp_path / "parts", ranks=ranks)
    merge_head(tmp_path / "parts", tmp_path / f"after{kind}")
    for state in (read_head(before), read_head(tmp_path / f"after{kind}")):
        assert set(state) == set(uss.state_dict())
        assert all(torch.equal(value, state[name]) for name, value in uss.state_dict().items())


def test_the_file_of_a_process_is_its_shard(uss, tmp_path):
    """7 = 3 + 2 + 2."""
    torch.save(uss.state_dict(), tmp_path / "head.pt")
    split_head(tmp_path / "head.pt", tmp_path / "parts", ranks=3)
    for rank, rows in enumerate((slice(0, 3), slice(3, 5), slice(5, 7))):
        part = USS(3, ClassShard(7, rank, 3))
        part.load_state_dict(read_head(tmp_path / "parts" / f"rank-{rank}-of-3.pt"))
        assert torch.equal(part.memory, uss.memory[rows])
        assert torch.equal(part.filled, uss.filled[rows])
        assert torch.equal(part.bias, uss.bias)


def test_a_split_checkpoint_is_gone_on_from(uss, tmp_path):
    torch.save(uss.state_dict(), tmp_path / "head.pt")
    split_head(tmp_path / "head.pt", tmp_path / "parts")
    again = USS(3, 7)
    assert load_head(tmp_path / "parts", again) == 0
    assert torch.equal(again.memory, uss.memory)


def test_files_of_ten_and_more_processes_are_in_order(tmp_path):
    head = CosFace(3, 24)
    torch.save(head.state_dict(), tmp_path / "head.pt")
    split_head(tmp_path / "head.pt", tmp_path / "parts", ranks=12)
    assert torch.equal(merge_head(tmp_path / "parts", tmp_path / "again.pt")["weight"], head.weight)


def test_insightface_checkpoints(tmp_path):
    """Its files hold the network and the optimiser too."""
    weight = torch.randn(5, 3)
    for rank, rows in enumerate((slice(0, 3), slice(3, 5))):
        content = {"epoch": 1, "state_dict_backbone": {}, "state_dict_softmax_fc": {"weight": weight[rows]}}
        torch.save(content, tmp_path / f"checkpoint_gpu_{rank}.pt")
    assert torch.equal(merge_head(tmp_path, tmp_path / "out" / "head.safetensors")["weight"], weight)


@pytest.mark.message
@pytest.mark.filterwarnings("ignore:torch.distributed is disabled")
def test_errors_say_what_to_do(uss, tmp_path):
    (tmp_path / "parts").mkdir()
    with pytest.raises(ValueError, match=r"there is neither a distributed checkpoint nor a file of each process in "):
        merge_head(tmp_path / "parts", tmp_path / "a.pt")
    with pytest.raises(ValueError, match=r"a.zip ends in .zip, but must end in .safetensors or .pt"):
        merge_head(tmp_path / "parts", tmp_path / "a.zip")
    torch.save({"weight": torch.ones(2, 3)}, tmp_path / "parts" / "rank-0-of-3.pt")
    torch.save({"weight": torch.ones(2, 3)}, tmp_path / "parts" / "rank-2-of-3.pt")
    with pytest.raises(ValueError, match=r"of processes 0, 2, but must be one of each from 0 to 1"):
        merge_head(tmp_path / "parts", tmp_path / "a.pt")
    torch.save({"memory": torch.ones(2, 3)}, tmp_path / "parts" / "rank-1-of-3.pt")
    with pytest.raises(ValueError, match=r"rank-1-of-3.pt has memory, but .*rank-0-of-3.pt weight"):
        merge_head(tmp_path / "parts", tmp_path / "a.pt")
    (tmp_path / "b.safetensors").write_bytes(b"12")
    with pytest.raises(ValueError, match=r"b.safetensors is no file of safetensors: "):
        split_head(tmp_path / "b.safetensors", tmp_path / "c")
    with pytest.raises(ValueError, match=r"there is no file .*nothing.safetensors"):
        split_head(tmp_path / "nothing.safetensors", tmp_path / "c")
    torch.save({"epoch": 1}, tmp_path / "d.pt")
    with pytest.raises(ValueError, match=r"d.pt holds no tensors; give the state of a head"):
        split_head(tmp_path / "d.pt", tmp_path / "c")
    torch.save({"bias": torch.ones(1)}, tmp_path / "e.pt")
    with pytest.raises(ValueError, match=r"e.pt has no class weights and no memory; give the state of a head"):
        split_head(tmp_path / "e.pt", tmp_path / "c", ranks=2)
    torch.save(uss.state_dict(), tmp_path / "f.pt")
    with pytest.raises(ValueError, match="7 classes cannot be shared by 8 processes; take at most 7"):
        split_head(tmp_path / "f.pt", tmp_path / "c", ranks=8)
    save({"step": torch.tensor(0)}, checkpoint_id=tmp_path / "h", no_dist=True)
    with pytest.raises(ValueError, match=r"the checkpoint .*h holds no head; give a folder that save_head wrote"):
        merge_head(tmp_path / "h", tmp_path / "a.pt")
    save_head(tmp_path / "g", uss)
    metadata = tmp_path / "g" / ".metadata"
    metadata.write_bytes(metadata.read_bytes()[:20])
    with pytest.raises(ValueError, match=r"g/.metadata is damaged"):
        merge_head(tmp_path / "g", tmp_path / "a.pt")
    assert not (tmp_path / "a.pt").exists()
    assert not (tmp_path / "c").exists()

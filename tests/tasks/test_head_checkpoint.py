"""Checkpoints of heads: saved by two processes, gone on from by one, two and three as if nothing had been."""

import pytest
import torch
from gloo_world import gloo_world
from sharded_heads import CLASSES, FEATURES, HEADS, momentum, sharded, train, whole

from subband.losses.recognition.cosface import CosFace
from subband.losses.recognition.uss import USS
from subband.tasks import head_checkpoint
from subband.tasks.head_checkpoint import load_head, save_head

STEPS, SAVED = 6, 3


def _result(head, optimizer, losses):
    kept = {f"momentum of {key}": value for key, value in whole(head, momentum(head, optimizer)).items()}
    return {"losses": losses, **whole(head), **kept}


def _save(folder):
    """Half of the steps, then a checkpoint of each head."""
    for name in HEADS:
        head, optimizer = sharded(name)
        train(head, optimizer, range(SAVED))
        save_head(folder / name, head, optimizer, step=SAVED)


def _resume(folder):
    """The other half, from the checkpoints, by new heads that were drawn otherwise."""
    found = {}
    for name in HEADS:
        head, optimizer = sharded(name)
        with torch.no_grad():
            for value in [*head.parameters(), *head.buffers()]:
                value.add_(1) if value.is_floating_point() else value.logical_not_()
        step = load_head(folder / name, head, optimizer)
        found[name] = _result(head, optimizer, train(head, optimizer, range(step, STEPS))[0])
    return found


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    """Checkpoints of two processes, and what one process without a stop has in the end."""
    folder = tmp_path_factory.mktemp("heads")
    gloo_world(_save, 2, folder, folder)
    expected = {}
    for name in HEADS:
        head, optimizer = sharded(name)
        expected[name] = _result(head, optimizer, train(head, optimizer, range(STEPS))[0][SAVED:])
    return folder, expected


@pytest.mark.slow
@pytest.mark.parametrize("world", [1, 3])
def test_any_number_of_processes_goes_on(world, saved, tmp_path):
    folder, expected = saved
    for found in gloo_world(_resume, world, tmp_path, folder):
        for name, values in expected.items():
            assert set(found[name]) == set(values)
            for key, value in values.items():
                torch.testing.assert_close(
                    found[name][key], value, rtol=1e-12, atol=1e-12, msg=lambda t, k=key: f"{k}: {t}"
                )


def _save_four(folder):
    """Parts of 6, 5, 5, 5 classes, where torch.chunk has 6, 6, 6, 3."""
    head, optimizer = sharded("uss")
    train(head, optimizer, range(SAVED))
    save_head(folder / "four", head, optimizer)
    return whole(head)


@pytest.mark.slow
def test_parts_that_are_not_those_of_a_dtensor(tmp_path):
    expected = gloo_world(_save_four, 4, tmp_path, tmp_path)[0]
    head = USS(FEATURES, CLASSES).double()
    assert load_head(tmp_path / "four", head) == 0
    assert head.state_dict().keys() == expected.keys()
    for name, value in head.state_dict().items():
        assert torch.equal(value, expected[name]), name


def test_adam_keeps_its_moments_and_steps(tmp_path):
    heads = [CosFace(4, 6) for _ in range(2)]
    optimizers = [torch.optim.Adam(head.parameters()) for head in heads]
    x, labels = torch.randn(5, 4), torch.arange(5)
    for head, optimizer in zip(heads, optimizers, strict=True):
        head(x, labels).backward()
        optimizer.step()
    save_head(tmp_path / "head", heads[0], optimizers[0])
    load_head(tmp_path / "head", heads[1], optimizers[1])
    for head, optimizer in zip(heads, optimizers, strict=True):
        optimizer.zero_grad()
        head(x, labels).backward()
        optimizer.step()
    assert torch.equal(heads[0].weight, heads[1].weight)


def test_a_checkpoint_is_replaced_whole_or_not_at_all(tmp_path, monkeypatch):
    first, second, third = CosFace(4, 6), CosFace(4, 6), CosFace(4, 6)
    save_head(tmp_path / "head", first, step=1)
    save_head(tmp_path / "head", second, step=2)
    monkeypatch.setattr(head_checkpoint, "save", lambda *_, **__: (_ for _ in ()).throw(OSError(28, "No space left")))
    with pytest.raises(OSError, match=r"cannot write .*head: there is no space left on the device; free some"):
        save_head(tmp_path / "head", first, step=3)
    assert load_head(tmp_path / "head", third) == 2
    assert torch.equal(third.weight, second.weight)
    assert {path.name for path in tmp_path.iterdir()} <= {"head", ".head.partial"}


@pytest.mark.message
def test_errors_say_what_to_do(tmp_path):
    with pytest.raises(ValueError, match=r"there is no distributed checkpoint in .*nowhere; give the folder that"):
        load_head(tmp_path / "nowhere", CosFace(4, 6))
    save_head(tmp_path / "head", CosFace(4, 6))
    with pytest.raises(
        ValueError, match=r"head holds a head of weight, but USS has bias, filled, memory, started; make"
    ):
        load_head(tmp_path / "head", USS(4, 6))
    with pytest.raises(
        ValueError, match=r"weight in .*head has shape \(6, 4\), but this head needs \(7, 4\); make the"
    ):
        load_head(tmp_path / "head", CosFace(4, 7))
    part = next((tmp_path / "head").glob("*.distcp"))
    part.write_bytes(part.read_bytes()[:100])
    with pytest.raises(ValueError, match=r"the checkpoint .*head is damaged \(.*\); take an older one"):
        load_head(tmp_path / "head", CosFace(4, 6))
    part.unlink()
    with pytest.raises(ValueError, match=r"the checkpoint .*head is damaged \(.*\); take an older one"):
        load_head(tmp_path / "head", CosFace(4, 6))

"""The estimate of a step's memory against what PyTorch's allocator counts."""

import gc

import pytest
import torch
from torch.autograd.profiler import profile

from subband.losses.registration import diffusion_loss, ncc_loss
from subband.models._winet_memory import estimate_memory
from subband.models.winet import WiNet
from subband.transforms.exponential import exponential
from subband.transforms.warp import warp

BATCH = 2  # a single small volume goes to PyTorch's slow convolution, which unfolds it


def loss(warped, fixed, field):
    return ncc_loss(fixed, warped) + diffusion_loss(field)


def measured(step):
    """Most bytes that the allocator held above the start."""
    step()
    gc.collect()
    with profile(profile_memory=True) as record:
        step()
    held = peak = 0
    events = [event for event in record.kineto_results.events() if event.name() == "[memory]"]
    for event in sorted(events, key=lambda event: event.start_ns()):
        held += event.nbytes()
        peak = max(peak, held)
    return peak


def train(model, space, batch=BATCH):
    """One step, but for the optimiser's."""
    moving, fixed = torch.rand(2, batch, 1, *space).unbind()
    moving, fixed = moving.clone(), fixed.clone()
    field = model(moving, fixed)
    warped = warp(moving, exponential(field) if field.kind == "velocity" else field)
    value = loss(warped, fixed, field)
    del warped, field
    value.backward()
    model.zero_grad()


@pytest.mark.parametrize(
    ("space", "options"),
    [
        ((16, 32, 32), {}),
        ((33, 20, 32), {}),
        ((16, 32, 32), {"checkpointing": True}),
        ((33, 20, 32), {"diffeomorphic": True, "wavelet": "db4", "checkpointing": True}),
    ],
)
def test_a_training_step(space, options, monkeypatch):
    """Equal but for what kernels allocate inside themselves."""
    monkeypatch.setenv("KINETO_LOG_LEVEL", "99")
    model = WiNet(width=2, **options)
    estimate = estimate_memory(model, space, batch=BATCH, loss=loss)
    parameters = sum(one.numel() * one.element_size() for one in model.parameters())
    assert estimate.weights == 4 * parameters
    ratio = (estimate.peak - 3 * parameters) / measured(lambda: train(model, space))
    assert 0.9 < ratio < 1.001


def test_what_is_kept_for_the_backward_pass():
    model, seen = WiNet(width=2), {}
    moving, fixed = torch.rand(BATCH, 1, 32, 32, 32), torch.rand(BATCH, 1, 32, 32, 32)
    mine = {one.untyped_storage().data_ptr() for one in model.parameters()}

    def keep(x):
        if x.untyped_storage().data_ptr() not in mine:
            seen[x.untyped_storage().data_ptr()] = x.untyped_storage().nbytes()
        return x

    with torch.autograd.graph.saved_tensors_hooks(keep, lambda x: x):
        field = model(moving, fixed)
        value = loss(warp(moving, field), fixed, field)
        total = sum(seen.values())
    assert value.requires_grad
    assert estimate_memory(model, (32, 32, 32), batch=BATCH, loss=loss).saved == pytest.approx(total, rel=0.02)


def test_what_is_kept_grows_with_the_voxels_and_nothing_changes():
    model = WiNet(width=8, checkpointing=True)
    before = {name: one.clone() for name, one in model.named_parameters()}
    small, large = (estimate_memory(model, (size, 32, 32)) for size in (32, 64))
    assert large.saved / small.saved == pytest.approx(2, rel=0.01)
    assert all(torch.equal(one, before[name]) and one.grad is None for name, one in model.named_parameters())
    assert small.saved < estimate_memory(WiNet(width=8), (32, 32, 32)).saved / 2


def test_a_prediction_keeps_nothing():
    model = WiNet(width=1, diffeomorphic=True)
    found = estimate_memory(model, (16, 32, 32), training=False)
    assert found.saved == 0
    assert found.weights < found.peak < estimate_memory(model, (16, 32, 32)).peak
    assert str(found) == f"A prediction at 16 x 32 x 32 needs about {found.peak / 2**20:.0f} MiB"


def test_images_and_batches_in_words():
    text = str(estimate_memory(WiNet(width=1, dims=2, channels=3), (4096, 2048), batch=4))
    assert text.startswith("A training step at 4096 x 2048 x 4 needs about ")
    assert text.endswith(" GiB is kept for the backward pass")
    assert estimate_memory(WiNet(width=1, dims=2), (64, 64)).title == "A training step at 64 x 64"


@pytest.mark.message
def test_errors():
    with pytest.raises(ValueError, match="batch is 0"):
        estimate_memory(WiNet(width=1), (32, 32, 32), batch=0)
    with pytest.raises(ValueError, match="must have 16 or more"):
        estimate_memory(WiNet(width=1), (8, 32, 32))

"""Large tensors are filtered part by part; nothing of that can be seen."""

import pytest
import torch

from subband.transforms import _parts, dwt, idwt, iswt, swt
from subband.transforms._parts import in_parts


@pytest.fixture
def small_parts(monkeypatch):
    monkeypatch.setattr(_parts, "PART_BYTES", 2**10)


@pytest.mark.parametrize("dims", [(1,), (2,), (1, 2), (0, 2)])
@pytest.mark.parametrize("mode", ["periodization", "reflect", "authors"])
def test_parts_give_what_the_whole_gives(dims, mode, generator, monkeypatch):
    x = torch.randn((7, 21, 34), generator=generator, dtype=torch.float64)
    found = []
    for size in (2**30, 2**10):
        monkeypatch.setattr(_parts, "PART_BYTES", size)
        leaf = x.clone().requires_grad_()
        bands = dwt(leaf, "db3", dims=dims, mode=mode)
        slope = torch.autograd.grad(sum(band.pow(3).sum() for band in bands.values()), leaf)[0]
        back = idwt(bands, "db3", dims=dims, mode=mode, shape=[x.shape[axis] for axis in dims])
        found.append([*bands.values(), slope, back])
    for whole, parts in zip(*found, strict=True):
        assert torch.equal(whole, parts)


def test_stationary_transforms_too(small_parts, generator):
    x = torch.randn((5, 16, 16), generator=generator, dtype=torch.float64)
    assert torch.allclose(iswt(swt(x, "db2", level=2)), x, atol=1e-12)


@pytest.mark.parametrize("shape", [(5, 3, 40), (1, 9, 40), (40,), (1, 40)])
def test_every_part_is_taken_once(shape, small_parts):
    x = torch.arange(torch.Size(shape).numel(), dtype=torch.float64).reshape(shape)
    sizes = []

    def double(parts):
        sizes.append(parts[0].numel())
        return [2 * parts[0], -parts[0][..., ::2]]

    twice, half = in_parts(double, [x], len(shape) - 1)
    assert torch.equal(twice, 2 * x)
    assert torch.equal(half, -x[..., ::2])
    assert sum(sizes) == x.numel()
    assert (len(sizes) > 1) == (max(shape[:-1], default=1) > 1 and x.nbytes >= 2**11)

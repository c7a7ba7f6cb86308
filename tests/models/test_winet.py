"""WiNet: parameter counts, a restatement of its last stage, sizes, units, variants, memory layouts, errors."""

import copy

import pytest
import pywt
import torch

from subband.layers.dwt import stack_bands
from subband.models.winet import WiNet
from subband.transforms import dwt
from subband.transforms.exponential import exponential

COUNTS = {1: 54_721, 2: 128_885, 4: 397_885, 8: 1_418_573, 16: 5_390_701}


def images(generator, *space, batch=1, channels=1):
    return tuple(torch.rand(2, batch, channels, *space, generator=generator))


def gradients(model, moving, fixed):
    return torch.autograd.grad(model(moving, fixed).vectors.square().sum(), list(model.parameters()))


@pytest.mark.parametrize(("width", "count"), COUNTS.items())
def test_the_authors_numbers_of_parameters(width, count):
    with torch.device("meta"):
        assert sum(one.numel() for one in WiNet(width=width).parameters()) == count


def test_bands_become_the_field_as_pywavelets_does_it(generator):
    """With depthwise convolutions that pass on, the coarsest stage is PyWavelets' inverse of bands and components."""
    model = WiNet(width=1, wavelet="db4")
    coarse = torch.randn(1, 24, 8, 4, 6, generator=generator)
    found = model._joined(0, coarse[:, :3], coarse[:, 3:])[0].detach()
    names = ["aaa", "aad", "ada", "add", "daa", "dad", "dda", "ddd"]
    for component in range(3):
        bands = {name: coarse[0, 3 * number + component].double().numpy() for number, name in enumerate(names)}
        expected = torch.from_numpy(pywt.idwtn(bands, "db4", mode="periodization"))
        assert torch.allclose(found[component].double(), expected, atol=1e-5)


def test_a_constant_low_band_by_hand():
    """Zero details and a low band of 1 in 3-D Haar: every inverse divides by 2 sqrt(2)."""
    model = WiNet(width=1)
    for refinement in model.refine:
        torch.nn.init.zeros_(refinement.second.weight)
    coarse, middle, fine = (torch.zeros(1, n, s, s, s) for n, s in ((24, 2), (21, 4), (21, 8)))
    coarse[:, :3] = torch.tensor([1.0, 2.0, -3.0]).view(1, 3, 1, 1, 1)
    vectors = model.put_together(coarse, middle, fine)
    expected = torch.tensor([1.0, 2.0, -3.0]) / 8**1.5
    assert torch.allclose(vectors, expected.view(1, 3, 1, 1, 1).expand(1, 3, 16, 16, 16), atol=1e-7)


def test_details_meet_their_own_band_of_the_coarser_level(generator):
    """Each group of the refinement sees the coarse and the fine vectors of one band, and no other."""
    refinement = WiNet(width=1, dims=2).refine[0]
    coarse, fine = torch.randn(1, 6, 4, 5, generator=generator), torch.randn(1, 6, 8, 10, generator=generator)
    base = refinement(coarse, fine)
    for band in range(3):
        for changed in (coarse, fine):
            other = changed.clone()
            other[:, 2 * band : 2 * band + 2] += 1
            found = refinement(other, fine) if changed is coarse else refinement(coarse, other)
            moved = (found - base).abs().amax((0, 2, 3)) > 0
            assert moved.tolist() == [number // 2 == band for number in range(6)]


def test_the_images_enter_as_bands_one_after_the_other(generator):
    model = WiNet(width=1, wavelet="db2")
    moving, fixed = images(generator, 16, 16, 32)
    seen = []
    model.down[0].register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
    model(moving, fixed)
    expected = torch.cat([stack_bands(dwt(x[:, 0], "db2", dims=3)) for x in (moving, fixed)], 1)
    assert torch.equal(seen[0], expected)


@pytest.mark.parametrize(
    "space", [(16, 16, 16), (40, 31, 57), (48, 20, 16), (17, 33, 16), (64, 32, 32), (16, 16), (61, 18)]
)
def test_any_size_from_16_on(space, generator):
    model = WiNet(width=1, dims=len(space))
    field = model(*images(generator, *space, batch=2))
    assert (field.vectors.shape, field.unit, field.kind) == ((2, len(space), *space), "normalised", "displacement")
    assert torch.isfinite(field.vectors).all()


def test_a_cropped_field_keeps_its_length_in_voxels():
    """The padded volume is the same as one of that size: so are the displacements in voxels."""
    model = WiNet(width=1, initial="authors")
    moving, fixed = torch.rand(2, 1, 1, 20, 32, 24, generator=torch.Generator().manual_seed(3))
    padded = [torch.nn.functional.pad(x, [4, 4, 0, 0, 6, 6], mode="reflect") for x in (moving, fixed)]
    whole = model(*padded).to_unit("voxel").vectors[:, :, 6:26, :, 4:28]
    found = model(moving, fixed).to_unit("voxel").vectors
    assert whole.abs().max() > 0.1
    assert torch.allclose(found, whole, atol=1e-6)


@pytest.mark.parametrize("dims", [2, 3])
@pytest.mark.parametrize("wavelet", ["haar", "db4", "bior2.2"])
def test_it_begins_with_the_identity(dims, wavelet, generator):
    model = WiNet(width=2, dims=dims, wavelet=wavelet)
    pair = images(generator, *[32] * dims)
    assert model(*pair).to_unit("voxel").vectors.abs().max() < 0.1
    assert WiNet(width=2, dims=dims, wavelet=wavelet, initial="authors")(*pair).vectors.abs().max() > 0.01


@pytest.mark.parametrize("checkpointing", [False, True])
def test_every_parameter_learns(checkpointing, generator):
    model = WiNet(width=1, checkpointing=checkpointing)
    for gradient in gradients(model, *images(generator, 32, 16, 16)):
        assert torch.isfinite(gradient).all()
    assert all(gradient.abs().max() > 0 for gradient in gradients(model, *images(generator, 32, 32, 16)))


def test_checkpointing_changes_no_bit_and_keeps_less(generator):
    plain = WiNet(width=2, initial="authors")
    lean = copy.deepcopy(plain)
    lean.checkpointing = True
    pair = images(generator, 32, 32, 32)
    kept = []
    for model in (plain, lean):
        seen = {}
        with torch.autograd.graph.saved_tensors_hooks(
            lambda x, seen=seen: seen.setdefault(x.untyped_storage().data_ptr(), x) is None or x, lambda x: x
        ):
            found = model(*pair).vectors
        kept.append(sum(one.untyped_storage().nbytes() for one in seen.values()))
        found.sum().backward()
    assert torch.equal(plain(*pair).vectors, lean(*pair).vectors)
    for one, other in zip(plain.parameters(), lean.parameters(), strict=True):
        assert torch.equal(one.grad, other.grad)
    assert kept[1] < kept[0] / 2


def test_a_batch_is_its_pairs(generator):
    model = WiNet(width=1, initial="authors", channels=2)
    moving, fixed = images(generator, 16, 32, 16, batch=3, channels=2)
    together = model(moving, fixed).vectors
    for n in range(3):
        alone = model(moving[n : n + 1], fixed[n : n + 1]).vectors[0]
        assert torch.allclose(together[n], alone, atol=1e-5)


def test_the_diffeomorphic_variant_gives_a_velocity(generator):
    model = WiNet(width=1, initial="authors", diffeomorphic=True)
    pair = images(generator, 16, 32, 16)
    field = model(*pair)
    assert field.kind == "velocity"
    displacement = model.displacement(*pair)
    assert displacement.kind == "displacement"
    assert torch.equal(displacement.vectors, exponential(field).vectors)
    plain = WiNet(width=1)
    assert torch.equal(plain.displacement(*pair).vectors, plain(*pair).vectors)


def test_channels_last_gives_the_same(generator):
    for dims, layout in ((2, torch.channels_last), (3, torch.channels_last_3d)):
        model = WiNet(width=2, dims=dims, initial="authors")
        pair = images(generator, *[32] * dims)
        expected = model(*pair).vectors
        assert torch.allclose(model.to(memory_format=layout)(*pair).vectors, expected, atol=1e-5)


def test_bfloat16_autocast_leaves_the_field_in_float32(generator):
    model = WiNet(width=1, initial="authors", checkpointing=True)
    pair = images(generator, 32, 32, 32)
    expected = model(*pair).vectors
    with torch.autocast("cpu", torch.bfloat16):
        found = model(*pair).vectors
    assert found.dtype == torch.float32
    assert (found - expected).norm() / expected.norm() < 0.05
    found.square().sum().backward()
    assert all(torch.isfinite(one.grad).all() for one in model.parameters())


def test_float64(generator):
    model = WiNet(width=1, dims=2, initial="authors")
    moving, fixed = images(generator, 20, 32)
    found = model(moving, fixed).vectors
    exact = model.double()(moving.double(), fixed.double()).vectors
    assert exact.dtype == torch.float64
    assert torch.allclose(found.double(), exact, atol=1e-5)


def test_gradients_by_finite_differences(generator):
    model = WiNet(width=1, dims=2, wavelet="db2", initial="authors").double()
    moving, fixed = (x.double() for x in images(generator, 20, 16))
    moving.requires_grad_()
    assert torch.autograd.gradcheck(lambda x: model(x, fixed).vectors, (moving,), fast_mode=True, atol=1e-4)


def test_inputs_are_left_as_they_are(generator):
    pair = images(generator, 16, 16, 16)
    before = [x.clone() for x in pair]
    WiNet(width=1)(*pair)
    assert all(torch.equal(x, y) for x, y in zip(pair, before, strict=True))


def test_weights_come_back_from_a_file(generator, tmp_path):
    model = WiNet(width=1, wavelet="db2", diffeomorphic=True)
    torch.save(model.state_dict(), tmp_path / "weights.pt")
    other = WiNet(width=1, wavelet="db2", diffeomorphic=True)
    other.load_state_dict(torch.load(tmp_path / "weights.pt", weights_only=True))
    pair = images(generator, 16, 16, 16)
    assert torch.equal(model(*pair).vectors, other(*pair).vectors)


@pytest.mark.slow
def test_export(generator):
    """The network without its unit, as torch.export takes it."""

    class Vectors(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.model = WiNet(width=1, dims=2, initial="authors")

        def forward(self, moving, fixed):
            return self.model.vectors(moving, fixed)

    pair = images(generator, 32, 20)
    module = Vectors()
    program = torch.export.export(module, pair).module()
    assert torch.allclose(program(*pair), module(*pair), atol=1e-6)


@pytest.mark.message
@pytest.mark.parametrize(
    ("other", "text"),
    [
        ({"diffeomorphic": True}, "of a WiNet with diffeomorphic=True, but this one has False"),
        ({"wavelet": "db4"}, "wavelet='db4', but this one has 'haar'"),
        ({"border": "authors"}, "border='authors', but this one has 'periodization'"),
    ],
)
def test_weights_of_another_variant_are_refused(other, text):
    with pytest.raises(ValueError, match=text):
        WiNet(width=1).load_state_dict(WiNet(width=1, **other).state_dict())


@pytest.mark.message
@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"width": 0}, "width is 0, but must be greater than 0"),
        ({"channels": 0}, "channels is 0"),
        ({"dims": 4}, "dims is 4, but must be 2 for images or 3 for volumes"),
        ({"initial": "identiti"}, "did you mean 'identity'"),
        ({"border": "author"}, "did you mean 'authors'"),
        ({"wavelet": "harr"}, "did you mean 'haar'"),
    ],
)
def test_wrong_options(options, text):
    with pytest.raises(ValueError, match=text):
        WiNet(**{"width": 1, **options})


@pytest.mark.message
def test_wrong_images():
    model = WiNet(width=1)
    good = torch.zeros(1, 1, 16, 16, 16)
    with pytest.raises(ValueError, match=r"takes \(batch, 1, depth, height, width\); add the batch axis"):
        model(good[0], good[0])
    with pytest.raises(ValueError, match="has shape"):
        model(good, torch.zeros(1, 1, 16, 16, 32))
    with pytest.raises(ValueError, match=r"have \(16, 15, 16\) voxels, but must have 16 or more on each axis"):
        model(good[..., :15, :], good[..., :15, :])

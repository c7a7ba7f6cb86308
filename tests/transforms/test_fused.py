"""The fused kernel against the eager transform: in Triton's interpreter in a process of its own, and on a GPU.

Triton reads ``TRITON_INTERPRET`` when it is imported, so the tests with a ``device`` wait for the process that
`test_in_the_interpreter` starts.
"""

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import pywt
import torch

from subband.transforms import _fused, _fused_launch, dwt, filter_bank, idwt, orthogonal_bank, wavedec, waverec
from subband.transforms.dwt import band_sizes

INTERPRETED = os.environ.get("TRITON_INTERPRET") == "1"
ROOT = Path(__file__).resolve().parents[2]
needs_triton = pytest.mark.skipif(importlib.util.find_spec("triton") is None, reason="Triton is not installed")


@pytest.fixture(params=["cpu", pytest.param("cuda", marks=pytest.mark.gpu)])
def device(request):
    if request.param == "cpu" and not INTERPRETED:
        pytest.skip("Triton's interpreter runs in a process of its own")
    if request.param == "cuda" and (INTERPRETED or not torch.cuda.is_available()):
        pytest.skip("there is no CUDA device")
    return request.param


def noise(*shape, device="cpu", dtype=torch.float64, seed=3):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=dtype).to(device)


def fused(tensor):
    """Whether the kernel made a tensor."""
    names, nodes = set(), [tensor.grad_fn]
    for node in nodes:
        names.add(type(node).__name__)
        nodes += [parent for parent, _ in node.next_functions if parent]
    return bool(names & {"_AnalysisBackward", "_TransposeBackward"})


def both_ways(x, wavelet, mode, compiled):
    """Bands, gradient and inverse."""
    x = x.clone().requires_grad_()
    bands = dwt(x, wavelet, mode=mode, compiled=compiled)
    slopes = [
        noise(*band.shape, device=x.device, dtype=x.dtype, seed=place) for place, band in enumerate(bands.values())
    ]
    (gradient,) = torch.autograd.grad(list(bands.values()), x, slopes)
    back = idwt(bands, wavelet, mode=mode, shape=x.shape[-2:], compiled=compiled)
    assert fused(bands["dd"]) == fused(back) == compiled
    return *bands.values(), gradient, back


def require_equal(found, wanted, tolerance=1e-12):
    for one, other in zip(found, wanted, strict=True):
        assert one.shape == other.shape
        assert one.dtype == other.dtype
        assert one.is_contiguous()
        assert (one - other).abs().max() <= tolerance


@pytest.mark.parametrize("mode", _fused.MODES)
@pytest.mark.parametrize("wavelet", ["haar", "db2", "bior2.2"])
def test_equal_to_the_eager_transform(wavelet, mode, device):
    """Bands, gradient and inverse; odd rows, even columns."""
    x = noise(7, 10, device=device)
    require_equal(both_ways(x, wavelet, mode, True), both_ways(x, wavelet, mode, False))


@pytest.mark.parametrize("mode", ["periodization", "authors", "constant", "reflect"])
@pytest.mark.parametrize("shape", [(1, 3), (2, 1, 3, 2)])
def test_images_smaller_than_the_filter(shape, mode, device):
    if mode == "authors" and min(shape[-2:]) == 1:
        pytest.skip("the mode leaves no low-pass sample of one")
    x = noise(*shape, device=device)
    require_equal(both_ways(x, "db3", mode, True), both_ways(x, "db3", mode, False))


@pytest.mark.parametrize(("wavelet", "mode"), [("db4", "periodization"), ("db2", "symmetric")])
def test_several_tiles(wavelet, mode, device, monkeypatch):
    """Tiles at both ends and between them, which do without the table of columns."""
    monkeypatch.setattr(_fused_launch, "TILE", (8, 8))
    x = noise(15, 70, device=device)
    require_equal(both_ways(x, wavelet, mode, True), both_ways(x, wavelet, mode, False))


def test_the_longest_filter_on_tiles_of_the_usual_size(device):
    x = noise(5, 3 * 2 * _fused_launch.TILE[1] + 7, device=device)
    wanted = dwt(x, "db6", mode="zero")
    require_equal(dwt(x, "db6", mode="zero", compiled=True).values(), wanted.values())


def test_equal_to_pywavelets(device):
    x = noise(13, 18, device=device)
    found = dwt(x, "bior2.4", mode="symmetric", compiled=True)
    low, (down, across, both) = pywt.dwt2(x.cpu().numpy(), "bior2.4", mode="symmetric")
    for name, band in {"aa": low, "da": down, "ad": across, "dd": both}.items():
        np.testing.assert_allclose(found[name].cpu().numpy(), band, atol=1e-12)


@pytest.mark.parametrize("mode", ["periodization", "symmetric"])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16])
def test_precision(dtype, mode, device):
    """Sums are taken in float32, so that half precision is rounded once; what is folded inside, too."""
    x = noise(5, 8, device=device).to(dtype)
    found = both_ways(x, "db2", mode, True)[:5]
    wanted = both_ways(x.double(), "db2", mode, False)[:5]
    digits = {torch.float32: 19, torch.bfloat16: 8, torch.float16: 11}[dtype]
    cut_off = dtype == torch.bfloat16 and INTERPRETED  # which does not round to the nearest
    for one, other in zip(found[:4], wanted[:4], strict=True):
        assert one.dtype == dtype
        assert ((one.double() - other).abs() <= 2.0 ** (cut_off - digits) * other.abs() + 2e-6).all()
    slopes = [noise(*band.shape, device=device, seed=place).to(dtype) for place, band in enumerate(found[:4])]
    leaf, exact = x.clone().requires_grad_(), x.double().requires_grad_()
    (one,) = torch.autograd.grad(list(dwt(leaf, "db2", mode=mode, compiled=True).values()), leaf, slopes)
    bands = list(dwt(exact, "db2", mode=mode).values())
    (other,) = torch.autograd.grad(bands, exact, [slope.double() for slope in slopes])
    assert ((one.double() - other).abs() <= 2.0 ** (cut_off - digits) * other.abs() + 2e-6).all()


@pytest.mark.parametrize(("wavelet", "mode"), [("haar", "authors")])
def test_derivatives(wavelet, mode, device):
    """First and second, of the transform and of its inverse."""
    x = noise(3, 4, device=device).requires_grad_()
    bands = {name: band.detach().requires_grad_() for name, band in dwt(x, wavelet, mode=mode).items()}

    def there(x):
        return tuple(dwt(x, wavelet, mode=mode, compiled=True).values())

    def back(*parts):
        return idwt(dict(zip(bands, parts, strict=True)), wavelet, mode=mode, shape=(3, 4), compiled=True)

    assert torch.autograd.gradcheck(there, (x,), fast_mode=True)
    assert torch.autograd.gradgradcheck(there, (x,), fast_mode=True)
    assert torch.autograd.gradcheck(back, tuple(bands.values()), fast_mode=True)


def test_a_second_derivative_that_is_not_zero(device):
    x, results = noise(5, 6, device=device).requires_grad_(), []
    for compiled in (True, False):
        value = dwt(x, "db2", compiled=compiled)["ad"].pow(3).sum()
        (first,) = torch.autograd.grad(value, x, create_graph=True)
        results.append(torch.autograd.grad(first.square().sum(), x))
    require_equal(*results)


def test_some_bands_alone(device):
    """The gradient of one band, and the inverse of two."""
    x, slopes = noise(2, 6, 9, device=device).requires_grad_(), []
    for compiled in (True, False):
        slopes.append(torch.autograd.grad(dwt(x, "db3", compiled=compiled)["da"].square().sum(), x))
    require_equal(*slopes)
    bands = {name: band for name, band in dwt(x.detach(), "db3").items() if name in ("ad", "dd")}
    some = {name: band.requires_grad_() for name, band in bands.items()}
    found, wanted = (idwt(some, "db3", shape=(6, 9), compiled=compiled) for compiled in (True, False))
    assert fused(found)
    require_equal([found], [wanted])
    inputs = list(some.values())
    require_equal(torch.autograd.grad(found.pow(2).sum(), inputs), torch.autograd.grad(wanted.pow(2).sum(), inputs))


@pytest.mark.filterwarnings("ignore:`torch.jit.script` is deprecated:FutureWarning")
def test_batched_and_forward_derivatives(device):
    x, tangent = noise(2, 4, 5, device=device), noise(2, 4, 5, device=device, seed=8)

    def change(x, compiled):
        bands = dwt(x, "haar", compiled=compiled)
        bands["aa"] = bands["aa"].square()
        return idwt(bands, "haar", shape=(4, 5), compiled=compiled)

    results = []
    for compiled in (True, False):
        function = lambda x, compiled=compiled: change(x, compiled)  # noqa: E731
        slopes = torch.func.vmap(torch.func.grad(lambda x, function=function: function(x).sum()))(x)
        batched = torch.func.vmap(function, in_dims=1)(x.movedim(0, 1))
        results.append((batched, slopes, *torch.func.jvp(function, (x,), (tangent,))))
    require_equal(*results)
    zeros = {"dd": torch.zeros(2, 3, dtype=x.dtype, device=device)}  # not batched, and two bands missing

    def mixed(band, compiled):
        return idwt({"aa": band} | zeros, "haar", shape=(4, 5), compiled=compiled)

    bands = noise(2, 2, 3, device=device)
    require_equal(*([torch.func.vmap(lambda band, on=on: mixed(band, on))(bands)] for on in (True, False)))


def test_several_levels(device):
    x = noise(1, 11, 14, device=device)
    found, wanted = (wavedec(x, "db2", level=2, compiled=compiled) for compiled in (True, False))
    require_equal(found.details[0].values(), wanted.details[0].values())
    require_equal([waverec(found, compiled=True)], [x])


def test_an_image_that_is_not_contiguous(device):
    x = noise(2, 9, 12, device=device)
    for view in (x[:, 1:, ::2], x.mT, x[:1].expand(3, -1, -1)):
        require_equal(both_ways(view, "db2", "zero", True), both_ways(view.contiguous(), "db2", "zero", False))


def test_what_is_left_to_the_eager_transform(device):
    x, taps = noise(2, 3, 8, 8, device=device), filter_bank("db2").dec_lo
    assert _fused.claims([x], (2, 3), taps, "zero")
    assert not _fused.claims([x], (3, 2), taps, "zero")
    assert not _fused.claims([x], (1, 2, 3), taps, "zero")
    assert not _fused.claims([x], (2, 3), taps, "smooth")
    assert not _fused.claims([x], (2, 3), filter_bank("db7").dec_lo, "zero")
    assert not _fused.claims([x], (2, 3), torch.tensor(taps), "zero")
    assert not _fused.claims([x.contiguous(memory_format=torch.channels_last)], (2, 3), taps, "zero")
    assert not _fused.claims([x[:0]], (2, 3), taps, "zero")
    assert not _fused.claims([x, x.float()], (2, 3), taps, "zero")
    assert not _fused.claims([x, x[:1]], (2, 3), taps, "zero")
    learnable = orthogonal_bank(torch.tensor(filter_bank("db2").rec_lo, dtype=x.dtype, device=device))
    require_equal(dwt(x, learnable, compiled=True).values(), dwt(x, "db2").values())


def test_within_a_compiled_function(device):
    """The eager sums, which torch.compile fuses with what is around them."""
    x = noise(2, 6, 7, device=device, dtype=torch.float32)
    function = torch.compile(lambda x: dwt(x, "db2", compiled=True)["ad"], fullgraph=True, backend="eager")
    require_equal([function(x)], [dwt(x, "db2")["ad"]], 1e-6)


@pytest.mark.gpu
def test_the_same_every_time():
    x = noise(4, 65, 77, device="cuda", dtype=torch.float32)
    first, second = (both_ways(x, "db4", "symmetric", True) for _ in range(2))
    assert all(torch.equal(one, other) for one, other in zip(first, second, strict=True))


def test_the_tables_are_the_definition():
    """-1 stands for zero; constant repeats the ends; periodization first repeats the last of an odd number."""
    cpu = torch.device("cpu")
    assert _fused_launch._samples(-2, 8, 4, "zero", cpu).tolist() == [-1, -1, 0, 1, 2, 3, -1, -1]
    assert _fused_launch._samples(-2, 8, 3, "constant", cpu).tolist() == [0, 0, 0, 1, 2, 2, 2, 2]
    assert _fused_launch._samples(-2, 8, 3, "periodization", cpu).tolist() == [2, 2, 0, 1, 2, 2, 0, 1]
    assert _fused_launch._coefficients(-1, 5, 3, "periodization", cpu).tolist() == [2, 0, 1, 2, 0]
    assert _fused_launch._coefficients(-1, 5, 3, "zero", cpu).tolist() == [-1, 0, 1, 2, -1]


@pytest.mark.parametrize("mode", _fused.MODES)
def test_coefficients_reach_no_further_than_the_extent(mode):
    """What is folded inside holds every position that a coefficient is spread to."""
    bank = filter_bank("db3")
    for size in (1, 4, 5, 16):
        before = 2 if mode in ("periodization", "authors") else 4
        counts = (band_sizes(size, bank, mode), band_sizes(size, bank, mode))
        plane = _fused_launch.Plane(bank.analysis, before, mode, (size, size), counts)
        start, length = _fused_launch._extent(plane, 0)
        assert length - start >= size
        if start:
            assert (start, length) >= (before, 2 * (counts[0][1] - 1) + 6)


def run(code_or_arguments, **variables):
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST", "TRITON"))}
    environment |= {"PYTHONPATH": os.pathsep.join(sys.path), **variables}
    done = subprocess.run(
        [sys.executable, *code_or_arguments], cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@needs_triton
@pytest.mark.slow
@pytest.mark.skipif(INTERPRETED, reason="this is the process that it starts")
def test_in_the_interpreter():
    """All tests of this file that take a device."""
    options = ["-q", "-m", "not gpu", "-k", "not interpreter", "-p", "no:cacheprovider"]
    printed = run(["-m", "pytest", *options, str(Path(__file__).relative_to(ROOT))], TRITON_INTERPRET="1")
    assert " passed" in printed
    assert "failed" not in printed


@pytest.mark.skipif(INTERPRETED, reason="for the process without the interpreter")
def test_triton_is_not_imported_where_it_is_not_used():
    """Neither by the import nor by a transform on a CPU; so nothing is lost where there is none."""
    code = """
import sys, torch
from subband.transforms import dwt, _fused
dwt(torch.ones(4, 4))
assert not _fused.claims([torch.ones(4, 4)], (0, 1), (1.0, 1.0), "zero")
assert "triton" not in sys.modules and "subband.transforms._fused_tiles" not in sys.modules
"""
    run(["-c", code])


COMPILED_FOR_A_GPU = """
import torch
from triton.backends.compiler import GPUTarget
from triton.runtime import driver

class Hopper:
    get_current_target = lambda self: GPUTarget("cuda", 90, 32)
    get_current_device = lambda self: 0
    get_current_stream = lambda self, device=0: 0
    get_active_torch_device = lambda self: torch.device("cpu")

driver.set_active(Hopper())
from subband.transforms import _fused_tiles, filter_bank
x, band, table = torch.ones(2, 32, 64), torch.ones(2, 16, 32), torch.zeros(80, dtype=torch.int32)
for name, bands in (("analyse", (band,) * 4), ("transpose", (band, None, None, band))):
    kernel = getattr(_fused_tiles, name).warmup(
        x, bands, (table, table), (32, 64, 16, 16, 32, 32), filter_bank("haar").analysis, 0, (16, 32),
        num_warps=8, enable_fp_fusion=True, grid=(1,),
    )
    assert "ld.global.v" in kernel.asm["ptx"] and "st.global.v" in kernel.asm["ptx"]
"""


@needs_triton
@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux" or INTERPRETED, reason="Triton's compiler is there on Linux")
def test_the_kernels_compile_for_a_gpu(tmp_path):
    """Without one: to code that reads and writes several numbers at once."""
    pytest.importorskip("triton.backends.nvidia")
    run(["-c", COMPILED_FOR_A_GPU], TRITON_CACHE_DIR=str(tmp_path))

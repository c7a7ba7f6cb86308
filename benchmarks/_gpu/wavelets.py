"""Sections on the wavelet transforms and converted networks."""

import torch

from _gpu.clock import Given, Rows, Work, captured, ratios

WAVELETS = ("haar", "db2", "db4", "bior4.4", "ch3.3")
MODES = ("periodization", "symmetric", "reflect", "zero", "authors")
SHAPES = [
    ((8, 32, 128, 128), torch.float32),
    ((4, 1, 512, 512), torch.float32),
    ((64, 64, 224, 224), torch.float32),
    ((64, 64, 224, 224), torch.bfloat16),
]
TILES = ((8, 32), (16, 16), (16, 32), (32, 16), (8, 64), (16, 64))


def dwt(given: Given) -> dict[str, Rows]:
    """Results of the transforms against float64, and their time over a copy."""
    return {"wavelets, correctness": _correctness(given.device), "wavelets, time": _times(given)}


def networks(given: Given) -> dict[str, Rows]:
    """One training step of ResNet-50 and of its wavelet forms, in bfloat16 and channels last."""
    import torchvision

    from subband.layers import waveletize

    batch, size = (1, 64) if given.small else (64, 224)
    image = torch.randn((batch, 3, size, size), device=given.device).contiguous(memory_format=torch.channels_last)
    works: dict[str, Work] = {}
    for name in ("vanilla", "haar", "db4", "blur3"):
        model = torchvision.models.resnet50(weights=None)
        if name != "vanilla":
            waveletize(model, name, skip=("conv1",))
        works[name] = _step(model.to(given.device, memory_format=torch.channels_last), image, given.device)
    return {"networks, time": ratios(works, given, "vanilla")}


def _correctness(device: str) -> Rows:
    """Bands, inverse and gradient on the device in float32 against float64 on the CPU."""
    from subband.transforms import dwt, idwt

    x = torch.randn((2, 3, 45, 64), generator=torch.Generator().manual_seed(20261), dtype=torch.float64)
    rows: Rows = {}
    for wavelet in WAVELETS:
        for mode in MODES:
            leaf = x.clone().requires_grad_()
            wanted = dwt(leaf, wavelet, mode=mode)
            (slope,) = torch.autograd.grad(sum(band.square().sum() for band in wanted.values()), leaf)
            reference = [*wanted.values(), slope, idwt(wanted, wavelet, mode=mode, shape=(45, 64))]
            for fused in (False, True) if device == "cuda" else (False,):
                own = x.float().to(device).requires_grad_()
                found = dwt(own, wavelet, mode=mode, compiled=fused)
                (slope,) = torch.autograd.grad(sum(band.square().sum() for band in found.values()), own)
                back = idwt(found, wavelet, mode=mode, shape=(45, 64), compiled=fused)
                pairs = zip([*found.values(), slope, back], reference, strict=True)
                error = max(
                    float((a.detach().double().cpu() - b.detach()).abs().max() / b.detach().abs().max())
                    for a, b in pairs
                )
                rows[f"{wavelet}, {mode}{', fused' * fused}"] = {"error": error, "right": error <= 1e-5}
    return rows


def _times(given: Given) -> Rows:
    """Forward and backward over a copy of the image: each axis alone, eager and compiled, and both fused."""
    rows: Rows = {}
    for shape, dtype in [((2, 4, 32, 32), torch.float32)] if given.small else SHAPES:
        x = torch.randn(shape, device=given.device, dtype=dtype)
        copied = torch.empty_like(x)
        works: dict[str, Work] = {"copy": lambda copied=copied, x=x: copied.copy_(x)}
        for wavelet in ("haar", "db4", "bior4.4"):
            works |= {f"{wavelet}, {name}": work for name, work in _ways(x, wavelet, given).items()}
        title = f"{' x '.join(map(str, shape))} {str(dtype).removeprefix('torch.')}"
        rows |= {f"{title}, {name}": row for name, row in ratios(works, given, "copy").items()}
        del x, copied, works
    if given.cuda and not given.small:
        _search_tiles(given)
    return rows


def _ways(x: torch.Tensor, wavelet: str, given: Given) -> dict[str, Work]:
    """The transform with its gradient by every path there is."""
    works = {"eager": _both_ways(x, wavelet, compiled=False)}
    if not given.small:
        works["compiled"] = _axis_by_axis(_both_ways(x, wavelet, compiled=True))
    if given.cuda:
        works["fused"] = _both_ways(x, wavelet, compiled=True)
        works["fused, forward"] = _forward(x, wavelet)
        graph = captured(works["fused"], given)
        if graph is not None:
            works["fused, CUDA graph"] = graph
    return works


def _forward(x: torch.Tensor, wavelet: str) -> Work:
    from subband.transforms import dwt

    return lambda: dwt(x, wavelet, compiled=True)


def _axis_by_axis(work: Work) -> Work:
    """The work without the fused kernel."""
    from subband.transforms import _fused

    def apart() -> None:
        longest, _fused.MOST_TAPS = _fused.MOST_TAPS, 0
        try:
            work()
        finally:
            _fused.MOST_TAPS = longest

    return apart


def _search_tiles(given: Given) -> None:
    """Print the time of db4 over a copy, forward alone and with the gradient, for other tiles of the fused kernel."""
    from subband.transforms import _fused_launch

    x = torch.randn(SHAPES[2][0], device="cuda")
    copied = torch.empty_like(x)
    works = {
        "copy": lambda: copied.copy_(x),
        "forward": _forward(x, "db4"),
        "both": _both_ways(x, "db4", compiled=True),
    }
    usual = _fused_launch.TILE, _fused_launch.WARPS
    for tile in TILES:
        for warps in (4, 8):
            _fused_launch.TILE, _fused_launch.WARPS = tile, warps
            found = ratios(works, given, "copy")
            figures = ", ".join(f"{name} {row['over_copy']:.2f}" for name, row in found.items() if name != "copy")
            print(f"db4, tiles of {tile[0]} x {tile[1]}, {warps} warps, over a copy: {figures}", flush=True)
    _fused_launch.TILE, _fused_launch.WARPS = usual


def _both_ways(x: torch.Tensor, wavelet: str, *, compiled: bool) -> Work:
    from subband.transforms import dwt

    leaf = x.detach().requires_grad_()
    slopes = [torch.ones_like(band) for band in dwt(x, wavelet).values()]

    def work() -> object:
        return torch.autograd.grad(list(dwt(leaf, wavelet, compiled=compiled).values()), leaf, slopes)

    return work


def _step(model: torch.nn.Module, image: torch.Tensor, device: str) -> Work:
    def work() -> None:
        with torch.autocast(device, dtype=torch.bfloat16):
            value = model(image).float().square().mean()
        value.backward()
        model.zero_grad(set_to_none=True)

    return work

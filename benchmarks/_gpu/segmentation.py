"""Sections on the segmentation losses: all side by side, CWMI and others beside the authors' operations, in a U-Net."""

import contextlib
import copy
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

import _authors as authors
from _gpu.clock import Given, Rows, Work, captured, difference, ratios, tf32

TIMED = ("ce", "bce", "dice", "rmi", "cldice", "cwmi", "cwmi-real", "spw")
OURS, THEIRS = "ours", "authors' operations"


def example(batch: int, size: int, *, dtype: torch.dtype = torch.float32) -> tuple[Tensor, Tensor]:
    """Seeded logits (B, 1, H, W) and a membrane-like mask (B, H, W), on the CPU."""
    generator = torch.Generator().manual_seed(20261)
    smooth = F.avg_pool2d(torch.randn((batch, 1, size, size), generator=generator), 9, 1, 4)
    target = (smooth.abs() < 0.03).long()[:, 0]
    logits = 2.0 * (2 * target[:, None] - 1) + torch.randn((batch, 1, size, size), generator=generator)
    return logits.to(dtype), target


def weight_map(loss: Any, target: Tensor) -> dict[str, Tensor]:
    """A weight map for the losses that read one: any positive map will do here."""
    if loss.map_kind is None:
        return {}
    shape = (target.shape[0], loss.map_channels, *target.shape[1:])
    return {"weight_map": 10 * torch.rand(shape, generator=torch.Generator().manual_seed(1)).to(target.device)}


def masks(target: Tensor) -> dict[torch.dtype, Tensor]:
    """The mask as the authors' operations take it, (B, 1, H, W), in both precisions."""
    return {dtype: target[:, None].to(dtype) for dtype in (torch.float32, torch.float64)}


def losses(given: Given) -> dict[str, Rows]:
    """Forward and backward of the losses side by side, a copy and a pair of transforms beside them."""
    from subband import catalog

    tables = {}
    for batch, size in [(2, 64)] if given.small else [(10, 512), (1, 512), (4, 1024)]:
        logits, target = (part.to(given.device) for part in example(batch, size))
        leaf, copied = logits.clone().requires_grad_(), torch.empty_like(logits)
        works: dict[str, Work] = {
            "copy": lambda copied=copied, logits=logits: copied.copy_(logits),
            "rfft2 + irfft2": lambda logits=logits: torch.fft.irfft2(torch.fft.rfft2(logits), s=logits.shape[-2:]),
        }
        for name in TIMED:
            entry = catalog.find("loss", name)
            loss = entry.load()(**entry.options).to(given.device)
            extra = weight_map(loss, target)
            works[name] = step(lambda loss=loss, z=leaf, y=target, extra=extra: loss(z, y, **extra), leaf)
        tables[f"losses, B={batch}, {size} x {size}"] = ratios(works, given, "ce")
    return tables


def step(loss: Callable[[], Tensor], *parts: Tensor) -> Work:
    """A loss and its gradients, as one call."""
    return lambda: torch.autograd.grad(loss(), parts)


def beside(given: Given, functions: dict[str, Callable[[Tensor], Tensor]], logits: Tensor) -> Rows:
    """Times of functions of the logits; refuses where ours has another gradient than the authors' in float64."""
    exact, leaf = logits.double().requires_grad_(), logits.clone().requires_grad_()
    (wanted,) = torch.autograd.grad(functions[THEIRS](exact), exact)
    works = {name: step(lambda function=function: function(leaf), leaf) for name, function in functions.items()}
    errors: dict[str, float | None] = {}
    for name, work in works.items():
        with contextlib.suppress(torch.linalg.LinAlgError):
            errors[name] = difference(work()[0], wanted)
    if not errors[OURS] <= 1e-2:
        raise ValueError(f"the gradient is {errors[OURS]:.1e} from the authors' in float64; nothing was timed")
    if (graph := captured(works[OURS], given)) is not None:
        works[f"{OURS}, CUDA graph"] = graph
    rows = ratios(works, given, OURS)
    return {name: {**row, "gradient_error": errors.get(name)} for name, row in rows.items()}


def cwmi(given: Given) -> dict[str, Rows]:
    """Mutual-information term: the authors' operations (which may find no Cholesky factor in float32), and ours."""
    from subband.losses.segmentation import CWMILoss
    from subband.losses.segmentation._mutual_information import MutualInformation

    tables = {}
    cases = [(2, 4, 64)] if given.small else [(10, 4, 512), (10, 12, 512), (1, 4, 512), (2, 4, 1024)]
    for batch, k, size in cases:
        logits, target = (part.to(given.device) for part in example(batch, size))
        loss = CWMILoss(orientations=k, ce_weight=0.0, class_weight=None, measure=MutualInformation(ridge=0.0))
        mask = masks(target)
        functions = {
            THEIRS: lambda z, mask=mask, k=k: authors.cwmi(z.sigmoid(), mask[z.dtype], k),
            f"{THEIRS}, float64": lambda z, mask=mask, k=k: authors.cwmi(z.double().sigmoid(), mask[torch.float64], k),
            OURS: lambda z, target=target, loss=loss: loss(z, target),
        }
        tables[f"CWMI, B={batch}, K={k}, {size} x {size}"] = beside(given, functions, logits)
    return tables


def peers(given: Given) -> dict[str, Rows]:
    """SPW, RMI, clDice, the soft skeleton and a weighted cross-entropy beside the authors' operations."""
    from subband.losses.segmentation import ClDiceLoss, CrossEntropyLoss, RMILoss, SPWLoss
    from subband.transforms.morphology import soft_skeleton

    batch, size = (2, 64) if given.small else (10, 512)
    logits, target = (part.to(given.device) for part in example(batch, size))
    mask = masks(target)
    weight = 10 * torch.rand(logits.shape, generator=torch.Generator().manual_seed(1)).to(given.device)
    spw, rmi, cldice, entropy = SPWLoss(class_weight=None), RMILoss(), ClDiceLoss(), CrossEntropyLoss()
    pairs: dict[str, dict[str, Callable[[Tensor], Tensor]]] = {
        "SPW": {
            THEIRS: lambda z: authors.spw(z.sigmoid(), mask[z.dtype], orientations=4, weight=10.0, beta=0.9),
            OURS: lambda z: spw(z, target),
        },
        "RMI": {THEIRS: lambda z: authors.rmi(z.sigmoid(), mask[z.dtype]), OURS: lambda z: rmi(z, target)},
        "clDice": {THEIRS: lambda z: authors.cldice(z.sigmoid(), mask[z.dtype]), OURS: lambda z: cldice(z, target)},
        "soft skeleton": {
            THEIRS: lambda z: authors.skeleton(z.sigmoid()).square().sum(),
            OURS: lambda z: soft_skeleton(z.sigmoid()).square().sum(),
        },
        "weighted cross-entropy": {
            THEIRS: lambda z: authors.weighted_entropy(z.sigmoid(), mask[z.dtype], weight),
            OURS: lambda z: entropy(z, target, weight_map=weight),
            "PyTorch's": lambda z: F.binary_cross_entropy_with_logits(z, mask[z.dtype], weight=weight),
        },
    }
    where = f"B={batch}, {size} x {size}"
    return {f"{name}, {where}": beside(given, functions, logits) for name, functions in pairs.items()}


def overhead(given: Given) -> dict[str, Rows]:
    """A training step of the authors' U-Net with several losses, over the step with balanced cross-entropy."""
    from subband import catalog
    from subband.models import UNet

    batch, size, width = (2, 64, 4) if given.small else (10, 512, 64)
    _, target = example(batch, size)
    image = torch.randn((batch, 1, size, size), generator=torch.Generator().manual_seed(2)).to(given.device)
    target = target.to(given.device)
    mask = target[:, None].to(image.dtype)
    tables = {}
    for allowed in (False,) if given.small else (False, True):
        tf32(allowed)
        torch.manual_seed(0)
        unet = UNet(1, 2, width=width, depth=3 if given.small else 5).to(given.device)
        functions: dict[str, Callable[[Tensor], Tensor]] = {}
        for name in ("bce", "cwmi", "spw"):
            entry = catalog.find("loss", name)
            loss = entry.load()(**entry.options).to(given.device)
            functions[name] = lambda logits, loss=loss: loss(logits, target)
        functions["cwmi, authors' operations"] = lambda logits: _foreground(logits, mask, authors.cwmi, 4)
        functions["spw, authors' operations"] = lambda logits: _foreground(logits, mask, authors.spw, 4, 10.0, 0.9)
        works = {name: _training(copy.deepcopy(unet), image, function) for name, function in functions.items()}
        title = f"U-Net of width {width}, B={batch}, {size} x {size}, {'TF32' if allowed else 'float32'}"
        tables[title] = ratios(works, given, "bce")
    tf32(False)
    return tables


def _foreground(logits: Tensor, mask: Tensor, function: Callable[..., Tensor], *options: float) -> Tensor:
    """Cross-entropy and a loss of the foreground's probability."""
    return F.cross_entropy(logits, mask[:, 0].long()) + function(logits.softmax(1)[:, 1:], mask, *options)


def _training(model: torch.nn.Module, image: Tensor, loss: Callable[[Tensor], Tensor]) -> Work:
    """One step: network, loss, gradients, Adam."""
    optimizer = torch.optim.Adam(model.parameters(), lr=0.0)  # the same work at every call

    def work() -> None:
        loss(model(image)).backward()
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)

    return work

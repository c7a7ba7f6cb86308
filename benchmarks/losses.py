"""RMI, clDice and Skea-topo against their authors' operations, written anew: same value and gradient, time, memory."""

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

import _authors as authors
from _cells import membranes, predicted
from _skea_authors import skea_topo
from common import MIB, compare, gate, peak_memory, require_close, write
from subband.losses.segmentation import cldice_loss, rmi_loss, skea_topo_loss
from subband.maps import skea_topo_maps

SIZE, CELLS = 512, 104
Loss = Callable[[Tensor], Tensor]
TARGETS = {  # at least so many times faster, the goal; at most so much of the memory, the goal
    "RMI": (2.0, 4.2, 0.65, 0.37),
    "clDice, 10 iterations": (2.0, 2.4, 0.65, 0.4),
    "Skea-topo after its warm-up": (2.0, 3.0, 1.0, None),
}


def main() -> None:
    """Check, time and write ``results/losses.json``."""
    prediction, mask = blobs(4)
    cells, borders, maps, weight = membrane_sample(2)
    pairs: dict[str, tuple[Tensor, Loss, Loss]] = {
        "RMI": (prediction, lambda p: rmi_loss(p, mask), lambda p: authors.rmi(p, mask)),
        "clDice, 10 iterations": (prediction, lambda p: cldice_loss(p, mask), lambda p: authors.cldice(p, mask)),
        "Skea-topo after its warm-up": (
            cells,
            lambda p: skea_topo_loss(p, borders, weight_map=maps, class_weight=weight, topology=True),
            lambda p: skea_topo(p, borders, maps, weight),
        ),
    }
    timings, gates = {}, []
    for name, (p, ours, theirs) in pairs.items():
        check(name, ours, theirs, p)
        cases = {"ours": step(ours, p), "authors": step(theirs, p)}
        timing = compare(cases, reference="authors", anchor=p, rounds=7, budget_s=30)
        timing["memory_mb"] = {case: round(peak_memory(run) / MIB, 1) for case, run in cases.items()}
        timings[f"{name}, B={len(p)}, {SIZE} x {SIZE}, forward and backward"] = timing
        least, goal, most, small = TARGETS[name]
        speedup, memory = (
            timing["cases"]["ours"]["speedup"],
            timing["memory_mb"]["ours"] / timing["memory_mb"]["authors"],
        )
        what = f"{name}: times faster than the authors"
        gates.append(gate(what, speedup, at_least=least, goal=goal, case=cases["ours"]))
        gates.append(gate(f"{name}: part of the authors' memory", memory, at_most=most, goal=small))
    title = "Baseline losses against their authors' operations"
    print(write("losses", {"title": title, "timings": timings, "gates": gates}))


def blobs(batch: int) -> tuple[Tensor, Tensor]:
    """A prediction (B, 1, H, W) that asks for its gradient, and a mask of smooth blobs."""
    generator = torch.Generator().manual_seed(20261)
    noise = torch.randn(batch, 1, SIZE + 14, SIZE + 14, generator=generator)
    mask = (F.avg_pool2d(noise, 15, 1) > 0.03).float()
    logits = 3 * (2 * mask - 1) + 2 * torch.randn(mask.shape, generator=generator)
    return logits.sigmoid().clamp(1e-4, 1 - 1e-4).requires_grad_(), mask


def membrane_sample(batch: int) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """A prediction (B, 1, H, W) of membranes, the mask, its four maps, and the balanced class weights (B, 2)."""
    masks = [membranes(SIZE, CELLS, seed=seed) for seed in range(batch)]
    generator = torch.Generator().manual_seed(20262)
    found = torch.from_numpy(np.stack([predicted(mask, seed=seed) for seed, mask in enumerate(masks)]))[:, None]
    prediction = (0.1 + 0.6 * found + 0.2 * torch.rand(found.shape, generator=generator)).requires_grad_()
    maps = torch.from_numpy(np.stack([skea_topo_maps(mask) for mask in masks]))
    share = np.array([mask.mean() for mask in masks])
    weight = torch.from_numpy(np.stack([np.ones(batch), (1 - share) / share], 1)).float()
    return prediction, torch.from_numpy(np.stack(masks))[:, None].float(), maps, weight


def step(loss: Loss, p: Tensor) -> Callable[[], Tensor]:
    """The loss and its gradient, as one call."""
    return lambda: torch.autograd.grad(loss(p), p)[0]


def check(name: str, ours: Loss, theirs: Loss, p: Tensor) -> None:
    """Refuse to time what is not equal."""
    require_close(f"{name} value", ours(p), theirs(p), 1e-5)
    require_close(f"{name} gradient", step(ours, p)(), step(theirs, p)(), 1e-5)


if __name__ == "__main__":
    main()

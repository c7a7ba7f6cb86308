"""What every loss of the catalogue costs, forward and backward, beside one training step of the U-Net.

Logits of one channel; losses that read a weight map get that map, made beforehand; Skea-topo is in its second phase,
which thins each prediction. The step is the network's forward, backward and Adam update, without any loss.
"""

from collections.abc import Callable, Sequence
from functools import partial

import numpy as np
import torch
from torch import Tensor
from torch.utils.flop_counter import FlopCounterMode

from _cells import membranes
from common import MIB, compare, gate, peak_memory, require_close, write
from subband.catalog import find, names
from subband.losses.segmentation import SegmentationLoss
from subband.maps import abw_weight_maps, skea_topo_maps, unet_weight_map
from subband.models import UNet

SIZES = {"2 x 256^2": (2, (256, 256)), "2 x 512^2": (2, (512, 512)), "1 x 64^3": (1, (64, 64, 64))}
WIDTH, AUTHORS_WIDTH = 16, 64
STEP = f"U-Net step, width {WIDTH}"
LATE = 10_000  # an epoch after which every schedule has ended
MAPS = {"unet": unet_weight_map, "abw": abw_weight_maps, "skea_topo": skea_topo_maps}
PERCENT = {2: {"cwmi": (5.0, 1.0), "spw": (5.0, 3.0)}, 3: {"cwmi": (15.0, 5.0), "spw": (15.0, 5.0)}}
OTHERS_PERCENT = 15.0
THINS = "skea-topo"  # the one loss that thins on the CPU
Case = Callable[[], tuple[Tensor, Tensor]]


def masks(batch: int, space: Sequence[int]) -> Tensor:
    """Membranes (B, *space), uint8; those of a volume are the same in all slices but two, which are empty."""
    plane = [membranes(space[-1], space[-1] ** 2 // 2500, seed=20261 + index) for index in range(batch)]
    found = np.stack(plane)
    if len(space) == 3:
        found = np.repeat(found[:, None], space[0], 1)
        found[:, [0, space[0] // 2]] = 0
    return torch.from_numpy(found)


def noisy_logits(mask: Tensor) -> Tensor:
    """Logits (B, 1, *space) that are right for most pixels."""
    generator = torch.Generator().manual_seed(20262)
    logits = 2 * (2 * mask.float() - 1) + 1.5 * torch.randn(mask.shape, generator=generator)
    return logits[:, None].requires_grad_()


def run(loss: SegmentationLoss, logits: Tensor, mask: Tensor, weight_map: Tensor | None) -> tuple[Tensor, Tensor]:
    """The loss and its gradient."""
    value = loss(logits, mask, weight_map=weight_map)
    return value.detach(), torch.autograd.grad(value, logits)[0]


def losses(logits: Tensor, mask: Tensor) -> dict[str, Case]:
    """Every loss of the catalogue on one batch, after value and gradient have been compared with float64."""
    maps = {kind: torch.stack([torch.from_numpy(make(one)) for one in mask.numpy()]) for kind, make in MAPS.items()}
    double, cases = logits.detach().double().requires_grad_(), {}
    for name in names("loss"):
        entry = find("loss", name)
        loss = entry.load()(**entry.options)
        loss.at_epoch(LATE)
        weight_map = maps.get(loss.map_kind)
        cases[name] = partial(run, loss, logits, mask, weight_map)
        exact = run(loss, double, mask, None if weight_map is None else weight_map.double())
        for part, found, expected in zip(("value", "gradient"), cases[name](), exact, strict=True):
            require_close(f"{name}, {tuple(logits.shape)}, {part}", found, expected, 1e-3)
    return cases


def training_step(batch: int, space: Sequence[int]) -> Callable[[], None]:
    """Forward, backward from a given gradient and update of the U-Net, as one call."""
    model = UNet(1, 1, width=WIDTH, dims=len(space))
    adam = torch.optim.Adam(model.parameters(), lr=1e-6)
    image = torch.randn(batch, 1, *space, generator=torch.Generator().manual_seed(20263))

    def step() -> None:
        logits = model(image)
        logits.backward(torch.full_like(logits, 1 / logits.numel()))
        adam.step()
        adam.zero_grad()  # so that the gradients are part of the memory of a call

    return step


def flops(width: int) -> int:
    """Additions and multiplications of the forward pass on 256 x 256 pixels; no number is computed."""
    with torch.device("meta"), FlopCounterMode(display=False) as counter:
        UNet(1, 1, width=width)(torch.empty(1, 1, 256, 256))
    return int(counter.get_total_flops())


def targets(size: str, dims: int, percent: dict[str, float], cases: dict[str, Case]) -> list[dict]:
    """CWMI, SPW, and the dearest of all losses but the one that thins."""
    dearest = max((name for name in cases if name != THINS), key=lambda name: percent[name])
    found = [
        gate(f"{name}, {size}: % added to a {STEP}", percent[name], at_most=bound, goal=goal, case=cases[name])
        for name, (bound, goal) in PERCENT[dims].items()
    ]
    what = f"dearest loss but {THINS} ({dearest}), {size}: % added to a {STEP}"
    return [*found, gate(what, percent[dearest], at_most=OTHERS_PERCENT)]


def main() -> None:
    """Check, time and write ``results/cost.json``."""
    rows: dict[str, list[str]] = {name: [] for name in (STEP, *names("loss"))}
    gates, busy = [], False
    for size, (batch, space) in SIZES.items():
        mask = masks(batch, space)
        logits = noisy_logits(mask)
        cases = losses(logits, mask)
        timed: dict[str, Callable[[], object]] = {STEP: training_step(batch, space), **cases}
        timing = compare(timed, reference=STEP, anchor=logits, rounds=5, budget_s=25)
        busy |= timing["contended"]
        percent = {name: 100 * case["ratio"] for name, case in timing["cases"].items()}
        for name, case in timed.items():
            memory = peak_memory(case, warmups=0) / MIB
            rows[name] += [f"{timing['cases'][name]['median_ms']:.3g}", f"{memory:.3g}", f"{percent[name]:.3g}"]
        gates += targets(size, len(space), percent, cases)
    note = (
        f"Forward and backward, one thread, and the share of a {STEP} (network and Adam without a loss). The authors' "
        f"width {AUTHORS_WIDTH} computes {flops(AUTHORS_WIDTH) / flops(WIDTH):.1f} times as much. "
        f"{THINS} is in its second phase." + (" The machine was busy: read the figures with care." if busy else "")
    )
    columns = ["loss", *(f"{size}, {unit}" for size in SIZES for unit in ("ms", "peak MB", "% of a step"))]
    title = "What a loss costs"
    table = {"title": title, "columns": columns, "rows": [[name, *row] for name, row in rows.items()], "note": note}
    print(write("cost", {"title": title, "tables": [table], "gates": gates}))


if __name__ == "__main__":
    main()

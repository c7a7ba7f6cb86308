"""RMI and clDice against their authors' operations, written anew: same value and gradient, time and memory."""

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional as F

from common import MIB, compare, gate, peak_memory, require_close, write
from subband.losses.segmentation.cldice import cldice_loss
from subband.losses.segmentation.rmi import rmi_loss

BATCH, SIZE = 4, 512
Loss = Callable[[Tensor, Tensor], Tensor]


def main() -> None:
    """Check, time and write ``results/losses.json``."""
    prediction, mask = sample()
    pairs: dict[str, tuple[Loss, Loss, float]] = {
        "RMI": (rmi_loss, authors_rmi, 2.0),
        "clDice, 10 iterations": (cldice_loss, authors_cldice, 2.0),
    }
    timings, gates = {}, []
    for name, (ours, authors, bound) in pairs.items():
        check(name, ours, authors, prediction, mask)
        cases = {"ours": step(ours, prediction, mask), "authors": step(authors, prediction, mask)}
        timing = compare(cases, reference="authors", anchor=prediction, rounds=7, budget_s=90)
        timing["memory_mb"] = {case: round(peak_memory(run) / MIB, 1) for case, run in cases.items()}
        timings[f"{name}, B={BATCH}, {SIZE} x {SIZE}, forward and backward"] = timing
        gates.append(gate(f"{name}: times faster than the authors", timing["cases"]["ours"]["speedup"], at_least=bound))
    title = "Baseline losses against their authors' operations"
    print(write("losses", {"title": title, "timings": timings, "gates": gates}))


def sample() -> tuple[Tensor, Tensor]:
    """A prediction (B, 1, H, W) that asks for its gradient, and a mask of smooth blobs."""
    generator = torch.Generator().manual_seed(20261)
    noise = torch.randn(BATCH, 1, SIZE + 14, SIZE + 14, generator=generator)
    mask = (F.avg_pool2d(noise, 15, 1) > 0.03).float()
    logits = 3 * (2 * mask - 1) + 2 * torch.randn(mask.shape, generator=generator)
    return logits.sigmoid().clamp(1e-4, 1 - 1e-4).requires_grad_(), mask


def step(loss: Loss, prediction: Tensor, mask: Tensor) -> Callable[[], Tensor]:
    """The loss and its gradient, as one call."""
    return lambda: torch.autograd.grad(loss(prediction, mask), prediction)[0]


def check(name: str, ours: Loss, authors: Loss, prediction: Tensor, mask: Tensor) -> None:
    """Refuse to time what is not equal."""
    require_close(f"{name} value", ours(prediction, mask), authors(prediction, mask), 1e-5)
    gradients = [step(loss, prediction, mask)() for loss in (ours, authors)]
    require_close(f"{name} gradient", *gradients, 1e-5)


def authors_rmi(prediction: Tensor, mask: Tensor) -> Tensor:
    """RMI as its authors compute it: both classes at full size, windows in float64, explicit inverse."""
    p, t = (torch.cat([1 - x, x], 1) for x in (prediction, mask))
    entropy = F.binary_cross_entropy(p, t, reduction="sum") / (mask.numel() + 1)
    p, t = (F.max_pool2d(x, 3, 3, 1) for x in (p + 1e-6, t))
    height, width = (size - 2 for size in p.shape[2:])
    vectors = []
    for x in (t, p):
        shifted = [x[:, :, i : i + height, j : j + width] for i in range(3) for j in range(3)]
        stack = torch.stack(shifted, 2).flatten(3).double()
        vectors.append(stack - stack.mean(3, keepdim=True))
    tt, pp, tp = (a @ b.mT for a, b in ((vectors[0], vectors[0]), (vectors[1], vectors[1]), tuple(vectors)))
    eye = torch.eye(9, dtype=torch.float64) * 5e-4
    conditional = tt - tp @ torch.inverse(pp + eye) @ tp.mT
    diagonal = torch.linalg.cholesky(conditional + eye).diagonal(dim1=-2, dim2=-1)
    region = (diagonal + 1e-8).log().sum(-1).mean(0).sum() / 9
    return 0.5 * entropy + 0.5 * region.float()


def authors_cldice(prediction: Tensor, mask: Tensor) -> Tensor:
    """Dice and clDice as their authors compute them: each opening erodes anew, both skeletons under autograd."""
    dice = 1 - (2 * (mask * prediction).sum() + 1) / (mask.sum() + prediction.sum() + 1)
    line, true_line = authors_skeleton(prediction), authors_skeleton(mask)
    precision = ((line * mask).sum() + 1) / (line.sum() + 1)
    recall = ((true_line * prediction).sum() + 1) / (true_line.sum() + 1)
    return 0.5 * dice + 0.5 * (1 - 2 * precision * recall / (precision + recall))


def authors_skeleton(x: Tensor) -> Tensor:
    """Soft skeleton with ten iterations."""

    def erode(x: Tensor) -> Tensor:
        return torch.min(-F.max_pool2d(-x, (3, 1), 1, (1, 0)), -F.max_pool2d(-x, (1, 3), 1, (0, 1)))

    def opened(x: Tensor) -> Tensor:
        return F.max_pool2d(erode(x), 3, 1, 1)

    skeleton = F.relu(x - opened(x))
    for _ in range(10):
        x = erode(x)
        lost = F.relu(x - opened(x))
        skeleton = skeleton + F.relu(lost - skeleton * lost)
    return skeleton


if __name__ == "__main__":
    main()

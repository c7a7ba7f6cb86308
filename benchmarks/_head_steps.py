"""Steps of the recognition heads that `heads.py` times, each found equal to its reference when it is made."""

from collections.abc import Callable, Iterable
from functools import partial
from typing import NamedTuple

import torch
from torch import Tensor, nn

from _head_peers import authors_cosface, authors_epl, authors_uniface, authors_uss, metric_learning_cosface
from common import require_close
from subband.losses.recognition.cosface import CosFace
from subband.losses.recognition.epl import EPL
from subband.losses.recognition.uniface import UniFace
from subband.losses.recognition.uss import USS

FEATURES = 512
ALL, AGAIN = "all classes", "all classes, cosines computed again"
Step = Callable[[], tuple[Tensor, ...]]


class Sizes(NamedTuple):
    """What a step is of."""

    batch: int
    classes: int

    def __str__(self) -> str:
        return f"B={self.batch}, D={FEATURES}, C={self.classes}, forward and backward"


def sample(sizes: Sizes) -> tuple[Tensor, Tensor, Tensor]:
    """Embeddings whose own cosine is near the margin, so that the loss is some units; class weights, and labels."""
    generator = torch.Generator().manual_seed(20261)
    weight = torch.randn(sizes.classes, FEATURES, generator=generator)
    labels = torch.randint(sizes.classes, (sizes.batch,), generator=generator)
    labels[1] = labels[0]
    x = weight[labels] + 2.5 * torch.randn(sizes.batch, FEATURES, generator=generator)
    return x.requires_grad_(), weight, labels


def cosface(sizes: Sizes) -> tuple[dict[str, Step], int]:
    """Ours, the authors' operations, pytorch-metric-learning."""
    x, weight, labels = sample(sizes)
    head = CosFace(FEATURES, sizes.classes)
    head.weight.data = weight
    cases = {
        "ours": step(partial(head, x, labels), x, head.weight),
        "authors' operations": step(partial(authors_cosface, x, head.weight, labels), x, head.weight),
    }
    peer = metric_learning_cosface(sizes.classes, weight)
    if peer is not None:
        loss, transposed = peer
        cases["pytorch-metric-learning"] = step(lambda: loss(x, labels), x, transposed)
    check("CosFace", cases)
    return cases, 3


def uniface(sizes: Sizes) -> tuple[dict[str, Step], int]:
    """Ours and the authors' operations."""
    x, weight, labels = sample(sizes)
    head = UniFace(FEATURES, sizes.classes)
    head.weight.data = weight
    parts = x, head.weight, head.bias
    cases = {
        "ours": step(partial(head, x, labels), *parts),
        "authors' operations": step(partial(authors_uniface, x, head.weight, labels, head.bias), *parts),
    }
    check("UniFace", cases)
    return cases, 3


def uss(sizes: Sizes) -> tuple[dict[str, Step], int]:
    """Ours and the authors' operations; a memory has no gradient, so two products are left."""
    x, weight, labels = sample(sizes)
    head = USS(FEATURES, sizes.classes, initial_bias=12.0).eval()
    head.remember(weight, torch.arange(sizes.classes))
    cases = {
        "ours": step(partial(head, x, labels), x, head.bias),
        "authors' operations": step(partial(authors_uss, x, head.memory, labels, head.bias), x, head.bias),
    }
    check("USS", cases)
    return cases, 2


def epl(sizes: Sizes) -> tuple[dict[str, Step], int]:
    """Ours and the authors' operations, after the prototypes have come in."""
    x, weight, labels = sample(sizes)
    queue = nn.functional.normalize(weight + torch.randn(weight.shape, generator=torch.Generator().manual_seed(1)))
    head = EPL(CosFace(FEATURES, sizes.classes))
    head.head.weight.data, head.epoch = weight, 3
    head.memory.copy_(queue)
    head.filled.fill_(True)
    parts = x, head.head.weight
    cases = {
        "ours": step(partial(head, x, labels), *parts),
        "authors' operations": step(partial(authors_epl, x, head.head.weight, labels, queue), *parts),
    }
    check("EPL", cases)
    require_close("EPL prototypes", head.memory, queue, 1e-5)
    return cases, 5


def parts_of_classes(sizes: Sizes, parts: Iterable[float]) -> dict[str, Step]:
    """UniFace with all classes, with its cosines computed again in backward, and with a part of the classes."""
    x, weight, labels = sample(sizes)
    cases = {}
    for name, part, keep in ((ALL, 1.0, None), (AGAIN, 1.0, 0), *((sampled(part), part, None) for part in parts)):
        head = UniFace(FEATURES, sizes.classes, sample=part)
        head.weight, head.keep_bytes = nn.Parameter(weight), keep
        cases[name] = step(partial(head, x, labels), x, head.weight, head.bias)
        if part < 1:
            check_sampled(name, head, cases[name], x, labels)
    for number, (found, wanted) in enumerate(zip(cases[AGAIN](), cases[ALL](), strict=True)):
        require_close(f"{AGAIN}, part {number}", found, wanted, 1e-5)
    return cases


def sampled(part: float) -> str:
    """Name of the case."""
    return f"{part:.0%} of the classes"


def check_sampled(name: str, head: UniFace, run: Step, x: Tensor, labels: Tensor) -> None:
    """Refuse a sampled head that is not the head of its rows alone, with other gradients 0."""
    head.used.zero_()
    value, by_x, by_weight, by_bias = run()
    rows = head.used.nonzero()[:, 0]
    alone = UniFace(FEATURES, len(rows))
    alone.weight, alone.bias = nn.Parameter(head.weight.detach()[rows]), nn.Parameter(head.bias.detach().clone())
    expected = step(partial(alone, x, torch.searchsorted(rows, labels)), x, alone.weight, alone.bias)()
    for number, (found, wanted) in enumerate(zip((value, by_x, by_weight[rows], by_bias), expected, strict=True)):
        require_close(f"{name}, part {number}", found, wanted, 1e-5)
    require_close(f"{name}, the others", by_weight.norm(), by_weight[rows].norm(), 1e-5)


def step(loss: Callable[[], Tensor], *parts: Tensor) -> Step:
    """A loss and its gradients, as one call."""

    def run() -> tuple[Tensor, ...]:
        value = loss()
        return value.detach(), *torch.autograd.grad(value, parts)

    return run


def check(name: str, cases: dict[str, Step]) -> None:
    """Refuse to time what is not equal: value and gradient of each part."""
    expected = cases["authors' operations"]()
    others = {case: run for case, run in cases.items() if case != "authors' operations"}  # EPL's move at every call
    for case, run in others.items():
        for part, (found, wanted) in enumerate(zip(run(), expected, strict=True)):
            value = found if found.shape == wanted.shape else found.T
            require_close(f"{name}, {case}, part {part}", value, wanted, 1e-4)


def matrix_products(sizes: Sizes, count: int) -> Step:
    """The least that any program has to do: cosines, gradient of embeddings, gradient of weights."""
    x, weight, _ = sample(sizes)
    x = x.detach()

    learns = count != 2  # whether the rows have a gradient

    def run() -> tuple[Tensor, ...]:
        for _ in range(count - 1 - learns):
            logits = x @ weight.T
        return (logits @ weight, logits.T @ x) if learns else (logits @ weight,)

    return run

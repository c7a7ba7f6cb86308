"""Recognition heads against their authors' operations, pytorch-metric-learning and their matrix products alone."""

import argparse
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import torch
from torch import Tensor, nn

from _head_peers import authors_cosface, authors_epl, authors_uniface, authors_uss, metric_learning_cosface
from common import MIB, compare, gate, peak_memory, require_close, write
from subband.losses.recognition.cosface import CosFace
from subband.losses.recognition.epl import EPL
from subband.losses.recognition.head_memory import head_memory
from subband.losses.recognition.uniface import UniFace
from subband.losses.recognition.unitsface import UniTSFace
from subband.losses.recognition.uss import USS

FEATURES = 512
LIMIT_GB = 12
Step = Callable[[], tuple[Tensor, ...]]


class Sizes(NamedTuple):
    """What a step is of."""

    batch: int
    classes: int

    def __str__(self) -> str:
        return f"B={self.batch}, D={FEATURES}, C={self.classes}, forward and backward"


def main() -> None:
    """Check, time and write ``results/heads.json``."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--batch", type=int, default=512)
    parser.add_argument("--classes", type=int, default=100_000)
    parser.add_argument("--many", type=int, default=1_000_000, help="classes of the step whose memory is measured")
    parser.add_argument("--one-step", metavar="HEAD", help="used by the script itself")
    options = parser.parse_args()
    if options.one_step:
        one_step(options.one_step, Sizes(options.batch, options.many))
        return
    sizes, timings, gates = Sizes(options.batch, options.classes), {}, []
    for name, make in (("CosFace", cosface), ("UniFace", uniface), ("USS", uss), ("EPL", epl)):
        cases, products = make(sizes)
        cases[f"{products} matrix products"] = matrix_products(sizes, products)
        timing = compare(cases, reference="authors' operations", rounds=7, budget_s=75)
        timing["memory_mb"] = {case: round(peak_memory(run) / MIB, 1) for case, run in cases.items()}
        timings[f"{name}, {sizes}"] = timing
        gates += bounds(name, timing, products)
    many, more = million(Sizes(options.batch, options.many))
    title = "Recognition heads: time and memory of a step"
    print(write("heads", {"title": title, "timings": timings, "tables": [many], "gates": gates + more}))


def bounds(name: str, timing: dict, products: int) -> list[dict]:
    """Bounds of one head: all are to be faster than the authors, CosFace near its matrix products and small."""
    figures, memory = timing["cases"], timing["memory_mb"]
    found = [gate(f"{name}: times faster than the authors' operations", figures["ours"]["speedup"], at_least=1.25)]
    if name == "CosFace":
        floor = figures[f"{products} matrix products"]["ratio"]
        share = memory["ours"] / memory["authors' operations"]
        found.append(gate("CosFace: time over three matrix products", figures["ours"]["ratio"] / floor, at_most=1.25))
        found.append(gate("CosFace: memory over the authors'", share, at_most=0.5))
    return found


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


def million(sizes: Sizes) -> tuple[dict, list[dict]]:
    """A training step with SGD and momentum in a process of its own, and the most memory that this process had."""
    rows, gates = [], []
    for name in ("CosFace", "UniTSFace"):
        words = ["--one-step", name, "--batch", str(sizes.batch), "--many", str(sizes.classes)]
        done = subprocess.run([sys.executable, __file__, *words], capture_output=True, text=True, check=True)
        peak, estimate, seconds, loss = map(float, done.stdout.split())
        rows.append([name, f"{peak:.2f}", f"{estimate:.2f}", f"{seconds:.0f}", f"{loss:.2f}"])
        gates.append(gate(f"{name}, C={sizes.classes}: GB of the whole process", peak, at_most=LIMIT_GB))
    columns = ["head", "process, GB", "estimate, GB", "second step, s", "loss"]
    title = f"One training step, B={sizes.batch}, D={FEATURES}, C={sizes.classes}, SGD with momentum"
    note = "The process has PyTorch in it too; the estimate is `head_memory`."
    return {"title": title, "columns": columns, "rows": rows, "note": note}, gates


def one_step(name: str, sizes: Sizes) -> None:
    """Two steps, the second of which has all that training needs; print GB, estimated GB, seconds and loss."""
    head: nn.Module = CosFace(FEATURES, sizes.classes)
    if name == "UniTSFace":
        head = UniTSFace(head, USS(FEATURES, sizes.classes))
        head.s2s.memory.normal_()
        head.s2s.filled.fill_(True)
        head.epoch = 1
    optimizer = torch.optim.SGD(head.parameters(), lr=0.1, momentum=0.9, foreach=False)
    labels = torch.arange(sizes.batch)
    x = torch.randn(sizes.batch, FEATURES, generator=torch.Generator().manual_seed(0), requires_grad=True)
    for _ in range(2):
        begin = time.process_time()
        optimizer.zero_grad()
        loss = head(x, labels)
        loss.backward()
        optimizer.step()
        seconds = time.process_time() - begin
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    print(peak / 1e9, head_memory(head, batch=sizes.batch).total / 1e9, seconds, loss.item())


if __name__ == "__main__":
    main()

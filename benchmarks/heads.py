"""Recognition heads beside their authors' operations, pytorch-metric-learning and their matrix products alone.

CosFace at the size of the acceptance; the others at a fifth of its classes, where a round takes a fifth of the time.
Sampled classes and cosines that are computed again run beside the whole head. No head may be far from its products.
"""

import argparse
import resource
import subprocess
import sys
import time

import torch

from _head_steps import (
    AGAIN,
    ALL,
    FEATURES,
    Sizes,
    Step,
    cosface,
    epl,
    matrix_products,
    parts_of_classes,
    sampled,
    uniface,
    uss,
)
from common import MIB, compare, gate, peak_memory, write
from subband.losses.recognition.cosface import CosFace
from subband.losses.recognition.head_memory import head_memory
from subband.losses.recognition.unitsface import UniTSFace
from subband.losses.recognition.uss import USS

ROUNDS = 5
LIMIT_GB = 12
FASTER = 1.25  # than the authors' operations, at least
FLOORS = {"CosFace": (1.25, 1.05), "USS": (1.3, 1.15), "EPL": (1.3, 1.15)}  # time over the products: bound, goal
SAMPLED = {0.3: (2.0, 1 / 0.3), 0.1: (5.0, 1 / 0.1)}  # part of the classes: times faster than all, bound and goal


def main() -> None:
    """Check, time and write ``results/heads.json``."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--batch", type=int, default=512)
    parser.add_argument("--classes", type=int, default=100_000)
    parser.add_argument("--many", type=int, default=1_000_000, help="classes of the step whose memory is measured")
    parser.add_argument("--one-step", action="store_true", help="used by the script itself")
    options = parser.parse_args()
    if options.one_step:
        one_step(Sizes(options.batch, options.many))
        return
    whole, fifth = Sizes(options.batch, options.classes), Sizes(options.batch, options.classes // 5)
    timings, gates = {}, []
    for name, make, sizes in (
        ("CosFace", cosface, whole),
        ("UniFace", uniface, fifth),
        ("USS", uss, fifth),
        ("EPL", epl, fifth),
    ):
        cases, products = make(sizes)
        floor = f"{products} matrix products"
        cases[floor] = matrix_products(sizes, products)
        timing = measured(cases, "authors' operations")
        timings[f"{name}, {sizes}"] = timing
        gates += bounds(name, timing, floor, cases["ours"])
    cases = parts_of_classes(whole, SAMPLED)
    timing = measured(cases, ALL)
    timings[f"UniFace by parts, {whole}"] = timing
    gates += sampling_bounds(timing, cases)
    many, more = million(Sizes(options.batch, options.many))
    title = "Recognition heads: time and memory of a step"
    print(write("heads", {"title": title, "timings": timings, "tables": [many], "gates": gates + more}))


def measured(cases: dict[str, Step], reference: str) -> dict:
    """Time and peak memory of each case."""
    timing = compare(cases, reference=reference, rounds=ROUNDS, budget_s=75)
    timing["memory_mb"] = {case: round(peak_memory(run, warmups=0) / MIB, 1) for case, run in cases.items()}
    return timing


def bounds(name: str, timing: dict, floor: str, ours: Step) -> list[dict]:
    """Bounds of one head: faster than the authors, near its matrix products, and CosFace small."""
    figures, memory = timing["cases"], timing["memory_mb"]
    faster = figures["ours"]["speedup"]
    found = [gate(f"{name}: times faster than the authors' operations", faster, at_least=FASTER)]
    if name in FLOORS:
        most, goal = FLOORS[name]
        share = figures["ours"]["ratio"] / figures[floor]["ratio"]
        found.append(gate(f"{name}: time over {floor}", share, at_most=most, goal=goal, case=ours))
    if name == "CosFace":
        share = memory["ours"] / memory["authors' operations"]
        found.append(gate("CosFace: memory over the authors'", share, at_most=0.5))
    return found


def sampling_bounds(timing: dict, cases: dict[str, Step]) -> list[dict]:
    """Bounds of sampled classes; the goal is time in proportion to their number."""
    figures, memory = timing["cases"], timing["memory_mb"]
    found = [
        gate(
            f"{sampled(part)}: times faster than all",
            figures[sampled(part)]["speedup"],
            at_least=least,
            goal=goal,
            case=cases[sampled(part)],
        )
        for part, (least, goal) in SAMPLED.items()
    ]
    share = memory[AGAIN] / memory[ALL]
    return [*found, gate("cosines computed again: memory over kept", share, at_most=0.6)]


def million(sizes: Sizes) -> tuple[dict, list[dict]]:
    """A training step of CosFace and USS in a process of its own, and the most memory that this process had."""
    words = ["--one-step", "--batch", str(sizes.batch), "--many", str(sizes.classes)]
    done = subprocess.run([sys.executable, __file__, *words], capture_output=True, text=True, check=True)
    peak, estimate, seconds, loss = map(float, done.stdout.split())
    columns = ["head", "process, GB", "estimate, GB", "step, s", "loss"]
    title = f"One training step, B={sizes.batch}, D={FEATURES}, C={sizes.classes}, SGD with momentum"
    note = "UniTSFace is CosFace and USS. The process has PyTorch in it too; the estimate is `head_memory`."
    rows = [["UniTSFace", f"{peak:.2f}", f"{estimate:.2f}", f"{seconds:.0f}", f"{loss:.2f}"]]
    found = gate(f"UniTSFace, C={sizes.classes}: GB of the whole process", peak, at_most=LIMIT_GB)
    return {"title": title, "columns": columns, "rows": rows, "note": note}, [found]


def one_step(sizes: Sizes) -> None:
    """A step whose optimiser has its momentum already; print GB, estimated GB, seconds and loss."""
    head = UniTSFace(CosFace(FEATURES, sizes.classes), USS(FEATURES, sizes.classes, initial_bias=12.0))
    head.s2s.memory.normal_()
    head.s2s.filled.fill_(True)
    head.epoch = 1
    optimizer = torch.optim.SGD(head.parameters(), lr=0.1, momentum=0.9, foreach=False)
    for parameter in head.parameters():
        parameter.grad = torch.zeros_like(parameter)
    optimizer.step()
    labels = torch.arange(sizes.batch)
    x = torch.randn(sizes.batch, FEATURES, generator=torch.Generator().manual_seed(0), requires_grad=True)
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

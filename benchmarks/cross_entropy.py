"""Weighted cross-entropy of two classes beside PyTorch's own and the published expression: time and peak memory.

The published expression is restated from its formula: a sigmoid, two logarithms with 1e-7 inside, autograd.
"""

import torch
from torch.nn import functional as F

from common import MIB, compare, gate, peak_memory, require_close, write
from subband.losses.segmentation import BalancedCrossEntropyLoss, CrossEntropyLoss, cross_entropy_loss

BATCH, SIZE = 4, 512


def restated(logits, target, weight):
    """The published binary cross-entropy with a weight map."""
    p = logits.sigmoid()
    return -(weight * (target * torch.log(p + 1e-7) + (1 - target) * torch.log(1 - p + 1e-7))).mean()


def main() -> None:
    """Assert, time and write ``results/cross_entropy.json``."""
    generator = torch.Generator().manual_seed(20261)
    logits = (1.5 * torch.randn(BATCH, 1, SIZE, SIZE, generator=generator)).requires_grad_()
    labels = (torch.rand(BATCH, SIZE, SIZE, generator=generator) > 0.8).to(torch.uint8)
    weight = torch.rand(BATCH, 1, SIZE, SIZE, generator=generator)
    target, loss, balanced = labels.unsqueeze(1).float(), CrossEntropyLoss(), BalancedCrossEntropyLoss()
    probability = logits.detach().sigmoid().requires_grad_()
    compiled, compiled_function = (torch.compile(own, fullgraph=True) for own in (loss, cross_entropy_loss))
    torch_own = F.binary_cross_entropy_with_logits

    def step(value, x=logits):
        return value.detach(), torch.autograd.grad(value, x)[0]

    cases = {
        "torch": lambda: step(torch_own(logits, labels.unsqueeze(1).float(), weight=weight)),
        "restated": lambda: step(restated(logits, target, weight)),
        "subband": lambda: step(loss(logits, labels, weight_map=weight)),
        "subband, float target": lambda: step(loss(logits, target, weight_map=weight)),
        "subband, balanced": lambda: step(balanced(logits, labels, weight_map=weight)),
        "subband, compiled": lambda: step(compiled(logits, labels, weight_map=weight)),
        "subband, compiled, of probabilities": lambda: step(
            compiled_function(probability, target, weight_map=weight), probability
        ),
    }
    double = logits.detach().double().requires_grad_()
    expected = step(torch_own(double, target.double(), weight=weight.double()), double)
    for name in ("torch", "restated", "subband", "subband, float target", "subband, compiled"):
        for what, value, wanted in zip(("value", "gradient"), cases[name](), expected, strict=True):
            require_close(f"{what}, {name}", value, wanted, 1e-4 if name == "restated" else 1e-6)
    found = cases["subband, compiled, of probabilities"]()
    eager = step(cross_entropy_loss(probability, target, weight_map=weight), probability)
    for what, value, wanted in zip(("value", "gradient"), found, eager, strict=True):
        require_close(f"{what}, of probabilities", value, wanted, 1e-6)
    timing = compare(cases, reference="torch", anchor=logits, rounds=15)
    timing["memory_mb"] = {name: round(peak_memory(case) / MIB, 1) for name, case in cases.items()}
    found, title = timing["cases"], f"B={BATCH}, {SIZE} x {SIZE}"
    own, fast = cases["subband"], cases["subband, compiled, of probabilities"]
    gates = [
        gate(
            "subband over torch's binary_cross_entropy_with_logits",
            found["subband"]["ratio"],
            at_most=1.3,
            goal=1.0,
            case=own,
        ),
        gate("restated over subband", found["restated"]["ratio"] / found["subband"]["ratio"], at_least=2.0),
        gate("subband, compiled, over torch's, eager", found["subband, compiled"]["ratio"], at_most=1.0),
        gate(
            "subband, compiled, of probabilities, over a copy",
            found["subband, compiled, of probabilities"]["over_copy"],
            at_most=40,
            goal=10,
            case=fast,
        ),
    ]
    title_of_all = "Weighted cross-entropy of two classes, forward and backward, beside PyTorch's own, one thread"
    write("cross_entropy", {"title": title_of_all, "timings": {title: timing}, "gates": gates})


if __name__ == "__main__":
    main()

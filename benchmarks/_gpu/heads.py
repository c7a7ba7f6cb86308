"""Section on recognition heads of many classes: ours, the authors' operations, their matrix products alone."""

import torch
from torch import Tensor

from _gpu.clock import Given, Rows, Work, difference, ratios, tf32
from _gpu.segmentation import OURS, THEIRS, step
from _head_peers import authors_cosface

FEATURES = 512
PRODUCTS = "3 matrix products"


def heads(given: Given) -> dict[str, Rows]:
    """A step at each number of classes, in float32, with TF32 and under bfloat16 autocast."""
    tables = {}
    batch = 16 if given.small else 512
    for classes in (100,) if given.small else (100_000, 1_000_000):
        for precision in ("float32", "TF32", "bfloat16"):
            tf32(precision == "TF32")
            try:
                with torch.autocast(given.device, torch.bfloat16, enabled=precision == "bfloat16"):
                    rows = one_size(given, batch, classes, exact=precision == "float32")
            finally:
                tf32(False)
            tables[f"heads, B={batch}, D={FEATURES}, C={classes}, {precision}"] = rows
    return tables


def one_size(given: Given, batch: int, classes: int, *, exact: bool) -> Rows:
    """CosFace of ours and of the authors, UniFace of all classes and of a tenth (partial FC), and matrix products."""
    from subband.losses.recognition import CosFace, UniFace

    generator = torch.Generator(given.device).manual_seed(20261)
    options = {"generator": generator, "device": given.device}
    with torch.device(given.device):  # weights are drawn there
        cosface, uniface, sampled = (
            CosFace(FEATURES, classes),
            UniFace(FEATURES, classes),
            UniFace(FEATURES, classes, sample=0.1),
        )
    weight = torch.randn((classes, FEATURES), **options)
    labels = torch.randint(classes, (batch,), **options)
    x = (weight[labels] + 2.5 * torch.randn((batch, FEATURES), **options)).requires_grad_()
    for head in (cosface, uniface, sampled):
        head.weight.data = weight

    def products() -> tuple[Tensor, ...]:
        logits = x.detach() @ weight.T
        return logits @ weight, logits.T @ x.detach()

    works: dict[str, Work] = {
        PRODUCTS: products,
        f"CosFace, {OURS}": step(lambda: cosface(x, labels), x, cosface.weight),
        f"CosFace, {THEIRS}": step(lambda: authors_cosface(x, cosface.weight, labels), x, cosface.weight),
        f"UniFace, {OURS}": step(lambda: uniface(x, labels), x, uniface.weight, uniface.bias),
        f"UniFace, {OURS}, a tenth of the classes": step(lambda: sampled(x, labels), x, sampled.weight, sampled.bias),
    }
    if exact and classes <= 100_000:
        found, wanted = (works[f"CosFace, {whose}"]() for whose in (OURS, THEIRS))
        errors = [difference(own, other) for own, other in zip(found, wanted, strict=True)]
        if not max(errors) <= 1e-3:
            raise ValueError(f"CosFace's gradients differ by {max(errors):.1e} from the authors'; nothing was timed")
    return ratios(works, given, PRODUCTS)

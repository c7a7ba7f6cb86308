"""CWMI's mutual information, forward and backward: by Parseval, and by subbands formed in space as published.

The published operations are restated here on the exact frequency grid: a pyramid of each image, then per level either
the real embedding of the K complex bands, 2K x 2M in float32, or the K x K Hermitian covariances in complex128. The
embedding is the published arithmetic and the reference where it has a Cholesky factor; else complex128 is.
"""

import torch
from torch import Tensor

from _authors import ALPHA, LEVELS, embedded, pyramid
from common import compare, difference, gate, peak_memory, require_close, write
from subband.losses.segmentation._mutual_information import MutualInformation
from subband.losses.segmentation.cwmi import CWMILoss
from subband.transforms.filters import radius

OURS = "by Parseval (subband)"
PREPARED = "by Parseval, prepared target (subband)"
EMBEDDED = "in space, float32 embedding"
EXACT = "in space, complex128"
CASES = {(1, 4): (15, 25), (4, 4): (40, 70), (10, 4): (40, 85), (4, 12): (40, 104)}
"""Batch and orientations, with the least speed-up and the goal."""
SIZE = 512


def entropy(target: Tensor, prediction: Tensor) -> Tensor:
    """Mean log-determinant of the conditional covariance of rows (B, C, K, M)."""
    target, prediction = (x - x.mean(-1, keepdim=True) for x in (target, prediction))
    eye = torch.eye(target.shape[2], dtype=target.dtype)
    cross = target @ prediction.mH
    inverse = torch.linalg.inv(prediction @ prediction.mH + ALPHA * eye)
    factor = torch.linalg.cholesky(target @ target.mH - cross @ inverse @ cross.mH)
    return 2 * (factor.diagonal(dim1=-2, dim2=-1).real + 1e-8).log().sum(-1).mean()


def in_space(prediction: Tensor, target: Tensor, orientations: int, form: str) -> Tensor:
    """The mutual-information term with the published arithmetic."""
    total = prediction.new_zeros(())
    for u, v in zip(pyramid(target, orientations), pyramid(prediction, orientations), strict=True):
        if form == "embedded":
            total = total + entropy(embedded(u), embedded(v)) / 2
        else:
            total = total + entropy(u.flatten(3).to(torch.complex128), v.flatten(3).to(torch.complex128))
    return total


def images(batch: int, size: int) -> tuple[Tensor, Tensor]:
    """A prediction and a mask of smooth blobs."""
    generator = torch.Generator().manual_seed(20261)
    noise = torch.randn(batch, 1, size, size, generator=generator)
    frequency = torch.fft.fftfreq(size)
    smooth = torch.exp(-radius((frequency[:, None], frequency[None])).mul(12).square())
    mask = (torch.fft.ifft2(torch.fft.fft2(noise) * smooth).real > 0).float()
    wrong = torch.randn(mask.shape, generator=generator)
    return (0.5 * (2 * mask - 1) + wrong).sigmoid().requires_grad_(), mask


def one_case(batch: int, orientations: int) -> tuple[dict, dict]:
    """Check, then time, one batch size and number of orientations; return the figures and what was timed."""
    prediction, mask = images(batch, SIZE)
    ours = CWMILoss(orientations=orientations, levels=LEVELS, measure=MutualInformation(ridge=0.0)).subbands
    kept = ours.spectrum(mask)
    functions = {
        OURS: lambda image: ours.term(image, mask),
        PREPARED: lambda image: ours.term(image, mask, kept),
        EMBEDDED: lambda image: in_space(image, mask, orientations, "embedded"),
        EXACT: lambda image: in_space(image, mask, orientations, "hermitian"),
    }
    double = prediction.detach().double().requires_grad_()
    exact = in_space(double, mask.double(), orientations, "hermitian")
    (gradient,) = torch.autograd.grad(exact, double)
    what, errors, cases = f"B={batch}, K={orientations}", {}, {}
    for name, function in functions.items():
        cases[name] = lambda function=function: torch.autograd.grad(function(prediction), prediction)[0]
        if name == EMBEDDED:
            try:
                errors[name] = difference(cases[name](), gradient)
            except torch.linalg.LinAlgError:
                errors[name] = "no Cholesky factor"
                del cases[name]
            continue
        tolerance = 1e-4 if name == EXACT else 3e-6
        require_close(f"{what}, {name}, value", function(prediction), exact, tolerance)
        errors[name] = require_close(f"{what}, {name}, gradient", cases[name](), gradient, tolerance)
    del double, exact, gradient
    reference = EMBEDDED if EMBEDDED in cases else EXACT
    if reference == EMBEDDED:
        del cases[EXACT]
    timing = compare(cases, reference=reference, anchor=prediction, rounds=7, budget_s=25)
    timing["memory_mb"] = {name: round(peak_memory(case) / 2**20, 1) for name, case in cases.items()}
    timing["gradient_error"] = errors
    return timing, cases


def main() -> None:
    """Run all cases and write the result."""
    timings, gates = {}, []
    for (batch, orientations), (least, goal) in CASES.items():
        name = f"B={batch}, K={orientations}, {SIZE} x {SIZE}"
        timing, cases = one_case(batch, orientations)
        timings[name], memory, reference = timing, timing["memory_mb"], timing["reference"]
        for own in (OURS, PREPARED):
            speed = timing["cases"][own]["speedup"]
            what = f"CWMI {own}, over {reference}, {name}"
            gates.append(gate(what, speed, at_least=least, goal=goal, case=cases[own]))
        share = memory[OURS] / memory[reference]
        gates.append(
            gate(
                f"CWMI's share of their memory, {name}", round(share, 3), at_most=0.2 if batch == 1 else 0.1, goal=0.064
            )
        )
        for case, row in timing["cases"].items():
            print(f"{name}, {case}: {row['median_ms']:.1f} ms, {row['speedup']:.1f}x, {memory[case]} MB")
        print(f"{name}: gradient errors {timing['gradient_error']}")
    title = "Mutual information of CWMI, forward and backward, by Parseval and in space"
    write("cwmi", {"title": title, "timings": timings, "gates": gates})


if __name__ == "__main__":
    main()

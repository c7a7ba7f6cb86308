"""SPW beside a plain restatement of the published operations: time of forward and backward, and peak memory.

The restatement is ours, written from the formulas: it keeps the published order of operations (complex ``fft2`` of
mask and prediction, all orientations at once, moduli, one upsampling by two after the other), not the published text.
"""

import argparse
import math

import torch

from common import MIB, compare, gate, peak_memory, require_close, write
from subband.losses.segmentation.spw import SPWLoss
from subband.transforms.filters import angular_gain, axis_frequency, radial_pair, radius

LEVELS, ORIENTATIONS, BETA, WEIGHT = 4, 4, 0.9, 10.0
AXES = (-2, -1)


def restated_filters(size):
    """High, low and angular gains of each stage on the published grid, in ``fftshift`` order, made once."""
    stages = []
    for stage in range(LEVELS + 1):
        grid = [axis_frequency(n, grid="authors") for n in size]
        frequency = [grid[0][:, None], grid[1][None, :]]
        high, low = radial_pair(radius(frequency), math.pi / (4 if stage else 2))
        angular = angular_gain(frequency, orientations=ORIENTATIONS)
        angular[:, size[0] // 2 - 1, size[1] // 2 - 1] = 0
        stages.append((high.float(), low.float(), angular.float()))
        size = size if stage == 0 else tuple(n // 2 for n in size)
    return stages


def restated_pyramid(x, stages):
    """High residual, complex bands of each level, low residual."""
    back = lambda spectrum: torch.fft.ifft2(torch.fft.ifftshift(spectrum, AXES))  # noqa: E731
    spectrum = torch.fft.fftshift(torch.fft.fft2(x), AXES)
    out = [back(spectrum * stages[0][0])]
    spectrum = spectrum * stages[0][1]
    for high, low, angular in stages[1:]:
        out.append(back((spectrum * high).unsqueeze(2) * angular))
        h, w = spectrum.shape[-2:]
        spectrum = (spectrum * low)[..., h // 4 : h // 4 * 3, w // 4 : w // 4 * 3]
    return [*out, back(spectrum)]


def restated_double(x):
    """Upsampling by two through the spectrum, then the modulus."""
    h, w = x.shape[-2:]
    shifted = torch.fft.fftshift(torch.fft.rfft2(x), -2)
    padded = shifted.new_zeros(*x.shape[:-2], 2 * h, w + 1)
    padded[..., h // 2 : h // 2 + h, : w // 2 + 1] = shifted
    return torch.fft.irfft2(torch.fft.ifftshift(padded, -2), s=(2 * h, 2 * w)).abs()


def restated_loss(p, y, class_weight, stages):
    """The published loss at its head, base cross-entropy, class weights already one pair for the batch."""
    with torch.no_grad():
        mask, prediction = restated_pyramid(y, stages), restated_pyramid(p, stages)
        total = torch.zeros_like(y)
        for number in range(LEVELS):
            feature = mask[number + 1].abs().sum(2) + prediction[number + 1].abs().sum(2)
            for _ in range(number):
                feature = restated_double(feature)
            total = total + BETA**number * feature
        weight = WEIGHT * total
    background, foreground = class_weight
    likelihood = (weight + foreground) * y * torch.log(p + 1e-7)
    likelihood = likelihood + (weight + background) * (1 - y) * torch.log(1 - p + 1e-7)
    return -likelihood.mean()


def blobs(batch, size):
    """Masks of thresholded smooth noise, and logits that are nearly right."""
    generator = torch.Generator().manual_seed(20261)
    noise = torch.randn(batch, 1, size, size, generator=generator)
    smooth = torch.nn.functional.avg_pool2d(noise, 21, 1, 10)
    mask = (smooth > smooth.std()).float()
    logits = 3 * (2 * mask - 1) + 1.5 * torch.randn(mask.shape, generator=generator)
    return mask, logits.requires_grad_()


def measure(batch, size, rounds):
    """Assert, time and weigh one size of batch."""
    mask, logits = blobs(batch, size)
    labels = mask.to(torch.uint8)
    class_weight = torch.tensor([1.0, float((1 - mask).sum() / mask.sum())])
    stages = restated_filters((size, size))
    options = {"levels": LEVELS, "orientations": ORIENTATIONS, "beta": BETA, "weight": WEIGHT}
    exact = SPWLoss(class_weight=class_weight, **options)
    authors = SPWLoss(class_weight=class_weight, grid="authors", **options)
    prepared = exact.prepare(labels)

    def step(loss):
        value = loss()
        return value.detach(), torch.autograd.grad(value, logits)[0]

    losses = {
        "restated": lambda: restated_loss(logits.sigmoid(), mask, class_weight, stages),
        "subband, exact grid": lambda: exact(logits, labels),
        "subband, prepared target": lambda: exact(logits, prepared),
        "subband, authors' grid": lambda: authors(logits, labels),
    }
    cases = {name: (lambda loss=loss: step(loss)) for name, loss in losses.items()}
    double = logits.detach().double().requires_grad_()
    value = exact(double, labels)
    expected = value, torch.autograd.grad(value, double)[0]
    found = {name: case() for name, case in cases.items()}
    for place, what in enumerate(("value", "gradient")):
        require_close(f"{what}, authors' grid", found["subband, authors' grid"][place], found["restated"][place], 1e-5)
        plain = found["subband, exact grid"][place]
        require_close(f"{what}, exact grid", plain, expected[place], 1e-5)
        require_close(f"{what}, prepared", found["subband, prepared target"][place], plain, 2e-7)
    timing = compare(cases, reference="restated", anchor=mask, rounds=rounds)
    timing["memory_mb"] = {name: round(peak_memory(case) / MIB, 1) for name, case in cases.items()}
    return timing, cases


def main() -> None:
    """Measure batches of 1 and 4 and write ``results/spw.json``."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--size", type=int, default=512)
    parser.add_argument("--rounds", type=int, default=9)
    given = parser.parse_args()
    timings, gates = {}, []
    for batch, goal in ((1, 4.5), (4, 5.2)):
        title = f"B={batch}, {given.size} x {given.size}"
        timing, cases = measure(batch, given.size, given.rounds)
        timings[title] = timing
        plain, prepared, memory = "subband, exact grid", "subband, prepared target", timing["memory_mb"]
        speedup = {name: timing["cases"][name]["speedup"] for name in (plain, prepared)}
        gates += [
            gate(f"restated over {plain}, {title}", speedup[plain], at_least=1.9),
            gate(
                f"restated over {prepared}, {title}", speedup[prepared], at_least=3.8, goal=goal, case=cases[prepared]
            ),
            gate(f"peak of {plain} over restated, {title}", memory[plain] / memory["restated"], at_most=0.5),
        ]
    title = "SPW, forward and backward, beside a plain restatement of the published operations, one thread"
    write("spw", {"title": title, "timings": timings, "gates": gates})


if __name__ == "__main__":
    main()

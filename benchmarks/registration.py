"""A training step of WiNet beside the authors' operations on the same weights, and the inverse transform at full size.

    python benchmarks/registration.py [--small] [--rounds 3]

The loss is theirs: correlation over 9 x 9 x 9 voxels with zeros outside, and smoothness. "kept" is what the forward
pass holds for the backward pass, "peak" the most at one time; both without weights. The estimates are what
`subband.models.estimate_memory` says without running a step. The correlation also runs alone, against the dense
convolution over 9 x 9 x 9 voxels.
"""

import argparse
import copy

import torch
import torch.nn.functional as F

import _winet_authors as authors
from common import MIB, compare, gate, peak_memory, require_close, write
from subband.layers.dwt import unstack_bands
from subband.losses.registration import diffusion_loss, ncc_loss
from subband.models._winet_memory import estimate_memory
from subband.models.winet import WiNet
from subband.transforms import idwt
from subband.transforms.warp import warp

STEP, SMALL, FULL = (80, 96, 112), (64, 64, 32), (160, 192, 224)
DENSE, PLAIN = "authors' operations", "subband"
LEAN, LAST = "subband, checkpointing", "subband, checkpointing, channels last"
KIND = "haar"


def loss(warped, fixed, field):
    """The authors' loss by our functions."""
    return ncc_loss(fixed, warped, padding="zeros") + 2 * diffusion_loss(field, unit="authors")


def images(space):
    """Two smooth random volumes."""
    noise = torch.rand(2, 1, 1, *space, generator=torch.Generator().manual_seed(0))
    return [F.avg_pool3d(x, 5, 1, 2) for x in noise]


def networks():
    """One set of weights in all variants."""
    torch.manual_seed(0)
    plain = WiNet(width=8, wavelet=KIND, border="authors", initial="authors")
    lean = copy.deepcopy(plain)
    lean.checkpointing = True
    return {PLAIN: plain, LEAN: lean, LAST: copy.deepcopy(lean).to(memory_format=torch.channels_last_3d)}


def steps(space):
    """Each variant as a function that returns the loss and the gradients."""
    moving, fixed = images(space)
    models = networks()

    def theirs():
        value = authors.loss(models[PLAIN], moving, fixed)
        return value, torch.autograd.grad(value, list(models[PLAIN].parameters()))

    def ours(model):
        def step():
            field = model(moving, fixed)
            value = loss(warp(moving, field), fixed, field)
            return value, torch.autograd.grad(value, list(model.parameters()))

        return step

    return models, {DENSE: theirs, **{name: ours(model) for name, model in models.items()}}


def kept(step, model):
    """What a step gives, and the bytes that its forward pass holds, weights left out."""
    weights = {one.untyped_storage().data_ptr() for one in model.parameters()}
    seen: dict[int, torch.Tensor] = {}

    def keep(x):
        seen.setdefault(x.untyped_storage().data_ptr(), x)
        return x

    with torch.autograd.graph.saved_tensors_hooks(keep, lambda x: x):
        result = step()
    held = sum(x.untyped_storage().nbytes() for place, x in seen.items() if place not in weights)
    return result, round(held / MIB, 1)


def training(space, rounds):
    """Time and memory of a step, after its value and gradients are found equal."""
    models, found = steps(space)
    (value, gradients), held = kept(found[DENSE], models[PLAIN])
    kept_mb = {DENSE: held}
    for name, model in models.items():
        (mine, own), kept_mb[name] = kept(found[name], model)
        require_close(f"{name}, loss", mine, value, 1e-5)
        require_close(f"{name}, gradients", flat(own), flat(gradients), 1e-3)
    timed = {name: found[name] for name in (DENSE, PLAIN, LAST)}
    timing = compare(timed, reference=DENSE, rounds=rounds, budget_s=240)
    timing["kept_mb"] = kept_mb
    timing["memory_mb"] = {name: round(peak_memory(step, warmups=0) / MIB, 1) for name, step in found.items()}
    return timing, found[PLAIN]


def flat(tensors):
    """All numbers of some tensors in one."""
    return torch.cat([x.flatten() for x in tensors])


def inverse(space, rounds):
    """The last inverse transform, 8 bands of 3 components: forward, and forward with backward."""
    half = [size // 2 for size in space]
    stacked = torch.randn(1, 3, 8, *half, generator=torch.Generator().manual_seed(0))
    cotangent = torch.randn(1, 3, *space, generator=torch.Generator().manual_seed(1))

    def ours(x):
        return idwt(unstack_bands(x, dims=3), KIND, dims=3)

    def theirs(x):
        return authors.idwt(x.unbind(2), KIND)

    def both(function):
        def case():
            x = stacked.detach().requires_grad_()
            return torch.autograd.grad(function(x), x, cotangent)[0]

        return case

    require_close("inverse", ours(stacked), theirs(stacked), 1e-5)
    require_close("gradient of the inverse", both(ours)(), both(theirs)(), 1e-5)
    ahead = {DENSE: lambda: theirs(stacked), PLAIN: lambda: ours(stacked)}
    return {
        "forward": compare(ahead, reference=DENSE, rounds=rounds, budget_s=60),
        "forward and backward": compare(
            {DENSE: both(theirs), PLAIN: both(ours)}, reference=DENSE, rounds=rounds, budget_s=60
        ),
    }


def correlation(space, rounds):
    """The correlation alone, with its gradient by the warped image: sums along the axes against dense convolutions."""
    fixed, warped = images(space)
    warped.requires_grad_()

    def case(function):
        def run():
            value = function(fixed, warped)
            return value, *torch.autograd.grad(value, warped)

        return run

    found = {DENSE: case(authors.ncc), PLAIN: case(lambda i, j: ncc_loss(i, j, padding="zeros"))}
    for what, mine, wanted in zip(("value", "gradient"), found[PLAIN](), found[DENSE](), strict=True):
        require_close(f"correlation, {what}", mine, wanted, 1e-3)
    timing = compare(found, reference=DENSE, rounds=rounds, budget_s=60)
    timing["memory_mb"] = {name: round(peak_memory(run, warmups=0) / MIB, 1) for name, run in found.items()}
    return timing, found[PLAIN]


def estimates(space):
    """What a step is said to need, without a step."""
    return {name: estimate_memory(model, space, loss=loss) for name, model in networks().items() if name != LAST}


def bounds(step, plain, inverses, alone, ours):
    """What must hold, and what is to be reached; ``plain`` and ``ours`` are a step and a correlation, to profile."""
    cases, memory, held = step["cases"], step["memory_mb"], step["kept_mb"]
    shape = " x ".join(map(str, STEP))
    faster = {name: cases[name]["speedup"] for name in (PLAIN, LAST)}
    found = [
        gate(f"authors' operations over subband, step at {shape}", faster[PLAIN], at_least=3, goal=4, case=plain),
        gate(f"authors' operations over channels last, step at {shape}", faster[LAST], at_least=3, goal=4),
        gate("kept for the backward pass, checkpointing over authors'", share(held), at_most=0.5, goal=0.3),
        gate("peak of a step, checkpointing over authors'", share(memory), at_most=0.5, goal=0.4),
    ]
    for name, timing in inverses.items():
        speedup = timing["cases"][PLAIN]["speedup"]
        found.append(gate(f"authors' inverse transform over subband, {name}", speedup, at_least=2, goal=4))
    speedup = alone["cases"][PLAIN]["speedup"]
    return [*found, gate("authors' correlation over subband", speedup, at_least=2, goal=20, case=ours)]


def share(of):
    """The checkpointing variants' part of the authors' memory, the larger of the two."""
    return round(max(of[LEAN], of[LAST]) / of[DENSE], 3)


def main() -> None:
    """Measure and write ``results/registration.json``."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--small", action="store_true", help="a seventh of the voxels, to try the script out")
    given = parser.parse_args()
    shrink = 2 if given.small else 1
    space = SMALL if given.small else STEP
    full = tuple(size // shrink for size in FULL)
    whole = estimate_memory(networks()[LEAN], full, loss=loss)
    print(whole, flush=True)
    said = estimates(space)
    step, plain = training(space, given.rounds)
    print({name: (row["median_ms"], row["speedup"]) for name, row in step["cases"].items()}, flush=True)
    inverses = inverse(full, given.rounds)
    alone, ours = correlation(SMALL, given.rounds)
    shown = " x ".join(map(str, full))
    timings = {f"training step, width 8, {' x '.join(map(str, space))}": step}
    timings |= {f"inverse transform of 3 x 8 bands to {shown}, {name}": one for name, one in inverses.items()}
    timings[f"correlation in windows of 9 x 9 x 9, {' x '.join(map(str, SMALL))}, forward and backward"] = alone
    title = "WiNet beside the authors' operations, one thread"
    gates = bounds(step, plain, inverses, alone, ours)
    print(*(f"{one['what']}: {one['value']}{'' if one['kept'] else ' (not kept)'}" for one in gates), sep="\n")
    if not given.small:
        payload = {"title": title, "timings": timings, "gates": gates}
        write("registration", {**payload, "full_size": str(whole), "estimates": {k: str(v) for k, v in said.items()}})


if __name__ == "__main__":
    main()

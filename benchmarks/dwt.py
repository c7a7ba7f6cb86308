"""The wavelet transform beside its peers: time of forward and backward, and peak memory.

Peers run their nearest equivalent: pytorch_wavelets and ptwt with zeros beyond the ends, which makes a few
coefficients more; PyWavelets without a graph, the adjoint by its inverse. "dense matrices" is the formulation of the
WaveCNet authors, written anew from their formulas. Install the peers to see them:
``pip install --no-deps pytorch_wavelets==1.3.0 ptwt==1.0.1``.
"""

import argparse
import warnings
from dataclasses import dataclass, replace

import pywt
import torch

import _dwt_peers as peers
from common import MIB, compare, gate, peak_memory, require_close, write
from subband.transforms import dwt, idwt, wavedec

warnings.filterwarnings("ignore")  # of the peers
EAGER, COMPILED, LAST = "subband", "subband, compiled", ", channels last"
DENSE = "dense matrices"
SAME, ZEROS = "pytorch_wavelets", "pytorch_wavelets, zeros beyond the ends"
PEERS = {
    SAME: (peers.pytorch_wavelets, "periodization"),  # our transform, coefficient for coefficient
    ZEROS: (peers.pytorch_wavelets, "zero"),  # its fastest
    "ptwt": (peers.ptwt, "zero"),
}
LIMITS = {"haar": (12, (9, 6)), "db4": (30, (20, 12))}  # copies: the bound, and the goals of both orders in memory


@dataclass(frozen=True)
class Case:
    """What is transformed: shape (batch, channels, *space)."""

    wavelet: str
    shape: tuple[int, ...]
    level: int = 1
    inverse: bool = False

    @property
    def dims(self):
        """Number of transformed axes."""
        return len(self.shape) - 2

    @property
    def title(self):
        """What the tables call it."""
        sizes = " x ".join(map(str, self.shape))
        levels = f", {self.level} levels" if self.level > 1 else ""
        return f"{'inverse, ' if self.inverse else ''}{self.wavelet}, {sizes}{levels}"


IMAGES, PLANES, SIGNALS, VOLUMES = (8, 32, 128, 128), (4, 1, 512, 512), (32, 32, 2048), (2, 16, 48, 48, 48)
CASES = [
    *(Case(wavelet, IMAGES) for wavelet in ("haar", "db4", "bior4.4")),
    Case("db4", PLANES),
    Case("db4", IMAGES, inverse=True),
    Case("db4", IMAGES, level=3),
    Case("db4", SIGNALS),
    Case("db4", VOLUMES),
]


def ours(case, x, *, compiled):
    """Our transform as a function of leaves to outputs, and its leaves."""

    def split(x):
        found = wavedec(x, case.wavelet, dims=case.dims, level=case.level, compiled=compiled)
        return [found.approx, *(band for level in found.details for band in level.values())]

    if not case.inverse:
        return split, [x]
    bands = dwt(x, case.wavelet, dims=case.dims)
    names = list(bands)

    def join(*bands):
        return [idwt(dict(zip(names, bands, strict=True)), case.wavelet, dims=case.dims, compiled=compiled)]

    return join, list(bands.values())


def runnable(program, layout=torch.contiguous_format):
    """Forward and backward of a program with given gradients of its outputs; returns them, and the case to time."""
    function, leaves = program
    leaves = [leaf.detach().clone(memory_format=torch.preserve_format).requires_grad_() for leaf in leaves]
    generator = torch.Generator().manual_seed(1)
    outputs = function(*leaves)
    cotangents = [torch.randn(output.shape, generator=generator).contiguous(memory_format=layout) for output in outputs]

    def step():
        outputs = function(*leaves)
        return outputs, torch.autograd.grad(outputs, leaves, cotangents)

    return leaves, cotangents, step


def layouts(case):
    """Orders in memory that the shape has, by the name that they add."""
    if case.shape[1] == 1 or case.dims == 1:
        return {"": torch.contiguous_format}
    return {"": torch.contiguous_format, LAST: torch.channels_last if case.dims == 2 else torch.channels_last_3d}


def check(case, name, leaves, cotangents, step, expected=None):
    """Outputs and gradients against PyWavelets in float64."""
    if expected is None:
        arrays = ([tensor.detach().double().numpy() for tensor in tensors] for tensors in (leaves, cotangents))
        expected = peers.on_numpy(case, *arrays)
    for what, found, wanted in zip(("value", "gradient"), step(), expected, strict=True):
        for number, (one, other) in enumerate(zip(found, wanted, strict=True)):
            require_close(f"{case.title}, {name}, {what} {number}", one, torch.as_tensor(other), 1e-6)


def check_dense(case, x, step, cotangents):
    """The authors' formulation against our mode of that name."""
    leaf = x.detach().clone().requires_grad_()
    if case.inverse:
        bands = dwt(leaf.detach(), case.wavelet, dims=case.dims, mode="authors")
        leaves = [band.requires_grad_() for band in bands.values()]
        outputs = [idwt(bands, case.wavelet, dims=case.dims, mode="authors")]
    else:
        found = wavedec(leaf, case.wavelet, dims=case.dims, level=case.level, mode="authors")
        outputs, leaves = [found.approx, *(band for level in found.details for band in level.values())], [leaf]
    check(case, DENSE, None, None, step, (outputs, torch.autograd.grad(outputs, leaves, cotangents)))


def check_peer(case, name, outputs, x, mode):
    """A peer's low-pass band, or what it reconstructs."""
    wanted = x
    if not case.inverse:
        axes = tuple(range(-case.dims, 0))
        wanted = torch.from_numpy(pywt.wavedecn(x.double().numpy(), case.wavelet, mode, case.level, axes=axes)[0])
    require_close(f"{case.title}, {name}", outputs[0], wanted, 1e-5)


def programs(case, x):
    """Every program that there is for a case, checked, by name."""
    found = {}
    for suffix, layout in layouts(case).items():
        for name, compiled in ((EAGER, False), (COMPILED, True)):
            leaves, cotangents, step = runnable(
                ours(case, x.contiguous(memory_format=layout), compiled=compiled), layout
            )
            check(case, name + suffix, leaves, cotangents, step)
            found[name + suffix] = step
    leaves, cotangents, step = runnable(peers.dense(case, x))
    check_dense(case, x, step, cotangents)
    found[DENSE] = step
    for name, (peer, mode) in PEERS.items():
        program = peer(case, x, mode)
        if program is not None:
            _, _, found[name] = runnable(program)
            check_peer(case, name, found[name]()[0], x, mode)
    leaves, cotangents, _ = runnable(ours(case, x, compiled=False))
    arrays = ([tensor.detach().numpy() for tensor in tensors] for tensors in (leaves, cotangents))
    arrays, gradients = arrays
    found["PyWavelets"] = lambda: peers.on_numpy(case, arrays, gradients)
    return found


def measure(case, rounds):
    """Assert, time and weigh one case; the figures, and what was timed."""
    x = torch.randn(case.shape, generator=torch.Generator().manual_seed(0))
    found = programs(case, x)
    timing = compare(found, reference=DENSE, anchor=x, rounds=rounds, budget_s=20)
    timing["memory_mb"] = {
        name: round(peak_memory(step) / MIB, 1) for name, step in found.items() if name != "PyWavelets"
    }
    return timing, found


def bounds(case, timing, steps):
    """What `make bench` holds us to."""
    found = [*_over_copies(case, timing, steps), *_eager_beside_peers(case, timing)]
    cases = timing["cases"]
    least = {2: 2.5, 3: 1.7}.get(case.dims)
    if least is not None:
        found.append(gate(f"dense matrices over compiled, {case.title}", cases[COMPILED]["speedup"], at_least=least))
    for peer in (*PEERS, "PyWavelets"):
        if peer in cases:
            ratio = cases[peer]["ratio"] / cases[COMPILED]["ratio"]
            found.append(gate(f"{peer} over compiled, {case.title}", round(ratio, 3), at_least=1))
    return found


def _over_copies(case, timing, steps):
    """Forward and backward over a copy of the image: the bound of the memory."""
    if case.shape != IMAGES or case.level > 1 or case.inverse or case.wavelet not in LIMITS:
        return []
    bound, goals = LIMITS[case.wavelet]
    return [
        gate(
            f"compiled over a copy, {case.title}{suffix}",
            timing["cases"][COMPILED + suffix]["over_copy"],
            at_most=bound,
            goal=goal,
            case=steps[COMPILED + suffix],
        )
        for suffix, goal in zip(("", LAST), goals, strict=True)
    ]


def _eager_beside_peers(case, timing):
    """The acceptance of eager db4: of an image and of a volume."""
    if case.wavelet != "db4" or case.shape not in (IMAGES, VOLUMES) or case.level > 1 or case.inverse:
        return []
    cases, memory = timing["cases"], timing["memory_mb"]
    least = {"ptwt": 3, SAME: 2, ZEROS: 1} if case.dims == 2 else {"ptwt": 20}
    found = [
        gate(f"{peer} over eager, {case.title}", round(cases[peer]["ratio"] / cases[EAGER]["ratio"], 3), at_least=bound)
        for peer, bound in least.items()
        if peer in cases
    ]
    if case.dims == 3 and "ptwt" in memory:
        found.append(gate(f"memory over ptwt's, {case.title}", round(memory[EAGER] / memory["ptwt"], 3), at_most=0.1))
    return found


def main() -> None:
    """Measure all cases and write ``results/dwt.json``."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--small", action="store_true", help="a fourth of every size, to try the script out")
    given = parser.parse_args()
    torch._dynamo.config.recompile_limit = 128
    timings, gates = {}, []
    shrink = 4 if given.small else 1
    for whole in CASES:
        case = replace(whole, shape=(*whole.shape[:2], *(size // shrink for size in whole.shape[2:])))
        torch._dynamo.reset()
        timings[case.title], steps = measure(case, given.rounds)
        gates += bounds(case, timings[case.title], steps)
        print(case.title, {name: row["median_ms"] for name, row in timings[case.title]["cases"].items()}, flush=True)
    absent = [name for name in ("pytorch_wavelets", "ptwt") if peers.load(name) is None]
    note = f"; not installed: {', '.join(absent)}" if absent else ""
    title = f"Wavelet transform, forward and backward, one thread{note}"
    write("dwt", {"title": title, "timings": timings, "gates": gates, "not_installed": absent})


if __name__ == "__main__":
    main()

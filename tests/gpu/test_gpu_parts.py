"""What ``benchmarks/gpu.py`` compares with, and how it measures."""

import contextlib
import sys
import types

import pytest
import pywt
import torch


def _gradient(function, z):
    leaf = z.detach().requires_grad_()
    return torch.autograd.grad(function(leaf), leaf)[0]


def test_the_filters_are_those_of_pywavelets(script):
    stand_ins = script("_gpu.stand_ins")
    names = stand_ins.wavelets("pywt").wavelist(kind="discrete")
    assert {"haar", "db4", "bior3.3", "rbio3.3", "bior4.4"} <= set(names)
    for name in names:
        assert stand_ins.wavelets("pywt").Wavelet(name).filter_bank == tuple(pywt.Wavelet(name).filter_bank), name


def test_an_annotation_is_its_type(script):
    assert script("_gpu.stand_ins").annotations("jaxtyping").Float[torch.Tensor, "batch"] is torch.Tensor


def test_stand_ins_are_taken_only_where_a_package_is_missing(script, monkeypatch):
    stand_ins = script("_gpu.stand_ins")
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.setitem(sys.modules, "pywt", None)  # as if it were not installed
    stand_ins.prepare_imports()
    assert sys.modules["pywt"].Wavelet("haar").filter_bank[0] == [0.5**0.5] * 2
    assert hasattr(sys.modules["jaxtyping"], "jaxtyped")


@pytest.mark.parametrize("name", ["cwmi", "rmi", "cldice", "skeleton", "entropy"])
def test_the_authors_operations_have_our_gradient(script, name):
    from subband.losses.segmentation import ClDiceLoss, CrossEntropyLoss, CWMILoss, RMILoss
    from subband.losses.segmentation._mutual_information import MutualInformation
    from subband.transforms.morphology import soft_skeleton

    authors, (z, target) = script("_authors"), script("_gpu.segmentation").example(2, 64, dtype=torch.float64)
    mask = target[:, None].double()
    weight = torch.rand(mask.shape, generator=torch.Generator().manual_seed(3), dtype=torch.float64)
    cwmi = CWMILoss(ce_weight=0.0, class_weight=None, measure=MutualInformation(ridge=0.0))
    theirs, ours = {
        "cwmi": (lambda z: authors.cwmi(z.sigmoid(), mask, 4), lambda z: cwmi(z, target)),
        "rmi": (lambda z: authors.rmi(z.sigmoid(), mask), lambda z: RMILoss()(z, target)),
        "cldice": (lambda z: authors.cldice(z.sigmoid(), mask), lambda z: ClDiceLoss()(z, target)),
        "skeleton": (
            lambda z: authors.skeleton(z.sigmoid()).square().sum(),
            lambda z: soft_skeleton(z.sigmoid()).square().sum(),
        ),
        "entropy": (
            lambda z: authors.weighted_entropy(z.sigmoid(), mask, weight),
            lambda z: CrossEntropyLoss()(z, target, weight_map=weight),
        ),
    }[name]
    assert script("_gpu.clock").difference(_gradient(ours, z), _gradient(theirs, z)) < 1e-6


def test_the_authors_low_pass_layer_is_ours(script):
    from subband.layers import LowPass

    x = torch.rand(2, 3, 8, 12)
    for name in ("haar", "db2"):
        taps = tuple(pywt.Wavelet(name).rec_lo)
        assert torch.allclose(script("_authors").DenseLowPass(taps)(x), LowPass(name)(x), atol=1e-6)


def test_ratios_are_medians_within_rounds(script):
    clock, calls = script("_gpu.clock"), []
    busy = iter([1, 1, *[1, 5] * 2, *[1] * 16])  # two warm-ups, then twenty rounds

    def long():
        calls.append("long")
        return 4.0 * next(busy)

    def short():
        calls.append("short")
        return 2.0

    rows = clock.ratios({"long": long, "short": short}, clock.Given("cpu", False, lambda work: work()), "short")
    assert rows["long"] == {"median_ms": 4.0, "over_short": 2.0, "peak_mb": None}
    assert rows["short"]["over_short"] == 1
    assert calls[4:10] == ["long", "short", "short", "long", "long", "short"]
    assert len(calls) == 2 * (2 + 20)


def test_what_does_not_fit_stays_in_the_table(script, given):
    def large():
        raise torch.OutOfMemoryError

    clock = script("_gpu.clock")
    assert clock.ratios({"small": int, "large": large}, given, "small")["large"]["median_ms"] is None
    with pytest.raises(MemoryError, match="'large', the reference, does not fit"):
        clock.ratios({"small": int, "large": large}, given, "large")


def test_on_cuda_events_and_the_allocator_measure(script, monkeypatch):
    """Neither is here: stand-ins of them show what is asked, and in which order."""
    clock, asked = script("_gpu.clock"), []

    class Event:
        def __init__(self, *, enable_timing):
            assert enable_timing

        def record(self):
            asked.append("record")

        def elapsed_time(self, end):
            return 2.0

    class Graph:
        def replay(self):
            asked.append("replay")

    quiet = ("synchronize", "reset_peak_memory_stats", "empty_cache")
    pretended = {name: (lambda name=name: asked.append(name)) for name in quiet}
    pretended |= {"Event": Event, "CUDAGraph": Graph, "graph": contextlib.nullcontext, "stream": contextlib.nullcontext}
    waiting = types.SimpleNamespace(wait_stream=lambda stream: asked.append("wait"))
    pretended |= {"Stream": lambda: waiting, "current_stream": lambda: waiting}
    held = iter([0, 5_000_000, 0, 5_000_000])
    pretended |= {"memory_allocated": lambda: next(held), "max_memory_allocated": lambda: next(held)}
    for name, value in pretended.items():
        monkeypatch.setattr(torch.cuda, name, value)
    timer = clock.Clock("cpu")
    timer.cuda = True
    given = clock.Given("cuda", True, timer)
    rows = clock.ratios({"copy": lambda: asked.append("work")}, given, "copy")
    assert rows == {"copy": {"median_ms": 2.0, "over_copy": 1.0, "peak_mb": 5.0}}
    assert asked[-4:] == ["record", "work", "record", "synchronize"]
    clock.captured(lambda: asked.append("work"), given)()
    assert asked[-1] == "replay"

    def waits():
        raise RuntimeError("operation not permitted when stream is capturing")

    monkeypatch.setattr(torch.cuda, "stream", lambda stream: contextlib.suppress(RuntimeError))
    assert clock.captured(waits, given) is None

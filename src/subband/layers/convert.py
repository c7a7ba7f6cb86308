"""Makes any network a WaveCNet: every stride and every pooling becomes a low-pass filter."""

from collections.abc import Sequence
from typing import TypeVar

from torch import nn

from subband._check import one_of, positive
from subband.layers._conversion import Conversion, Placement
from subband.layers._placement import places_of_calls
from subband.layers._places import Place, check_plain, places_of_modules, skipped_modules
from subband.layers._pooling import pool_of_module
from subband.layers._tracing import Traces, trace
from subband.layers.conversion_report import ConversionReport, attach, attached
from subband.layers.low_pass import Gain, low_pass_taps
from subband.transforms.filter_bank import Wavelet, filter_bank

Model = TypeVar("Model", bound=nn.Module)


def waveletize(
    model: Model,
    wavelet: Wavelet = "haar",
    *,
    placement: Placement = "authors",
    gain: Gain = "orthonormal",
    max_stride: int = 2,
    skip: Sequence[str | nn.Module] | str | nn.Module = (),
) -> Model:
    r"""Put the low-pass filter of a wavelet in the place of every stride and every pooling of a network, in place.

    .. math:: \mathrm{conv}_{s=2} \to \mathrm{DWT}_{ll} \circ \mathrm{conv}_{s=1}, \qquad
        \mathrm{maxpool}_{s=2},\ \mathrm{avgpool}_{s=2} \to \mathrm{DWT}_{ll}

    Every map keeps the size that it had, for every size of the input; names and shapes of the state do not change, so
    checkpoints of the plain network load. The network may be deep-copied, pickled, trained, compiled and exported.

    Args:
        model: Network of any kind; strided convolutions, max-pooling and average-pooling layers and calls of one to
            three dimensions are converted. Convert before compiling, scripting, parametrizing or quantising.
        wavelet: As for `LowPass`: a wavelet, or ``blur2`` to ``blur7`` for an anti-aliased network.
        placement: ``authors``: before a strided 1x1 convolution without padding; else just before the next convolution
            or pooling, where only normalisations, activations and dropout lie between; else right after. Needs torch.fx
            to trace the network. ``direct``: right after, as in the paper's formula; before a 1x1 convolution
            without bias, which gives the same numbers for a quarter of the work.
        gain: As for `LowPass`: ``orthonormal`` doubles the activations of an image each time, as the authors train;
            ``dc1`` keeps their mean, for weights of the plain network.
        max_stride: Larger strides stay. A stride of 4 is two levels; the convolution then runs at every pixel.
        skip: Names or modules to leave, with all that is below them. The word ``stem`` is the first strided
            convolution: the authors' ``pool_only=True``; in a ResNet ``skip=("conv1",)`` does the same.

    Returns:
        The same network. `conversion_report` tells what was converted, what was left and why: left are adaptive pools,
        pools that return indices, of stride 1 or dilated, strides that are no power of 2, transposed, parametrized and
        quantised layers, blur layers, and pools called in a forward that torch.fx cannot trace.

    Raises:
        ValueError: If there is nothing to convert; if the network is scripted, compiled, or converted already; if
            ``skip`` names no module; if an option is unknown.

    Source:
        Li et al., WaveCNet, 2020 (arXiv:2005.03337). ``placement="authors"`` makes LiQiufu/WaveCNet's networks of
        torchvision's. Ours: any network, any size, ``dc1``, blur kernels.

    Example:
        >>> import torch
        >>> from torch import nn
        >>> network = nn.Sequential(nn.Conv2d(3, 8, 3, stride=2, padding=1), nn.ReLU(), nn.MaxPool2d(2))
        >>> waveletize(network, "ch2.2")(torch.zeros(1, 3, 33, 20)).shape
        torch.Size([1, 8, 8, 5])
    """
    one_of("placement", placement, ("authors", "direct"))
    positive(max_stride=max_stride)
    low_pass_taps(wavelet, gain=gain)  # its errors, before anything is changed
    check_plain(model)
    _refuse_converted(model)
    skipped = skipped_modules(model, skip)
    traces = trace(model)
    modules = list(places_of_modules(model, max_stride=max_stride, skipped=skipped))
    calls = list(places_of_calls(traces, max_stride=max_stride, skipped=skipped))
    places = [_unless_mixed(place, skipped, calls) for place in [*modules, *calls]]
    _refuse_empty(places, traces)
    rows = Conversion(wavelet, gain, placement, traces).run(places)
    name = wavelet if isinstance(wavelet, str) else filter_bank(wavelet).name
    attach(model, ConversionReport(name, tuple(rows), tuple(_notes(traces))))
    return model


def _unless_mixed(place: Place, skipped: set[nn.Module], calls: Sequence[Place]) -> Place:
    """Leave the calls of a module below which pools are skipped: one answer serves all that run inside it."""
    if place.reason or not place.called:
        return place
    pools = {one.module for one in calls} | {one for one in skipped if pool_of_module(one) is not None}
    if any(one in skipped and one in pools for one in place.module.modules()):
        return Place(
            place.name, place.module, place.kind, place.kernel, place.stride, "holds a skipped pool", called=True
        )
    return place


def _refuse_converted(model: nn.Module) -> None:
    for name, module in model.named_modules():
        if (report := attached(module)) is not None:
            where = f"module {name!r}" if name else "the network"
            raise ValueError(f"{where} was converted already, with {report.wavelet!r}; convert a new one, in one call")


def _refuse_empty(places: Sequence[Place], traces: Traces) -> None:
    if all(place.reason for place in places):
        found = [f"{place.kind} {place.name!r} ({place.reason})" for place in places]
        shown = ", ".join(found[:4]) + (f" and {len(found) - 4} more" if len(found) > 4 else "")
        raise ValueError(f"nothing to convert: {shown or 'the network has no stride and no pooling'}")


def _notes(traces: Traces) -> list[str]:
    if not traces.failed:
        return []
    shown = ", ".join(repr(name) if name else "the network" for name in traces.failed[:3])
    more = f" and {len(traces.failed) - 3} more" if len(traces.failed) > 3 else ""
    return [f"torch.fx cannot trace the forward of {shown}{more}: pools that it calls as functions stay"]

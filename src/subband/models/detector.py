"""Faster R-CNN and RetinaNet of torchvision on any ResNet, plain or with wavelets in it."""

from dataclasses import dataclass
from functools import partial
from typing import Any, Literal, TypeAlias

from torch import nn

from subband._check import one_of, positive
from subband._optional import require
from subband.layers._conversion import Placement
from subband.layers.conversion_report import attach, conversion_report
from subband.layers.convert import waveletize
from subband.layers.low_pass import Gain
from subband.transforms.filter_bank import Wavelet

Head: TypeAlias = Literal["fasterrcnn", "retinanet"]
BackboneNorm: TypeAlias = Literal["batch", "frozen", "group"]
FAMILIES = ("resnet", "resnext", "wide_resnet")
_GROUPS = 32
_STAGES = ("layer4", "layer3", "layer2", "layer1", "conv1")


@dataclass(frozen=True)
class DetectorSize:
    """Sizes of a detector. The defaults are torchvision's networks; `small_detector` has those for small images.

    Args:
        side: Longer side that every image is brought to, in pixels.
        anchor: Side of the smallest anchor, in these pixels; each level of the pyramid doubles it.
        channels: Channels of the pyramid and of what runs on it, a multiple of 64.
        hidden: Outputs of the two layers behind each region, of Faster R-CNN.
        regions: Regions of an image that Faster R-CNN proposes in a test, twice as many in training.
        sampled: Regions of an image that train Faster R-CNN's head.

    Raises:
        ValueError: If one is not above 0, or ``channels`` is no multiple of 64.
    """

    side: int = 1066
    anchor: int = 32
    channels: int = 256
    hidden: int = 1024
    regions: int = 1000
    sampled: int = 512

    def __post_init__(self) -> None:
        positive(**vars(self))
        if self.channels % (2 * _GROUPS):  # a group of one channel has nothing to normalise in a map of one pixel
            raise ValueError(f"channels is {self.channels}, but must be a multiple of {2 * _GROUPS}")


def small_detector(side: int) -> DetectorSize:
    """Sizes for images of 64 to 320 pixels, on which a step takes a CPU about a second.

    Args:
        side: Longer side that every image is brought to, in pixels.

    Example:
        >>> small_detector(128).anchor
        8
    """
    return DetectorSize(side=side, anchor=max(8, side // 16), channels=128, hidden=256, regions=250, sampled=64)


def detector(
    head: Head = "fasterrcnn",
    backbone: str = "resnet18",
    *,
    classes: int,
    wavelet: Wavelet | None = None,
    placement: Placement = "authors",
    gain: Gain = "orthonormal",
    norm: BackboneNorm = "batch",
    trainable_layers: int = 5,
    size: DetectorSize = DetectorSize(),
) -> nn.Module:
    """Build a detector with a feature pyramid on a ResNet of torchvision; weights are random.

    It is torchvision's detector: in training it takes a list of images (3, H, W) in [0, 1] and a list of
    ``{"boxes": (n, 4), "labels": (n,)}`` and returns a dictionary of losses; in evaluation it takes the images and
    returns ``{"boxes", "labels", "scores"}`` for each. Boxes are left, top, right, bottom in pixels; label 0 is the
    background. It normalises inside, with ImageNet's mean and deviation.

    Args:
        head: ``fasterrcnn`` (two stages) or ``retinanet`` (one).
        backbone: ``resnet18`` to ``resnet152``, ``resnext...`` or ``wide_resnet...``.
        classes: Kinds of objects, K; labels are 1 to K.
        wavelet: Wavelet or blur of `subband.layers.waveletize`; None leaves the backbone plain. The first convolution
            keeps its stride, as the authors' default has it (``pool_only``).
        placement: As for `subband.layers.waveletize`.
        gain: As for `subband.layers.waveletize`; ``dc1`` for weights of a plain network.
        norm: Normalisation of the backbone: ``batch``; ``frozen`` batch norms, for pretrained weights and batches of
            few images; ``group``, which needs no batch, also in RetinaNet's head: the one for random weights.
        trainable_layers: Stages of the backbone that learn, counted from its end; 5 is all of it. Fewer make sense for
            pretrained weights only.
        size: Sizes of image, anchors and layers.

    Returns:
        The network, under torchvision's names: with ``norm="batch"`` (or ``frozen``) and the default sizes, the state
        of ``fasterrcnn_resnet50_fpn`` or ``retinanet_resnet50_fpn`` loads strictly, with or without a wavelet.
        `subband.layers.conversion_report` tells what was converted, `frozen_report` what does not learn.

    Raises:
        ValueError: If a name or number is unknown or out of range.
        ImportError: If torchvision is not installed.

    Source:
        Li et al., WaveCNet, TIP 2021 (arXiv:2107.13335), which has detectors but no code of them; Ren et al., Faster
        R-CNN, 2015 (arXiv:1506.01497); Lin et al., FPN, 2017 (arXiv:1612.03144) and RetinaNet, 2017
        (arXiv:1708.02002). Departures from torchvision: nothing is frozen unless asked for, and the longer side of an
        image sets its size alone.

    Example:
        >>> import torch
        >>> model = detector(classes=3, wavelet="haar", size=small_detector(64)).eval()
        >>> sorted(model([torch.zeros(3, 48, 64)])[0])
        ['boxes', 'labels', 'scores']
    """
    one_of("head", head, ("fasterrcnn", "retinanet"))
    one_of("norm", norm, ("batch", "frozen", "group"))
    positive(classes=classes)
    network = _resnet(backbone, norm)
    if wavelet is not None:
        waveletize(network, wavelet, placement=placement, gain=gain, skip=("conv1",))
    _freeze(network, trainable_layers)
    if head == "retinanet":
        model = _retinanet(_pyramid(network, [2, 3, 4], size, extra=True), classes + 1, size, norm)
    else:
        model = _faster_rcnn(_pyramid(network, [1, 2, 3, 4], size, extra=False), classes + 1, size)
    if wavelet is not None:
        attach(model, conversion_report(network))
    return model


def _part(name: str) -> Any:
    """A module of torchvision."""
    return require(f"torchvision.{name}", extra="vision")


def _resnet(name: str, norm: BackboneNorm) -> Any:
    """A ResNet of torchvision with random weights."""
    torchvision = require("torchvision", extra="vision")
    known = [one for one in torchvision.models.list_models(torchvision.models) if one.startswith(FAMILIES)]
    one_of("backbone", name, known)
    layers = {
        "batch": nn.BatchNorm2d,
        "frozen": torchvision.ops.FrozenBatchNorm2d,
        "group": partial(nn.GroupNorm, _GROUPS),
    }
    return torchvision.models.get_model(name, weights=None, norm_layer=layers[norm])


def _freeze(network: nn.Module, trainable_layers: int) -> None:
    """Take the gradient from all stages of a ResNet but the last ``trainable_layers``."""
    if trainable_layers not in range(len(_STAGES) + 1):
        raise ValueError(f"trainable_layers is {trainable_layers}, but must be 0 to {len(_STAGES)}, which is all")
    learning = (*_STAGES[:trainable_layers], *(["bn1"] if trainable_layers == len(_STAGES) else []))
    for name, parameter in network.named_parameters():
        parameter.requires_grad_(name.startswith(learning))


def _pyramid(network: Any, stages: list[int], size: DetectorSize, *, extra: bool) -> Any:
    """Feature pyramid on stages of a ResNet; ``extra`` adds two strided levels, else the last one is pooled."""
    levels: Any = _part("ops.feature_pyramid_network")
    first = network.fc.in_features // 8
    return _part("models.detection.backbone_utils").BackboneWithFPN(
        network,
        return_layers={f"layer{stage}": str(number) for number, stage in enumerate(stages)},
        in_channels_list=[first * 2 ** (stage - 1) for stage in stages],
        out_channels=size.channels,
        extra_blocks=levels.LastLevelP6P7(size.channels, size.channels) if extra else levels.LastLevelMaxPool(),
    )


def _anchors(size: DetectorSize, parts: int) -> Any:
    """Anchors of five levels in three shapes, each in ``parts`` sizes per octave."""
    sides = [tuple(int(size.anchor * 2 ** (level + part / parts)) for part in range(parts)) for level in range(5)]
    return _part("models.detection.anchor_utils").AnchorGenerator(tuple(sides), ((0.5, 1.0, 2.0),) * len(sides))


def _retinanet(pyramid: Any, outputs: int, size: DetectorSize, norm: BackboneNorm) -> nn.Module:
    retinanet = _part("models.detection.retinanet")
    anchors = _anchors(size, 3)
    inside = partial(nn.GroupNorm, _GROUPS) if norm == "group" else None
    head = retinanet.RetinaNetHead(size.channels, anchors.num_anchors_per_location()[0], outputs, norm_layer=inside)
    built: nn.Module = retinanet.RetinaNet(
        pyramid, outputs, min_size=size.side, max_size=size.side, anchor_generator=anchors, head=head
    )
    return built


def _faster_rcnn(pyramid: Any, outputs: int, size: DetectorSize) -> nn.Module:
    faster_rcnn = _part("models.detection.faster_rcnn")
    built: nn.Module = faster_rcnn.FasterRCNN(
        pyramid,
        min_size=size.side,
        max_size=size.side,
        rpn_anchor_generator=_anchors(size, 1),
        rpn_pre_nms_top_n_train=2 * size.regions,
        rpn_pre_nms_top_n_test=size.regions,
        rpn_post_nms_top_n_train=2 * size.regions,
        rpn_post_nms_top_n_test=size.regions,
        box_head=faster_rcnn.TwoMLPHead(size.channels * 7**2, size.hidden),
        box_predictor=faster_rcnn.FastRCNNPredictor(size.hidden, outputs),
        box_batch_size_per_image=size.sampled,
    )
    return built

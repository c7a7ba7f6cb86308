"""Heads made of heads, from the options that a recipe can write: UniTSFace, EPL, VPL, UNPG."""

from typing import Literal

from subband._check import one_of
from subband.losses.recognition.arcface import ArcFace
from subband.losses.recognition.cosface import CosFace
from subband.losses.recognition.epl import EPL
from subband.losses.recognition.uniface import UniFace
from subband.losses.recognition.unitsface import UniTSFace
from subband.losses.recognition.unpg import UNPG
from subband.losses.recognition.uss import USS
from subband.losses.recognition.vpl import VPL

Base = Literal["cosface", "arcface", "uniface"]
BASES = ("cosface", "arcface", "uniface")
COSINE_LIMIT = 1 - 1e-7
"""Clip of the cosines of EPL's ArcFace."""


def base_head(features: int, classes: int, base: Base, *, scale: float, margin: float) -> CosFace | ArcFace | UniFace:
    """Sample-to-class head below another one; ArcFace as EPL's authors have it, with the gradient of the cosine.

    Raises:
        ValueError: If there is no such head.
    """
    one_of("base", base, BASES)
    if base == "arcface":
        return ArcFace(features, classes, scale=scale, margin=margin, gradient="detached", cosine_limit=COSINE_LIMIT)
    return (CosFace if base == "cosface" else UniFace)(features, classes, scale=scale, margin=margin)


def unitsface(
    features: int,
    classes: int,
    *,
    base: Base = "cosface",
    scale: float = 64.0,
    margin: float = 0.4,
    sample_margin: float = 0.1,
    weight: float = 1.0,
    start_epoch: int = 1,
) -> UniTSFace:
    """`UniTSFace` of a head of classes and of `USS`.

    Args:
        features: Length of an embedding.
        classes: Number of identities.
        base: Head of classes.
        scale: Scale of both.
        margin: Margin of the head of classes.
        sample_margin: Margin of the head of samples.
        weight: Weight of the head of samples.
        start_epoch: First epoch of the head of samples.

    Raises:
        ValueError: If an option is out of range.
    """
    above = base_head(features, classes, base, scale=scale, margin=margin)
    between = USS(features, classes, scale=scale, margin=sample_margin)
    return UniTSFace(above, between, weight=weight, start_epoch=start_epoch)


def epl(
    features: int,
    classes: int,
    *,
    base: Base = "cosface",
    scale: float = 64.0,
    margin: float = 0.4,
    update: Literal["softsign", "sigmoid", "direct"] = "softsign",
    strength: float = 0.7,
    start_epoch: int = 3,
) -> EPL:
    """`EPL` on a head of classes.

    Args:
        features: Length of an embedding.
        classes: Number of identities.
        base: Head of classes.
        scale: Its scale.
        margin: Its margin.
        update: How a prototype moves.
        strength: Share of the own cosine that the prototypes' half takes as its margin.
        start_epoch: First epoch of the prototypes' half.

    Raises:
        ValueError: If an option is out of range.
    """
    below = base_head(features, classes, base, scale=scale, margin=margin)
    return EPL(below, update=update, strength=strength, start_epoch=start_epoch)


def vpl(
    features: int,
    classes: int,
    *,
    base: Literal["cosface", "arcface"] = "cosface",
    scale: float = 64.0,
    margin: float = 0.4,
    share: float = 0.15,
    recent: int = 200,
    start: int = 8000,
) -> VPL:
    """`VPL` on a softmax head.

    Args:
        features: Length of an embedding.
        classes: Number of identities.
        base: Head of classes.
        scale: Its scale.
        margin: Its margin.
        share: Share of the last embedding in the weight of its class.
        recent: Steps for which an embedding counts.
        start: Steps before the first that mixes.

    Raises:
        ValueError: If an option is out of range.
    """
    return VPL(_softmax(features, classes, base, scale=scale, margin=margin), share=share, recent=recent, start=start)


def unpg(
    features: int,
    classes: int,
    *,
    base: Literal["cosface", "arcface"] = "cosface",
    scale: float = 64.0,
    margin: float = 0.5,
    whisker: float = 1.5,
) -> UNPG:
    """`UNPG` on a softmax head.

    Args:
        features: Length of an embedding.
        classes: Number of identities.
        base: Head of classes.
        scale: Its scale.
        margin: Its margin.
        whisker: Width of the range of pairs that count, in interquartile ranges.

    Raises:
        ValueError: If an option is out of range.
    """
    return UNPG(_softmax(features, classes, base, scale=scale, margin=margin), whisker=whisker)


def _softmax(
    features: int, classes: int, base: Literal["cosface", "arcface"], *, scale: float, margin: float
) -> CosFace | ArcFace:
    one_of("base", base, ("cosface", "arcface"))
    return (CosFace if base == "cosface" else ArcFace)(features, classes, scale=scale, margin=margin)

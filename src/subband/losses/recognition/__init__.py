"""Losses of recognition and uniform classification."""

from subband.losses.recognition.arcface import ArcFace, arcface_target
from subband.losses.recognition.class_sampling import SampledRows, sample_classes
from subband.losses.recognition.cosface import CosFace
from subband.losses.recognition.ecloss import ECLoss, ec_loss
from subband.losses.recognition.epl import EPL
from subband.losses.recognition.head_memory import HeadMemory, head_memory
from subband.losses.recognition.normface import NormFace, recommended_scale
from subband.losses.recognition.s2s import S2SBCE, S2SSoftmax
from subband.losses.recognition.shard import ClassShard
from subband.losses.recognition.sharded import ShardedHead
from subband.losses.recognition.sphereface import SphereFace, sphereface_target
from subband.losses.recognition.sphereface2 import SphereFace2
from subband.losses.recognition.uniface import UniFace
from subband.losses.recognition.uniform_bce import UniformBCE, uniform_bce_loss
from subband.losses.recognition.unitsface import UniTSFace
from subband.losses.recognition.unpg import UNPG, pairs_within_whiskers
from subband.losses.recognition.uss import USS
from subband.losses.recognition.vpl import VPL

__all__ = [
    "EPL",
    "S2SBCE",
    "UNPG",
    "USS",
    "VPL",
    "ArcFace",
    "ClassShard",
    "CosFace",
    "ECLoss",
    "HeadMemory",
    "NormFace",
    "S2SSoftmax",
    "SampledRows",
    "ShardedHead",
    "SphereFace",
    "SphereFace2",
    "UniFace",
    "UniTSFace",
    "UniformBCE",
    "arcface_target",
    "ec_loss",
    "head_memory",
    "pairs_within_whiskers",
    "recommended_scale",
    "sample_classes",
    "sphereface_target",
    "uniform_bce_loss",
]

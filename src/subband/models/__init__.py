"""Networks: an image goes in, logits of the same size (or of its class) come out."""

from subband.models._vgg import load_vgg_encoder
from subband.models._winet_memory import MemoryEstimate, estimate_memory
from subband.models.attention_unet import AttentionUNet
from subband.models.classifiers import CifarResNet, classifier
from subband.models.deeplab import DeepLabV3Plus, WaveDeepLabV3Plus
from subband.models.detector import DetectorSize, detector, small_detector
from subband.models.embedder import embedder
from subband.models.frozen_report import FrozenReport, frozen_report
from subband.models.iresnet import IResNet, restrict_weights
from subband.models.iresnet_checkpoint import load_iresnet
from subband.models.normalized import Normalized
from subband.models.segnet import SegNet, WaveSegNet
from subband.models.unet import UNet, authors_state_dict, load_authors
from subband.models.vgg_unet import VggUNet, WaveUNet
from subband.models.wave_unet3d import WaveUNet3d
from subband.models.wave_unet3d_checkpoint import load_authors_wave_unet3d
from subband.models.wavecnet import WAVECNETS, wavecnet
from subband.models.wavecnet_checkpoint import Loaded, load_authors_wavecnet
from subband.models.winet import WiNet
from subband.models.winet_checkpoint import load_authors_winet

__all__ = [
    "WAVECNETS",
    "AttentionUNet",
    "CifarResNet",
    "DeepLabV3Plus",
    "DetectorSize",
    "FrozenReport",
    "IResNet",
    "Loaded",
    "MemoryEstimate",
    "Normalized",
    "SegNet",
    "UNet",
    "VggUNet",
    "WaveDeepLabV3Plus",
    "WaveSegNet",
    "WaveUNet",
    "WaveUNet3d",
    "WiNet",
    "authors_state_dict",
    "classifier",
    "detector",
    "embedder",
    "estimate_memory",
    "frozen_report",
    "load_authors",
    "load_authors_wave_unet3d",
    "load_authors_wavecnet",
    "load_authors_winet",
    "load_iresnet",
    "load_vgg_encoder",
    "restrict_weights",
    "small_detector",
    "wavecnet",
]

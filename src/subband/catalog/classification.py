"""Names of classifications: losses, networks, readers, metrics."""

from typing import Any

from subband.catalog.entry import Entry

_BCE = "sigmoid of each class"
_UNIFORM = "Li et al., uniform classification, 2024 (arXiv:2403.07289)"
_METRIC = "subband.metrics:"


def _metric(name: str, target: str, line: str, source: str, **options: Any) -> Entry:
    return Entry("metric", name, _METRIC + target, line, source, options)


ENTRIES: tuple[Entry, ...] = (
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
)

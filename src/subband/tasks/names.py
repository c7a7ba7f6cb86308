"""Names that a classification adds to the catalogue. Nothing here imports torch."""

from subband import catalog
from subband.catalog import Entry

_BCE = "sigmoid of each class"
_UNIFORM = "Li et al., uniform classification, 2024 (arXiv:2403.07289)"
ENTRIES = (
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
LOSS_KIND = {"segmentation": "loss", "classification": "class-loss"}
"""Kind of a task's losses in the catalogue."""


def find(kind: str, name: str) -> Entry:
    """An entry of the catalogue or of a classification.

    Raises:
        ValueError: If there is no such name, with the closest one.
    """
    known = {(entry.kind, entry.name): entry for entry in (*ENTRIES, *catalog.ENTRIES)}
    return catalog.find(kind, name, among=known.values())

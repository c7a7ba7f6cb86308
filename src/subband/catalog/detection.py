"""Names of detections: losses, detectors, readers."""

from subband.catalog.entry import Entry

ENTRIES: tuple[Entry, ...] = (
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

"""Names of recognitions: heads, networks, readers."""

from typing import Any

from subband.catalog.entry import Entry

_READER = "subband.data.readers:"
_HEAD = "subband.losses.recognition."
_COMPOSED = "subband.tasks.heads:"
_UNIFACE = "Zhou et al., UniFace, ICCV 2023"
_UNITSFACE = "Li et al., UniTSFace, 2023 (arXiv:2311.02523)"
_EPL = "Li et al., EPL, 2024 (arXiv:2405.12447)"
_INSIGHTFACE = "https://github.com/deepinsight/insightface"


def _head(name: str, label: str, target: str, line: str, source: str, **options: Any) -> Entry:
    return Entry(
        "head", name, target if target.startswith("subband.") else _HEAD + target, line, source, options, label
    )


def _faces(name: str, target: str, line: str, source: str) -> Entry:
    return Entry(
        "face-dataset", name, target if target.startswith("subband.") else _READER[:-1] + "." + target, line, source
    )


ENTRIES: tuple[Entry, ...] = (
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
)

"""Names of registrations: methods, similarities, sets of volumes."""

from collections.abc import Mapping
from typing import Any

from subband.catalog.entry import Entry

_ITK = "SimpleITK"
_WINET = "Cheng et al., WiNet, MICCAI 2024 (arXiv:2407.13426)"


def _similarity(
    name: str, label: str, target: str, line: str, source: str, options: Mapping[str, Any] | None = None
) -> Entry:
    return Entry("similarity", name, "subband.losses.registration:" + target, line, source, options or {}, label)


def _registration(
    name: str, label: str, target: str, line: str, source: str, options: Mapping[str, Any] | None = None
) -> Entry:
    target = target if target.startswith("subband.") else "subband.tasks.registration_baselines:" + target
    return Entry("registration", name, target, line, source, options or {}, label)


def _volumes(name: str, target: str, line: str, source: str) -> Entry:
    return Entry("volume-dataset", name, "subband.data.readers." + target, line, source)


ENTRIES: tuple[Entry, ...] = (
    _registration("winet", "WiNet", "subband.models.winet:WiNet", "network, trained on many pairs", _WINET),
    _registration("winet-pair", "WiNet on one pair", "PairFit", "the network fitted to each pair by itself", "ours"),
    _registration("field", "field by Adam", "PairFit", "every vector of a pair by Adam", "-", {"unknown": "field"}),
    _registration(
        "coefficients",
        "Haar coefficients by Adam",
        "PairFit",
        "Haar coefficients by Adam",
        "-",
        {"unknown": "coefficients"},
    ),
    _registration("identity", "identity", "Identity", "no displacement", "-"),
    _registration("affine", "affine", "Affine", "affine map by mutual information", _ITK),
    _registration("b-spline", "B-spline", "BSpline", "affine, then free-form deformation", "Rueckert et al., 1999"),
    _registration("demons", "demons", "Demons", "affine, then diffeomorphic demons", "Vercauteren et al., 2009"),
    _similarity("ncc", "NCC", "NCCLoss", "squared correlation in the window around each voxel", "Avants et al., 2008"),
    _similarity("ncc-authors", "NCC, authors'", "NCCLoss", "the same with zeros around", _WINET, {"padding": "zeros"}),
    _similarity("mse", "MSE", "MSELoss", "mean squared difference", "-"),
    _similarity("mi", "MI", "MutualInformationLoss", "mutual information, for two modalities", "Viola and Wells, 1995"),
    _volumes("nifti-folder", "nifti_folder:NiftiFolder", "a folder of NIfTI volumes and one of label maps", "-"),
    _volumes("nifti-pairs", "nifti_folder:NiftiPairs", "a folder of moving volumes and one of fixed ones", "-"),
    _volumes("ixi", "ixi:Ixi", "IXI brains, converted, and their atlas", "https://brain-development.org/ixi-dataset"),
    _volumes("cardiac", "cardiac:CardiacFrames", "hearts at end of diastole and of systole", "ACDC, M&Ms"),
    Entry(
        "volume-dataset",
        "synthetic-phantoms",
        "subband.data.phantoms:Phantoms",
        "nested ellipsoids, warped by a known flow",
        "ours, seeded",
    ),
)

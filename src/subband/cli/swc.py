"""``subband swc rasterize|validate|compare FILES``."""

import warnings
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from subband.transforms.tree import Tree

ACTIONS = {
    "rasterize": ("shape", "like", "spacing", "radius", "out", "overwrite"),
    "validate": ("out", "overwrite"),
    "compare": ("distance", "out", "overwrite"),
}
SHOWN = 20
"""Findings of one file that are printed; a JSON file holds all."""


def swc(
    action: str,
    files: list[Path],
    *,
    shape: str | None = None,
    like: Path | None = None,
    spacing: str | None = None,
    radius: float | None = None,
    distance: float | None = None,
    out: Path | None = None,
    overwrite: bool = False,
) -> int:
    """Work with SWC files of traced neurons: rasterize FILE into a label volume, validate FILES, or compare TRACED
    TRUTH.

    Args:
        action: rasterize, validate or compare.
        files: One SWC file to rasterize, any number to validate, the traced and the true one to compare.
        shape: rasterize: size of the volume, Z,Y,X; without it and --like the smallest one that holds the tree.
        like: rasterize: a volume whose size and spacing are taken for the labels.
        spacing: rasterize: size of a voxel, z,y,x, in the unit of the file, where that is not the voxel.
        radius: rasterize: no radius becomes smaller than this, in voxels.
        distance: compare: from which distance on two trees differ, in the unit of the files; by default 2.
        out: rasterize: volume to write, by default FILE.labels.tif; validate and compare: a JSON file with all results.
        overwrite: Write over a file that is there.

    Returns:
        0; 1 if validate finds an error, or the traced file of compare holds no trace.
    """
    from subband._check import one_of

    one_of("action", action, ACTIONS)
    given = {"shape": shape, "like": like, "spacing": spacing, "radius": radius, "distance": distance}
    for name, value in given.items():
        if value is not None and name not in ACTIONS[action]:
            raise ValueError(f"--{name} does not go with {action}; leave it out")
    target = files[0].with_suffix(".labels.tif") if action == "rasterize" and out is None else out
    if target is not None and target.exists() and not overwrite:
        raise FileExistsError(f"{target} is there already; add --overwrite, or choose another --out")
    if action == "validate":
        return _validate(files, target)
    if action == "compare":
        return _compare(files, 2.0 if distance is None else distance, target)
    assert target is not None
    return _rasterize(files, _numbers("shape", shape), like, _numbers("spacing", spacing), radius or 0.0, target)


def _rasterize(
    files: list[Path],
    shape: tuple[float, ...] | None,
    like: Path | None,
    spacing: tuple[float, ...] | None,
    radius: float,
    target: Path,
) -> int:
    import numpy as np

    from subband.cli._console import say, say_where
    from subband.data.volume_file import open_volume, write_volume
    from subband.transforms.rasterize import rasterize
    from subband.transforms.tree import scale

    if len(files) != 1:
        raise ValueError(f"rasterize takes one file, but {len(files)} are given; call it for each")
    if shape and like:
        raise ValueError("--shape and --like both give a size; leave one of them out")
    tree = scale(_read(files[0]), [1 / size for size in spacing or (1, 1, 1)], min_radius=radius)
    size, step, unit = [int(n) for n in shape or ()], (1.0, 1.0, 1.0), "voxel"
    if like:
        model = open_volume(like)
        size, step, unit = list(model.array.shape), model.spacing, model.unit
    if not size:
        ends = tree.positions + tree.radii[:, None] + 0.25
        size = [max(1, int(end) + 1) for end in np.floor(ends.max(0))]
    labels = rasterize(tree, size)
    inside = ((tree.positions >= -0.5) & (tree.positions <= np.array(size) - 0.5)).all(1).sum()
    write_volume(target, labels.astype(np.uint8) * 255, spacing=step, unit=unit)
    say(f"{len(tree)} nodes, {inside} of them inside {' x '.join(map(str, size))} voxels")
    say(f"{np.count_nonzero(labels)} voxels of the neuron are 255, {labels.mean():.3%} of the volume")
    say_where("written", target)
    if not labels.any():
        raise ValueError(f"{files[0]} marks no voxel; check its unit (--spacing) and the size of the volume")
    return 0


def _validate(files: list[Path], target: Path | None) -> int:
    from subband._files import write_json
    from subband.cli._console import print_table, say, say_where
    from subband.data._swc_lines import Finding
    from subband.data.swc import swc_findings

    found = {}
    for path in files:
        try:
            found[str(path)] = swc_findings(path)
        except ValueError as error:  # missing, or not text; the other files are checked all the same
            found[str(path)] = [Finding(0, str(error))]
    rows = []
    for name, findings in found.items():
        for finding in findings[:SHOWN]:
            say(f"{name}: {finding}")
        if len(findings) > SHOWN:
            say(f"{name}: and {len(findings) - SHOWN} more; --out FILE.json keeps all")
        errors = sum(finding.error for finding in findings)
        rows.append([name, str(errors), str(len(findings) - errors), "cannot be read" if errors else "can be read"])
    print_table(["file", "errors", "warnings", ""], rows)
    if target:
        write_json(
            target,
            {
                name: [{"line": each.line, "error": each.error, "text": each.text} for each in findings]
                for name, findings in found.items()
            },
        )
        say_where("written", target)
    return int(any(finding.error for findings in found.values() for finding in findings))


def _compare(files: list[Path], distance: float, target: Path | None) -> int:
    from dataclasses import asdict

    from subband._files import write_json
    from subband.cli._console import print_table, say, say_where
    from subband.metrics.neurons import length_precision, length_recall, neuron_distances

    if len(files) != 2:
        raise ValueError(f"compare takes the traced and the true file, but {len(files)} are given")
    traced, truth = (_read(path) for path in files)
    found = neuron_distances(traced, truth, threshold=distance)
    recall = length_recall(traced, truth, distance=distance)
    precision = length_precision(traced, truth, distance=distance)
    rows = [
        ["ESA", f"{found.esa:.3f}", "mean distance of the two trees"],
        ["  traced to truth", f"{found.esa12:.3f}", "large where something false is traced"],
        ["  truth to traced", f"{found.esa21:.3f}", "large where something is missing"],
        ["DSA", f"{found.dsa:.3f}", f"mean distance where it is {distance:g} or more"],
        ["PDS", f"{found.pds:.1%}", f"part that is {distance:g} or more away"],
        ["length recall", f"{recall:.1%}", f"of {truth.length:.1f}, traced within {distance:g}"],
        ["length precision", f"{precision:.1%}", f"of {traced.length:.1f}, true within {distance:g}"],
    ]
    print_table(["", "value", "meaning"], rows)
    if target:
        write_json(
            target,
            {
                "traced": str(files[0]),
                "truth": str(files[1]),
                "distance": distance,
                **asdict(found),
                "length recall": recall,
                "length precision": precision,
            },
        )
        say_where("written", target)
    if found.failed:
        say(f"failed: {files[0]} holds no edge, so that there is nothing to compare")
    return int(found.failed)


def _read(path: Path) -> "Tree":
    """Read a tree, and print what the reader warns of."""
    from subband.cli._console import say
    from subband.data.swc import read_swc

    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        tree = read_swc(path)
    for warning in caught:
        say(f"warning: {warning.message}")
    return tree


def _numbers(name: str, text: str | None) -> tuple[float, ...] | None:
    """``64,128,128`` as three numbers."""
    if text is None:
        return None
    try:
        numbers = tuple(float(part) for part in text.strip("[]()").split(","))
    except ValueError:
        numbers = ()
    if len(numbers) != 3 or not all(number > 0 for number in numbers):
        raise ValueError(f"--{name} is {text!r}, but must be three numbers greater than 0, as in 64,128,128")
    return numbers

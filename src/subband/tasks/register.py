"""Registration of two files: by optimisation of the pair or by a trained run, beside baselines, with a page."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn

from subband import catalog
from subband._check import one_of
from subband._files import write_json
from subband.config import Fit, Model, Recipe, Registration
from subband.data.registration_sample import label_ids
from subband.models._winet_memory import MemoryEstimate
from subband.report.register_page import RegisterPage, write_register_page
from subband.report.registration_views import view_of
from subband.tasks._folder import command, machine, versions
from subband.tasks.file_pair import FilePair, warped_files
from subband.tasks.plan import Progress
from subband.tasks.registration import build_model
from subband.tasks.registration_baselines import PairFit
from subband.tasks.registration_cell import memory_of
from subband.tasks.registration_loss import RegistrationLoss, build_loss
from subband.tasks.registration_scores import Scored, middle_of, registered, score_pair
from subband.tasks.trained_registration import TrainedRegistration

BASELINES = ("identity", "affine", "b-spline", "demons", "field", "coefficients")
"""Registrations that a pair can be compared with."""
STATE = "state.pt"


@dataclass(frozen=True, eq=False)
class Way:
    """One way to register a pair."""

    label: str
    model: nn.Module
    loss: RegistrationLoss


def fitted_way(asked: Fit) -> Way:
    """Registration of a pair without training.

    Raises:
        ValueError: If a name or an option is unknown.
    """
    known = [name for name in catalog.names("registration") if name != "winet"]
    one_of("method", asked.method, known)
    options = dict(asked.options)
    if catalog.find("registration", asked.method).target.endswith("PairFit"):
        options = {"steps": asked.steps, "diffeomorphic": asked.diffeomorphic, **options}
    model = build_model(Model(name=asked.method, options=options), channels=1, classes=1, seed=0)
    return Way(catalog.find("registration", asked.method).label, model, loss_of(asked))


def loss_of(asked: Fit) -> RegistrationLoss:
    """What a pair is optimised for."""
    wanted = Registration(smoothness=asked.smoothness, weight=asked.weight)
    options = dict(asked.similarity_options)
    if asked.similarity.startswith("ncc"):
        options = {"window": 5, **options}
    recipe = Recipe(task="registration", loss_options={asked.similarity: options}, registration=wanted)
    return build_loss(recipe, asked.similarity)


def baseline_ways(names: Sequence[str], loss: RegistrationLoss) -> list[Way]:
    """Baselines by their names; ``all`` stands for every one.

    Raises:
        ValueError: If a name is unknown.
    """
    wanted = list(BASELINES) if list(names) == ["all"] else list(names)
    for name in wanted:
        one_of("baselines", name, (*BASELINES, "all"))
    return [
        Way(
            catalog.find("registration", name).label, build_model(Model(name=name), channels=1, classes=1, seed=0), loss
        )
        for name in wanted
    ]


def trained_way(run: TrainedRegistration) -> Way:
    """Registration by a trained run."""
    return Way(f"{run.folder.name}", run.model, run.loss)


def expected_memory(way: Way, pair: FilePair) -> MemoryEstimate | None:
    """Memory that a step is going to take; None where that is not known before."""
    if not isinstance(way.model, PairFit):
        return None
    grid = pair.fixed.grid
    return memory_of(way.model.settings.build(torch.zeros(1, 1, *grid.shape)), way.loss, grid)


def register_pair(
    pair: FilePair,
    main: Way,
    others: Sequence[Way],
    folder: Path,
    *,
    about: Mapping[str, Any],
    listen: Callable[[str, Progress], None] = lambda label, progress: None,
    say: Callable[[str], None] = lambda line: None,
) -> dict[str, Any]:
    """Register a pair in several ways, and write what the main one gives, a page and ``result.json``.

    An optimisation that was stopped goes on in the same folder.

    Args:
        pair: The two volumes.
        main: The registration whose image, field and labels are written.
        others: Registrations beside it in the table.
        folder: Folder to write.
        about: What was asked for, for ``result.json``.
        listen: Hears the steps of optimisations.
        say: Hears what is expected and done.

    Raises:
        ValueError: If a registration cannot be made.
    """
    structures = structures_of(pair)
    found: dict[str, Scored] = {}
    losses: list[tuple[int, float]] = []
    for way in [*others, main]:
        if isinstance(way.model, PairFit) and way is main:
            way.model.state = folder / STATE

        def hear(now: Progress, way: Way = way) -> None:
            if way is main:
                losses.append((now.step, now.loss))
            listen(way.label, now)

        say(f"{way.label} ...")
        found[way.label] = score_pair(way.model, way.loss, pair.moving, pair.fixed, structures, listen=hear)
    best = found[main.label]
    files = warped_files(folder, best.field, pair)
    views = planes_of(pair, best)
    rows = [{"name": label, **each.metrics} for label, each in found.items()]
    dice = {label: each.dice for label, each in found.items() if each.dice}
    page = RegisterPage(f"{pair.source.name} onto {pair.fixed.name}", main.label, rows, dice, views, losses, command())
    path = write_register_page(folder, page)
    made = {"command": command(), "versions": versions(), "machine": machine()}
    result = {**about, "results": rows, "structures": dice, **made}
    write_json(folder / "result.json", result)
    (folder / STATE).unlink(missing_ok=True)
    return {**result, "page": path, "files": files}


def planes_of(pair: FilePair, found: Scored) -> list[Any]:
    """Planes across each axis, through the middle of the structures; one for an image."""
    arrays = registered(pair.moving, pair.fixed, found.field)
    if pair.fixed.image.ndim == 2:
        return [view_of("image", arrays)]
    titles = ("sagittal", "coronal", "axial")
    return [view_of(titles[axis], arrays, axis=axis, place=middle_of(pair.fixed, axis)) for axis in (2, 1, 0)]


def structures_of(pair: FilePair) -> dict[int, str]:
    """Labels of the two volumes, by their numbers."""
    if pair.moving.labels is None or pair.fixed.labels is None:
        return {}
    found = {*label_ids(pair.source.labels), *label_ids(pair.fixed.labels)} if pair.source.labels is not None else set()
    return {label: f"label {label}" for label in sorted(found)}


def asked_for(moving: Path, fixed: Path, asked: Fit, run: Path | None) -> dict[str, Any]:
    """What was asked for."""
    files = {"moving": str(moving), "fixed": str(fixed)}
    return {**files, "run": str(run)} if run is not None else {**files, "fit": asdict(asked)}

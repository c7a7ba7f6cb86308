"""A comparison: methods x folds x seeds in one folder that can be stopped, resumed and shared out."""

import dataclasses
import multiprocessing
import os
import shutil
import time
import traceback
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import torch
import yaml

from subband._files import read_json, write_json, write_text
from subband.config import Recipe, parse_budget, resolved_recipe
from subband.tasks._folder import write_yaml
from subband.tasks.cell import Cell, Material, cells, first_process, identity, run_cell
from subband.tasks.describe import describe, describe_run
from subband.tasks.kinds import kind_of
from subband.tasks.methods import methods, network, renamed
from subband.tasks.plan import Progress
from subband.tasks.preparation import check_networks, prepare

Listener = Callable[[Cell, Progress], None]


@dataclass(frozen=True)
class Options:
    """How a comparison is carried out; none of it changes the numbers.

    Args:
        shard: This process's share, ``(1, 1)`` is all: cells ``i, i + n, ...`` of ``(i, n)``.
        jobs: Processes that train at the same time.
        overwrite: Delete what the folder holds.
        tensorboard: Write TensorBoard events.
    """

    shard: tuple[int, int] = (1, 1)
    jobs: int = 1
    overwrite: bool = False
    tensorboard: bool = False


DEFAULT = Options()


def compare(
    recipe: Recipe,
    folder: Path,
    options: Options = DEFAULT,
    *,
    listen: Listener = lambda cell, progress: None,
    say: Callable[[str], None] = lambda line: None,
) -> dict[str, Any]:
    """Run what is missing of a comparison; returns the content of ``comparison.json``.

    Raises:
        ValueError: If the recipe is wrong, the data cannot be trained on, or the folder holds another comparison.
        OSError: If the folder cannot be written.
    """
    if recipe.threads:
        torch.set_num_threads(recipe.threads)
    parse_budget(recipe.budget)
    kind = kind_of(recipe.task)
    kind.check_recipe(recipe)
    for method in methods(recipe):
        network(recipe, method.network)
        kind.build_loss(recipe, method.loss)
    samples = kind.read_samples(recipe.data)
    for line in kind.check_samples(samples):
        say(line)
    check_networks(recipe, samples, say)
    for line in kind.announce(recipe, samples):
        say(line)
    if first_process():
        open_folder(recipe, folder, overwrite=options.overwrite)
    meet(folder)
    material = prepare(recipe, folder, samples)
    planned = cells(recipe, len(material.splits))
    mine = planned[options.shard[0] - 1 :: options.shard[1]]
    todo = [cell for cell in mine if not finished(folder, cell)]
    for cell in mine if first_process() else []:
        complete(material, cell, folder)
    if len(todo) < len(mine):
        say(f"{len(mine) - len(todo)} of {len(mine)} runs are finished already")
    began = time.perf_counter()
    if first_process():  # so that `subband report` can show what is there if this call is stopped
        describe(recipe, folder, material, 0.0, planned)
    for cell in todo:
        describe_run(folder / "runs" / cell.name, material, cell)
    if options.jobs > 1 and len(todo) > 1:
        _run_parallel(recipe, folder, todo, options, listen)
    else:
        for cell in todo:
            run_guarded(material, cell, folder, options, listen)
    if not first_process():
        return {}
    (folder / ".opened_by").unlink(missing_ok=True)
    return describe(recipe, folder, material, (time.perf_counter() - began) / 60, planned)


EXTENDED = (
    "name",
    "title",
    "networks",
    "losses",
    "loss_options",
    "baseline",
    "seeds",
    "run_folds",
    "threads",
    "robustness",
)
"""Keys that may change when a comparison goes on: they add runs, and leave those that are there as they are."""


def open_folder(recipe: Recipe, folder: Path, *, overwrite: bool) -> None:
    """Make the folder, or find the same comparison in it; more networks, losses, seeds and folds may be added.

    Raises:
        ValueError: If it holds something else, which is left as it is.
    """
    wanted = dataclasses.asdict(recipe)
    path = folder / "recipe.yaml"
    if overwrite and path.exists():
        shutil.rmtree(folder)
    if path.exists():
        present = resolved_recipe(yaml.safe_load(path.read_text(encoding="utf-8")))
        before = dataclasses.asdict(present)
        changed = [key for key in wanted if key not in EXTENDED and before[key] != wanted[key]]
        for key, given in (("loss_options", recipe.loss_options), ("networks", recipe.networks)):
            changed += [
                f"{key} of {name}" for name in before[key] if name in given and before[key][name] != given[name]
            ]
        lost = [name for name in before["loss_options"] if name not in recipe.loss_options]
        changed += [f"loss_options of {name}" for name in lost]
        changed += [f"names of methods, {name}" for name in renamed(present, recipe)]
        if changed:
            raise ValueError(
                f"{folder} holds a comparison with other {', '.join(changed)}; choose another --out, or add --overwrite"
            )
    elif folder.exists() and any(folder.iterdir()):
        raise ValueError(f"{folder} is not empty and holds no comparison; choose another --out")
    write_yaml(path, wanted)


def meet(folder: Path, *, patience: float = 300.0) -> None:
    """Under ``torchrun``, wait until the first process has opened the folder.

    Raises:
        TimeoutError: If it has not after ``patience`` seconds.
    """
    names = ("TORCHELASTIC_RUN_ID", "TORCHELASTIC_RESTART_COUNT", "MASTER_PORT")
    token = " ".join(os.environ.get(name, "-") for name in names)
    path = folder / ".opened_by"
    if int(os.environ.get("WORLD_SIZE", "1")) == 1:
        return
    if first_process():
        write_text(path, token)
    end = time.monotonic() + patience
    while not (path.exists() and path.read_text(encoding="utf-8") == token):
        if time.monotonic() > end:
            raise TimeoutError(f"the first process has not opened {folder} in {patience:.0f} seconds; see its messages")
        time.sleep(0.1)


def finished(folder: Path, cell: Cell) -> bool:
    """Whether a run has its result."""
    path = folder / "runs" / cell.name / "result.json"
    return path.exists() and read_json(path)["status"] == "finished"


def complete(material: Material, cell: Cell, folder: Path) -> None:
    """Add to a finished run's result what the recipe asks for now and did not before, without training again."""
    run = folder / "runs" / cell.name
    if finished(folder, cell) and (found := material.kind.more(material, cell, run)) is not None:
        write_json(run / "result.json", {**read_json(run / "result.json"), **found})


def run_guarded(material: Material, cell: Cell, folder: Path, options: Options, listen: Listener) -> None:
    """Run one cell and write its result; a failure is a result too, and does not stop the others."""
    run = folder / "runs" / cell.name
    try:
        result = run_cell(material, cell, run, listen=partial(listen, cell), tensorboard=options.tensorboard)
    except (FloatingPointError, RuntimeError, ValueError) as error:
        result = {**identity(cell), "status": "failed", "error": str(error)}
        write_text(run / "error.txt", traceback.format_exc())
    if result:
        write_json(run / "result.json", result)


def _run_parallel(recipe: Recipe, folder: Path, todo: list[Cell], options: Options, listen: Listener) -> None:
    """Run cells in several processes and pass their progress on."""
    context = multiprocessing.get_context("spawn")
    with context.Manager() as manager:
        queue = manager.Queue()
        with ProcessPoolExecutor(options.jobs, mp_context=context) as pool:
            waiting = {pool.submit(_run_in_process, recipe, folder, cell, options, queue) for cell in todo}
            while waiting:
                for cell, progress in _drain(queue):
                    listen(cell, progress)
                done = {future for future in waiting if future.done()}
                for future in as_completed(done):
                    future.result()
                waiting -= done
                time.sleep(0.1)
        for cell, progress in _drain(queue):
            listen(cell, progress)


def _drain(queue: Any) -> Iterator[tuple[Cell, Progress]]:
    while not queue.empty():
        yield queue.get()


def _run_in_process(recipe: Recipe, folder: Path, cell: Cell, options: Options, queue: Any) -> None:
    torch.set_num_threads(recipe.threads or max(1, (os.cpu_count() or 1) // options.jobs))
    material = prepare(recipe, folder, kind_of(recipe.task).read_samples(recipe.data))
    parent = multiprocessing.parent_process()

    def tell(*now: Any) -> None:
        if parent is not None and not parent.is_alive():
            os._exit(1)  # nobody is left to hear; the checkpoint stays for the next call
        queue.put(now)

    run_guarded(material, cell, folder, options, tell)

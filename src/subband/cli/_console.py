"""What a person sees while runs go on."""

import contextlib
import math
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.table import Table

console = Console(highlight=False)


def say(line: str) -> None:
    """Print one line, wrapped between words; several lines, as those of a table, stay as they are."""
    console.print(line, markup=False, soft_wrap="\n" in line)


def say_where(what: str, path: object) -> None:
    """Print where something lies, in one line, so that the path can be copied."""
    console.print(f"{what}: {path}", markup=False, soft_wrap=True)


@contextlib.contextmanager
def runs_progress(total: int) -> Iterator[Callable[[Any, Any], None]]:
    """A bar for all runs and one for each run under way; plain lines where there is no terminal."""
    seen: dict[str, Any] = {}
    if not console.is_terminal:
        yield _plain(total, seen)
        return
    columns = (
        TextColumn("{task.description:<24}"),
        BarColumn(bar_width=24),
        MofNCompleteColumn(),
        TextColumn("{task.fields[note]}"),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console, refresh_per_second=4) as progress:
        whole = progress.add_task("all steps", total=None, note="")
        state = {"steps": 0}

        def listen(cell: Any, now: Any) -> None:
            if cell.name not in seen:
                seen[cell.name] = progress.add_task(cell.name, total=now.steps, completed=now.step - 1, note="")
                state["steps"] += now.step - 1
            state["steps"] += 1
            said = _said(now, " ")
            progress.update(seen[cell.name], completed=now.step, note=said)
            progress.update(whole, completed=state["steps"], total=total * now.steps, note=f"{len(seen)}/{total} runs")
            if now.step >= now.steps:
                progress.update(seen[cell.name], visible=False)
                progress.console.print(f"  {cell.name:<24} {said}")

        yield listen


@contextlib.contextmanager
def steps_progress() -> Iterator[Callable[[str, Any], None]]:
    """A bar for one piece of work after the other; a line for each quarter where there is no terminal."""
    if not console.is_terminal:
        yield _quarters
        return
    columns = (TextColumn("{task.description:<24}"), BarColumn(bar_width=24), MofNCompleteColumn())
    with Progress(*columns, TextColumn("{task.fields[note]}"), TimeRemainingColumn(), console=console) as progress:
        seen: dict[str, Any] = {}

        def listen(label: str, now: Any) -> None:
            if label not in seen:
                seen[label] = progress.add_task(label, total=now.steps, note="")
            progress.update(
                seen[label], completed=now.step, note="" if math.isnan(now.loss) else f"loss {now.loss:8.3f}"
            )

        yield listen


def _quarters(label: str, now: Any) -> None:
    if now.step % max(1, now.steps // 4) == 0:
        done = f"{now.step} of {now.steps}"
        say(f"  {label}: {done} blocks" if math.isnan(now.loss) else f"  {label}: step {done}, loss {now.loss:.3f}")


def _plain(total: int, seen: dict[str, Any]) -> Callable[[Any, Any], None]:
    def listen(cell: Any, now: Any) -> None:
        if now.step >= now.steps:
            seen[cell.name] = True
            steps = "" if math.isnan(now.loss) else f"{now.steps} steps, "
            say(f"{len(seen)}/{total} {cell.name}: {steps}{_said(now, ', validation ')}")

    return listen


def _said(now: Any, before: str) -> str:
    """The loss and the validation; of what learns nothing, that it is tested."""
    if math.isnan(now.loss):
        return "tested"
    return f"loss {now.loss:.3f}" + "".join(f"{before}{name} {value}" for name, value in _score(now.validation))


def _score(validation: Mapping[str, float]) -> list[tuple[str, str]]:
    """The validation's mIoU, accuracy, AP50 or Dice, the first that there is."""
    name = next((name for name in ("mIoU", "accuracy", "AP50", "Dice") if name in validation), None)
    return [(name, f"{validation[name]:.3f}")] if name else []


def print_table(header: list[str], rows: list[list[str]], *, title: str = "") -> None:
    """Print a table; the first column to the left, the others to the right."""
    table = Table(title=title or None, box=None, pad_edge=False, header_style="bold")
    for index, name in enumerate(header):
        table.add_column(name, justify="left" if index == 0 else "right", no_wrap=index == 0)
    for row in rows:
        table.add_row(*row)
    console.print(table)


def default_out(name: str) -> Path:
    """``runs/<name>-<time>``."""
    import datetime

    return Path("runs") / f"{name.replace('/', '-')}-{datetime.datetime.now():%Y%m%d-%H%M%S}"

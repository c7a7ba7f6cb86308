"""``subband compare RECIPE``."""

from pathlib import Path

from subband.config import Recipe


def compare(
    recipe: Recipe,
    *,
    out: Path | None = None,
    shard: str = "1/1",
    jobs: int = 1,
    overwrite: bool = False,
    tensorboard: bool = False,
) -> int:
    """Train methods x folds x seeds and write one report; the same command with its --out goes on where it stopped.

    Args:
        recipe: What to compare.
        out: Folder to write, by default runs/NAME-TIME.
        shard: Share of the runs, "2/3" is the second of three; give all shards one --out.
        jobs: Runs at the same time, each with its share of the threads.
        overwrite: Delete what the folder holds.
        tensorboard: Write TensorBoard events beside the CSV.

    Returns:
        0, or 1 if a run failed.
    """
    from subband.cli._console import default_out, print_table, runs_progress, say, say_where
    from subband.report import report_table, verdict, write_report
    from subband.tasks.cell import cells, first_process
    from subband.tasks.compare import Options
    from subband.tasks.compare import compare as run
    from subband.tasks.kinds import kind_of

    part, _, parts = shard.partition("/")
    if not (part.isdigit() and parts.isdigit() and 1 <= int(part) <= int(parts)):
        raise ValueError(f"shard is {shard!r}, but must be like '2/3'")
    folder = out or default_out(recipe.name)
    kind = kind_of(recipe.task)
    planned = cells(recipe, len(kind.split_samples(kind.read_samples(recipe.data), recipe.data)))
    mine = planned[int(part) - 1 :: int(parts)]
    if first_process():
        losses, networks = _count(len(recipe.losses), "loss"), _count(len(recipe.networks), "network")
        what = losses if len(recipe.networks) < 2 else f"{networks}, {losses}"
        say(f"{_count(len(mine), 'run')}: {what}, {recipe.budget} ({folder})")
    options = Options((int(part), int(parts)), jobs, overwrite, tensorboard)
    with runs_progress(len(mine)) as listen:
        described = run(recipe, folder, options, listen=listen, say=say)
    if not first_process():
        return 0
    page = write_report(folder)
    header, rows = report_table(folder)
    print_table(header, rows)
    say(verdict(folder))
    failed = sorted(path.parent.name for path in (folder / "runs").glob("*/error.txt"))
    for name in failed:
        say(f"failed: {name}, see {folder / 'runs' / name / 'error.txt'}")
    if described["partial"]:
        say("not all runs are there yet; the report shows what is")
    say_where("report", page)
    return 1 if failed else 0


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 'es' if noun.endswith('s') else 's'}"

"""``subband show KIND NAME``."""

from pathlib import Path


def show(kind: str, name: str, *, out: Path | None = None) -> int:
    """Explain one name: what it is, its source, its options, and its documentation; draw a wavelet.

    Args:
        kind: loss, model, dataset, metric, map, recipe or wavelet.
        name: A name of ``subband list``.
        out: Folder for the drawing of a wavelet, by default runs/wavelet-NAME.

    Returns:
        0.
    """
    import inspect

    from subband import catalog
    from subband._check import one_of
    from subband.cli._console import say
    from subband.config import find_recipe

    one_of("kind", kind, [*catalog.kinds(), "recipe", "wavelet"])
    if kind == "wavelet":
        return _wavelet(name, out or Path("runs") / f"wavelet-{name}")
    if out is not None:
        raise ValueError(f"--out is for the drawing of a wavelet, and a {kind} is only printed; leave it out")
    if kind == "recipe":
        say(find_recipe(name).read_text(encoding="utf-8").rstrip())
        return 0
    entry = catalog.find(kind, name)
    loaded = entry.load()
    say(f"{entry.name}: {entry.line}")
    say(f"source: {entry.source}")
    module, _, attribute = entry.target.partition(":")
    options = ", ".join(f"{key}={value!r}" for key, value in entry.options.items())
    say(f"import: from {module} import {attribute}")
    if callable(loaded):
        say(f"call: {attribute}{inspect.signature(loaded)}" + (f"  with {options}" if options else ""))
    say(f"\n{inspect.getdoc(loaded) or ''}")
    return 0


def _wavelet(name: str, folder: Path) -> int:
    """Print facts and filters of a wavelet, and draw it."""
    from subband.cli._console import print_table, say, say_where
    from subband.report.wavelet_filters import HEADER, tap_rows, wavelet_facts, write_wavelet

    facts = wavelet_facts(name)
    if (folder / f"{name}.png").exists() and not (folder / f"{name}.html").exists():
        raise FileExistsError(f"{folder} holds a {name}.png already; give another --out")
    say(f"{name}: {facts.family}")
    for line in facts.lines():
        say(line)
    say(f'import: from subband.transforms import dwt\ncall: dwt(x, "{name}")\n')
    print_table(list(HEADER), tap_rows(facts))
    say("")
    say_where("drawn", write_wavelet(folder, name))
    return 0

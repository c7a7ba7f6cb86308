"""``subband show KIND NAME``."""


def show(kind: str, name: str) -> int:
    """Explain one name: what it is, its source, its options, and its documentation.

    Args:
        kind: loss, model, dataset, metric, map or recipe.
        name: A name of ``subband list``.

    Returns:
        0.
    """
    import inspect

    from subband import catalog
    from subband._check import one_of
    from subband.cli._console import say
    from subband.config import find_recipe

    one_of("kind", kind, [*catalog.kinds(), "recipe"])
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

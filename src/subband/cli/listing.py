"""``subband list``."""


def list_names(kind: str = "all") -> int:
    """Name what there is, one line each.

    Args:
        kind: loss, model, dataset, metric, map, recipe, wavelet or all.

    Returns:
        0.
    """
    from subband import catalog
    from subband._check import one_of
    from subband.cli._console import print_table
    from subband.cli._wavelets import FAMILIES
    from subband.config import shipped

    known = [*catalog.kinds(), "recipe", "wavelet"]
    one_of("kind", kind, [*known, "all"])
    for each in known if kind == "all" else [kind]:
        if each == "recipe":
            rows = [[name, ""] for name in shipped()]
        elif each == "wavelet":
            rows = [list(family) for family in FAMILIES]
        else:
            rows = [[entry.name, entry.line] for entry in catalog.ENTRIES if entry.kind == each]
        print_table([each, ""], [[name, line] for name, line in rows])
        print()  # noqa: T201
    return 0

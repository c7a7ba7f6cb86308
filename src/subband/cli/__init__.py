"""The command line: one module per verb, imported when asked for."""

import importlib
import sys
from collections.abc import Sequence

from subband._check import closest

VERBS = {
    "demo": "minutes on synthetic images: segmentation, robustness, recognition, registration, neurons, ...",
    "compare": "train methods (networks, losses) x folds x seeds and write one report",
    "train": "train one network with one loss",
    "evaluate": "test a trained run again, or on other images",
    "predict": "write masks and probabilities of image files of any size",
    "register": "warp one volume onto another, and write image, field, labels and a report",
    "trace": "find the tree of a neuron in a volume of any size, and write SWC, segmentation and a report",
    "swc": "rasterize, validate or compare SWC files of traced neurons",
    "verify": "say of pairs of faces whether they show one person, and at which threshold",
    "head": "bring the parts of a recognition head into one file, or a file into parts",
    "prepare": "bring a data set into the layout of a reader, or a volume to another format",
    "maps": "compute weight maps of a folder of masks",
    "report": "write the report of finished runs again",
    "list": "name what there is: losses, models, data sets, recipes",
    "show": "explain one name: subband show loss cwmi; `show wavelet db4` draws the filters",
}


def usage() -> str:
    """The text of ``subband --help``."""
    lines = [f"  {verb:<10}{line}" for verb, line in VERBS.items()]
    return "\n".join(
        [
            "usage: subband VERB ...",
            "",
            *lines,
            "",
            "subband VERB --help explains a verb; subband --version names this one",
        ]
    )


def main(argv: Sequence[str] | None = None) -> int:
    """Run one verb; returns the exit status: 0, 1 after a failure, 2 for a wrong call, 130 when stopped."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    if not arguments or arguments[0] in ("-h", "--help", "help"):
        print(usage())  # noqa: T201
        return 0
    if arguments[0] == "--version":
        from subband import __version__

        print(f"subband {__version__}")  # noqa: T201
        return 0
    verb = arguments[0]
    if verb not in VERBS:
        print(f"subband: there is no verb {verb!r}{closest(verb, VERBS)}\n\n{usage()}", file=sys.stderr)  # noqa: T201
        return 2
    from subband.cli._parse import call

    module, function = ("listing", "list_names") if verb == "list" else (verb, verb)
    return call(getattr(importlib.import_module(f"subband.cli.{module}"), function), verb, arguments[1:])


if __name__ == "__main__":
    sys.exit(main())

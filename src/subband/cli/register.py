"""``subband register MOVING FIXED``."""

from pathlib import Path

from subband.config import Fit

DEFAULT = Fit()


def register(
    moving: Path,
    fixed: Path,
    *,
    run: Path | None = None,
    moving_labels: Path | None = None,
    fixed_labels: Path | None = None,
    fit: Fit = DEFAULT,
    baselines: list[str] | None = None,
    out: Path | None = None,
    overwrite: bool = False,
) -> int:
    """Warp one volume onto another, by WiNet fitted to this pair or by a trained run, and write the warped image, the
    field, the warped labels and a report.

    Args:
        moving: Volume that is warped: a NIfTI file, or a picture of one grey image.
        fixed: Volume that it is warped onto.
        run: A trained run in place of an optimisation: a run folder of a registration, or a comparison of one run.
        moving_labels: Label map of the moving volume; the labels test alone.
        fixed_labels: Label map of the fixed volume.
        fit: How the pair is laid together and optimised.
        baselines: Registrations in the same table: identity, affine, b-spline, demons, field, coefficients, or all.
        out: Folder to write, by default runs/register-TIME; a registration that was stopped goes on there.
        overwrite: Write over a registration that is there.

    Returns:
        0.
    """
    from subband.cli._console import default_out, print_table, say, say_where, steps_progress
    from subband.report.register_page import metric_table, sentence_of
    from subband.tasks.file_pair import read_pair
    from subband.tasks.register import asked_for, baseline_ways, expected_memory, fitted_way, register_pair, trained_way
    from subband.tasks.trained_registration import trained_registration

    if (moving_labels is None) != (fixed_labels is None):
        raise ValueError("--moving-labels and --fixed-labels go together: give both, or neither")
    folder = out or default_out("register")
    if (folder / "result.json").exists() and not overwrite:
        raise FileExistsError(f"{folder} holds a registration already; add --overwrite, or choose another --out")
    main = fitted_way(fit) if run is None else trained_way(trained_registration(run))
    others = baseline_ways(baselines or ["identity"], main.loss)
    pair = read_pair(moving, fixed, moving_labels=moving_labels, fixed_labels=fixed_labels, start=fit.start)
    expected = expected_memory(main, pair)
    if expected is not None:
        say(f"{expected}")
    with steps_progress() as listen:
        about = asked_for(moving, fixed, fit, run)
        found = register_pair(pair, main, others, folder, about=about, listen=listen, say=say)
    print_table(*metric_table(found["results"]))
    say(sentence_of(found["results"], main.label))
    for path in found["files"]:
        say_where("written", path)
    say_where("report", found["page"])
    return 0

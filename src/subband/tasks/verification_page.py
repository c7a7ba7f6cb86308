"""The page about a verification, from the scores that lie in a folder."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from subband.report.verification import write_verification
from subband.tasks.methods import slug
from subband.tasks.verification import SCORES, read_scores


def write_page(folder: Path, content: Mapping[str, Any], *, title: str) -> Path:
    """Write ``verification.html`` about the sets whose scores lie in ``folder``.

    Args:
        folder: Run folder or folder of a verification.
        content: ``verification`` of its result.
        title: Heading.

    Returns:
        The page.

    Raises:
        ValueError: If scores are missing.
    """
    labels = [str(each["label"]) for each in content["sets"]]
    scored = [read_scores(folder / SCORES / f"{slug(label)}.csv", label) for label in labels]
    sets = [(each.label, each.scores, each.same, each.fold, each.people) for each in scored]
    return write_verification(folder, sets, learned=content["learned"], title=title)

"""What classifiers say of some test images, and what the columns of their table mean."""

from typing import Any

from subband._files import read_json
from subband.report.comparison import Comparison
from subband.report.pictures import png_uri, read_picture

CLASS_LINES = {
    "accuracy": "share of the test images whose class has the largest score (sample-wise)",
    "class-wise": "share whose own class alone is above the best threshold of their class",
    "uniform": "share whose own class alone is above one threshold for all, the best one",
    "corrupted": "accuracy over all corruptions and severities",
    "consistency": "share of pairs of randomly moved copies of an image that get one class",
}
"""Columns of a classification; the others are accuracies under attack at the largest strength."""


def answers(comparison: Comparison) -> list[dict[str, Any]]:
    """Some test images with their class and the classes that the first run of each method gives them."""
    path = comparison.folder / "images" / "names.json"
    if not comparison.classification or not path.exists():
        return []
    said = {
        method: {str(image["name"]): str(image.get("class", "")) for image in comparison.of(method)[0].images}
        for method in comparison.compared()
    }
    rows = []
    for place, image in enumerate(read_json(path)):
        picture = read_picture(comparison.folder / "images" / f"{place:02d}.png")
        if picture is not None:
            cells = [found.get(image["name"], "–") for found in said.values()]
            rows.append({**image, "image": png_uri(picture), "cells": cells})
    return rows

"""Why pixels are not enough: a gap of two pixels in a membrane joins two cells, and mIoU hardly sees it."""

import numpy as np

from subband.metrics import segmentation_metrics


def membranes(size: int = 96, cell: int = 32) -> np.ndarray:
    """A mask whose 1 is a grid of membranes, 2 pixels thick."""
    mask = np.zeros((size, size), dtype=np.uint8)
    for edge in range(0, size, cell):
        mask[edge : edge + 2] = 1
        mask[:, edge : edge + 2] = 1
    return mask


def main() -> None:
    """Print the metrics of three predictions."""
    truth = membranes()
    thick = truth.copy()
    thick[:, 2::32] = 1  # every upright membrane one pixel too thick: many wrong pixels, no wrong cell
    broken = truth.copy()
    broken[48, 32:34] = 0  # one gap of two pixels: two cells become one
    names = ("mIoU", "mDice", "VI", "ARI", "B1", "clDice")
    print(f"{'':<10}" + "".join(f"{name:>9}" for name in names))
    for name, prediction in (("perfect", truth), ("thick", thick), ("broken", broken)):
        scores = segmentation_metrics(prediction, truth, names=names)
        print(f"{name:<10}" + "".join(f"{scores[key]:9.3f}" for key in names))


if __name__ == "__main__":
    main()

"""A grown neuron with broken fibres and noise is traced three ways, and each trace is measured against the true tree.

Without bridges, what lies behind a gap is lost. Fibres of other cells touch this one, which costs precision.
"""

import tempfile
from pathlib import Path

from subband.data import SyntheticNeurons, check_swc, read_swc, write_swc
from subband.metrics import length_precision, length_recall, neuron_distances
from subband.tracing import trace


def main() -> None:
    neuron = SyntheticNeurons(count=4, shape=(32, 80, 80), seed=100, gaps=4.0, touching=1.0)[2]
    truth = neuron.tree
    print(f"{'bridges of at most':<22}{'nodes':>6}{'length':>8}{'recall':>8}{'precision':>11}{'ESA':>8}{'PDS':>7}")
    for gap in (0.0, 8.0, 25.0):
        tree = trace(neuron.image, soma=truth.positions[0], gap=gap)
        recall, precision = (of(tree, truth, distance=2.0) for of in (length_recall, length_precision))
        apart = neuron_distances(tree, truth)
        row = f"{recall:>8.3f}{precision:>11.3f}{apart.esa:>8.2f}{apart.pds:>7.3f}"
        print(f"{f'{gap:g} voxels':<22}{len(tree):>6}{tree.length:>8.1f}{row}")
    print(f"{'the true tree':<22}{len(truth):>6}{truth.length:>8.1f}")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "tree.swc"
        write_swc(path, tree, comments=["the last one"])
        again = read_swc(path)
        print(f"written and read again: {len(again)} nodes, {len(check_swc(path))} findings")


if __name__ == "__main__":
    main()

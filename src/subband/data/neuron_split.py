"""Splits of parts of neurons that keep every neuron on one side."""

from collections.abc import Sequence

from subband.data.splits import Split


def by_neuron(neurons: Sequence[str], split: Split) -> Split:
    """Turn a split of neurons into one of their volumes, so that no neuron both trains and tests.

    Args:
        neurons: Neuron of each volume.
        split: Split of the neurons, counted in the order of their names: `subband.data.folds` or `holdout` of
            ``len(set(neurons))``.

    Returns:
        Indices of the volumes.

    Raises:
        ValueError: If the split is of more neurons than there are.

    Source:
        LiQiufu/3D-WaveUNet, ``name_list.py``, tests every fourth folder in the order of their names, and parts of one
        neuron are folders of their own there, so that one neuron can be in both.

    Example:
        >>> by_neuron(["b", "a", "b"], Split([0], [], [1])).test
        [0, 2]
    """
    known = sorted(set(neurons))
    last = max((number for part in vars(split).values() for number in part), default=-1)
    if last >= len(known):
        raise ValueError(f"the split names neuron {last}, but there are {len(known)}; split len(set(neurons)) of them")
    chosen = [{known[number] for number in part} for part in vars(split).values()]
    return Split(*([index for index, neuron in enumerate(neurons) if neuron in part] for part in chosen))

"""How deep each voxel lies in the foreground, in voxels and in grey."""

import numpy as np
from scipy.sparse import csr_array
from scipy.sparse.csgraph import dijkstra
from scipy.spatial import cKDTree

from subband.tracing._voxels import Bools, Floats, Integers, Links, Voxels


def depth(voxels: Voxels, outside: Integers, spacing: tuple[float, ...]) -> Floats:
    """Distance (N,) of each voxel to the nearest of the background voxels ``outside`` (M, 3): exact, and only of N.

    The nearest background voxel has a face neighbour in the foreground, so those that have are enough.
    """
    nearest, _ = cKDTree(outside * spacing, balanced_tree=False, compact_nodes=False).query(voxels.places * spacing)
    return np.asarray(nearest, np.float64)


def grey_distance(brightness: Floats, links: Links, at_border: Bools) -> Floats:
    r"""Least sum of grey on a way from the background to each voxel.

    .. math:: g(v) = \min_{\text{ways } b \to v} \tfrac12 I_b + \sum_{(p, q)} \tfrac12 (I_p + I_q) |p - q|

    It is large where a fibre is thick and bright, and largest at its centre line.

    Args:
        brightness: Grey value I of each voxel (N,), greater than 0.
        links: Neighbours.
        at_border: Voxels b beside the background (N,).

    Returns:
        (N,), grey value times length.

    Source:
        Xiao and Peng, APP2, Bioinformatics 29(11), 2013, section 2.1 (there by fast marching with 26 neighbours).
    """
    count = len(brightness)
    mean = (brightness[links.first] + brightness[links.second]) / 2
    borders = np.flatnonzero(at_border)
    source = Links(np.full(len(borders), count), borders, np.ones(len(borders)))
    every = Links(links.first, links.second, mean * links.length).join(
        Links(source.first, source.second, brightness[borders] / 2)
    )
    found = dijkstra(graph(every, count + 1), indices=[count])
    return np.asarray(found[0, :count], np.float64)


def graph(links: Links, count: int) -> "csr_array":
    """Both ways of all links as a sparse matrix of ``count`` nodes, lengths as weights."""
    pairs = np.concatenate([links.first, links.second]), np.concatenate([links.second, links.first])
    return csr_array((np.concatenate([links.length, links.length]), pairs), shape=(count, count))

"""Weight maps: one distance transform in a box per object against one of the whole image per object, as published."""

import functools

import numpy as np
import torch
from scipy import ndimage
from skimage.measure import label, regionprops
from skimage.morphology import skeletonize

from _cells import membranes
from common import compare, gate, require_close, write
from subband.maps import abw_weight_maps, skea_topo_maps, unet_weight_map

CELLS = 104


def whole_image_distances(labels: np.ndarray, count: int) -> np.ndarray:
    """Distance of every pixel to every object, (objects, H, W)."""
    distances = np.zeros((count, *labels.shape))
    for index in range(1, count + 1):
        distances[index - 1] = ndimage.distance_transform_edt((labels != index).astype(int))
    return distances


def published_unet(mask: np.ndarray) -> np.ndarray:
    """Operations of data/map_gen_unet.py: a distance map per object, the two smallest of each pixel, row by row."""
    labels, count = label(mask, background=1, connectivity=1, return_num=True)
    distances = whole_image_distances(labels, count)
    total = np.zeros(mask.shape)
    for row in range(len(mask)):
        total[row] = np.partition(distances[:, row], 2, axis=0)[:2].sum(0)
    return 10 * np.exp(-(total**2) / 2 / 5**2) * mask


def published_abw(mask: np.ndarray) -> np.ndarray:
    """Operations of data/map_gen_ABW.py: two exponentials in the box of each object."""
    labels = label(mask, background=1, connectivity=1)
    depth = ndimage.distance_transform_edt(1 - mask)
    border, background = 30.0 * mask, np.ones(mask.shape)
    for region in regionprops(labels, cache=False):
        top, left, bottom, right = region.bbox
        box = np.s_[top:bottom, left:right]
        inside = np.zeros(region.image.shape)
        inside[region.image] = 1
        here = depth[box] * inside
        width = here.max() / 2.58
        border[box] += 10 * np.exp(-(here**2) / (2 * width**2)) * inside
        background[box] += 10 * np.exp(-((here.max() - here) ** 2) / (2 * width**2)) * inside
    return np.stack([background, border])


def published_skea(mask: np.ndarray) -> np.ndarray:
    """Operations of data/skeleton_aware_loss_gen.py and data/skeleton_gen.py, which makes every skeleton again."""
    objects = label(mask == 0, background=0, connectivity=1)
    depth = ndimage.distance_transform_edt(mask == 0)
    weight = np.zeros(mask.shape)
    for region in regionprops(objects, cache=False):
        top, left, bottom, right = region.bbox
        box = np.s_[top:bottom, left:right]
        skeleton = skeletonize(region.image.astype(float), method="lee") > 0
        away, nearest = ndimage.distance_transform_edt(~skeleton, return_indices=True)
        radius = (depth[box] * skeleton)[tuple(nearest)]
        weight[box] += (1 - np.minimum(away, radius) / np.where(radius > 0, radius, 1)) * region.image
    labels, count = label(mask, background=1, connectivity=1, return_num=True)
    largest = ndimage.distance_transform_edt(mask).max()
    stacked = np.ones((*mask.shape, count))
    for index in range(1, count + 1):
        stacked[:, :, index - 1] = ndimage.distance_transform_edt((labels != index).astype(int))
    two = np.zeros((*mask.shape, 2))
    for row in range(len(mask)):
        two[row] = np.partition(stacked[row], 2, axis=1)[:, :2]
    border = np.maximum(0, 1 + (2 * largest - two[..., 0] - two[..., 1]) / (2 * largest)) * mask
    skeletons = np.zeros(mask.shape)
    for region in regionprops(labels, cache=False):
        top, left, bottom, right = region.bbox
        skeletons[top:bottom, left:right] += skeletonize(region.image.astype(float), method="lee") > 0
    dilated = ndimage.grey_dilation(skeletons, footprint=np.ones((3, 3)))
    return np.stack([weight, border, dilated, skeletonize(mask, method="lee") > 0])


MAPS = {
    "U-Net map": (unet_weight_map, published_unet),
    "ABW map": (abw_weight_maps, published_abw),
    "skeleton-aware maps": (skea_topo_maps, published_skea),
}
CASES = (  # map, size, rounds, at least so many times faster, the goal
    ("U-Net map", 512, 5, 15.0, 33.0),
    ("U-Net map", 1024, 3, 15.0, 33.0),  # one published map takes seconds there
    ("ABW map", 512, 9, 1.5, 2.0),
    ("skeleton-aware maps", 512, 5, 3.0, 10.0),
)


def main() -> None:
    """Check, time and write."""
    timings, gates = {}, []
    for name, size, rounds, least, goal in CASES:
        mask = membranes(size, CELLS)
        ours, published = (functools.partial(make, mask) for make in MAPS[name])
        what = f"{name}, {size} x {size}, {label(mask, background=1, connectivity=1).max()} objects"
        require_close(what, torch.tensor(ours()), torch.tensor(published()), 1e-6)
        cases = {"ours": ours, "as published": published}
        timings[what] = compare(cases, reference="as published", rounds=rounds, budget_s=30)
        speedup = timings[what]["cases"]["ours"]["speedup"]
        gates.append(gate(f"{what}: faster than as published, times", speedup, at_least=least, goal=goal, case=ours))
    print(write("maps", {"title": "Weight maps", "timings": timings, "gates": gates}))


if __name__ == "__main__":
    main()

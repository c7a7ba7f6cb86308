"""Where do the weight maps put their weight? Two cells, a thin membrane between them, a wide gap beside them."""

import numpy as np

from subband.maps import abw_weight_maps, skea_topo_maps, unet_weight_map


def two_cells() -> np.ndarray:
    """A mask (64, 64) whose 1 is the membrane: 3 pixels wide between two cells, 20 pixels towards a third."""
    mask = np.ones((64, 64), dtype=np.uint8)
    mask[8:56, 4:20] = 0
    mask[8:56, 23:38] = 0
    mask[8:56, 58:62] = 0
    return mask


def main() -> None:
    """Print the weights at the middle of the thin and of the wide membrane."""
    mask = two_cells()
    row, thin, wide = 32, 21, 48
    unet = unet_weight_map(mask)
    print(f"U-Net map      thin membrane {unet[row, thin]:6.3f}   wide {unet[row, wide]:6.3f}")
    background, objects = abw_weight_maps(mask)
    print(f"ABW, object    border        {objects[row, thin]:6.3f}   inside a cell {objects[row, 12]:6.3f}")
    print(f"ABW, backgr.   at its edge   {background[row, 4]:6.3f}   inside a cell {background[row, 12]:6.3f}")
    names = ("object", "border", "background skeleton", "foreground skeleton")
    for name, channel in zip(names, skea_topo_maps(mask), strict=True):
        print(f"Skea-topo, {name:<20} sum {channel.sum():8.1f}   largest {channel.max():5.2f}")


if __name__ == "__main__":
    main()

"""Weight maps from masks: computed, cached, and written for a folder of masks.

In all maps 1 is the structure (membrane, border, vessel, road), and the *objects* are the face-connected components of
0: 4-connected in 2-D, 6-connected in 3-D.
"""

from subband.maps.abw import abw_weight_maps
from subband.maps.cache import KINDS, cached_map, write_maps
from subband.maps.skeleton import skea_topo_maps
from subband.maps.unet import unet_weight_map

__all__ = ["KINDS", "abw_weight_maps", "cached_map", "skea_topo_maps", "unet_weight_map", "write_maps"]

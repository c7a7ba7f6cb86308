"""Weight maps against the authors' recorded outputs (weight_maps.npz)."""

import numpy as np
import pytest

from subband.maps import abw_weight_maps, skea_topo_maps, unet_weight_map


def maps_cases(parity):
    recorded = np.load(parity / "segmentation" / "weight_maps.npz")
    names = [key.removesuffix("_mask") for key in recorded.files if key.endswith("_mask")]
    assert names
    return {name: {kind: recorded[f"{name}_{kind}"] for kind in ("mask", "unet", "abw", "skea")} for name in names}


MAPS = {
    "unet": (lambda mask: unet_weight_map(mask, convention="authors", dtype=np.float64), 1e-9),
    "abw": (lambda mask: abw_weight_maps(mask, dtype=np.float64), 2e-6),
    "skea": (lambda mask: skea_topo_maps(mask, dtype=np.float64), 1e-9),
}


@pytest.mark.parametrize("kind", MAPS)
def test_maps_are_the_authors(parity, kind):
    compute, tolerance = MAPS[kind]
    for name, case in maps_cases(parity).items():
        np.testing.assert_allclose(compute(case["mask"]), case[kind], rtol=0, atol=tolerance, err_msg=name)


def test_exact_unet_map_is_the_authors_above_two_objects(parity):
    from scipy import ndimage

    cases = {name: case for name, case in maps_cases(parity).items() if ndimage.label(case["mask"] == 0)[1] > 2}
    assert cases
    for name, case in cases.items():
        found = unet_weight_map(case["mask"], dtype=np.float64)
        np.testing.assert_allclose(found, case["unet"], rtol=0, atol=1e-9, err_msg=name)


def test_float32_maps_differ_by_their_rounding(parity):
    for case in maps_cases(parity).values():
        found = unet_weight_map(case["mask"], convention="authors")
        assert found.dtype == np.float32
        np.testing.assert_allclose(found, case["unet"], rtol=0, atol=2e-6)

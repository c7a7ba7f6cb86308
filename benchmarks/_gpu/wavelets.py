"""Sections on the wavelet transforms and converted networks, which ``gpu_wavelets.py`` measures."""

from _gpu.clock import Given, Rows


def dwt(given: Given) -> dict[str, Rows]:
    """Results of the transforms against float64, and their time over a copy."""
    import gpu_wavelets

    return {
        "wavelets, correctness": gpu_wavelets.correctness(given.device),
        "wavelets, time": gpu_wavelets.timing(given.device, given.clock, small=given.small, rounds=given.rounds),
    }


def networks(given: Given) -> dict[str, Rows]:
    """One training step of ResNet-50 and of its wavelet forms."""
    import gpu_wavelets

    return {"networks, time": gpu_wavelets.networks(given.device, given.clock, small=given.small, rounds=given.rounds)}

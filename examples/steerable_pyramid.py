"""The steerable pyramid: bands that answer to an orientation, and an exact way back for any size."""

import torch

from subband.transforms import reconstruct, steerable_pyramid


def stripes(size: tuple[int, int], degrees: float) -> torch.Tensor:
    """An image (1, 1, H, W) of stripes whose wave vector points ``degrees`` away from the row axis."""
    row, column = torch.meshgrid(*(torch.arange(n, dtype=torch.float64) for n in size), indexing="ij")
    angle = torch.deg2rad(torch.tensor(degrees))
    return torch.sin(0.5 * torch.pi * (row * torch.cos(angle) + column * torch.sin(angle)))[None, None]


def main() -> None:
    """Print the energy of the finest bands for two directions, and the error of the inverse."""
    for degrees in (0.0, 45.0):
        pyramid = steerable_pyramid(stripes((96, 96), degrees), levels=2, orientations=4, kind="complex")
        energy = pyramid.bands[0].abs().square().sum((-2, -1)).flatten()
        print(f"stripes at {degrees:4.0f} degrees:", "  ".join(f"{share:5.2f}" for share in energy / energy.sum()))
    image = torch.randn(2, 1, 77, 101, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    for kind in ("complex", "steerable"):
        pyramid = steerable_pyramid(image, levels=3, orientations=4, kind=kind)
        error = (reconstruct(pyramid) - image).abs().max()
        print(f"{kind:<10} 77 x 101 reconstructed, largest error {float(error):.1e}")


if __name__ == "__main__":
    main()

"""A small network that tells five noisy textures apart, for tests of attacks; trained in a few seconds."""

from functools import cache

import torch
import torch.nn.functional as F
from torch import Tensor, nn

CLASSES, SIZE = 5, 16


def textures(count: int, seed: int) -> tuple[Tensor, Tensor]:
    """Images (N, 3, 16, 16) in [0, 1] of coloured waves, one direction and colour for each class, and the classes."""
    generator = torch.Generator().manual_seed(seed)
    labels = torch.arange(count) % CLASSES
    rows, columns = torch.meshgrid(torch.arange(SIZE) / SIZE, torch.arange(SIZE) / SIZE, indexing="ij")
    angle = (torch.pi * labels / CLASSES)[:, None, None] + 0.1 * torch.randn(count, 1, 1, generator=generator)
    shift = torch.rand(count, 1, 1, generator=generator)
    waves = torch.cos(2 * torch.pi * (2 * (rows * angle.cos() + columns * angle.sin()) + shift))
    colours = torch.rand(CLASSES, 3, generator=torch.Generator().manual_seed(1))[labels][:, :, None, None]
    noise = torch.randn(count, 3, SIZE, SIZE, generator=generator)
    return (0.35 + 0.2 * colours + 0.12 * waves[:, None] + 0.2 * noise).clamp(0, 1), labels


class SmallNet(nn.Module):
    """Two convolutions with batch normalisation, and a pooled linear layer; images in [0, 1]."""

    def __init__(self) -> None:
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(3, 8, 3, stride=2, padding=1),
            nn.BatchNorm2d(8),
            nn.ReLU(),
            nn.Conv2d(8, 16, 3, padding=1),
            nn.BatchNorm2d(16),
            nn.ReLU(),
        )
        self.last = nn.Linear(16 * 16, CLASSES)

    def forward(self, x: Tensor) -> Tensor:
        """Logits."""
        return self.last(F.avg_pool2d(self.features((x - 0.5) / 0.25), 2).flatten(1))


@cache
def trained() -> tuple[SmallNet, Tensor, Tensor]:
    """The network in evaluation mode, and 500 images that it has not seen; do not change them."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(3)
        model = SmallNet()
        images, labels = textures(1000, seed=5)
        optimiser = torch.optim.Adam(model.parameters(), 3e-3)
        for step in range(100):
            batch = (torch.arange(50) + 50 * step) % len(images)
            optimiser.zero_grad()
            F.cross_entropy(model(images[batch]), labels[batch]).backward()
            optimiser.step()
    images, labels = textures(500, seed=6)
    model.zero_grad(set_to_none=True)
    return model.eval(), images, labels

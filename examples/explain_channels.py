"""Which part of a face does a channel answer to? The same small network, trained with and without ECLoss."""

import numpy as np
import torch
from torch import nn

from subband.data.synthetic_faces import SyntheticFaces
from subband.layers.layer_maps import layer_maps
from subband.losses.recognition.cosface import CosFace
from subband.losses.recognition.ecloss import ECLoss
from subband.metrics.explain import channel_part_agreement, channel_part_matrix, channel_peaks
from subband.models.embedder import embedder

SIZE, LAYER, STEPS = 32, "layer2", 30


def train(faces: torch.Tensor, labels: torch.Tensor, weight: float) -> nn.Module:
    """A few steps, enough to see the loss at work; benchmarks/ecloss.py trains longer."""
    torch.manual_seed(0)
    model = embedder("cifar-resnet", features=32, options={"width": 8, "blocks": 1})
    head = CosFace(32, int(labels.max()) + 1, scale=16.0, margin=0.2)
    explain = ECLoss(weight)
    handle = explain.attach(model, LAYER)
    optimiser = torch.optim.Adam([*model.parameters(), *head.parameters()], 3e-3)
    for step in range(STEPS):
        rows = torch.arange(step * 32, step * 32 + 32) % len(faces)
        loss = head(model(faces[rows]), labels[rows]) + explain()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    handle.remove()
    return model


def main() -> None:
    """Print the best channel of each part, and how well all channels agree with their part."""
    drawn = SyntheticFaces(identities=12, images=8, size=SIZE, seed=1)
    order = torch.randperm(len(drawn), generator=torch.Generator().manual_seed(0))
    images = torch.stack([torch.from_numpy(drawn[index].image) for index in range(len(drawn))]) * 2 - 1
    labels = torch.tensor(drawn.labels)
    parts = np.stack([drawn.parts(index) for index in range(len(drawn))])
    print(ECLoss.note)
    for name, weight in (("plain", 0.0), ("ECLoss", 1.0)):
        model = train(images[order], labels[order], weight)
        peaks = channel_peaks(layer_maps(model, LAYER, images), (SIZE, SIZE))
        matrix = channel_part_matrix(peaks, parts, reach=1)
        best = np.nan_to_num(matrix).argmax(0)
        shown = [
            f"{part} {channel} ({100 * matrix[channel, place]:.0f} %)"
            for place, (part, channel) in enumerate(zip(drawn.part_names, best, strict=True))
        ]
        print(f"{name:<7} agreement {channel_part_agreement(matrix):.2f}; best channels: {', '.join(shown)}")


if __name__ == "__main__":
    main()

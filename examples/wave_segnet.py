"""SegNet and WaveSegNet on synthetic streets: a training loop of your own with void pixels, some seconds on a CPU."""

import torch

from subband.data import VOID, Synthetic
from subband.losses.segmentation import CrossEntropyLoss
from subband.metrics import ConfusionMatrix
from subband.models import SegNet, WaveSegNet

STEPS, BATCH, TRAINED = 20, 4, 16


def trained(model: torch.nn.Module, images: torch.Tensor, masks: torch.Tensor) -> torch.nn.Module:
    """The model after some steps; both networks see the same batches."""
    generator = torch.Generator().manual_seed(0)
    loss = CrossEntropyLoss(ignore_index=VOID)
    optimiser = torch.optim.Adam(model.parameters(), 1e-2)
    for _ in range(STEPS):
        chosen = torch.randint(0, TRAINED, (BATCH,), generator=generator)
        optimiser.zero_grad()
        loss(model(images[chosen]), masks[chosen]).backward()
        optimiser.step()
    return model.eval()


def main() -> None:
    """Train both, and test on images that were not trained on. Twenty steps show that it runs, not which is better."""
    streets = Synthetic("scenes", size=64, count=20, difficulty="easy")
    images = torch.stack([torch.from_numpy(sample.image) for sample in streets]) - 0.5
    masks = torch.stack([torch.from_numpy(sample.mask) for sample in streets]).long()
    for network, options in ((SegNet, {}), (WaveSegNet, {"wavelet": "haar"}), (WaveSegNet, {"wavelet": "ch2.2"})):
        torch.manual_seed(0)
        model = trained(network(3, streets.classes, width=8, depth=3, **options), images, masks)
        matrix = ConfusionMatrix(streets.classes, ignore_index=VOID)
        with torch.inference_mode():
            for prediction, mask in zip(model(images[TRAINED:]).argmax(1), masks[TRAINED:], strict=True):
                matrix.update(prediction.numpy(), mask.numpy())
        scores = matrix.metrics()
        words = "   ".join(f"{key} {scores[key]:5.3f}" for key in ("mIoU", "accuracy"))
        print(f"{network.__name__ + ' ' + options.get('wavelet', ''):<18} {words}")


if __name__ == "__main__":
    main()

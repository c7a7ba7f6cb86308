"""A training loop of your own with CWMI in it: small U-Net, synthetic membranes, some seconds on a CPU."""

import torch

from subband.data import Synthetic
from subband.losses.segmentation import CWMILoss
from subband.metrics import segmentation_metrics
from subband.models import UNet

STEPS, BATCH, PER_EPOCH = 40, 4, 10


def main() -> None:
    """Train, print the loss, and test on images that were not trained on."""
    torch.manual_seed(0)
    samples = Synthetic("membranes", size=64, count=20, difficulty="easy")
    images = torch.stack([torch.from_numpy(sample.image) for sample in samples])
    masks = torch.stack([torch.from_numpy(sample.mask) for sample in samples]).long()
    mean, std = images[:16].mean(), images[:16].std()
    images = (images - mean) / std

    model = UNet(1, 1, width=8, depth=3)
    loss = CWMILoss(levels=3, mi_weight=0.1, class_weight=None)
    optimiser = torch.optim.Adam(model.parameters(), 3e-3)
    for step in range(STEPS):
        loss.at_epoch(step // PER_EPOCH)  # the first epoch is cross-entropy alone
        chosen = torch.randint(0, 16, (BATCH,))
        optimiser.zero_grad()
        value = loss(model(images[chosen]), masks[chosen])
        value.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 5.0)
        optimiser.step()
        if step % PER_EPOCH == PER_EPOCH - 1:
            print(f"step {step + 1:3d}   loss {float(value.detach()):8.3f}")

    model.eval()
    with torch.inference_mode():
        predicted = model(images[16:])[:, 0] > 0
    for prediction, mask in zip(predicted, masks[16:], strict=True):
        scores = segmentation_metrics(prediction, mask, names=("mIoU", "VI", "ARI"))
        print("   ".join(f"{name} {value:5.3f}" for name, value in scores.items()))


if __name__ == "__main__":
    main()

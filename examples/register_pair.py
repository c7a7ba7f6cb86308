"""Two heads of one person, the second warped by a known flow: WiNet, fitted to this one pair, brings them together.

No label is shown to it. A field whose every vector is free folds most; the flow of a velocity does not fold.
"""

import torch

from subband.data.phantoms import Phantoms
from subband.losses.registration import DiffusionLoss, NCCLoss
from subband.metrics.registration import dice_per_structure, folding_percentage
from subband.models import WiNet
from subband.tasks.one_shot import FreeField, fit_pair
from subband.tasks.registration_loss import RegistrationLoss
from subband.transforms.warp import warp_labels


def main() -> None:
    phantoms = Phantoms(count=1, size=(64, 64), seed=1)
    moving, fixed = phantoms[0], phantoms[1]
    images = [torch.from_numpy(volume.image)[None, None] for volume in (moving, fixed)]
    loss = RegistrationLoss(NCCLoss(window=5), DiffusionLoss(), weight=0.3)
    torch.manual_seed(0)
    fields = {
        "before": None,
        "free field": fit_pair(FreeField((64, 64)), *images, loss, steps=80, lr=1e-2),
        "WiNet": fit_pair(WiNet(width=4, dims=2), *images, loss, steps=80),
        "WiNet, diffeomorphic": fit_pair(WiNet(width=4, dims=2, diffeomorphic=True), *images, loss, steps=80),
        "the true flow": phantoms.truth(0),
    }
    print(f"{'':<24}{'Dice':>6}{'folds, %':>10}")
    for name, field in fields.items():
        labels = torch.from_numpy(moving.labels)[None]
        warped = labels if field is None else warp_labels(labels, field, method="linear")
        dice = dice_per_structure(warped[0], fixed.labels, phantoms.structures).values()
        folds = 0.0 if field is None else folding_percentage(field)
        print(f"{name:<24}{sum(dice) / len(dice):>6.3f}{folds:>10.3f}")


if __name__ == "__main__":
    main()

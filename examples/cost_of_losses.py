"""What does each loss cost? Forward and backward on one batch, as milliseconds of processor time."""

import time

import torch

from subband import catalog


def batch(size: int = 256) -> tuple[torch.Tensor, torch.Tensor]:
    """Logits (2, 1, size, size) and a mask of thin lines."""
    generator = torch.Generator().manual_seed(0)
    smooth = torch.nn.functional.avg_pool2d(torch.randn((2, 1, size, size), generator=generator), 9, 1, 4)
    mask = (smooth[:, 0].abs() < 0.03).long()
    logits = 2.0 * (2 * mask[:, None] - 1) + torch.randn((2, 1, size, size), generator=generator)
    return logits.requires_grad_(), mask


def main() -> None:
    """Print value and time of every loss of the catalogue."""
    torch.set_num_threads(1)
    logits, mask = batch()
    for name in catalog.names("loss"):
        entry = catalog.find("loss", name)
        loss = entry.load()(**entry.options)
        weight_map = None
        if loss.map_kind is not None:  # made from the mask in real use: see weight_maps.py
            weight_map = torch.ones(2, loss.map_channels, *mask.shape[1:])
        spent = []
        for _ in range(3):
            begin = time.process_time()
            value = loss(logits, mask, weight_map=weight_map)
            torch.autograd.grad(value, logits)
            spent.append(time.process_time() - begin)
        print(f"{name:<12} {float(value.detach()):10.4f}   {1e3 * min(spent):8.1f} ms   {entry.line}")


if __name__ == "__main__":
    main()

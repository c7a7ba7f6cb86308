"""Growth of what trains: losses, transforms, heads and networks, forward and backward."""

import copy
import math
from collections.abc import Callable, Iterator
from functools import partial

import torch
from torch import Tensor, nn

from _cells import membranes
from _curve import Curve, gradient, right, staying
from _fit import n_log_n
from common import Case, require_close
from subband.losses.recognition import CosFace
from subband.losses.segmentation import CWMILoss, SPWLoss
from subband.models import WiNet
from subband.models.wavecnet import wavecnet
from subband.transforms import dwt, idwt, warp

SIDES = (256, 512, 1024, 2048)
BATCH, FEATURES = 128, 512
Error = Callable[[nn.Module, Tensor], Tensor]
"""Of a network and what it is given, a number."""


def segmentation_loss(name: str, loss: nn.Module) -> Curve:
    """A loss of one image of each side."""
    cases: dict[int, Case] = {}
    for side in SIDES:
        mask = torch.from_numpy(membranes(min(side, 512), 104)).repeat(1, max(side // 512, 1), max(side // 512, 1))
        noise = torch.randn(mask.shape, generator=torch.Generator().manual_seed(side))
        logits = (4 * mask - 2 + 1.5 * noise)[:, None].requires_grad_()
        work = partial(_loss_of, loss, mask)
        if side == min(SIDES):
            right(name, work, logits)
        cases[side**2] = partial(gradient, work, logits)
    largest = max(cases)
    return Curve(name, "pixels", cases, n_log_n, "n log n", stays=staying(cases[largest]) / largest)


def _loss_of(loss: nn.Module, mask: Tensor, logits: Tensor) -> Tensor:
    return loss(logits, mask)


def there_and_back() -> Curve:
    """A wavelet transform of one image and its inverse, forward and backward."""
    cases: dict[int, Case] = {}
    for side in SIDES:
        image = torch.randn(1, 1, side, side, generator=torch.Generator().manual_seed(side)).requires_grad_()
        if side == min(SIDES):
            right("DWT", _energy, image)
            require_close("inverse DWT", idwt(dwt(image, "db4"), "db4"), image, 1e-5)
        cases[side**2] = partial(gradient, _energy, image)
    return Curve("DWT db4", "pixels", cases)


def _energy(image: Tensor) -> Tensor:
    return sum((band.square().sum() for band in dwt(image, "db4").values()), image.new_zeros(()))


def head() -> Curve:
    """A step of CosFace: embeddings and class weights get their gradients."""
    cases: dict[int, Case] = {}
    for classes in (5_000, 10_000, 20_000, 40_000, 80_000):
        generator = torch.Generator().manual_seed(classes)
        made, labels = CosFace(FEATURES, classes), torch.randint(classes, (BATCH,), generator=generator)
        x = torch.randn(BATCH, FEATURES, generator=generator).requires_grad_()
        if not cases:
            double = CosFace(FEATURES, classes).double()
            double.load_state_dict(made.state_dict())
            wanted = torch.autograd.grad(double(x.double(), labels), double.weight)[0]
            require_close("CosFace", torch.autograd.grad(made(x, labels), made.weight)[0], wanted, 1e-3)
        cases[classes] = partial(_head_step, made, x, labels)
    return Curve(f"CosFace, B = {BATCH}, D = {FEATURES}", "classes", cases)


def _head_step(made: CosFace, x: Tensor, labels: Tensor) -> tuple[Tensor, ...]:
    return torch.autograd.grad(made(x, labels), (x, made.weight))


def network_step(network: nn.Module, error: Error, given: Tensor) -> tuple[Tensor, ...]:
    """Gradients of all weights."""
    return torch.autograd.grad(error(network, given), [one for one in network.parameters() if one.requires_grad])


def network_curve(name: str, units: str, network: nn.Module, error: Error, given: dict[int, Tensor]) -> Curve:
    """A network on inputs of several sizes; the smallest gives the gradient of float64."""
    small, double = given[min(given)], copy.deepcopy(network).double()
    found, expected = network_step(network, error, small), network_step(double, error, small.double())
    rows = [torch.cat([one.flatten() for one in gradients]) for gradients in (found, expected)]
    require_close(f"{name}, gradient", *rows, 1e-2)
    return Curve(name, units, {size: partial(network_step, network, error, one) for size, one in given.items()})


def classification() -> Curve:
    """A wavelet ResNet-18 on images of 112 x 112, by their number."""
    generator = torch.Generator().manual_seed(20261)
    batches = {n * 112**2: torch.randn(n, 3, 112, 112, generator=generator) for n in (2, 4, 8, 16)}
    batches = {size: batch.to(memory_format=torch.channels_last) for size, batch in batches.items()}
    torch.manual_seed(20261)
    network = wavecnet("resnet18_dwt", "haar").to(memory_format=torch.channels_last)
    return network_curve("WaveResNet-18 haar, B x 112^2", "pixels", network, _spread, batches)


def _spread(network: nn.Module, batch: Tensor) -> Tensor:
    return network(batch).square().mean()


def registration() -> Curve:
    """A training step of WiNet with checkpointing on one pair of volumes."""
    torch.manual_seed(20261)
    generator, pairs = torch.Generator().manual_seed(20261), dict[int, Tensor]()
    for shape in ((16, 32, 32), (32, 32, 32), (32, 32, 64), (32, 64, 64)):
        pairs[math.prod(shape)] = torch.rand(2, 1, 1, *shape, generator=generator)
    return network_curve("WiNet, width 4", "voxels", WiNet(width=4, checkpointing=True), _mismatch, pairs)


def _mismatch(network: nn.Module, pair: Tensor) -> Tensor:
    moving, fixed = pair
    return (warp(moving, network(moving, fixed)) - fixed).square().mean()


def training() -> Iterator[Curve]:
    """All of these; each is drawn when the one before is done."""
    yield segmentation_loss("CWMI", CWMILoss())
    yield segmentation_loss("SPW", SPWLoss())
    yield there_and_back()
    yield head()
    yield classification()
    yield registration()

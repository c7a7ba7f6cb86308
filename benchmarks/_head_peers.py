"""Other programs of the recognition heads: what their authors publish, restated, and pytorch-metric-learning.

The restatements follow the formulas of the authors' ``head.py`` in their order and sizes: normalised copies of all
class weights, a dense one-hot matrix, exponentials written out. Nothing is taken from their files.
"""

import importlib

import torch
from torch import Tensor
from torch.nn import functional as F

SCALE, MARGIN = 64.0, 0.4


def authors_cosface(x: Tensor, weight: Tensor, labels: Tensor) -> Tensor:
    """Cosine softmax with a dense margin."""
    cosine = F.normalize(x, eps=1e-5) @ F.normalize(weight, eps=1e-5).T
    return F.cross_entropy(SCALE * (cosine - _own(labels, weight) * MARGIN), labels)


def authors_uniface(x: Tensor, weight: Tensor, labels: Tensor, bias: Tensor) -> Tensor:
    """Binary cross-entropy of every class, both terms over the whole matrix, clipped as theirs is."""
    return _binary(F.normalize(x, eps=1e-5) @ F.normalize(weight, eps=1e-5).T, labels, bias, MARGIN)


def authors_uss(x: Tensor, memory: Tensor, labels: Tensor, bias: Tensor) -> Tensor:
    """The same against a memory of raw embeddings, normalised at every call."""
    return _binary(F.normalize(x, eps=1e-5) @ F.normalize(memory, eps=1e-5).T, labels, bias, 0.1)


def authors_epl(x: Tensor, weight: Tensor, labels: Tensor, queue: Tensor) -> Tensor:
    """CosFace and the prototypes, one under the other, in one criterion of two exponential sums; moves the queue."""
    unit = F.normalize(x, eps=1e-5)
    with torch.no_grad():
        share = F.softsign(torch.diag(queue[labels] @ unit.T))[:, None]
        queue[labels] = F.normalize(share * queue[labels] + (1 - share) * unit, eps=1e-5)
    own = _own(labels, weight)
    first = unit @ F.normalize(weight, eps=1e-5).T - own * MARGIN
    second = unit @ F.normalize(queue, eps=1e-5).T
    second = second - own * 0.7 * second.detach()
    z, both = SCALE * torch.cat([first, second]), torch.cat([own, own])
    negative = torch.where(both, 0.0, z.exp()).sum(1)
    positive = torch.where(both, (-z).exp(), 0.0).sum(1)
    return (1 + negative * positive).log().mean()


def metric_learning_cosface(classes: int, weight: Tensor):
    """The loss of pytorch-metric-learning and its weight (D, C), or None where it is not installed."""
    try:
        losses = importlib.import_module("pytorch_metric_learning.losses")
    except ImportError:
        return None
    loss = losses.CosFaceLoss(classes, weight.shape[1], margin=MARGIN, scale=SCALE)
    loss.W.data = weight.detach().T.contiguous()
    return loss, loss.W


def _own(labels: Tensor, weight: Tensor) -> Tensor:
    return F.one_hot(labels, len(weight)).bool()


def _binary(cosine: Tensor, labels: Tensor, bias: Tensor, margin: float) -> Tensor:
    own = torch.zeros(cosine.shape, dtype=torch.bool).scatter_(1, labels[:, None], True)
    z = SCALE * (cosine - own * margin) - bias
    positive = (1 + (-z.clamp(-SCALE, SCALE)).exp()).log()
    negative = (1 + z.clamp(-SCALE, SCALE).exp()).log()
    return torch.where(own, positive, negative).sum(1).mean()

"""How EPL moves a prototype towards a new sample, and the margin that it sets against it."""

from collections.abc import Callable
from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor

from subband._check import one_of

UpdateName = Literal["softsign", "sigmoid", "direct"]
Update = Callable[[Tensor], Tensor]
"""From the similarity of prototype and sample (k,) to the share of the prototype that stays (k,)."""
Margin = Callable[[Tensor], Tensor]
"""From the cosine of sample and own prototype (B,), without gradient, to the margin taken from it (B,)."""


def softsign(similarity: Float[Tensor, "batch"]) -> Float[Tensor, "batch"]:
    r"""Share :math:`u / (1 + |u|)`, in (-1/2, 1/2) for a unit prototype: a sample that disagrees pushes it away.

    Example:
        >>> softsign(torch.tensor([1.0, -1.0]))
        tensor([ 0.5000, -0.5000])
    """
    return similarity / (1 + similarity.abs())


def sigmoid(similarity: Float[Tensor, "batch"]) -> Float[Tensor, "batch"]:
    r"""Share :math:`1 / (1 + e^{1 - u})`, in (0.11, 0.5) for a unit prototype.

    Example:
        >>> sigmoid(torch.tensor([1.0]))
        tensor([0.5000])
    """
    return torch.sigmoid(similarity - 1)


def direct(similarity: Float[Tensor, "batch"]) -> Float[Tensor, "batch"]:
    """Share 0: the prototype is the last sample.

    Example:
        >>> direct(torch.tensor([1.0]))
        tensor([0.])
    """
    return torch.zeros_like(similarity)


def update_policy(update: UpdateName | Update) -> Update:
    """The function of a name; a function is returned as it is."""
    if callable(update):
        return update
    known: dict[str, Update] = {"softsign": softsign, "sigmoid": sigmoid, "direct": direct}
    one_of("update", update, known)
    return known[update]


def proportional(cosine: Float[Tensor, "batch"], *, strength: float) -> Float[Tensor, "batch"]:
    """Margin ``strength`` times the cosine: the closer, the more is asked; negative where the cosine is.

    Example:
        >>> proportional(torch.tensor([0.5, -1.0]), strength=0.7)
        tensor([ 0.3500, -0.7000])
    """
    return strength * cosine

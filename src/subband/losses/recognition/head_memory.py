"""What a step of a recognition head will take of memory, before it takes it."""

from dataclasses import dataclass

from torch import nn

from subband.losses.recognition import _reduction
from subband.losses.recognition._head import Head
from subband.losses.recognition.shard import ClassShard


@dataclass(frozen=True)
class HeadMemory:
    """Bytes of one process at the worst moment of a step.

    Attributes:
        weights: Parameters.
        gradient: Their gradients.
        optimiser: What the optimiser keeps of each parameter, such as its momentum.
        memory: Buffers: remembered embeddings or prototypes.
        logits: Cosines of all samples with the classes here, which stay from forward to backward; two blocks of them
            where they do not.
        embeddings: The gathered batch and its gradient.
        what: Sizes in words.
    """

    weights: int
    gradient: int
    optimiser: int
    memory: int
    logits: int
    embeddings: int
    what: str

    @property
    def total(self) -> int:
        """All bytes of one process."""
        return self.weights + self.gradient + self.optimiser + self.memory + self.logits + self.embeddings

    def __str__(self) -> str:
        names = ("weights", "gradient", "optimiser", "memory", "logits", "embeddings")
        parts = ", ".join(f"{name} {_readable(getattr(self, name))}" for name in names if getattr(self, name))
        return f"{self.what}: {_readable(self.total)} on each process ({parts})"


def head_memory(head: nn.Module, *, batch: int, states: int = 1) -> HeadMemory:
    r"""Estimate the memory that a training step of ``head`` takes beside the network.

    .. math:: 4 \, n D \, (2 + k + m) + 4 \, B n

    for n classes of D features here, k numbers of the optimiser for each weight, m memories and B samples; the logits
    are computed again in backward, block by block, where they would take more than the head's ``keep_bytes``.

    Args:
        head: Any head. Made under ``torch.device("meta")`` it takes no memory itself.
        batch: B, samples of all processes together.
        states: k: 1 for SGD with momentum, 2 for Adam.

    Returns:
        Bytes of each kind; ``str`` of it is one sentence for the log. Of a head with several sets of rows each is
        counted with logits of its own, so that it is an upper bound.

    Raises:
        ValueError: If the head was not made with a number or a shard of classes.

    Example:
        >>> import torch
        >>> from subband.losses.recognition import CosFace
        >>> with torch.device("meta"):
        ...     head = CosFace(512, 1_000_000)
        >>> print(head_memory(head, batch=512))  # doctest: +ELLIPSIS
        CosFace, 1000000 classes x 512: 6.2 GB on each process (weights 2.0 GB, gradient 2.0 GB, optimiser 2.0 GB, ...
    """
    shard = getattr(head, "shard", None)
    if not isinstance(shard, ClassShard):
        raise ValueError(f"{type(head).__name__} has no shard of classes; give a recognition head")
    weights = sum(parameter.nbytes for parameter in head.parameters())
    gradient = sum(parameter.nbytes for parameter in head.parameters() if parameter.requires_grad)
    entries = [*head.parameters(), *head.buffers()]
    wide = [entry for entry in entries if entry.ndim == 2 and len(entry) == len(shard) and entry.shape[1] > 1]
    features = max((entry.shape[1] for entry in wide), default=0)
    budgets = [part.keep_bytes for part in head.modules() if isinstance(part, Head)]
    keep = max((_reduction._KEEP if each is None else each for each in budgets), default=_reduction._KEEP)
    return HeadMemory(
        weights=weights,
        gradient=gradient,
        optimiser=states * gradient,
        memory=sum(buffer.nbytes for buffer in head.buffers()),
        logits=len(wide) * _logits(batch, len(shard), keep),
        embeddings=2 * 4 * batch * features,
        what=_what(type(head).__name__, shard, features),
    )


def _logits(batch: int, classes: int, keep: int) -> int:
    """Bytes of the cosines that are kept, or of two blocks of them."""
    whole = 4 * batch * classes
    return whole if whole <= keep else 2 * min(whole, 4 * max(_reduction._BLOCK, 64 * batch))


def _what(name: str, shard: ClassShard, features: int) -> str:
    spread = f" over {shard.world} processes" if shard.world > 1 else ""
    return f"{name}, {shard.classes} classes x {features}{spread}"


def _readable(count: int) -> str:
    for unit, size in (("GB", 10**9), ("MB", 10**6), ("kB", 10**3)):
        if count >= size:
            return f"{count / size:.1f} {unit}"
    return f"{count} bytes"

"""A part of the classes on each process, and the sums that make all parts one loss."""

from dataclasses import dataclass, field
from typing import Any

import torch
from jaxtyping import Bool, Float, Int64, Shaped
from torch import Tensor, distributed


@dataclass(frozen=True)
class ClassShard:
    r"""The classes ``start`` to ``stop - 1`` of C, which process ``rank`` of ``world`` holds.

    .. math:: n_r = \lfloor C / W \rfloor + [r < C \bmod W]

    A head computes with its own rows of the class weights and joins partial results by `sum` or `logsumexp`. Every
    process then has the same loss of the whole batch, each a part of the gradient of the embeddings, and `gather`
    adds these parts up. With one process every method returns what it was given.

    A number that all processes hold, as a unified bias, has to act inside `sum`, on the samples whose class is here
    and on the classes that are here; then its gradients on all processes add up to the whole one.

    Args:
        classes: C, the number of all classes, at least ``world``.
        rank: Number of this process, r.
        world: Number of processes, W.
        group: Processes that share the classes; all if not given.

    Raises:
        ValueError: If there are fewer classes than processes, or ``rank`` is not one of them.

    Source:
        The split is insightface's, ``recognition/arcface_torch/partial_fc_v2.py``. Departures: batches may differ in
        size, and every backend of torch.distributed will do.

    Example:
        >>> shard = ClassShard(21, rank=1, world=4)
        >>> shard.start, shard.stop, len(shard)
        (6, 11, 5)
        >>> shard.local(torch.tensor([5, 6, 10]))
        (tensor([0, 0, 4]), tensor([False,  True,  True]))
    """

    classes: int
    rank: int = 0
    world: int = 1
    group: distributed.ProcessGroup | None = field(default=None, repr=False, compare=False)

    def __post_init__(self) -> None:
        if not 0 <= self.rank < self.world:
            raise ValueError(f"rank is {self.rank}, but must be 0 or more and below world, {self.world}")
        if self.classes < self.world:
            raise ValueError(
                f"{self.classes} classes cannot be shared by {self.world} processes; take at most {self.classes}"
            )

    @classmethod
    def of(cls, classes: int, group: distributed.ProcessGroup | None = None) -> "ClassShard":
        """The part of this process, as torch.distributed counts; all classes where it is not initialised."""
        if not (distributed.is_available() and distributed.is_initialized()):
            return cls(classes)
        return cls(classes, distributed.get_rank(group), distributed.get_world_size(group), group)

    @property
    def start(self) -> int:
        """First class that lies here."""
        return self.classes // self.world * self.rank + min(self.rank, self.classes % self.world)

    @property
    def stop(self) -> int:
        """One past the last class that lies here."""
        return self.start + len(self)

    def __len__(self) -> int:
        return self.classes // self.world + (self.rank < self.classes % self.world)

    def local(self, labels: Int64[Tensor, "batch"]) -> tuple[Int64[Tensor, "batch"], Bool[Tensor, "batch"]]:
        """Row of each label in this shard (0 where it lies elsewhere), and whether it lies here."""
        here = (labels >= self.start) & (labels < self.stop)
        return torch.where(here, labels - self.start, 0), here

    def gather(self, x: Shaped[Tensor, "batch *rest"]) -> Shaped[Tensor, "total *rest"]:
        """Rows of all processes, in their order; their numbers may differ. The gradient is the sum over processes."""
        return x if self.world == 1 else _Gather.apply(x, self)

    def sum(self, x: Float[Tensor, "*any"]) -> Float[Tensor, "*any"]:
        """Sum over processes. The gradient passes: every process has the same loss."""
        return x if self.world == 1 else _Sum.apply(x, self)

    def logsumexp(self, x: Float[Tensor, "*any"]) -> Float[Tensor, "*any"]:
        """Logarithm of the sum of exp(x) over processes; -inf where x is so on all, with the gradient 0."""
        return x if self.world == 1 else _LogSumExp.apply(x, self)

    def maximum(self, x: Shaped[Tensor, "*any"]) -> Shaped[Tensor, "*any"]:
        """Maximum over processes, without gradient."""
        return x.detach() if self.world == 1 else self._reduced(x, distributed.ReduceOp.MAX)

    def _reduced(self, x: Tensor, operation: Any = distributed.ReduceOp.SUM) -> Tensor:
        """A reduced copy."""
        result = x.detach().clone(memory_format=torch.contiguous_format)
        distributed.all_reduce(result, op=operation, group=self.group)
        return result

    def _counts(self, x: Tensor) -> list[int]:
        """Rows of ``x`` on each process."""
        counts = torch.zeros(self.world, dtype=torch.int64, device=x.device)
        counts[self.rank] = len(x)
        found: list[int] = self._reduced(counts).tolist()
        return found


class _Gather(torch.autograd.Function):
    """See `ClassShard.gather`."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, shard: ClassShard) -> Tensor:
        counts = shard._counts(x)
        ctx.shard, ctx.first, ctx.rows = shard, sum(counts[: shard.rank]), len(x)
        padded = x.new_zeros(max(counts), *x.shape[1:])
        padded[: len(x)] = x
        parts = [torch.empty_like(padded) for _ in counts]
        distributed.all_gather(parts, padded, group=shard.group)
        return torch.cat([part[:count] for part, count in zip(parts, counts, strict=True)])

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        whole = ctx.shard._reduced(gradients[0])
        return whole[ctx.first : ctx.first + ctx.rows], None


class _Sum(torch.autograd.Function):
    """See `ClassShard.sum`."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, shard: ClassShard) -> Tensor:
        return shard._reduced(x)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        return gradients[0], None


class _LogSumExp(torch.autograd.Function):
    """See `ClassShard.logsumexp`."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, shard: ClassShard) -> Tensor:
        top = shard.maximum(x)
        top = torch.where(top.isfinite(), top, 0)
        result = shard._reduced((x - top).exp()).log() + top
        ctx.save_for_backward(x, result)
        return result

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        x, result = ctx.saved_tensors
        share = torch.where(result == -torch.inf, 0, (x - result).exp())
        return share * gradients[0], None

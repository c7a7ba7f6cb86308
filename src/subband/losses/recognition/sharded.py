"""A recognition head whose classes lie on several processes."""

from collections.abc import Mapping
from typing import Protocol, runtime_checkable

from jaxtyping import Float, Int64
from torch import Tensor, nn

from subband.losses.recognition.shard import ClassShard


@runtime_checkable
class Shardable(Protocol):
    """What a head has to have; every head of this package does."""

    features: int
    classes: int
    shard: ClassShard
    epoch: int

    @property
    def threshold(self) -> float: ...

    def cosines(self, embeddings: Tensor) -> Tensor: ...


class ShardedHead(nn.Module):
    r"""A head over all processes: ``head(embeddings, labels)`` with the embeddings of each, the loss of all of them.

    .. math:: L = \frac{1}{\sum_r B_r} \sum_r \sum_{i \in r} \ell(x_i, y_i)

    Embeddings and labels are gathered and each process computes with the classes that it holds. Loss, gradients and
    memories are those of one process that has the whole batch and all classes. Parameters that every process holds, as
    a unified bias, get the sum of their gradients; the rows of a class belong to one process alone. So keep the head
    out of DistributedDataParallel (`leave_to_shards`), and seed each process apart before its head is made, or the
    classes of all start alike.

    Args:
        head: Made with `ClassShard.of`, of two classes or more on each process.
        averaged: Whether the gradients of the network before it are averaged over processes, as
            DistributedDataParallel does. Those of the embeddings are then multiplied by the number of processes.

    Raises:
        ValueError: If the head was not made with a shard of two classes or more.

    Source:
        An et al., Partial FC, 2022 (arXiv:2203.15565); insightface, ``recognition/arcface_torch/partial_fc_v2.py``.
        Departures: unified-bias losses need one sum, no softmax over processes; batches may differ in size; nothing is
        read back from a device; and the loss itself is differentiated, not its gradient written down.

    Example:
        >>> import torch
        >>> from subband.losses.recognition import CosFace
        >>> from subband.losses.recognition.shard import ClassShard
        >>> head = ShardedHead(CosFace(8, ClassShard.of(10)))
        >>> x, labels = torch.randn(4, 8), torch.tensor([0, 3, 9, 3])
        >>> torch.equal(head(x, labels), head.head(x, labels))
        True
    """

    def __init__(self, head: nn.Module, *, averaged: bool = True) -> None:
        super().__init__()
        shard = getattr(head, "shard", None)
        if not isinstance(shard, ClassShard):
            raise ValueError(f"{type(head).__name__} has no shard of classes; make it with ClassShard.of(classes)")
        if shard.world > 1 and shard.classes < 2 * shard.world:
            raise ValueError(
                f"{shard.classes} classes on {shard.world} processes leave one with a single class; take at most "
                f"{max(shard.classes // 2, 1)} processes"
            )
        self.head, self.averaged, self.shard = head, averaged, shard
        if shard.world > 1:
            held = sharded_names(head)
            for name, parameter in head.named_parameters():
                if name not in held:
                    parameter.register_hook(shard._reduced)  # type: ignore[no-untyped-call]

    def forward(self, embeddings: Float[Tensor, "batch features"], labels: Int64[Tensor, "batch"]) -> Float[Tensor, ""]:
        """Return the loss of the batches of all processes, the same on each."""
        whole: Tensor = self.head(self.shard.gather(self._scaled(embeddings)), self.shard.gather(labels))
        return whole

    def cosines(self, embeddings: Float[Tensor, "batch features"]) -> Float[Tensor, "batch classes"]:
        """Cosine with each class of this process's shard."""
        return self._inner.cosines(embeddings)

    @property
    def threshold(self) -> float:
        """Cosine threshold that the head learnt, NaN if none."""
        return self._inner.threshold

    @property
    def features(self) -> int:
        """D."""
        return self._inner.features

    @property
    def classes(self) -> int:
        """C, over all processes."""
        return self.shard.classes

    @property
    def epoch(self) -> int:
        """The epoch, from 0, by which some heads switch."""
        return self._inner.epoch

    @epoch.setter
    def epoch(self, epoch: int) -> None:
        self._inner.epoch = epoch

    @property
    def _inner(self) -> Shardable:
        return self.head  # type: ignore[return-value]

    def _scaled(self, embeddings: Tensor) -> Tensor:
        """The same numbers, whose gradient is multiplied."""
        if self.shard.world == 1 or not self.averaged or not embeddings.requires_grad:
            return embeddings
        result = embeddings.view_as(embeddings)
        result.register_hook(lambda gradient: gradient * self.shard.world)  # type: ignore[no-untyped-call]
        return result


def sharded_names(head: nn.Module) -> frozenset[str]:
    """Names of the entries of a head's state that have one row for each class of its shard.

    Example:
        >>> from subband.losses.recognition import USS
        >>> sorted(sharded_names(USS(8, 10)))
        ['filled', 'memory']
    """
    rows = len(_shard_of(head))
    return frozenset(name for name, value in head.state_dict().items() if value.ndim and len(value) == rows)


def load_whole(head: nn.Module, state: Mapping[str, Tensor]) -> None:
    """Fill a head from the state of one that holds all classes: it takes the rows of its own.

    Args:
        head: Of any shard, or a `ShardedHead`.
        state: What ``head.state_dict()`` of a head of all classes gave, or ``subband head merge`` wrote.

    Raises:
        ValueError: If a name or a shape does not fit.

    Example:
        >>> import torch
        >>> from subband.losses.recognition import CosFace
        >>> from subband.losses.recognition.shard import ClassShard
        >>> whole, part = CosFace(8, 10), CosFace(8, ClassShard(10, rank=1, world=3))
        >>> load_whole(part, whole.state_dict())
        >>> torch.equal(part.weight, whole.weight[4:7])
        True
    """
    head = head.head if isinstance(head, ShardedHead) else head
    shard, held, own = _shard_of(head), sharded_names(head), head.state_dict()
    if set(own) != set(state):
        raise ValueError(f"the state has {_listed(state)}, but {type(head).__name__} needs {_listed(own)}")
    for name, value in own.items():
        wanted = (shard.classes if name in held else len(value), *value.shape[1:]) if value.ndim else ()
        if tuple(state[name].shape) != wanted:
            raise ValueError(
                f"{name} has shape {tuple(state[name].shape)}, but a head of {shard.classes} classes needs {wanted}"
            )
    part = {name: value[shard.start : shard.stop] if name in held else value for name, value in state.items()}
    head.load_state_dict(part)


def leave_to_shards(model: nn.Module) -> None:
    """Tell DistributedDataParallel to leave the sharded heads within ``model`` alone; call it before wrapping.

    Example:
        >>> from subband.losses.recognition import CosFace
        >>> model = nn.ModuleDict({"network": nn.Linear(2, 2), "head": ShardedHead(CosFace(2, 3))})
        >>> leave_to_shards(model)
        >>> model._ddp_params_and_buffers_to_ignore
        ['head.head.weight']
    """
    inside = [name for name, module in model.named_modules() if isinstance(module, ShardedHead)]
    names = [
        name
        for name in (*dict(model.named_parameters()), *dict(model.named_buffers()))
        if any(name.startswith(f"{prefix}.") for prefix in inside)
    ]
    wrapper = nn.parallel.DistributedDataParallel
    wrapper._set_params_and_buffers_to_ignore_for_model(model, names)  # type: ignore[no-untyped-call]


def _shard_of(head: nn.Module) -> ClassShard:
    shard: ClassShard = head.shard  # type: ignore[assignment]
    return shard


def _listed(state: Mapping[str, object]) -> str:
    return ", ".join(sorted(state)) or "nothing"

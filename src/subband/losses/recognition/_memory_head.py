"""What the sample-to-sample heads share: the last embedding of each class, and the order of a step."""

import torch
from jaxtyping import Float, Int64
from torch import Tensor, nn

from subband._check import not_negative
from subband.losses.recognition._head import Head
from subband.losses.recognition._memory import newest, with_gradient_now
from subband.losses.recognition.shard import ClassShard


class MemoryHead(Head):
    """A head whose class vectors are the last embeddings seen, as they came.

    A subclass gives `against`. While training, the order of a step is the authors': a bias starts if it has not, the
    loss is computed, the memory is written. In evaluation neither changes.

    Attributes:
        memory: Last embedding of each class that lies here, not normalised; 0 before the first.
        filled: Whether a class has been seen; the others are no negatives and no positives.
        margin: m, taken from the cosine of the own class.
    """

    memory: Tensor
    filled: Tensor

    def __init__(self, features: int, classes: int | ClassShard, *, scale: float, margin: float) -> None:
        super().__init__(features, classes, scale=scale)
        not_negative(margin=margin)
        self.margin = margin
        self.bias: nn.Parameter | None = None
        self.register_buffer("memory", torch.zeros(len(self.shard), features))
        self.register_buffer("filled", torch.zeros(len(self.shard), dtype=torch.bool))

    def forward(self, embeddings: Float[Tensor, "batch features"], labels: Int64[Tensor, "batch"]) -> Float[Tensor, ""]:
        """Return the loss against the memory, a mean over samples; while training, the memory takes the embeddings."""
        x, index, here = self.batch(embeddings, labels)
        with torch.autocast(x.device.type, enabled=False):
            if self.training:
                self.start(x, index, here)
            given = (x,) if self.bias is None else (x, self.bias)
            loss = with_gradient_now(lambda *given: self.against(index, here, *given), *given)
        if self.training:
            self._write(x, index, here)
        return loss

    def remember(self, embeddings: Float[Tensor, "batch features"], labels: Int64[Tensor, "batch"]) -> None:
        """Put embeddings into the memory without a loss; of one class in the batch the last stays."""
        self._write(*self.batch(embeddings, labels))

    def vectors(self) -> Float[Tensor, "here features"]:
        """The memory."""
        return self.memory

    def extra_repr(self) -> str:
        """Options, for ``print``."""
        return f"{super().extra_repr()}, margin={self.margin:g}"

    def against(self, index: Tensor, here: Tensor, *given: Tensor) -> Tensor:
        """Loss of ``given``: the embeddings, and the bias if the head has one."""
        raise NotImplementedError

    def start(self, x: Tensor, index: Tensor, here: Tensor) -> None:
        """Before the loss: start what is not learnt from the first step on."""

    @torch.no_grad()
    def _write(self, x: Tensor, index: Tensor, here: Tensor) -> None:
        mine = here.nonzero()[:, 0]
        mine = mine[newest(index[mine])]
        self.memory[index[mine]] = x[mine].to(self.memory.dtype)
        self.filled[index[mine]] = True

"""A softmax head with something added, which keeps its name, its weight and its margin."""

from jaxtyping import Float
from torch import Tensor, nn

from subband.losses.recognition.normface import NormFace


class AroundSoftmax(nn.Module):
    """Base of heads that change how another head is computed.

    Attributes:
        head: The other head, which has the class weights.
    """

    def __init__(self, head: NormFace) -> None:
        super().__init__()
        if not isinstance(head, NormFace):
            raise ValueError(f"head is a {type(head).__name__}, but must be a softmax head such as CosFace or ArcFace")
        self.head = head
        self.features, self.classes, self.shard = head.features, head.classes, head.shard
        self.epoch = 0

    @property
    def threshold(self) -> float:
        """As the other head's."""
        return self.head.threshold

    def cosines(self, embeddings: Float[Tensor, "batch features"]) -> Float[Tensor, "batch here"]:
        """As the other head's."""
        return self.head.cosines(embeddings)

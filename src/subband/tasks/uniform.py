"""Sample-wise, class-wise and uniform accuracy of a test, and what a learnt bias reaches."""

from typing import Any

from torch import Tensor

from subband.metrics.classification import UniformClassification

PLAIN = ("accuracy", "class-wise", "uniform")
"""Metrics of a test without robustness."""


class UniformTest:
    r"""Collects the logits of a test, batch by batch.

    With one bias b for all classes the scores are :math:`w_j x`, whose best threshold is compared with b; otherwise
    they are the logits :math:`w_j x - b_j` themselves, whose threshold a loss with sigmoids wants at 0.

    Args:
        bias: What the loss has learnt and the logits hold, one number or one for each class; None for a softmax.
    """

    def __init__(self, bias: Tensor | None) -> None:
        self.bias = None if bias is None else bias.detach().cpu().float().reshape(-1)
        self.scores = UniformClassification()

    def update(self, logits: Tensor, target: Tensor) -> None:
        """Add a batch (N, classes) and its classes (N,)."""
        if self.bias is not None and len(self.bias) == 1:
            logits = logits + self.bias
        self.scores.update(logits, target)

    def metrics(self) -> dict[str, float]:
        """Class-wise and uniform accuracy; the sample-wise one is ``accuracy``."""
        found = self.scores.result()
        return {"class-wise": found.class_wise, "uniform": found.uniform}

    def thresholds(self) -> dict[str, Any]:
        """The best threshold, and what was learnt: ``bias``, and the accuracy ``at_bias``."""
        found = self.scores.result()
        row = {"threshold": found.threshold, "interval": list(found.interval)}
        if self.bias is None:
            return row
        learnt = float(self.bias[0]) if len(self.bias) == 1 else 0.0
        return {**row, "bias": self.bias.tolist(), "at_bias": self.scores.accuracy_at(learnt)}

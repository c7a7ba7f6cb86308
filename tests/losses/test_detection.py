"""The losses of a detector as one: by hand, with gradients, and what it refuses."""

import pytest
import torch

from subband.losses.detection import DetectorLoss


def test_a_weighted_sum_by_hand():
    terms = {"a": torch.tensor(2.0, requires_grad=True), "b": torch.tensor(0.5, requires_grad=True)}
    loss = DetectorLoss({"b": 4})(terms)
    loss.backward()
    assert float(loss.detach()) == 2 + 4 * 0.5
    assert (float(terms["a"].grad), float(terms["b"].grad)) == (1, 4)
    assert not DetectorLoss().state_dict()


@pytest.mark.message
def test_a_loss_that_there_is_not():
    with pytest.raises(ValueError, match="a loss in weights is 'box', but must be one of loss_box; did you mean"):
        DetectorLoss({"box": 1})({"loss_box": torch.tensor(1.0)})

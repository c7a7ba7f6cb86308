import pytest
import torch

from subband.losses.segmentation import CrossEntropyLoss, SegmentationLoss
from subband.losses.segmentation._foreground import (
    is_foreground,
    own_map,
    pixel_class_weight,
    structure,
    two_sided_cross_entropy,
)
from subband.losses.segmentation._inputs import (
    balanced_weight,
    from_logits,
    from_probability,
    from_target,
    read_weight_map,
)


def test_one_channel_becomes_two_classes():
    logits = torch.tensor([[[[0.0, 2.0]]]])
    inputs = from_logits(logits, torch.tensor([[[0, 1]]]))
    foreground = logits.sigmoid()
    torch.testing.assert_close(inputs.probability, torch.cat([1 - foreground, foreground], 1))
    torch.testing.assert_close(inputs.log_probability.exp(), inputs.probability)
    assert torch.equal(inputs.target, torch.tensor([[[[1.0, 0.0]], [[0.0, 1.0]]]]))


def test_soft_targets_stay_soft():
    soft = torch.tensor([[[[0.25, 1.0]]]])
    inputs = from_logits(torch.zeros(1, 1, 1, 2), soft)
    assert torch.equal(inputs.target, torch.cat([1 - soft, soft], 1))
    three = torch.rand(1, 3, 1, 2)
    assert torch.equal(from_logits(torch.zeros(1, 3, 1, 2), three).target, three)


def test_ignored_pixels_are_of_no_class():
    labels = torch.tensor([[[2, -7, 0]]])
    inputs = from_logits(torch.zeros(1, 3, 1, 3), labels, ignore_index=-7)
    assert torch.equal(inputs.target[0, :, 0].T, torch.tensor([[0.0, 0, 1], [0, 0, 0], [1, 0, 0]]))
    assert torch.equal(inputs.valid, torch.tensor([[[[1.0, 0.0, 1.0]]]]))
    assert not inputs.counted[..., 1].any()
    assert inputs.mean(torch.tensor([[[[4.0, 100.0, 2.0]]]])) == 3


@pytest.mark.parametrize("dtype", [torch.bool, torch.uint8, torch.int16, torch.int64])
def test_labels_of_any_integer_type(dtype):
    labels = torch.tensor([[[0, 1], [1, 0]]])
    expected = from_logits(torch.zeros(1, 2, 2, 2), labels).target
    assert torch.equal(from_logits(torch.zeros(1, 2, 2, 2), labels.to(dtype)).target, expected)


@pytest.mark.parametrize(("given", "used"), [(torch.float16, torch.float32), (torch.float64, torch.float64)])
def test_dtype(given, used):
    p = torch.full((1, 1, 2, 2), 0.5, dtype=given)
    inputs = from_probability(p, torch.ones(1, 1, 2, 2), class_weight=torch.ones(2))
    assert {inputs.probability.dtype, inputs.target.dtype, inputs.class_weight.dtype} == {used}


def test_balanced_weight_is_the_authors_rule_and_safe():
    target = torch.tensor([[[1.0, 1, 1, 0], [0, 0, 0, 1]], [[1, 1, 1, 1], [0, 0, 0, 0]]])
    assert torch.equal(balanced_weight(target), torch.tensor([[1.0, 3.0], [1.0, 4.0]]))


def test_class_weights_of_crops_can_be_those_of_the_whole():
    logits, labels = torch.tensor([[[[1.0, -2.0]]]]).expand(2, -1, -1, -1), torch.tensor([[[0, 1]], [[1, 1]]])
    whole = torch.tensor([[1.0, 5.0], [3.0, 1.0]])
    fixed = [CrossEntropyLoss(class_weight=w)(logits, labels) for w in (whole, whole.mean(0))]
    for word, expected in zip(("balanced", "balanced-batch"), fixed, strict=True):
        loss = CrossEntropyLoss(class_weight=word)
        torch.testing.assert_close(loss(logits, labels, class_weight=whole), expected)
    plain = CrossEntropyLoss()
    assert plain(logits, labels, class_weight=whole) == plain(logits, labels)


def test_class_mean():
    inputs = from_probability(torch.rand(2, 3, 4, 4), torch.rand(2, 3, 4, 4), class_weight=torch.tensor([1.0, 2, 5]))
    assert inputs.class_mean(torch.tensor([8.0, 4.0, 0.0])) == 2


def test_weight_maps_of_one_channel_may_lack_it():
    like = torch.zeros(2, 2, 3, 4, dtype=torch.float64)
    weight = torch.rand(2, 3, 4)
    found = read_weight_map(weight, like, 1)
    assert found.shape == (2, 1, 3, 4)
    assert found.dtype == torch.float64
    assert torch.equal(found, read_weight_map(weight.unsqueeze(1), like, 1))
    assert read_weight_map(None, like, 1) is None


def test_two_sided_cross_entropy_names_the_class_where_there_is_one():
    p = torch.tensor([[0.5, 0.3, 0.2], [0.2, 0.2, 0.6]]).T.reshape(1, 3, 1, 2)
    target = torch.tensor([[1.0, 0, 0], [0, 0, 1]]).T.reshape(1, 3, 1, 2)
    inputs = from_probability(p, target, eps=0.0)
    background, foreground = torch.tensor([[[[1.0, 0.0]]]]), torch.tensor([[[[2.0, 1.0]]]])
    expected = -(torch.tensor(0.5).log() + 2 * torch.tensor(0.5).log() + torch.tensor(0.6).log()) / 4
    torch.testing.assert_close(two_sided_cross_entropy(inputs, background, foreground), expected)
    assert two_sided_cross_entropy(inputs, 0 * background, 0 * foreground) == 0


@pytest.mark.parametrize("classes", [2, 5])
def test_foreground_is_where_the_largest_is_not_the_first(generator, classes):
    x = torch.randint(3, (2, classes, 6, 7), generator=generator).float()  # with ties
    assert torch.equal(is_foreground(x), x.argmax(1, keepdim=True) > 0)


def test_own_maps_are_those_of_the_foreground():
    labels = torch.tensor([[[0, 2, 255]], [[1, 0, 1]]])
    inputs = from_logits(torch.zeros(2, 3, 1, 3), labels, ignore_index=255, class_weight=torch.tensor([1.0, 2, 3]))
    assert torch.equal(structure(inputs), torch.tensor([[[[0.0, 1, 0]]], [[[1, 0, 1]]]]))
    assert torch.equal(pixel_class_weight(inputs), torch.tensor([[[[1.0, 3, 0]]], [[[2, 1, 2]]]]))
    assert torch.equal(own_map(inputs, lambda mask: 2 * mask), 2 * structure(inputs))


def test_a_loss_has_one_term_unless_it_says_otherwise():
    loss, logits, labels = CrossEntropyLoss(), torch.randn(1, 1, 3, 3), torch.zeros(1, 3, 3, dtype=torch.long)
    assert loss.terms(logits, labels) == {"loss": loss(logits, labels)}
    assert loss.at_epoch(3) is None


@pytest.mark.message
def test_probabilities_of_another_shape():
    with pytest.raises(ValueError, match=r"probability has shape \(1, 1, 2, 2\) and target \(1, 2, 2\)"):
        from_probability(torch.rand(1, 1, 2, 2), torch.rand(1, 2, 2))


@pytest.mark.message
def test_float_target_of_another_shape():
    with pytest.raises(ValueError, match="or probabilities of the logits' shape"):
        CrossEntropyLoss()(torch.zeros(1, 3, 2, 2), torch.zeros(1, 1, 2, 2))


@pytest.mark.message
def test_negative_label():
    with pytest.raises(ValueError, match=r"label -1.*name the label as ignore_index"):
        CrossEntropyLoss()(torch.zeros(1, 3, 1, 2), torch.tensor([[[0, -1]]]))


def test_is_a_module_that_forgets_nothing():
    loss = CrossEntropyLoss(class_weight=torch.tensor([1.0, 2.0]))
    assert isinstance(loss, SegmentationLoss)
    assert loss.to(torch.float64).class_weight.dtype == torch.float64
    assert not loss.state_dict()


def test_structures_are_the_foreground_or_all_classes():
    labels = torch.tensor([[[0, 1, 255]]])
    one = from_logits(torch.tensor([[[[0.5, 1.0, 2.0]]]]), labels, ignore_index=255)
    two = from_logits(torch.tensor([[[[0.0, 0.0, 0.0]], [[0.5, 1.0, 2.0]]]]), labels, ignore_index=255)
    three = from_logits(torch.zeros(1, 3, 1, 3), labels, ignore_index=255)
    for found, expected in zip(one.structures, two.structures, strict=True):
        torch.testing.assert_close(found, expected)
        assert found.shape == (1, 1, 1, 3)
        assert found[..., 2] == 0
    assert torch.equal(three.structures[0], three.counted)
    assert torch.equal(three.structures[1], three.target)


def test_a_read_property_keeps_no_graph_away():
    """Reading it without gradients first must not take them from the second reader."""
    inputs = from_logits(torch.zeros(1, 1, 1, 2, requires_grad=True), torch.tensor([[[0, 1]]]))
    with torch.no_grad():
        assert not inputs.probability.requires_grad
    assert inputs.probability.requires_grad


@pytest.mark.message
def test_a_target_alone_of_a_wrong_shape():
    with pytest.raises(ValueError, match=r"target has shape \(4, 4\) and dtype torch.int64, but must be integers"):
        from_target(torch.zeros(4, 4, dtype=torch.long), classes=2)

"""What is asked of a trained classifier: by hand on networks whose answers are known."""

import numpy as np
import pytest
import torch
from torch import nn

from subband.config import Robustness
from subband.corrupt import corrupt
from subband.data.class_stream import ClassImages
from subband.data.synthetic_classes import SyntheticClasses
from subband.tasks.robustness import asks, corruption_names, drawn, evaluate_robustness, key_of


class Brightness(nn.Module):
    """Class 1 where the image is brighter than a half on average, else 0."""

    def __init__(self):
        super().__init__()
        self.gain = nn.Parameter(torch.tensor(50.0))

    def forward(self, image):
        bright = self.gain * (image.mean((1, 2, 3)) - 0.5)
        return torch.stack([-bright, bright], 1)


class Halving(nn.Module):
    """A stride, then the mean."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 8, 3, stride=2, padding=1)

    def forward(self, image):
        return self.conv(image).mean((2, 3))


@pytest.fixture
def images():
    shapes = SyntheticClasses(size=16, count=64)
    shapes.labels = [int(shapes[i].image.mean() > 0.5) for i in range(64)]
    return ClassImages(shapes, indices=range(40), crop=[16])


def test_nothing_is_asked_by_default(images):
    assert not asks(Robustness())
    assert evaluate_robustness(Robustness(), Brightness(), images).metrics == {}


def test_corruption_errors_are_those_of_the_corrupted_images(images):
    asked = Robustness(corruptions=["brightness", "contrast"], severities=[2, 5], corrupted_images=10)
    found = evaluate_robustness(asked, Brightness(), images)
    part = found.content["corruptions"]
    assert (part["clean_error"], part["images"]) == (0.0, 10)
    places = drawn(40, 10)
    for name, severity in (("brightness", 5), ("contrast", 2)):
        wrong = []
        for place in places:
            pixels = np.moveaxis(images.pixels(place), 0, -1)
            bright = corrupt(pixels, name, severity, key=key_of(images, place)).mean() / 255 > 0.5
            wrong.append(bright != images.samples.labels[place])
        assert part["errors"][name][str(severity)] == pytest.approx(np.mean(wrong))
    assert set(found.columns["corrupted"]) == set(places)
    errors = [error for row in part["errors"].values() for error in row.values()]
    assert found.metrics["corrupted"] == pytest.approx(1 - np.mean(errors))


def test_a_key_is_class_and_name():
    class Named:
        class_names, labels, names = ["cat", "dog"], [1], ["test/dog/0001.v2.png"]

    class Items:
        samples, indices = Named, [0]

    assert key_of(Items, 0) == "dog/0001.v2"


def test_groups_of_corruptions():
    assert len(corruption_names(["published"])) == 15
    assert len(corruption_names(["published", "all", "fog"])) == 19
    assert corruption_names(["fog", "fog"]) == ["fog"]


def test_shifts_that_do_not_matter(images):
    class Constant(Brightness):
        def forward(self, image):
            return super().forward(image) * 0 + torch.tensor([1.0, 0.0])

    found = evaluate_robustness(Robustness(shift=3, passes=2), Constant(), images)
    assert found.metrics == {"consistency": 1.0}
    assert {point["shift"] for point in found.content["shift"]["curve"]} == {1, 2, 3}
    assert found.content["shift"]["border"] == "reflect"


def test_consistency_is_the_one_of_the_library(images):
    from subband.corrupt import shift_consistency

    torch.manual_seed(0)
    model = Halving().eval()
    found = evaluate_robustness(Robustness(shift=4, passes=3, shifted_images=20), model, images)
    stack = torch.stack([images[place]["image"] for place in drawn(40, 20)])
    expected = shift_consistency(model, [stack], max_shift=4, passes=3, border="reflect")
    assert found.metrics["consistency"] == pytest.approx(expected)
    assert len(found.columns["consistency"]) == 20


def test_larger_images_are_cropped():
    shapes = SyntheticClasses(size=32, count=32)
    items = ClassImages(shapes, indices=range(8), crop=[16], resize=20)
    found = evaluate_robustness(Robustness(shift=4, passes=1), Brightness(), items)
    assert found.content["shift"]["border"] == "crop"


def test_attacks_lower_the_accuracy_and_none_at_zero(images):
    asked = Robustness(attacks=["fgsm", "deepfool"], eps=[1.0, 255.0], lengths=[0.01, 100.0], attacked_images=8)
    found = evaluate_robustness(asked, Brightness(), images)
    curves = found.content["attacks"]["curves"]
    assert curves["fgsm"]["accuracy"][0] == curves["deepfool"]["accuracy"][0] == 1.0
    assert curves["fgsm"]["accuracy"][-1] == found.metrics["fgsm 255/255"] == 0.0
    assert found.metrics["deepfool 100"] == curves["deepfool"]["accuracy"][-1]
    assert (curves["fgsm"]["norm"], curves["deepfool"]["norm"]) == ("linf", "l2")
    assert len(found.columns["fgsm 255/255"]) == 8


@pytest.mark.slow
def test_masking_and_spectra(images):
    torch.manual_seed(0)
    asked = Robustness(masking=True, spectra=4, attacked_images=5, eps=[4.0])
    found = evaluate_robustness(asked, Halving(), images)
    assert found.content["masking"]["eps"] == 4 / 255
    assert found.content["masking"]["sentence"]
    assert [row["name"] for row in found.content["aliasing"]] == ["conv"]
    assert found.metrics == {}
